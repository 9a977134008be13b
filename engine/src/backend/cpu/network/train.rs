//! Training's forward pass: on the batch's statistics, keeping what the backward pass reads.

use std::sync::Arc;

use super::super::buffer::{Buffer, Shared};
use super::super::call::{Source, Target};
use super::super::fixed::Arithmetic;
use super::super::layer::Work;
use super::super::matmul::Finish;
use super::super::norm::{self, Statistics};
use super::super::pool;
use super::graph::{Machine, Placed, framed, part};
use super::state::Average;
use crate::backend::{BackendError, Slot, TrainingPass};
use crate::net::{Graph, PlanPurpose, Weights};

/// Memory reused from call to call.
#[derive(Default)]
pub(super) struct Scratch {
    pub arena: Buffer,
    pub frames: Buffer,
    pub sums: Buffer,
    pub transposed: Buffer,
    pub transformed: Buffer,
    pub partial: Buffer,
}

/// What the backward pass needs beside the arena.
pub(super) struct Tape {
    pub items: usize,
    /// Seed of the masks, where dropout was at work.
    pub seed: Option<u64>,
    pub statistics: Vec<Option<Statistics>>,
}

/// A network that learns.
pub struct CpuTraining {
    pub(super) placed: Placed,
    pub(super) momentum: Option<Buffer>,
    pub(super) second_moment: Option<Buffer>,
    pub(super) seed: u64,
    pub(super) gradients: [Option<Buffer>; 2],
    pub(super) average: Option<Average>,
    pub(super) scratch: Scratch,
    pub(super) tape: Option<Tape>,
}

impl CpuTraining {
    /// A graph with its weights; whatever the machine's arithmetic is for inference, training is in single precision.
    pub(in super::super) fn new(
        machine: Machine,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let machine = Machine { arithmetic: Arithmetic::Single, ..machine };
        Ok(Self {
            placed: Placed::new(machine, graph, weights, PlanPurpose::Training)?,
            momentum: None,
            second_moment: None,
            seed: 0,
            gradients: [None, None],
            average: None,
            scratch: Scratch::default(),
            tape: None,
        })
    }

