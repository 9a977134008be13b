//! A graph on the CPU: what it holds, and its place behind the trait. `infer` and `train` walk the plan's layers over
//! one arena.

mod infer;
mod train;

use std::sync::Arc;

use rayon::ThreadPool;

use super::adamw::AdamW;
use super::buffer::{Buffer, Shared};
use super::call::{Call, KeptWeights};
use super::epilogue::{EpilogueRun, Mask};
use super::fixed::Arithmetic;
use super::layer::{ConvLayer, Layer, layers};
use super::norm::Statistics;
use super::store::{Sgd, Store, blend, dot};
use crate::backend::{BackendError, Mode, Network, NetworkState, Slot, UpdateRule, WeightSet};
use crate::net::{Epilogue, Graph, Plan, PlanPurpose, Region, Weights};
use crate::simd::Isa;

/// Weights with running statistics folded in, for inference.
struct Folded {
    weights: KeptWeights,
    bias: Vec<f32>,
}

/// A moving average of parameters and running statistics.
struct Average {
    trained: Buffer,
    running: Vec<f32>,
}

/// Memory reused from call to call.
#[derive(Default)]
struct Scratch {
    arena: Buffer,
    frames: Buffer,
    sums: Buffer,
    transposed: Buffer,
    transformed: Buffer,
    partial: Buffer,
}

/// What the backward pass needs beside the arena.
struct Tape {
    items: usize,
    /// Key of the masks, where dropout was at work.
    noise: Option<u64>,
    statistics: Vec<Option<Statistics>>,
}

pub(super) struct CpuNetwork {
    isa: Isa,
    arithmetic: Arithmetic,
    threads: usize,
    threads_pool: Arc<ThreadPool>,
    graph: Graph,
    inference: Plan,
    training: Plan,
    layers: Vec<Layer>,
    store: Store,
    values: Buffer,
    running: Vec<f32>,
    momentum: Option<Buffer>,
    second_moment: Option<Buffer>,
    noise: u64,
    gradients: [Option<Buffer>; 2],
    average: Option<Average>,
    folded: Option<Vec<Option<Folded>>>,
    scratch: Scratch,
    tape: Option<Tape>,
    /// Whether only what inference needs is left.
    frozen: bool,
}

impl CpuNetwork {
    pub(super) fn new(
        (isa, arithmetic): (Isa, Arithmetic),
        threads_pool: Arc<ThreadPool>,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        weights.check(graph)?;
        let inference = Plan::new(graph, PlanPurpose::Inference)?;
        let training = Plan::new(graph, PlanPurpose::Training)?;
        let layers = layers(&training);
        let store = Store::new(isa, graph, &layers);
        let mut values = Buffer::zeroed(store.trained_len);
        let mut running = vec![0.0; store.running_len];
        store.pack(weights, values.as_mut_slice(), &mut running);
        Ok(Self {
            isa,
            arithmetic,
            threads: threads_pool.current_num_threads(),
            threads_pool,
            graph: graph.clone(),
            inference,
            training,
            layers,
            store,
            values,
            running,
            momentum: None,
            second_moment: None,
            noise: 0,
            gradients: [None, None],
            average: None,
            folded: None,
            scratch: Scratch::default(),
            tape: None,
            frozen: false,
        })
    }

    fn check_input(&self, input: &[f32], items: usize) -> Result<(), BackendError> {
        let shape = self.graph.input();
        let expected = shape.len() * items;
        if items == 0 || input.len() != expected {
            let shape = format!("{items} items of {shape}");
            return Err(BackendError::Length { what: "network input", expected, shape, got: input.len() });
        }
        Ok(())
    }

    fn gradient_buffer(&self, slot: Slot) -> Result<&Buffer, BackendError> {
        self.gradients[slot as usize].as_ref().ok_or(BackendError::Order("this slot holds no gradient yet"))
    }

