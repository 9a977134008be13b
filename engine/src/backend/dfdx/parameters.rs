//! Trained parameters on the device, in the layout that products read, and running statistics on the host.

use std::collections::BTreeMap;

use super::rows::{Machine, Outcome, Rows, download, upload};
use crate::net::{Graph, HostTensor, ParamId, ParamKind, ParamSpec, Weights};

/// A tensor for each trained parameter: values, a gradient, moments or an average. A convolution's weight is
/// (tap, input channel) by output channel, a linear layer's is transposed, a vector is one row.
#[derive(Clone)]
pub(super) struct Trained<D: Machine> {
    pub tensors: BTreeMap<ParamId, Rows<D>>,
}

impl<D: Machine> Trained<D> {
    /// From tensors by name, which fit the graph.
    pub(super) fn from_weights(device: &D, graph: &Graph, weights: &Weights) -> Outcome<Self, D> {
        Self::from_host(device, graph, |spec| weights.get(&spec.name).to_vec())
    }

    /// From a flat slice in the graph's order, which has the length of all of them.
    pub(super) fn from_flat(device: &D, graph: &Graph, flat: &[f32]) -> Outcome<Self, D> {
        let mut rest = flat;
        Self::from_host(device, graph, |spec| {
            let (values, behind) = rest.split_at(spec.len());
            rest = behind;
            values.to_vec()
        })
    }

    fn from_host(
        device: &D,
        graph: &Graph,
        mut values: impl FnMut(&ParamSpec) -> Vec<f32>,
    ) -> Outcome<Self, D> {
        let mut tensors = BTreeMap::new();
        for (id, spec) in trained(graph) {
            let layout = Layout::of(spec);
            let tensor = upload(device, layout.extents(), &layout.to_device(&values(spec)))?;
            tensors.insert(id, tensor);
        }
        Ok(Self { tensors })
    }

    /// Zeros in the place of each.
    pub(super) fn zeros_like(&self, device: &D) -> Outcome<Self, D> {
        let mut tensors = BTreeMap::new();
        for (id, tensor) in &self.tensors {
            tensors.insert(*id, device.try_zeros_like(tensor)?);
        }
        Ok(Self { tensors })
    }

    /// All of them, flat, in the graph's order and torchvision's layout.
    pub(super) fn flat(&self, graph: &Graph) -> Vec<f32> {
        trained(graph)
            .flat_map(|(id, spec)| Layout::of(spec).to_host(&download(&self.tensors[&id])))
            .collect()
    }

    /// Adds them to tensors by name.
    pub(super) fn add_to(&self, graph: &Graph, weights: &mut Weights) {
        for (id, spec) in trained(graph) {
            let data = Layout::of(spec).to_host(&download(&self.tensors[&id]));
            weights.tensors.insert(spec.name.clone(), HostTensor { shape: spec.shape.clone(), data });
        }
    }
}

/// The graph's trained parameters.
pub(super) fn trained(graph: &Graph) -> impl Iterator<Item = (ParamId, &ParamSpec)> {
    graph.params.iter().enumerate().filter(|(_, spec)| spec.kind.is_trained())
}

/// Running statistics of batch normalisation. They stay on the host: there they are a few thousand values, and whether a batch
/// may move them is known there only.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    values: BTreeMap<ParamId, Vec<f32>>,
}

impl Running {
    /// From tensors by name, which fit the graph.
    pub(super) fn new(graph: &Graph, weights: &Weights) -> Self {
        let values = Self::specs(graph).map(|(id, spec)| (id, weights.get(&spec.name).to_vec()));
        Self { values: values.collect() }
    }

    fn specs(graph: &Graph) -> impl Iterator<Item = (ParamId, &ParamSpec)> {
        graph.params.iter().enumerate().filter(|(_, spec)| !spec.kind.is_trained())
    }

    /// One of them.
    pub(super) fn of(&self, id: ParamId) -> &[f32] {
        &self.values[&id]
    }

    /// Moves each of one's values towards `to` by `share` of the way.
    pub(super) fn follow(&mut self, id: ParamId, to: impl IntoIterator<Item = f32>, share: f32) {
        if let Some(values) = self.values.get_mut(&id) {
            values.iter_mut().zip(to).for_each(|(value, to)| *value += share * (to - *value));
        }
    }

    /// Moves all towards others: `decay self + (1 - decay) other`.
    pub(super) fn average(&mut self, other: &Self, decay: f32) {
        for (values, others) in self.values.values_mut().zip(other.values.values()) {
            for (value, other) in values.iter_mut().zip(others) {
                *value = decay * *value + (1.0 - decay) * other;
            }
        }
    }

    /// All of them, flat, in the graph's order.
    pub(super) fn flat(&self) -> Vec<f32> {
        self.values.values().flatten().copied().collect()
    }

    /// Replaces them by a flat slice of their length.
    pub(super) fn replace(&mut self, flat: &[f32]) {
        let all = self.values.values_mut().flatten();
        all.zip(flat).for_each(|(value, new)| *value = *new);
    }

    /// Adds them to tensors by name.
    pub(super) fn add_to(&self, graph: &Graph, weights: &mut Weights) {
        for (id, spec) in Self::specs(graph) {
            let data = self.of(id).to_vec();
            weights.tensors.insert(spec.name.clone(), HostTensor { shape: spec.shape.clone(), data });
        }
    }
}

/// How a parameter lies on the device: output channels last, taps first; or as it is.
#[derive(Clone, Copy)]
enum Layout {
    Product { out: usize, inner: usize, taps: usize },
    Rows { rows: usize, columns: usize },
}

impl Layout {
    fn of(spec: &ParamSpec) -> Self {
        match (spec.kind, spec.shape.as_slice()) {
            (ParamKind::Weight | ParamKind::AttentionWeight, [out, inner, taps @ ..]) => {
                Self::Product { out: *out, inner: *inner, taps: taps.iter().product() }
            }
            (_, [rows, columns]) => Self::Rows { rows: *rows, columns: *columns },
            _ => Self::Rows { rows: 1, columns: spec.len() },
        }
    }

    fn extents(self) -> (usize, usize) {
        match self {
            Self::Product { out, inner, taps } => (taps * inner, out),
            Self::Rows { rows, columns } => (rows, columns),
        }
    }

    fn to_device(self, host: &[f32]) -> Vec<f32> {
        let mut values = host.to_vec();
        self.pairs(|on_host, on_device| values[on_device] = host[on_host]);
        values
    }

    fn to_host(self, device: &[f32]) -> Vec<f32> {
        let mut values = device.to_vec();
        self.pairs(|on_host, on_device| values[on_host] = device[on_device]);
        values
    }

    /// Places of each value that moves, on the host and on the device.
    fn pairs(self, mut pair: impl FnMut(usize, usize)) {
        let Self::Product { out, inner, taps } = self else { return };
        for o in 0..out {
            for i in 0..inner {
                for t in 0..taps {
                    pair((o * inner + i) * taps + t, (t * inner + i) * out + o);
                }
            }
        }
    }
}
