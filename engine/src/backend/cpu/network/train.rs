//! Training: forward on the batch's statistics, keeping what the backward pass reads, and backward.

use super::super::buffer::{Buffer, Shared};
use super::super::call::{Source, Target};
use super::super::layer::{ConvLayer, Layer, Work};
use super::super::matmul::Finish;
use super::super::norm::{self, Gate, Statistics};
use super::super::{columns, epilogue, pool};
use super::{CpuNetwork, Scratch, Tape, framed, part};
use crate::backend::Mode;
use crate::net::Epilogue;

impl CpuNetwork {
    /// Forward with the batch's statistics, [`Mode::Train`] or [`Mode::Probe`].
    pub(super) fn train(&mut self, input: &[f32], items: usize, mode: Mode) -> Tape {
        let plan = &self.training;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.arena.ensure(plan.arena_len * items);
        let arena = scratch.arena.pointer();
        let values = self.values.as_slice();
        part(arena, plan.values[0], items).copy_from_slice(input);
        let noise = (mode == Mode::Train).then_some(self.noise);
        let mut tape = Tape { items, noise, statistics: Vec::with_capacity(self.layers.len()) };
        for (t, layer) in self.layers.iter().enumerate() {
            let x = part(arena, plan.values[layer.input], items);
            let out = part(arena, plan.values[layer.output], items);
            let mut statistics = None;
            match &layer.work {
                Work::Conv(conv) => {
                    let call = self.call(items);
                    let residual = conv.residual.map(|v| &*part(arena, plan.values[v], items));
                    let x = framed(conv, items, x, &mut scratch.frames);
                    let weights = self.store.trained(values, conv.weight);
                    let weights = Source::Once(weights, &mut scratch.transformed);
                    if let Some(norm) = conv.norm {
                        let raw = part(arena, plan.saved[t], items);
                        let rows = items * conv.extents.output.pixels();
                        let padded = conv.extents.output.c.next_multiple_of(self.isa.panel());
                        let blocks = call.sum_blocks(conv);
                        scratch.sums.ensure(blocks * 2 * padded);
                        let sums = scratch.sums.pointer();
                        let target =
                            Target { output: Shared::of(raw), finish: Finish::default(), sums: Some(sums) };
                        call.forward(conv, x, weights, target);
                        let (scale, shift) =
                            (self.store.exact(values, norm.scale), self.store.exact(values, norm.shift));
                        let sums = scratch.sums.as_slice();
                        let batch =
                            Statistics::from_sums(sums, blocks, padded, rows, norm.epsilon, scale, shift);
                        if mode == Mode::Train {
                            let mut mean = self.store.exact(&self.running, norm.mean).to_vec();
                            let variance = self.store.exact_mut(&mut self.running, norm.variance);
                            batch.update_running(norm.momentum, rows, &mut mean, variance);
                            self.store.exact_mut(&mut self.running, norm.mean).copy_from_slice(&mean);
                        }
                        norm::normalise(self.isa, raw, &batch, residual, conv.relu, out);
                        statistics = Some(batch);
                    } else {
                        let bias = conv.bias.map(|b| self.store.trained(values, b));
                        let finish = Finish { bias, residual, relu: conv.relu, accumulate: false };
                        let target = Target { output: Shared::of(out), finish, sums: None };
                        call.forward(conv, x, weights, target);
                    }
                }
                Work::Linear(product, epilogue) => {
                    let run = self.run(plan, epilogue, (arena, items), noise);
                    let kept = epilogue.gelu.then(|| part(arena, plan.saved[t], items));
                    // What goes into a GELU is kept: the product is written there at once.
                    let direct = epilogue.gelu && epilogue.positions.is_none();
                    let residual = run.residual.filter(|_| run.is_sum());
                    let bias = product.bias.map(|b| self.store.trained(values, b));
                    let finish = Finish { bias, residual, ..Finish::default() };
                    let output = match &kept {
                        Some(_) if direct => Shared::of(part(arena, plan.saved[t], items)),
                        _ => Shared::of(out),
                    };
                    let target = Target { output, finish, sums: None };
                    let weights = self.store.trained(values, product.weight);
                    let weights = Source::Once(weights, &mut scratch.transformed);
                    self.call(items).forward(product, x, weights, target);
                    match kept {
                        Some(kept) if direct => run.apply(Some(kept), out, None),
                        kept if !run.is_sum() => run.apply(None, out, kept.map(Shared::of)),
                        _ => {}
                    }
                }
                Work::Pointwise(epilogue) => {
                    let run = self.run(plan, epilogue, (arena, items), noise);
                    let kept = epilogue.gelu.then(|| Shared::of(part(arena, plan.saved[t], items)));
                    run.apply(Some(x), out, kept);
                }
                Work::LayerNorm { scale, shift, epsilon } => {
                    let kept = Shared::of(part(arena, plan.saved[t], items));
                    self.layer_norm(*scale, *shift, *epsilon).forward(x, out, Some(kept));
                }
                Work::Attention(attention) => {
                    let presence = attention.presence().map(|v| &*part(arena, plan.values[v], items));
                    let kept = Shared::of(part(arena, plan.saved[t], items));
                    attention.forward(self.isa, x, presence, out, Some(kept));
                }
                Work::MaxPool(pool) => pool.forward(x, out),
                Work::Mean(shape) => pool::mean(*shape, x, out),
            }
            tape.statistics.push(statistics);
        }
        self.scratch = scratch;
        tape
    }

