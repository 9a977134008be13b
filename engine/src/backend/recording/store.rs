//! Where parameters lie: one buffer of trained values, weights as rows of (tap, input channel) by output channel, and the
//! running statistics beside it. Padding is zero and stays zero under every rule.

use super::memory::{ALIGNMENT, Memory, Slice};
use crate::net::{Graph, HostTensor, ParamId, ParamKind, Plan, StepKind, Weights};

/// A weight as a matrix: rows of (tap, input channel), columns padded to a stride.
#[derive(Debug, Clone, Copy)]
pub(in crate::backend) struct Matrix {
    /// `kernel x kernel`; 1 for a linear layer.
    pub taps: usize,
    /// Input channels, or a linear layer's inputs.
    pub inputs: usize,
    pub outputs: usize,
}

impl Matrix {
    /// Values from one row to the next.
    pub(in crate::backend) fn stride(self) -> usize {
        self.outputs.next_multiple_of(4)
    }

    pub(in crate::backend) fn rows(self) -> usize {
        self.taps * self.inputs
    }

    pub(in crate::backend) fn len(self) -> usize {
        self.rows() * self.stride()
    }

    /// Where torchvision's value `out x in x tap` lies here, for each in its order.
    fn places(self) -> impl Iterator<Item = usize> {
        let per_output = self.inputs * self.taps;
        (0..self.outputs * per_output).map(move |i| {
            let (output, rest) = (i / per_output, i % per_output);
            let (input, tap) = (rest / self.taps, rest % self.taps);
            (tap * self.inputs + input) * self.stride() + output
        })
    }
}

#[derive(Debug, Clone)]
struct Place {
    name: String,
    shape: Vec<usize>,
    offset: usize,
    len: usize,
    matrix: Option<Matrix>,
    trained: bool,
}

/// Where every parameter of a graph lies.
#[derive(Debug, Clone)]
pub(in crate::backend) struct Store {
    places: Vec<Place>,
    /// Values of the buffer of trained parameters; those that decay come first.
    pub trained_len: usize,
    /// Values of those that decay.
    pub decayed_len: usize,
    /// Values of the buffer of running statistics.
    pub running_len: usize,
}

impl Store {
    pub(in crate::backend) fn new(graph: &Graph, plan: &Plan) -> Self {
        let mut matrices = vec![None; graph.params.len()];
        for step in &plan.steps {
            if let StepKind::Conv { weight, .. } | StepKind::Linear { weight, .. } = step.kind {
                let shape = &graph.params[weight].shape;
                let taps = shape[2..].iter().product();
                matrices[weight] = Some(Matrix { taps, inputs: shape[1], outputs: shape[0] });
            }
        }
        let places = graph.params.iter().zip(&matrices).map(|(spec, matrix)| Place {
            name: spec.name.clone(),
            shape: spec.shape.clone(),
            offset: 0,
            len: matrix.map_or(spec.len(), Matrix::len),
            matrix: *matrix,
            trained: spec.kind.is_trained(),
        });
        let mut store = Self { places: places.collect(), trained_len: 0, decayed_len: 0, running_len: 0 };
        for decayed in [true, false] {
            for (place, spec) in store.places.iter_mut().zip(&graph.params) {
                if place.trained && spec.kind.is_decayed() == decayed {
                    place.offset = store.trained_len;
                    store.trained_len += place.len.next_multiple_of(ALIGNMENT);
                }
            }
            if decayed {
                store.decayed_len = store.trained_len;
            }
        }
        for (place, spec) in store.places.iter_mut().zip(&graph.params).filter(|(p, _)| !p.trained) {
            // A variance stands right behind its mean, so that kernels bind both at once.
            if spec.kind == ParamKind::RunningMean {
                store.running_len = store.running_len.next_multiple_of(ALIGNMENT);
            }
            place.offset = store.running_len;
            store.running_len += place.len;
        }
        store
    }

    /// A trained parameter's values, in the buffer of values or of a gradient.
    pub(in crate::backend) fn slice(&self, memory: Memory, param: ParamId) -> Slice {
        let place = &self.places[param];
        Slice { memory, offset: place.offset, len: place.len }
    }

    /// A normalisation's running means and variances.
    pub(in crate::backend) fn running(&self, mean: ParamId, variance: ParamId) -> Slice {
        let (mean, variance) = (&self.places[mean], &self.places[variance]);
        debug_assert_eq!(mean.offset + mean.len, variance.offset, "a variance behind its mean");
        Slice { memory: Memory::Running, offset: mean.offset, len: mean.len + variance.len }
    }

    /// How a weight lies.
    pub(in crate::backend) fn matrix(&self, weight: ParamId) -> Option<Matrix> {
        self.places[weight].matrix
    }

    /// Named tensors, checked against the graph, as the buffers hold them: trained values and running statistics.
    pub(in crate::backend) fn pack(&self, weights: &Weights) -> (Vec<f32>, Vec<f32>) {
        let (mut trained, mut running) = (vec![0.0; self.trained_len], vec![0.0; self.running_len]);
        for place in self.places.iter().filter(|p| weights.tensors.contains_key(&p.name)) {
            let values = weights.get(&place.name);
            let to = if place.trained { &mut trained } else { &mut running };
            let to = &mut to[place.offset..place.offset + place.len];
            match place.matrix {
                Some(matrix) => matrix.places().zip(values).for_each(|(at, value)| to[at] = *value),
                None => to.copy_from_slice(values),
            }
        }
        (trained, running)
    }

    /// The inverse of [`Store::pack`]; without `running`, trained parameters only.
    pub(in crate::backend) fn unpack(&self, trained: &[f32], running: Option<&[f32]>) -> Weights {
        let mut weights = Weights::default();
        for place in &self.places {
            let from = match (place.trained, running) {
                (true, _) => trained,
                (false, Some(running)) => running,
                (false, None) => continue,
            };
            let from = &from[place.offset..place.offset + place.len];
            let data = match place.matrix {
                Some(matrix) => matrix.places().map(|at| from[at]).collect(),
                None => from.to_vec(),
            };
            weights.tensors.insert(place.name.clone(), HostTensor { shape: place.shape.clone(), data });
        }
        weights
    }

    /// What one of the buffers holds, all that is trained or all that is not, in the graph's order and torchvision's
    /// layout, one behind the other.
    pub(in crate::backend) fn flatten(&self, buffer: &[f32], trained: bool) -> Vec<f32> {
        let mut flat = vec![];
        for place in self.places.iter().filter(|p| p.trained == trained) {
            let from = &buffer[place.offset..place.offset + place.len];
            match place.matrix {
                Some(matrix) => flat.extend(matrix.places().map(|at| from[at])),
                None => flat.extend_from_slice(from),
            }
        }
        flat
    }

    /// The inverse of [`Store::flatten`].
    pub(in crate::backend) fn unflatten(&self, flat: &[f32], trained: bool) -> Vec<f32> {
        let mut buffer = vec![0.0; if trained { self.trained_len } else { self.running_len }];
        let mut rest = flat;
        for place in self.places.iter().filter(|p| p.trained == trained) {
            let (values, behind) = rest.split_at(place.shape.iter().product());
            let to = &mut buffer[place.offset..place.offset + place.len];
            match place.matrix {
                Some(matrix) => matrix.places().zip(values).for_each(|(at, value)| to[at] = *value),
                None => to.copy_from_slice(values),
            }
            rest = behind;
        }
        buffer
    }
}
