//! Training's forward pass: on the batch's statistics, keeping what the backward pass reads.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::super::arena::Arena;
use super::super::buffer::{Buffer, Shared};
use super::super::call::{Source, Target};
use super::super::fixed::Arithmetic;
use super::super::layer::Work;
use super::super::matmul::Finish;
use super::super::norm::{self, Batch, Statistics, channel_totals};
use super::super::pool;
use super::super::store::Store;
use super::graph::{Machine, Placed, framed};
use crate::backend::{AcrossReplicas, BackendError, Slot, TrainingPass};
use crate::net::{Graph, Norm, ParamId, PlanPurpose, Weights};

/// Values of a gradient that a thread adds at once.
const ADDED: usize = 1 << 14;

/// Memory of kernels, reused from call to call.
#[derive(Default)]
pub(super) struct Scratch {
    pub frames: Buffer,
    pub sums: Buffer,
    pub transposed: Buffer,
    pub transformed: Buffer,
    pub partial: Buffer,
}

/// A moving average of parameters and running statistics.
pub(super) struct Average {
    pub trained: Buffer,
    pub running: Vec<f32>,
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
    /// The part of a gradient that is added to what a slot holds.
    part: Option<Buffer>,
    pub(super) average: Option<Average>,
    /// Of the trained values, those that are moved here: all, unless replicas share them out.
    pub(super) part_moved: Range<usize>,
    /// Of the activations.
    pub(super) arena: Buffer,
    pub(super) scratch: Scratch,
    pub(super) tape: Option<Tape>,
    /// Its replicas, where statistics are over all of them.
    pub(super) across: Option<Arc<dyn AcrossReplicas>>,
}

impl CpuTraining {
    /// A graph with its weights; whatever the machine's arithmetic is for inference, training is in single precision.
    pub(in super::super) fn new(
        machine: Machine,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let machine = Machine { arithmetic: Arithmetic::Single, ..machine };
        let placed = Placed::new(machine, graph, weights, PlanPurpose::Training)?;
        Ok(Self {
            part_moved: 0..placed.store.trained_len,
            placed,
            momentum: None,
            second_moment: None,
            seed: 0,
            gradients: [None, None],
            part: None,
            average: None,
            arena: Buffer::default(),
            scratch: Scratch::default(),
            tape: None,
            across: None,
        })
    }

    /// Logits of a pass.
    pub(super) fn pass(
        &mut self,
        input: &[f32],
        items: usize,
        pass: TrainingPass,
    ) -> Result<Vec<f32>, BackendError> {
        let threads = self.placed.machine.threads.clone();
        let tape = threads.install(|| self.train(input, items, pass))?;
        self.tape = (pass == TrainingPass::Train).then_some(tape);
        let plan = &self.placed.plan;
        let region = plan.values[plan.shapes.len() - 1];
        Ok(Arena::new(&mut self.arena, plan.arena_len, items).read(region).to_vec())
    }

    /// The gradient of the pass before, into a slot.
    pub(super) fn gradient_into(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let held = self.gradients[slot as usize].take();
        self.gradients[slot as usize] = Some(self.gradient_of_pass(d_logits, held)?);
        Ok(())
    }

    /// The gradient of the pass before, added to what a slot holds.
    pub(super) fn add_gradient(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let held = self.part.take();
        let part = self.gradient_of_pass(d_logits, held)?;
        if let Some(sum) = &mut self.gradients[slot as usize] {
            let (sum, part) = (sum.as_mut_slice(), part.as_slice());
            let add = |sum: &mut [f32], part: &[f32]| sum.iter_mut().zip(part).for_each(|(s, p)| *s += p);
            self.placed.machine.threads.install(|| {
                sum.par_chunks_mut(ADDED).zip(part.par_chunks(ADDED)).for_each(|(sum, part)| add(sum, part));
            });
        }
        self.part = Some(part);
        Ok(())
    }

    /// The gradient of the pass before, in a buffer that it may reuse.
    fn gradient_of_pass(&mut self, d_logits: &[f32], buffer: Option<Buffer>) -> Result<Buffer, BackendError> {
        let Some(tape) = self.tape.take() else {
            return Err(BackendError::Order("no activations are kept for a backward pass"));
        };
        let len = self.placed.store.trained_len;
        let mut gradient = buffer.unwrap_or_else(|| Buffer::zeroed(len));
        let threads = self.placed.machine.threads.clone();
        threads.install(|| self.run_backward(&tape, d_logits, &mut gradient))?;
        Ok(gradient)
    }

