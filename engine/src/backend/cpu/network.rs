//! A graph on the CPU: walks the plan's layers forward and backward over one arena.

use std::sync::Arc;

use rayon::ThreadPool;

use super::buffer::{Buffer, Shared};
use super::call::{Call, Target, Transformed};
use super::layer::{ConvLayer, Layer, Work, layers};
use super::layer_norm;
use super::matmul::Finish;
use super::norm::{self, Gate, Statistics};
use super::simd::Isa;
use super::store::{Store, blend, dot};
use super::{pointwise, pool};
use crate::backend::{BackendError, Mode, Network, NetworkState, Slot, UpdateRule, Which};
use crate::net::{Graph, Plan, PlanPurpose, Region, Weights};

/// Weights with running statistics folded in, for inference.
struct Folded {
    weights: Buffer,
    bias: Vec<f32>,
    /// The same weights transformed, once a batch has been large enough to want them so.
    transformed: Option<Buffer>,
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
    /// Key of the dropouts' masks.
    noise: u64,
    statistics: Vec<Option<Statistics>>,
}

pub(super) struct CpuNetwork {
    isa: Isa,
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
    /// Key of the dropouts' masks.
    noise: u64,
    gradients: [Option<Buffer>; 2],
    average: Option<Average>,
    folded: Option<Vec<Option<Folded>>>,
    scratch: Scratch,
    tape: Option<Tape>,
}

impl CpuNetwork {
    pub(super) fn new(
        isa: Isa,
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

    /// Runs the fused, folded path; the arena then holds what the plan keeps to the end.
    fn infer(&mut self, input: &[f32], items: usize) {
        let mut all = self.folded.take().unwrap_or_else(|| self.fold());
        let plan = &self.inference;
        self.scratch.arena.ensure(plan.arena_len * items);
        let arena = self.scratch.arena.pointer();
        part(arena, plan.values[0], items).copy_from_slice(input);
        for (layer, folded) in self.layers.iter().zip(&mut all) {
            let x = part(arena, plan.values[layer.input], items);
            let out = part(arena, plan.values[layer.output], items);
            match &layer.work {
                Work::Conv(conv) => {
                    let residual = conv.residual.map(|v| &*part(arena, plan.values[v], items));
                    let (weights, bias, mut transformed) =
                        if let Some(Folded { weights, bias, transformed }) = folded {
                            (weights.as_slice(), Some(bias.as_slice()), Transformed::Kept(transformed))
                        } else {
                            let values = self.values.as_slice();
                            let bias = conv.bias.map(|b| self.store.trained(values, b));
                            let once = Transformed::Once(&mut self.scratch.transformed);
                            (self.store.trained(values, conv.weight), bias, once)
                        };
                    let finish = Finish { bias, residual, relu: conv.relu, accumulate: false };
                    let x = framed(conv, items, x, &mut self.scratch.frames);
                    let call = Call { isa: self.isa, threads: self.threads, items };
                    let target = Target { output: Shared::of(out), finish, sums: None };
                    call.forward(conv, x, weights, target, &mut transformed);
                }
                Work::Dropout { .. } => pointwise::pass(x, out, false),
                _ => self.simple(&layer.work, &self.inference, arena, items, (x, out), None),
            }
        }
        self.folded = Some(all);
    }

    /// A forward step that is no convolution; what it keeps for its backward pass goes to `kept`.
    fn simple(
        &self,
        work: &Work,
        plan: &Plan,
        arena: Shared,
        items: usize,
        (x, out): (&[f32], &mut [f32]),
        kept: Option<&mut [f32]>,
    ) {
        let values = self.values.as_slice();
        match work {
            // Convolutions run where their scratch memory is at hand.
            Work::Conv(_) => {}
            Work::MaxPool(pool) => pool.forward(x, out),
            Work::Mean(shape) => pool::mean(*shape, x, out),
            Work::AddPositions(positions) => pointwise::sum(x, self.store.exact(values, *positions), out),
            Work::LayerNorm { scale, shift, epsilon } => {
                let (scale, shift) = (self.store.exact(values, *scale), self.store.exact(values, *shift));
                let affine = layer_norm::Affine { scale, shift, epsilon: *epsilon };
                layer_norm::forward(self.isa, x, affine, out, kept);
            }
            Work::Attention(attention, presence) => {
                let presence = part(arena, plan.values[*presence], items);
                attention.forward(self.isa, (x, presence), out, kept);
            }
            Work::Gelu => pointwise::gelu(self.isa, x, out),
            Work::Dropout { rate, site } => {
                pointwise::Mask { key: self.noise, site: *site, rate: *rate }.apply(x, out, false);
            }
            Work::Add(other) => pointwise::sum(x, part(arena, plan.values[*other], items), out),
        }
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
            Some(Folded { weights, bias, transformed: None })
        };
        let fold = |layer: &Layer| if let Work::Conv(conv) = &layer.work { fold(conv) } else { None };
        self.layers.iter().map(fold).collect()
    }

