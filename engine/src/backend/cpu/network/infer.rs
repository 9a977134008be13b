//! The fused path: running statistics folded into weights, nothing kept.

use super::super::arena::Arena;
use super::super::buffer::{Buffer, Shared};
use super::super::call::{Source, Target};
use super::super::layer::Work;
use super::super::matmul::Finish;
use super::super::pool;
use super::folded::Folded;
use super::graph::{Machine, Placed, framed};
use crate::backend::{BackendError, InferenceDevice};
use crate::net::{Graph, PlanPurpose, Region, Weights};

/// Memory reused from call to call.
#[derive(Default)]
struct Scratch {
    arena: Buffer,
    frames: Buffer,
    transformed: Buffer,
}

/// A network that answers: folded weights and what is not folded, and nothing else.
pub struct CpuInference {
    placed: Placed,
    folded: Vec<Option<Folded>>,
    scratch: Scratch,
}

impl CpuInference {
    pub(in super::super) fn new(
        machine: Machine,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let mut placed = Placed::new(machine, graph, weights, PlanPurpose::Inference)?;
        let threads = placed.machine.threads.clone();
        let folded = threads.install(|| placed.fold());
        Ok(Self { placed, folded, scratch: Scratch::default() })
    }

    /// One of the values that the plan keeps to the end.
    fn value(&mut self, input: &[f32], items: usize, region: Region) -> Vec<f32> {
        let threads = self.placed.machine.threads.clone();
        threads.install(|| self.infer(input, items));
        Arena::new(&mut self.scratch.arena, self.placed.plan.arena_len, items).read(region).to_vec()
    }

    /// Runs the fused, folded path; the arena then holds what the plan keeps to the end.
    fn infer(&mut self, input: &[f32], items: usize) {
        let Self { placed, folded, scratch: Scratch { arena, frames, transformed } } = self;
        let plan = &placed.plan;
        let values = placed.values.as_slice();
        let mut arena = Arena::new(arena, plan.arena_len, items);
        arena.write(plan.values[0]).copy_from_slice(input);
        for (layer, folded) in placed.layers.iter().zip(folded) {
            let added = layer.work.added();
            let ([out], [x, other]) =
                arena.split([plan.values[layer.output]], [plan.values[layer.input], placed.value(added)]);
            let other = added.map(|_| other);
            match &layer.work {
                Work::Conv(conv) => {
                    let (weights, bias) = if let Some(Folded { weights, bias }) = folded {
                        (Source::Kept(weights), Some(bias.as_slice()))
                    } else {
                        let bias = conv.bias.map(|b| placed.store.trained(values, b));
                        let packed = placed.store.trained(values, conv.weight);
                        (Source::Once(packed, &mut *transformed), bias)
                    };
                    let finish = Finish { bias, residual: other, relu: conv.relu, accumulate: false };
                    let x = framed(conv, items, x, frames);
                    let target = Target { output: Shared::of(out), finish, sums: None };
                    placed.call(items).forward(conv, x, weights, target);
                }
                Work::Linear(product, epilogue) => {
                    let run = placed.run(epilogue, other, None);
                    let residual = run.residual.filter(|_| run.is_sum());
                    let bias = product.bias.map(|b| placed.store.trained(values, b));
                    let finish = Finish { bias, residual, ..Finish::default() };
                    let target = Target { output: Shared::of(out), finish, sums: None };
                    let weights = placed.store.trained(values, product.weight);
                    let weights = Source::Once(weights, &mut *transformed);
                    placed.call(items).forward(product, x, weights, target);
                    if !run.is_sum() {
                        run.apply(None, out, None);
                    }
                }
                Work::Pointwise(epilogue) => placed.run(epilogue, other, None).apply(Some(x), out, None),
                Work::LayerNorm { scale, shift, epsilon } => {
                    placed.layer_norm(*scale, *shift, *epsilon).forward(x, out, None);
                }
                Work::Attention(attention) => attention.forward(placed.machine.isa, x, other, out, None),
                Work::MaxPool(pool) => pool.forward(x, out),
                Work::Mean(shape) => pool::mean(*shape, x, out),
            }
        }
    }
}

impl InferenceDevice for CpuInference {
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        let plan = &self.placed.plan;
        let region = plan.values[plan.shapes.len() - 1];
        Ok(self.value(input, items, region))
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        let plan = &self.placed.plan;
        let region = plan.values[plan.features];
        Ok(self.value(input, items, region))
    }
}
