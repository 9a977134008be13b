//! The fused path: running statistics folded into weights, nothing kept.

use std::collections::HashSet;

use super::super::buffer::{Buffer, Shared};
use super::super::call::{KeptWeights, Source, Target};
use super::super::layer::{ConvLayer, Layer, Work};
use super::super::layer_norm::LayerNorm;
use super::super::matmul::Finish;
use super::super::pool;
use super::{CpuNetwork, Folded, framed, part};
use crate::net::ParamId;

impl CpuNetwork {
    /// Runs the fused, folded path; the arena then holds what the plan keeps to the end.
    pub(super) fn infer(&mut self, input: &[f32], items: usize) {
        if self.folded.is_none() {
            self.folded = Some(self.fold());
        }
        // Out of the network for the pass, which reads the rest of it.
        let Some(mut folded) = self.folded.take() else { return };
        let mut scratch = std::mem::take(&mut self.scratch);
        let plan = &self.inference;
        scratch.arena.ensure(plan.arena_len * items);
        let arena = scratch.arena.pointer();
        part(arena, plan.values[0], items).copy_from_slice(input);
        for (layer, folded) in self.layers.iter().zip(&mut folded) {
            let x = part(arena, plan.values[layer.input], items);
            let out = part(arena, plan.values[layer.output], items);
            match &layer.work {
                Work::Conv(conv) => {
                    let residual = conv.residual.map(|v| &*part(arena, plan.values[v], items));
                    let (weights, bias) = if let Some(Folded { weights, bias }) = folded {
                        (Source::Kept(weights), Some(bias.as_slice()))
                    } else {
                        let values = self.values.as_slice();
                        let bias = conv.bias.map(|b| self.store.trained(values, b));
                        let packed = self.store.trained(values, conv.weight);
                        (Source::Once(packed, &mut scratch.transformed), bias)
                    };
                    let finish = Finish { bias, residual, relu: conv.relu, accumulate: false };
                    let x = framed(conv, items, x, &mut scratch.frames);
                    let call = self.call(items);
                    let target = Target { output: Shared::of(out), finish, sums: None };
                    call.forward(conv, x, weights, target);
                }
                Work::Linear(product, epilogue) => {
                    let values = self.values.as_slice();
                    let run = self.run(plan, epilogue, (arena, items), None);
                    let residual = run.residual.filter(|_| run.is_sum());
                    let bias = product.bias.map(|b| self.store.trained(values, b));
                    let finish = Finish { bias, residual, ..Finish::default() };
                    let target = Target { output: Shared::of(out), finish, sums: None };
                    let weights = self.store.trained(values, product.weight);
                    let weights = Source::Once(weights, &mut scratch.transformed);
                    self.call(items).forward(product, x, weights, target);
                    if !run.is_sum() {
                        run.apply(None, out, None);
                    }
                }
                Work::Pointwise(epilogue) => {
                    self.run(plan, epilogue, (arena, items), None).apply(Some(x), out, None);
                }
                Work::LayerNorm { scale, shift, epsilon } => {
                    self.layer_norm(*scale, *shift, *epsilon).forward(x, out, None);
                }
                Work::Attention(attention) => {
                    let presence = attention.presence().map(|v| &*part(arena, plan.values[v], items));
                    attention.forward(self.isa, x, presence, out, None);
                }
                Work::MaxPool(pool) => pool.forward(x, out),
                Work::Mean(shape) => pool::mean(*shape, x, out),
            }
        }
        (self.folded, self.scratch) = (Some(folded), scratch);
    }

    pub(super) fn layer_norm(&self, scale: ParamId, shift: ParamId, epsilon: f32) -> LayerNorm<'_> {
        let get = |param| self.store.exact(self.values.as_slice(), param);
        LayerNorm { isa: self.isa, scale: get(scale), shift: get(shift), epsilon }
    }

    /// Keeps folded weights and what is not folded, and nothing else.
    pub(super) fn keep_for_inference(&mut self) {
        if self.frozen {
            return;
        }
        if self.folded.is_none() {
            self.folded = Some(self.threads_pool.install(|| self.fold()));
        }
        let folded: HashSet<ParamId> = self
            .layers
            .iter()
            .filter_map(
                |layer| if let Work::Conv(conv) = &layer.work { Some((conv, conv.norm?)) } else { None },
            )
            .flat_map(|(conv, norm)| [conv.weight, norm.scale, norm.shift])
            .collect();
        self.values = self.store.keep(&self.values, |param| !folded.contains(&param));
        (self.momentum, self.second_moment, self.average, self.tape) = (None, None, None, None);
        self.gradients = [None, None];
        self.running = vec![];
        self.frozen = true;
    }

    fn fold(&self) -> Vec<Option<Folded>> {
        let values = self.values.as_slice();
        let panel = self.isa.panel();
        let fold = |conv: &ConvLayer| {
            let norm = conv.norm?;
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
            let mut weights = Buffer::zeroed(conv.extents.packed_len(self.isa));
            let packed = self.store.trained(values, conv.weight);
            let rows = weights.as_mut_slice().chunks_exact_mut(panel).zip(packed.chunks_exact(panel));
            for (row, (to, from)) in rows.enumerate() {
                let factor = &factor[row / conv.extents.inner() * panel..][..panel];
                for ((to, from), factor) in to.iter_mut().zip(from).zip(factor) {
                    *to = from * factor;
                }
            }
            Some(Folded { weights: KeptWeights::new(weights), bias })
        };
        let fold = |layer: &Layer| if let Work::Conv(conv) = &layer.work { fold(conv) } else { None };
        self.layers.iter().map(fold).collect()
    }
}