    fn call(&self, items: usize) -> Call {
        Call { isa: self.isa, threads: self.threads, items, arithmetic: self.arithmetic }
    }

    /// A step's epilogue with what it reads; `noise` is the key of its mask where dropout is at work.
    fn run<'a>(
        &'a self,
        plan: &Plan,
        epilogue: &Epilogue,
        (arena, items): (Shared, usize),
        noise: Option<u64>,
    ) -> EpilogueRun<'a> {
        EpilogueRun {
            isa: self.isa,
            table: epilogue.positions.map(|table| self.store.exact(self.values.as_slice(), table)),
            gelu: epilogue.gelu,
            mask: noise.zip(epilogue.dropout).map(|(key, dropout)| Mask::new(key, dropout)),
            residual: epilogue.residual.map(|v| &*part(arena, plan.values[v], items)),
        }
    }

    fn check_thawed(&self) -> Result<(), BackendError> {
        if self.frozen {
            return Err(BackendError::Order("the network is frozen: it only infers"));
        }
        Ok(())
    }

    fn invalidate(&mut self) {
        self.folded = None;
        self.tape = None;
    }
}

/// A buffer of the arena.
///
/// The plan gives buffers that are in use together disjoint places, and a call holds the network exclusively.
fn part<'a>(arena: Shared, region: Region, items: usize) -> &'a mut [f32] {
    // SAFETY: the arena holds `arena_len * items` values and the plan's regions lie within; see above for aliasing.
    unsafe { arena.slice(region.offset * items, region.len * items) }
}

/// The input as the convolution reads it: in zero-padded frames where it wants them.
fn framed<'a>(conv: &ConvLayer, items: usize, input: &'a [f32], frames: &'a mut Buffer) -> &'a [f32] {
    if !conv.extents.is_framed() {
        return input;
    }
    let len = items * conv.extents.frame().len();
    frames.ensure(len);
    conv.extents.fill_frames(items, input, frames.as_mut_slice());
    &frames.as_slice()[..len]
}

impl Network for CpuNetwork {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn forward(&mut self, input: &[f32], items: usize, mode: Mode) -> Result<Vec<f32>, BackendError> {
        self.check_input(input, items)?;
        if mode != Mode::Infer {
            self.check_thawed()?;
        }
        let pool = Arc::clone(&self.threads_pool);
        self.tape = None;
        let plan = match mode {
            Mode::Infer => {
                pool.install(|| self.infer(input, items));
                &self.inference
            }
            Mode::Train => {
                let tape = pool.install(|| self.train(input, items, Mode::Train));
                self.tape = Some(tape);
                self.folded = None;
                &self.training
            }
            Mode::Probe => {
                pool.install(|| self.train(input, items, Mode::Probe));
                &self.training
            }
        };
        let region = plan.values[plan.shapes.len() - 1];
        Ok(part(self.scratch.arena.pointer(), region, items).to_vec())
    }

