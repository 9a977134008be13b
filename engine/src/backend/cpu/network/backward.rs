//! Training's backward pass.

use super::super::arena::{Arena, NOWHERE};
use super::super::buffer::{Buffer, Shared};
use super::super::layer::{ConvLayer, Layer, Work};
use super::super::norm::{self, Batch, Gate};
use super::super::{columns, epilogue, pool};
use super::graph::{Placed, framed};
use super::train::{CpuTraining, Scratch, Tape};
use crate::backend::BackendError;
use crate::net::Epilogue;

impl CpuTraining {
    /// The gradient of every trained parameter, from that of the logits of the pass that the tape is of.
    pub(super) fn run_backward(
        &mut self,
        tape: &Tape,
        d_logits: &[f32],
        gradient: &mut Buffer,
    ) -> Result<(), BackendError> {
        let Self { placed, arena, scratch, across, .. } = self;
        let mut arena = Arena::new(arena, placed.plan.arena_len, tape.items);
        let last = placed.plan.shapes.len() - 1;
        arena.write(placed.plan.gradients[last]).copy_from_slice(d_logits);
        let mut pass = Pass { placed, arena, scratch, gradient, batch: Batch(across.as_deref()) };
        placed.layers.iter().enumerate().rev().try_for_each(|(t, layer)| pass.step(t, layer, tape))
    }
}

/// A backward pass under way.
struct Pass<'a> {
    placed: &'a Placed,
    arena: Arena<'a>,
    scratch: &'a mut Scratch,
    /// Of the trained parameters.
    gradient: &'a mut Buffer,
    /// What normalisation's statistics are over.
    batch: Batch<'a>,
}