    /// Forward with the batch's statistics.
    fn train(&mut self, input: &[f32], items: usize, update_running: bool) -> Tape {
        let plan = &self.training;
        self.scratch.arena.ensure(plan.arena_len * items);
        let arena = self.scratch.arena.pointer();
        let values = self.values.as_slice();
        part(arena, plan.values[0], items).copy_from_slice(input);
        let mut tape = Tape { items, noise: self.noise, statistics: Vec::with_capacity(self.layers.len()) };
        for (t, layer) in self.layers.iter().enumerate() {
            let x = part(arena, plan.values[layer.input], items);
            let out = part(arena, plan.values[layer.output], items);
            let mut statistics = None;
            match &layer.work {
                Work::Conv(conv) => {
                    let call = Call { isa: self.isa, threads: self.threads, items };
                    let residual = conv.residual.map(|v| &*part(arena, plan.values[v], items));
                    let x = framed(conv, items, x, &mut self.scratch.frames);
                    let weights = self.store.trained(values, conv.weight);
                    let mut once = Transformed::Once(&mut self.scratch.transformed);
                    if let Some(norm) = conv.norm {
                        let raw = part(arena, plan.raw[t], items);
                        let rows = items * conv.extents.output.pixels();
                        let padded = conv.extents.output.c.next_multiple_of(self.isa.panel());
                        let blocks = call.sum_blocks(conv);
                        self.scratch.sums.ensure(blocks * 2 * padded);
                        let sums = self.scratch.sums.pointer();
                        let target =
                            Target { output: Shared::of(raw), finish: Finish::default(), sums: Some(sums) };
                        call.forward(conv, x, weights, target, &mut once);
                        let (scale, shift) =
                            (self.store.exact(values, norm.scale), self.store.exact(values, norm.shift));
                        let sums = self.scratch.sums.as_slice();
                        let batch =
                            Statistics::from_sums(sums, blocks, padded, rows, norm.epsilon, scale, shift);
                        if update_running {
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
                        call.forward(conv, x, weights, target, &mut once);
                    }
                }
                work => {
                    let kept = Some(part(arena, plan.raw[t], items)).filter(|kept| !kept.is_empty());
                    self.simple(work, plan, arena, items, (x, out), kept);
                }
            }
            tape.statistics.push(statistics);
        }
        tape
    }

    fn run_backward(&mut self, tape: &Tape, d_logits: &[f32], gradient: &mut Buffer) {
        let (plan, items) = (&self.training, tape.items);
        let arena = self.scratch.arena.pointer();
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
                            let raw = part(arena, plan.raw[t], items);
                            let partial = &mut self.scratch.partial;
                            let channel =
                                norm::backward(self.isa, raw, statistics, gate, d_out, residual, partial);
                            let to = gradient.as_mut_slice();
                            self.store.exact_mut(to, norm.scale).copy_from_slice(&channel.scale);
                            self.store.exact_mut(to, norm.shift).copy_from_slice(&channel.shift);
                        }
                        _ => norm::gate_only(gate, d_out, residual),
                    }
                    if let Some(bias) = conv.bias {
                        let to = self.store.exact_mut(gradient.as_mut_slice(), bias);
                        pointwise::row_sums(d_out, to, &mut self.scratch.partial);
                    }
                    let x = framed(conv, items, x, &mut self.scratch.frames);
                    let to = self.store.exact_mut(gradient.as_mut_slice(), conv.weight);
                    conv.weight_gradient.run(self.isa, items, x, d_out, to, &mut self.scratch.partial);
                    if layer.input != 0 {
                        let weights = self.store.trained(self.values.as_slice(), conv.weight);
                        let call = Call { isa: self.isa, threads: self.threads, items };
                        let scratch = (&mut self.scratch.transposed, &mut self.scratch.transformed);
                        call.input_gradient(conv, d_out, weights, scratch, d_x, layer.adds_to_input);
                    }
                }
                Work::MaxPool(pool) => pool.backward(x, d_out, d_x, layer.adds_to_input),
                Work::Mean(shape) => pool::mean_backward(*shape, d_out, d_x, layer.adds_to_input),
                Work::AddPositions(positions) => {
                    let to = self.store.exact_mut(gradient.as_mut_slice(), *positions);
                    pointwise::row_sums(d_out, to, &mut self.scratch.partial);
                    pointwise::pass(d_out, d_x, layer.adds_to_input);
                }
                Work::LayerNorm { scale, shift, .. } => {
                    let kept = part(arena, plan.raw[t], items);
                    let channels = plan.shapes[layer.output].c;
                    let (mut d_scale, mut d_shift) = (vec![0.0; channels], vec![0.0; channels]);
                    layer_norm::backward(
                        self.isa,
                        (x, kept),
                        self.store.exact(self.values.as_slice(), *scale),
                        d_out,
                        (d_x, layer.adds_to_input),
                        (&mut d_scale, &mut d_shift),
                        &mut self.scratch.partial,
                    );
                    let to = gradient.as_mut_slice();
                    self.store.exact_mut(to, *scale).copy_from_slice(&d_scale);
                    self.store.exact_mut(to, *shift).copy_from_slice(&d_shift);
                }
                Work::Attention(attention, _) => {
                    let kept = part(arena, plan.raw[t], items);
                    attention.backward(self.isa, (x, kept), d_out, d_x, layer.adds_to_input);
                }
                Work::Gelu => pointwise::gelu_backward(self.isa, x, d_out, d_x, layer.adds_to_input),
                Work::Dropout { rate, site } => {
                    let mask = pointwise::Mask { key: tape.noise, site: *site, rate: *rate };
                    mask.apply(d_out, d_x, layer.adds_to_input);
                }
                Work::Add(other) => {
                    pointwise::pass(d_out, d_x, layer.adds_to_input);
                    let d_other = part(arena, plan.gradients[*other], items);
                    pointwise::pass(d_out, d_other, layer.adds_to_residual);
                }
            }
        }
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
        let pool = Arc::clone(&self.threads_pool);
        self.tape = None;
        let plan = match mode {
            Mode::Infer => {
                pool.install(|| self.infer(input, items));
                &self.inference
            }
            Mode::Train => {
                let tape = pool.install(|| self.train(input, items, true));
                self.tape = Some(tape);
                self.folded = None;
                &self.training
            }
            Mode::Probe => {
                pool.install(|| self.train(input, items, false));
                &self.training
            }
        };
        let region = plan.values[plan.shapes.len() - 1];
        Ok(part(self.scratch.arena.pointer(), region, items).to_vec())
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
        let fresh = || Buffer::zeroed(self.store.trained_len);
        let momentum = self.momentum.get_or_insert_with(fresh);
        let pool = &self.threads_pool;
        match *rule {
            UpdateRule::Sgd { .. } => {
                pool.install(|| self.store.sgd(&mut self.values, momentum, gradient, rule));
            }
            UpdateRule::AdamW { .. } => {
                let moments = (momentum, self.second_moment.get_or_insert_with(fresh));
                pool.install(|| self.store.adam_w(&mut self.values, moments, gradient, rule));
            }
        }
        self.folded = None;
        Ok(())
    }

    fn set_noise(&mut self, key: u64) {
        self.noise = key;
    }

    fn track_average(&mut self, decay: f32) {
        let Some(average) = &mut self.average else {
            self.average = Some(Average { trained: self.values.clone(), running: self.running.clone() });
            return;
        };
        self.threads_pool.install(|| {
            blend(average.trained.as_mut_slice(), self.values.as_slice(), decay);
            blend(&mut average.running, &self.running, decay);
        });
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        Ok(self.store.unpack(self.gradient_buffer(slot)?.as_slice(), None))
    }

    fn weights(&self, which: Which) -> Result<Weights, BackendError> {
        match (which, &self.average) {
            (Which::Current, _) => Ok(self.store.unpack(self.values.as_slice(), Some(&self.running))),
            (Which::Average, Some(a)) => Ok(self.store.unpack(a.trained.as_slice(), Some(&a.running))),
            (Which::Average, None) => Err(BackendError::Order("no moving average is tracked")),
        }
    }

    fn state(&self) -> NetworkState {
        NetworkState {
            weights: self.store.unpack(self.values.as_slice(), Some(&self.running)),
            momentum: self
                .momentum
                .as_ref()
                .map(|m| self.store.unpack(m.as_slice(), None))
                .unwrap_or_default(),
            second_moment: self
                .second_moment
                .as_ref()
                .map(|m| self.store.unpack(m.as_slice(), None))
                .unwrap_or_default(),
            average: self.average.as_ref().map(|a| self.store.unpack(a.trained.as_slice(), Some(&a.running))),
        }
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        state.weights.check(&self.graph)?;
        if let Some(average) = &state.average {
            average.check(&self.graph)?;
        }
        for moment in [&state.momentum, &state.second_moment] {
            if !moment.tensors.is_empty() {
                self.store.check_trained(moment)?;
            }
        }
        self.store.pack(&state.weights, self.values.as_mut_slice(), &mut self.running);
        let moment = |weights: &Weights| {
            let mut moment = Buffer::zeroed(self.store.trained_len);
            self.store.pack_trained(weights, moment.as_mut_slice());
            moment
        };
        let (first, second) = (&state.momentum, &state.second_moment);
        self.momentum = (!first.tensors.is_empty()).then(|| moment(first));
        self.second_moment = (!second.tensors.is_empty()).then(|| moment(second));
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