    /// Forward with the batch's statistics.
    fn train(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Tape, BackendError> {
        let Self { placed, arena, scratch, across, .. } = self;
        let all = Batch(across.as_deref());
        let mut arena = Arena::new(arena, placed.plan.arena_len, items);
        arena.write(placed.plan.values[0]).copy_from_slice(input);
        let seed = (pass == TrainingPass::Train).then_some(self.seed);
        let mut tape = Tape { items, seed, statistics: Vec::with_capacity(placed.layers.len()) };
        // A copy, which takes their place when the pass is through: one that fails has moved nothing.
        let mut running = placed.running.clone();
        let (plan, store, isa) = (&placed.plan, &placed.store, placed.machine.isa);
        let param = |param: ParamId| store.trained(placed.values.as_slice(), param);
        for (t, layer) in placed.layers.iter().enumerate() {
            let added = layer.work.added();
            let ([out, kept], [x, other]) = arena.split(
                [plan.values[layer.output], plan.saved[t]],
                [plan.values[layer.input], placed.value(added)],
            );
            let other = added.map(|_| other);
            let mut statistics = None;
            match &layer.work {
                Work::Conv(conv) => {
                    let call = placed.call(items);
                    let x = framed(conv, items, x, &mut scratch.frames);
                    let weights = Source::Once(param(conv.weight), &mut scratch.transformed);
                    if let Some(norm) = conv.norm {
                        let rows = items * conv.extents.output.pixels();
                        let padded = conv.extents.output.c.next_multiple_of(isa.panel());
                        let blocks = call.sum_blocks(conv);
                        scratch.sums.ensure(blocks * 2 * padded);
                        let sums = Some(scratch.sums.pointer());
                        let target = Target { output: Shared::of(kept), finish: Finish::default(), sums };
                        call.forward(conv, x, weights, target);
                        let [scale, shift] =
                            [norm.scale, norm.shift].map(|p| store.exact(placed.values.as_slice(), p));
                        let totals = channel_totals(scratch.sums.as_slice(), blocks, padded, scale.len());
                        let batch = Statistics::of(totals, rows, all, (norm.epsilon, scale, shift))?;
                        if pass == TrainingPass::Train {
                            move_running(store, &norm, &batch, all.count(rows), &mut running);
                        }
                        norm::normalise(isa, kept, &batch, other, conv.relu, out);
                        statistics = Some(batch);
                    } else {
                        let bias = conv.bias.map(param);
                        let finish = Finish { bias, residual: other, relu: conv.relu, accumulate: false };
                        let target = Target { output: Shared::of(out), finish, sums: None };
                        call.forward(conv, x, weights, target);
                    }
                }
                Work::Linear(product, epilogue) => {
                    let run = placed.run(epilogue, other, seed);
                    // What goes into a GELU is kept: the product is written there at once.
                    let direct = epilogue.gelu && epilogue.positions.is_none();
                    let residual = run.residual.filter(|_| run.is_sum());
                    let finish = Finish { bias: product.bias.map(param), residual, ..Finish::default() };
                    let output = Shared::of(if direct { &mut *kept } else { &mut *out });
                    let target = Target { output, finish, sums: None };
                    let weights = Source::Once(param(product.weight), &mut scratch.transformed);
                    placed.call(items).forward(product, x, weights, target);
                    if direct {
                        run.apply(Some(kept), out, None);
                    } else if !run.is_sum() {
                        run.apply(None, out, epilogue.gelu.then(|| Shared::of(kept)));
                    }
                }
                Work::Pointwise(epilogue) => {
                    let kept = epilogue.gelu.then(|| Shared::of(kept));
                    placed.run(epilogue, other, seed).apply(Some(x), out, kept);
                }
                Work::LayerNorm { scale, shift, epsilon } => {
                    let norm = placed.layer_norm(*scale, *shift, *epsilon);
                    norm.forward(x, out, Some(Shared::of(kept)));
                }
                Work::Attention(attention) => {
                    attention.forward(isa, x, other, out, Some(Shared::of(kept)));
                }
                Work::MaxPool(pool) => pool.forward(x, out),
                Work::Mean(shape) => pool::mean(*shape, x, out),
            }
            tape.statistics.push(statistics);
        }
        placed.running = running;
        Ok(tape)
    }
}

/// Moves a normalisation's running statistics towards a batch's.
fn move_running(store: &Store, norm: &Norm, batch: &Statistics, rows: usize, running: &mut [f32]) {
    let mut mean = store.exact(running, norm.mean).to_vec();
    batch.update_running(norm.momentum, rows, &mut mean, store.exact_mut(running, norm.variance));
    store.exact_mut(running, norm.mean).copy_from_slice(&mean);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::backend::{BackendSpec, open};
    use crate::net::{Depth, ResNetSpec, Stem};

    /// Another replica with the same values, which is gone at the third meeting.
    #[derive(Default)]
    struct Leaves(AtomicUsize);

    impl AcrossReplicas for Leaves {
        fn replicas(&self) -> usize {
            2
        }

        fn add_up(&self, values: &mut [f64]) -> Result<(), BackendError> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 2 {
                return Err(BackendError::Order("it is gone"));
            }
            for value in values {
                *value *= 2.0;
            }
            Ok(())
        }
    }

    #[test]
    fn a_pass_that_fails_on_its_way_moves_no_running_statistics() {
        let (depth, stem) = (Depth::ResNet18, Stem::Small);
        let graph =
            ResNetSpec { depth, size: 32, channels: 1, classes: 3, width: 0.125, stem }.graph().unwrap();
        let backend = open(&BackendSpec { threads: 1, ..BackendSpec::default() }).unwrap();
        let mut network = backend.training(&graph, &Weights::initial(&graph, 3)).unwrap();
        network.share_statistics(Arc::new(Leaves::default())).unwrap();
        let input: Vec<f32> = (0..4 * graph.input().len()).map(|i| (i as f32 * 0.37).sin()).collect();
        let before = network.read_statistics().unwrap();
        assert!(network.forward(&input, 4, TrainingPass::Train).is_err());
        assert_eq!(network.read_statistics().unwrap(), before);
        assert!(network.state().is_ok());
        network.forward(&input, 4, TrainingPass::Train).unwrap();
        assert_ne!(network.read_statistics().unwrap(), before);
    }
}