impl Pass<'_> {
    fn step(&mut self, t: usize, layer: &Layer, tape: &Tape) -> Result<(), BackendError> {
        let (plan, store, isa) = (&self.placed.plan, &self.placed.store, self.placed.machine.isa);
        let value = plan.values[layer.input];
        let [d_out, d_x] = [layer.output, layer.input].map(|value| self.placed.gradient(Some(value)));
        match &layer.work {
            Work::Conv(conv) => {
                self.norm_backward(t, conv, layer, tape)?;
                self.product_backward(conv, layer);
            }
            Work::Linear(product, epilogue) => {
                self.epilogue_backward(t, epilogue, layer, tape);
                self.product_backward(product, layer);
            }
            Work::Pointwise(epilogue) => {
                self.epilogue_backward(t, epilogue, layer, tape);
                if layer.input != 0 {
                    let ([d_x], [d_out]) = self.arena.split([d_x], [d_out]);
                    epilogue::accumulate(d_out, d_x, layer.adds_to_input);
                }
            }
            Work::LayerNorm { scale, shift, epsilon } => {
                let norm = self.placed.layer_norm(*scale, *shift, *epsilon);
                let ([d_x], [x, kept, d_out]) = self.arena.split([d_x], [value, plan.saved[t], d_out]);
                let d_x = (layer.input != 0).then_some((d_x, layer.adds_to_input));
                let mut sums = (vec![0.0; norm.scale.len()], vec![0.0; norm.scale.len()]);
                norm.backward(x, kept, d_out, d_x, (&mut sums.0, &mut sums.1), &mut self.scratch.partial);
                store.exact_mut(self.gradient.as_mut_slice(), *scale).copy_from_slice(&sums.0);
                store.exact_mut(self.gradient.as_mut_slice(), *shift).copy_from_slice(&sums.1);
            }
            Work::Attention(attention) => {
                if layer.input != 0 {
                    let ([d_x], [x, kept, d_out]) = self.arena.split([d_x], [value, plan.saved[t], d_out]);
                    attention.backward(isa, x, kept, d_out, d_x, layer.adds_to_input);
                }
            }
            Work::MaxPool(pool) => {
                let ([d_x], [x, d_out]) = self.arena.split([d_x], [value, d_out]);
                pool.backward(x, d_out, d_x, layer.adds_to_input);
            }
            Work::Mean(shape) => {
                let ([d_x], [d_out]) = self.arena.split([d_x], [d_out]);
                pool::mean_backward(*shape, d_out, d_x, layer.adds_to_input);
            }
        }
        Ok(())
    }

    /// Backward through a convolution's rectifier, residual and normalisation: the output's gradient becomes that of the
    /// product.
    fn norm_backward(
        &mut self,
        t: usize,
        conv: &ConvLayer,
        layer: &Layer,
        tape: &Tape,
    ) -> Result<(), BackendError> {
        let placed = self.placed;
        // Else the gate is made again from what the normalisation keeps, and the output is there no longer.
        let needs_output = conv.relu && (conv.norm.is_none() || conv.residual.is_some());
        let output = if needs_output { placed.plan.values[layer.output] } else { NOWHERE };
        let ([d_out, d_residual], [out, raw]) = self.arena.split(
            [placed.gradient(Some(layer.output)), placed.gradient(conv.residual)],
            [output, placed.plan.saved[t]],
        );
        let residual = conv.residual.filter(|v| *v != 0);
        let residual = residual.map(|_| (Shared::of(d_residual), layer.adds_to_residual));
        let gate = match (conv.relu, needs_output) {
            (false, _) => Gate::Open,
            (true, false) => Gate::Normalised,
            (true, true) => Gate::Output(out),
        };
        if let (Some(norm), Some(statistics)) = (conv.norm, &tape.statistics[t]) {
            let (isa, room) = (placed.machine.isa, (&mut self.scratch.partial, self.batch));
            let channel = norm::backward(isa, raw, statistics, gate, d_out, residual, room)?;
            let to = self.gradient.as_mut_slice();
            placed.store.exact_mut(to, norm.scale).copy_from_slice(&channel.scale);
            placed.store.exact_mut(to, norm.shift).copy_from_slice(&channel.shift);
        } else {
            norm::gate_only(gate, d_out, residual);
        }
        Ok(())
    }

    /// Backward through what ends a step: the output's gradient becomes that of what went into it.
    fn epilogue_backward(&mut self, t: usize, epilogue: &Epilogue, layer: &Layer, tape: &Tape) {
        let placed = self.placed;
        let ([d_out, d_residual], [kept]) = self.arena.split(
            [placed.gradient(Some(layer.output)), placed.gradient(epilogue.residual)],
            [placed.plan.saved[t]],
        );
        let residual = epilogue.residual.filter(|v| *v != 0);
        let residual = residual.map(|_| (Shared::of(d_residual), layer.adds_to_residual));
        placed.run(epilogue, None, tape.seed).backward(kept, d_out, residual);
        if let Some(table) = epilogue.positions {
            let to = placed.store.exact_mut(self.gradient.as_mut_slice(), table);
            columns::over_items(placed.machine.isa, d_out, to);
        }
    }

    /// Gradients of a product's bias and weight, and of its input unless that is the network's.
    fn product_backward(&mut self, conv: &ConvLayer, layer: &Layer) {
        let Self { placed, arena, scratch, gradient, .. } = self;
        let (store, isa, items) = (&placed.store, placed.machine.isa, arena.items());
        let ([d_x], [x, d_out]) = arena.split(
            [placed.gradient(Some(layer.input))],
            [placed.plan.values[layer.input], placed.gradient(Some(layer.output))],
        );
        if let Some(bias) = conv.bias {
            let to = store.exact_mut(gradient.as_mut_slice(), bias);
            columns::over_rows(isa, d_out, to, &mut scratch.partial);
        }
        let x = framed(conv, items, x, &mut scratch.frames);
        let to = store.exact_mut(gradient.as_mut_slice(), conv.weight);
        conv.weight_gradient.run(isa, items, x, d_out, to, &mut scratch.partial);
        if layer.input != 0 {
            let weights = store.trained(placed.values.as_slice(), conv.weight);
            let rooms = (&mut scratch.transposed, &mut scratch.transformed);
            placed.call(items).input_gradient(conv, d_out, weights, rooms, d_x, layer.adds_to_input);
        }
    }
}
