//! A graph made ready for the kernels: its plan, its layers, where its parameters lie and what they are.

use super::super::arena::NOWHERE;
use super::super::buffer::Buffer;
use super::super::call::Call;
use super::super::epilogue::{EpilogueRun, Mask};
use super::super::fixed::Arithmetic;
use super::super::layer::{ConvLayer, Layer, layers};
use super::super::layer_norm::LayerNorm;
use super::super::store::Store;
use super::super::threads::Threads;
use crate::backend::BackendError;
use crate::net::{Epilogue, Graph, ParamId, Plan, PlanPurpose, Region, ValueId, Weights};
use crate::simd::Isa;

/// How a network computes.
#[derive(Clone)]
pub struct Machine {
    pub isa: Isa,
    pub arithmetic: Arithmetic,
    pub threads: Threads,
}

/// A graph with its weights.
pub(super) struct Placed {
    pub machine: Machine,
    pub plan: Plan,
    pub layers: Vec<Layer>,
    pub store: Store,
    /// Trained parameters.
    pub values: Buffer,
    /// Running statistics.
    pub running: Vec<f32>,
}

impl Placed {
    pub(super) fn new(
        machine: Machine,
        graph: &Graph,
        weights: &Weights,
        purpose: PlanPurpose,
    ) -> Result<Self, BackendError> {
        let plan = Plan::new(graph, purpose)?;
        let layers = layers(&plan, purpose);
        let store = Store::new(machine.isa, graph, &layers);
        let mut values = Buffer::zeroed(store.trained_len);
        let mut running = vec![0.0; store.running_len];
        store.pack(weights, values.as_mut_slice(), &mut running);
        Ok(Self { machine, plan, layers, store, values, running })
    }

    pub(super) fn call(&self, items: usize) -> Call {
        let Machine { isa, arithmetic, threads } = &self.machine;
        Call { isa: *isa, threads: threads.count(), items, arithmetic: *arithmetic }
    }

    /// A step's epilogue with what it reads; `seed` is that of its mask where dropout is at work.
    pub(super) fn run<'a>(
        &'a self,
        epilogue: &Epilogue,
        residual: Option<&'a [f32]>,
        seed: Option<u64>,
    ) -> EpilogueRun<'a> {
        EpilogueRun {
            isa: self.machine.isa,
            table: epilogue.positions.map(|table| self.store.exact(self.values.as_slice(), table)),
            gelu: epilogue.gelu,
            mask: seed.zip(epilogue.dropout).map(|(seed, dropout)| Mask::new(seed, dropout)),
            residual,
        }
    }

    /// Place of a value; [`NOWHERE`] of none.
    pub(super) fn value(&self, value: Option<ValueId>) -> Region {
        value.map_or(NOWHERE, |value| self.plan.values[value])
    }

    /// Place of a value's gradient; [`NOWHERE`] of none, and of the network's input, whose gradient nobody asks for.
    pub(super) fn gradient(&self, value: Option<ValueId>) -> Region {
        value.filter(|value| *value != 0).map_or(NOWHERE, |value| self.plan.gradients[value])
    }

    pub(super) fn layer_norm(&self, scale: ParamId, shift: ParamId, epsilon: f32) -> LayerNorm<'_> {
        let get = |param| self.store.exact(self.values.as_slice(), param);
        LayerNorm { isa: self.machine.isa, scale: get(scale), shift: get(shift), epsilon }
    }
}

/// The input as the convolution reads it: in zero-padded frames where it wants them.
pub(super) fn framed<'a>(
    conv: &ConvLayer,
    items: usize,
    input: &'a [f32],
    frames: &'a mut Buffer,
) -> &'a [f32] {
    if !conv.extents.is_framed() {
        return input;
    }
    let len = items * conv.extents.frame().len();
    frames.ensure(len);
    conv.extents.fill_frames(items, input, frames.as_mut_slice());
    &frames.as_slice()[..len]
}
