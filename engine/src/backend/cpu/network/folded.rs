//! Running statistics folded into weights.

use std::collections::HashSet;

use super::super::buffer::Buffer;
use super::super::call::KeptWeights;
use super::super::layer::{ConvLayer, Layer, Work};
use super::graph::Placed;
use crate::net::ParamId;

/// A convolution's weights with its normalisation's running statistics in them.
pub(super) struct Folded {
    pub weights: KeptWeights,
    pub bias: Vec<f32>,
}

impl Placed {
    /// Folds what can be folded, for each layer, and drops the parameters that it was folded from.
    pub(super) fn fold(&mut self) -> Vec<Option<Folded>> {
        let fold = |layer: &Layer| if let Work::Conv(conv) = &layer.work { self.folded(conv) } else { None };
        let folded = self.layers.iter().map(fold).collect();
        let dropped: HashSet<ParamId> = self
            .layers
            .iter()
            .filter_map(
                |layer| if let Work::Conv(conv) = &layer.work { Some((conv, conv.norm?)) } else { None },
            )
            .flat_map(|(conv, norm)| [conv.weight, norm.scale, norm.shift])
            .collect();
        self.values = self.store.keep(&self.values, |param| !dropped.contains(&param));
        self.running = vec![];
        folded
    }

    fn folded(&self, conv: &ConvLayer) -> Option<Folded> {
        let norm = conv.norm?;
        let (values, isa) = (self.values.as_slice(), self.machine.isa);
        let panel = isa.panel();
        let channels = conv.extents.output.c;
        let get = |param| self.store.exact(values, param);
        let (scale, shift) = (get(norm.scale), get(norm.shift));
        let mean = self.store.exact(&self.running, norm.mean);
        let variance = self.store.exact(&self.running, norm.variance);
        let mut factor = vec![0.0; channels.next_multiple_of(panel)];
        let mut bias = vec![0.0; channels.next_multiple_of(panel)];
        for c in 0..channels {
            factor[c] = scale[c] / (variance[c] + norm.epsilon).sqrt();
            bias[c] = shift[c] - mean[c] * factor[c];
        }
        let mut weights = Buffer::zeroed(conv.extents.packed_len(isa));
        let packed = self.store.trained(values, conv.weight);
        let rows = weights.as_mut_slice().chunks_exact_mut(panel).zip(packed.chunks_exact(panel));
        for (row, (to, from)) in rows.enumerate() {
            let factor = &factor[row / conv.extents.inner() * panel..][..panel];
            for ((to, from), factor) in to.iter_mut().zip(from).zip(factor) {
                *to = from * factor;
            }
        }
        Some(Folded { weights: KeptWeights::new(weights), bias })
    }
}