    fn set_dropout_seed(&mut self, key: u64) {
        self.noise = key;
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.check_input(input, items)?;
        self.tape = None;
        let pool = Arc::clone(&self.threads_pool);
        pool.install(|| self.infer(input, items));
        let region = self.inference.values[self.inference.features];
        Ok(part(self.scratch.arena.pointer(), region, items).to_vec())
    }

    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let Some(tape) = self.tape.take() else {
            return Err(BackendError::Order("backward needs a forward pass in Mode::Train just before it"));
        };
        let output = self.graph.output();
        let expected = tape.items * output.len();
        if d_logits.len() != expected {
            let shape = format!("{} items of {output}", tape.items);
            return Err(BackendError::Length {
                what: "gradient of logits",
                expected,
                shape,
                got: d_logits.len(),
            });
        }
        let mut gradient =
            self.gradients[slot as usize].take().unwrap_or_else(|| Buffer::zeroed(self.store.trained_len));
        let pool = Arc::clone(&self.threads_pool);
        pool.install(|| self.run_backward(&tape, d_logits, &mut gradient));
        self.gradients[slot as usize] = Some(gradient);
        Ok(())
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        let (a, b) = (self.gradient_buffer(a)?, self.gradient_buffer(b)?);
        Ok(self.threads_pool.install(|| dot(a.as_slice(), b.as_slice())))
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        let Some(gradient) = &self.gradients[slot as usize] else {
            return Err(BackendError::Order("this slot holds no gradient yet"));
        };
        let zeros = || Buffer::zeroed(self.store.trained_len);
        let first = self.momentum.get_or_insert_with(zeros);
        match *rule {
            UpdateRule::Sgd { learning_rate, momentum, weight_decay, scale } => {
                let rule = Sgd { learning_rate, momentum, weight_decay, scale };
                self.threads_pool.install(|| self.store.sgd(&mut self.values, first, gradient, &rule));
            }
            UpdateRule::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step } => {
                let rule = AdamW::new(learning_rate, (beta1, beta2), epsilon, weight_decay, scale, step);
                let second = self.second_moment.get_or_insert_with(zeros);
                self.threads_pool
                    .install(|| self.store.adamw(&mut self.values, (first, second), gradient, rule));
            }
        }
        self.folded = None;
        Ok(())
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.check_thawed()?;
        let Some(average) = &mut self.average else {
            self.average = Some(Average { trained: self.values.clone(), running: self.running.clone() });
            return Ok(());
        };
        self.threads_pool.install(|| {
            blend(average.trained.as_mut_slice(), self.values.as_slice(), decay);
            blend(&mut average.running, &self.running, decay);
        });
        Ok(())
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        Ok(self.store.unpack(self.gradient_buffer(slot)?.as_slice(), None))
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        self.check_thawed()?;
        match (which, &self.average) {
            (WeightSet::Current, _) => Ok(self.store.unpack(self.values.as_slice(), Some(&self.running))),
            (WeightSet::Ema, Some(a)) => Ok(self.store.unpack(a.trained.as_slice(), Some(&a.running))),
            (WeightSet::Ema, None) => Err(BackendError::Order("no moving average is tracked")),
        }
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        self.check_thawed()?;
        let moments = |moments: &Option<Buffer>| {
            moments.as_ref().map(|m| self.store.unpack(m.as_slice(), None)).unwrap_or_default()
        };
        Ok(NetworkState {
            weights: self.store.unpack(self.values.as_slice(), Some(&self.running)),
            momentum: moments(&self.momentum),
            second_moment: moments(&self.second_moment),
            average: self.average.as_ref().map(|a| self.store.unpack(a.trained.as_slice(), Some(&a.running))),
        })
    }

    fn freeze(&mut self) {
        self.keep_for_inference();
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        self.check_thawed()?;
        state.weights.check(&self.graph)?;
        if let Some(average) = &state.average {
            average.check(&self.graph)?;
        }
        let given = |moments: &Weights| !moments.tensors.is_empty();
        for moments in [&state.momentum, &state.second_moment].into_iter().filter(|m| given(m)) {
            moments.check_trained(&self.graph)?;
        }
        self.store.pack(&state.weights, self.values.as_mut_slice(), &mut self.running);
        let packed = |moments: &Weights| {
            given(moments).then(|| {
                let mut buffer = Buffer::zeroed(self.store.trained_len);
                self.store.pack_trained(moments, buffer.as_mut_slice());
                buffer
            })
        };
        (self.momentum, self.second_moment) = (packed(&state.momentum), packed(&state.second_moment));
        self.average = state.average.as_ref().map(|weights| {
            let mut trained = Buffer::zeroed(self.store.trained_len);
            let mut running = vec![0.0; self.store.running_len];
            self.store.pack(weights, trained.as_mut_slice(), &mut running);
            Average { trained, running }
        });
        self.gradients = [None, None];
        self.invalidate();
        Ok(())
    }
}