    pub(super) fn run_backward(&mut self, tape: &Tape, d_logits: &[f32], gradient: &mut Buffer) {
        let (plan, items) = (&self.training, tape.items);
        let mut scratch = std::mem::take(&mut self.scratch);
        let arena = scratch.arena.pointer();
        let last = plan.shapes.len() - 1;
        part(arena, plan.gradients[last], items).copy_from_slice(d_logits);
        for (t, layer) in self.layers.iter().enumerate().rev() {
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
                            let channel =
                                norm::backward(self.isa, raw, statistics, gate, d_out, residual, partial);
                            let to = gradient.as_mut_slice();
                            self.store.exact_mut(to, norm.scale).copy_from_slice(&channel.scale);
                            self.store.exact_mut(to, norm.shift).copy_from_slice(&channel.shift);
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
                    let norm = self.layer_norm(*scale, *shift, *epsilon);
                    let kept = part(arena, plan.saved[t], items);
                    let d_x = (layer.input != 0).then_some((d_x, layer.adds_to_input));
                    let mut sums = (vec![0.0; norm.scale.len()], vec![0.0; norm.scale.len()]);
                    norm.backward(x, kept, d_out, d_x, (&mut sums.0, &mut sums.1), &mut scratch.partial);
                    self.store.exact_mut(gradient.as_mut_slice(), *scale).copy_from_slice(&sums.0);
                    self.store.exact_mut(gradient.as_mut_slice(), *shift).copy_from_slice(&sums.1);
                }
                Work::Attention(attention) => {
                    if layer.input != 0 {
                        let kept = part(arena, plan.saved[t], items);
                        attention.backward(self.isa, x, kept, d_out, d_x, layer.adds_to_input);
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
        let (plan, items, layer) = (&self.training, tape.items, &self.layers[t]);
        let run = self.run(plan, epilogue, (arena, items), tape.noise);
        let residual = epilogue
            .residual
            .filter(|v| *v != 0)
            .map(|v| (Shared::of(part(arena, plan.gradients[v], items)), layer.adds_to_residual));
        run.backward(part(arena, plan.saved[t], items), d_out, residual);
        if let Some(table) = epilogue.positions {
            columns::over_items(self.isa, d_out, self.store.exact_mut(gradient.as_mut_slice(), table));
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
            let to = self.store.exact_mut(gradient.as_mut_slice(), bias);
            columns::over_rows(self.isa, d_out, to, &mut scratch.partial);
        }
        let x = framed(conv, items, x, &mut scratch.frames);
        let to = self.store.exact_mut(gradient.as_mut_slice(), conv.weight);
        conv.weight_gradient.run(self.isa, items, x, d_out, to, &mut scratch.partial);
        if layer.input != 0 {
            let weights = self.store.trained(self.values.as_slice(), conv.weight);
            let scratch = (&mut scratch.transposed, &mut scratch.transformed);
            self.call(items).input_gradient(conv, d_out, weights, scratch, d_x, layer.adds_to_input);
        }
    }
}