    /// Logits of a pass.
    pub(super) fn pass(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Vec<f32> {
        let threads = Arc::clone(&self.placed.machine.threads);
        let tape = threads.install(|| self.train(input, items, pass));
        self.tape = (pass == TrainingPass::Train).then_some(tape);
        let plan = &self.placed.plan;
        let region = plan.values[plan.shapes.len() - 1];
        part(self.scratch.arena.pointer(), region, items).to_vec()
    }

    /// The gradient of the pass before, into a slot.
    pub(super) fn gradient_into(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let Some(tape) = self.tape.take() else {
            return Err(BackendError::Order("no activations are kept for a backward pass"));
        };
        let len = self.placed.store.trained_len;
        let mut gradient = self.gradients[slot as usize].take().unwrap_or_else(|| Buffer::zeroed(len));
        let threads = Arc::clone(&self.placed.machine.threads);
        threads.install(|| self.run_backward(&tape, d_logits, &mut gradient));
        self.gradients[slot as usize] = Some(gradient);
        Ok(())
    }

    /// Forward with the batch's statistics, in either pass.
    pub(super) fn train(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Tape {
        let plan = &self.placed.plan;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.arena.ensure(plan.arena_len * items);
        let arena = scratch.arena.pointer();
        let values = self.placed.values.as_slice();
        part(arena, plan.values[0], items).copy_from_slice(input);
        let seed = (pass == TrainingPass::Train).then_some(self.seed);
        let mut tape = Tape { items, seed, statistics: Vec::with_capacity(self.placed.layers.len()) };
        for (t, layer) in self.placed.layers.iter().enumerate() {
            let x = part(arena, plan.values[layer.input], items);
            let out = part(arena, plan.values[layer.output], items);
            let mut statistics = None;
            match &layer.work {
                Work::Conv(conv) => {
                    let call = self.placed.call(items);
                    let residual = conv.residual.map(|v| &*part(arena, plan.values[v], items));
                    let x = framed(conv, items, x, &mut scratch.frames);
                    let weights = self.placed.store.trained(values, conv.weight);
                    let weights = Source::Once(weights, &mut scratch.transformed);
                    if let Some(norm) = conv.norm {
                        let raw = part(arena, plan.saved[t], items);
                        let rows = items * conv.extents.output.pixels();
                        let padded = conv.extents.output.c.next_multiple_of(self.placed.machine.isa.panel());
                        let blocks = call.sum_blocks(conv);
                        scratch.sums.ensure(blocks * 2 * padded);
                        let sums = scratch.sums.pointer();
                        let target =
                            Target { output: Shared::of(raw), finish: Finish::default(), sums: Some(sums) };
                        call.forward(conv, x, weights, target);
                        let (scale, shift) = (
                            self.placed.store.exact(values, norm.scale),
                            self.placed.store.exact(values, norm.shift),
                        );
                        let sums = scratch.sums.as_slice();
                        let batch =
                            Statistics::from_sums(sums, blocks, padded, rows, norm.epsilon, scale, shift);
                        if pass == TrainingPass::Train {
                            let mut mean = self.placed.store.exact(&self.placed.running, norm.mean).to_vec();
                            let variance =
                                self.placed.store.exact_mut(&mut self.placed.running, norm.variance);
                            batch.update_running(norm.momentum, rows, &mut mean, variance);
                            self.placed
                                .store
                                .exact_mut(&mut self.placed.running, norm.mean)
                                .copy_from_slice(&mean);
                        }
                        norm::normalise(self.placed.machine.isa, raw, &batch, residual, conv.relu, out);
                        statistics = Some(batch);
                    } else {
                        let bias = conv.bias.map(|b| self.placed.store.trained(values, b));
                        let finish = Finish { bias, residual, relu: conv.relu, accumulate: false };
                        let target = Target { output: Shared::of(out), finish, sums: None };
                        call.forward(conv, x, weights, target);
                    }
                }
                Work::Linear(product, epilogue) => {
                    let run = self.placed.run(epilogue, (arena, items), seed);
                    let kept = epilogue.gelu.then(|| part(arena, plan.saved[t], items));
                    // What goes into a GELU is kept: the product is written there at once.
                    let direct = epilogue.gelu && epilogue.positions.is_none();
                    let residual = run.residual.filter(|_| run.is_sum());
                    let bias = product.bias.map(|b| self.placed.store.trained(values, b));
                    let finish = Finish { bias, residual, ..Finish::default() };
                    let output = match &kept {
                        Some(_) if direct => Shared::of(part(arena, plan.saved[t], items)),
                        _ => Shared::of(out),
                    };
                    let target = Target { output, finish, sums: None };
                    let weights = self.placed.store.trained(values, product.weight);
                    let weights = Source::Once(weights, &mut scratch.transformed);
                    self.placed.call(items).forward(product, x, weights, target);
                    match kept {
                        Some(kept) if direct => run.apply(Some(kept), out, None),
                        kept if !run.is_sum() => run.apply(None, out, kept.map(Shared::of)),
                        _ => {}
                    }
                }
                Work::Pointwise(epilogue) => {
                    let run = self.placed.run(epilogue, (arena, items), seed);
                    let kept = epilogue.gelu.then(|| Shared::of(part(arena, plan.saved[t], items)));
                    run.apply(Some(x), out, kept);
                }
                Work::LayerNorm { scale, shift, epsilon } => {
                    let kept = Shared::of(part(arena, plan.saved[t], items));
                    self.placed.layer_norm(*scale, *shift, *epsilon).forward(x, out, Some(kept));
                }
                Work::Attention(attention) => {
                    let presence = attention.presence().map(|v| &*part(arena, plan.values[v], items));
                    let kept = Shared::of(part(arena, plan.saved[t], items));
                    attention.forward(self.placed.machine.isa, x, presence, out, Some(kept));
                }
                Work::MaxPool(pool) => pool.forward(x, out),
                Work::Mean(shape) => pool::mean(*shape, x, out),
            }
            tape.statistics.push(statistics);
        }
        self.scratch = scratch;
        tape
    }
}
