//! Training's backward pass.

use super::super::buffer::{Buffer, Shared};
use super::super::layer::{ConvLayer, Layer, Work};
use super::super::norm::{self, Gate};
use super::super::{columns, epilogue, pool};
use super::graph::{framed, part};
use super::train::{CpuTraining, Scratch, Tape};
use crate::net::Epilogue;

impl CpuTraining {
    pub(super) fn run_backward(&mut self, tape: &Tape, d_logits: &[f32], gradient: &mut Buffer) {
        let (plan, items) = (&self.placed.plan, tape.items);
        let mut scratch = std::mem::take(&mut self.scratch);
        let arena = scratch.arena.pointer();
        let last = plan.shapes.len() - 1;
        part(arena, plan.gradients[last], items).copy_from_slice(d_logits);
        for (t, layer) in self.placed.layers.iter().enumerate().rev() {
            let x = part(arena, plan.values[layer.input], items);
            let d_out = part(arena, plan.gradients[layer.output], items);
            let d_x = part(arena, plan.gradients[layer.input], items);
            match &layer.work {
                Work::Conv(conv) => {
                    let residual = conv
                        .residual
                        .filter(|v| *v != 0)
                        .map(|v| (Shared::of(part(arena, plan.gradients[v], items)), layer.adds_to_residual));
                    let out = part(arena, plan.values[layer.output], items);
                    let gate = match (conv.relu, conv.norm, conv.residual) {
                        (false, ..) => Gate::Open,
                        (true, Some(_), None) => Gate::Normalised,
                        (true, ..) => Gate::Output(out),
                    };
                    match (conv.norm, &tape.statistics[t]) {
                        (Some(norm), Some(statistics)) => {
                            let raw = part(arena, plan.saved[t], items);
                            let partial = &mut scratch.partial;
                            let channel = norm::backward(
                                self.placed.machine.isa,
                                raw,
                                statistics,
                                gate,
                                d_out,
                                residual,
                                partial,
                            );
                            let to = gradient.as_mut_slice();
                            self.placed.store.exact_mut(to, norm.scale).copy_from_slice(&channel.scale);
                            self.placed.store.exact_mut(to, norm.shift).copy_from_slice(&channel.shift);
                        }
                        _ => norm::gate_only(gate, d_out, residual),
                    }
                    self.product_backward(conv, layer, (x, d_out, d_x), &mut scratch, gradient);
                }
                Work::Linear(product, epilogue) => {
                    self.epilogue_backward(t, epilogue, tape, (arena, d_out), gradient);
                    self.product_backward(product, layer, (x, d_out, d_x), &mut scratch, gradient);
                }
                Work::Pointwise(epilogue) => {
                    self.epilogue_backward(t, epilogue, tape, (arena, d_out), gradient);
                    if layer.input != 0 {
                        epilogue::accumulate(d_out, d_x, layer.adds_to_input);
                    }
                }
                Work::LayerNorm { scale, shift, epsilon } => {
                    let norm = self.placed.layer_norm(*scale, *shift, *epsilon);
                    let kept = part(arena, plan.saved[t], items);
                    let d_x = (layer.input != 0).then_some((d_x, layer.adds_to_input));
                    let mut sums = (vec![0.0; norm.scale.len()], vec![0.0; norm.scale.len()]);
                    norm.backward(x, kept, d_out, d_x, (&mut sums.0, &mut sums.1), &mut scratch.partial);
                    self.placed.store.exact_mut(gradient.as_mut_slice(), *scale).copy_from_slice(&sums.0);
                    self.placed.store.exact_mut(gradient.as_mut_slice(), *shift).copy_from_slice(&sums.1);
                }
                Work::Attention(attention) => {
                    if layer.input != 0 {
                        let kept = part(arena, plan.saved[t], items);
                        attention.backward(self.placed.machine.isa, x, kept, d_out, d_x, layer.adds_to_input);
                    }
                }
                Work::MaxPool(pool) => pool.backward(x, d_out, d_x, layer.adds_to_input),
                Work::Mean(shape) => pool::mean_backward(*shape, d_out, d_x, layer.adds_to_input),
            }
        }
        self.scratch = scratch;
    }

    /// Backward through what ends step `t`: `d_out` becomes the gradient of what went into it.
    fn epilogue_backward(
        &self,
        t: usize,
        epilogue: &Epilogue,
        tape: &Tape,
        (arena, d_out): (Shared, &mut [f32]),
        gradient: &mut Buffer,
    ) {
        let (plan, items, layer) = (&self.placed.plan, tape.items, &self.placed.layers[t]);
        let run = self.placed.run(epilogue, (arena, items), tape.seed);
        let residual = epilogue
            .residual
            .filter(|v| *v != 0)
            .map(|v| (Shared::of(part(arena, plan.gradients[v], items)), layer.adds_to_residual));
        run.backward(part(arena, plan.saved[t], items), d_out, residual);
        if let Some(table) = epilogue.positions {
            columns::over_items(
                self.placed.machine.isa,
                d_out,
                self.placed.store.exact_mut(gradient.as_mut_slice(), table),
            );
        }
    }

    /// Gradients of a product's bias and weight, and of its input unless that is the network's.
    fn product_backward(
        &self,
        conv: &ConvLayer,
        layer: &Layer,
        (x, d_out, d_x): (&[f32], &[f32], &mut [f32]),
        scratch: &mut Scratch,
        gradient: &mut Buffer,
    ) {
        let items = d_out.len() / conv.extents.output.len();
        if let Some(bias) = conv.bias {
            let to = self.placed.store.exact_mut(gradient.as_mut_slice(), bias);
            columns::over_rows(self.placed.machine.isa, d_out, to, &mut scratch.partial);
        }
        let x = framed(conv, items, x, &mut scratch.frames);
        let to = self.placed.store.exact_mut(gradient.as_mut_slice(), conv.weight);
        conv.weight_gradient.run(self.placed.machine.isa, items, x, d_out, to, &mut scratch.partial);
        if layer.input != 0 {
            let weights = self.placed.store.trained(self.placed.values.as_slice(), conv.weight);
            let scratch = (&mut scratch.transposed, &mut scratch.transformed);
            self.placed.call(items).input_gradient(conv, d_out, weights, scratch, d_x, layer.adds_to_input);
        }
    }
}
