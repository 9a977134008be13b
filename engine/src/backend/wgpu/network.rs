//! A graph on a GPU: what it holds, and its place behind the trait.

use std::collections::HashMap;
use std::sync::Arc;

use super::change::{Change, Changes, Moments};
use super::gpu::Gpu;
use super::place::Placement;
use super::program::{Memory, Program, Recorder, Slice};
use super::store::Store;
use super::walk::{Folds, Pass, Walk};
use crate::backend::noise::Stream;
use crate::backend::{BackendError, Mode, Network, NetworkState, Slot, UpdateRule, Which};
use crate::net::{Graph, Op, Plan, PlanPurpose, Weights};

/// Programs kept for numbers of items not seen for a while.
const MOST_PROGRAMS: usize = 16;

/// Parameters and running statistics, current or averaged.
struct Parameters {
    trained: wgpu::Buffer,
    running: wgpu::Buffer,
}

pub(super) struct WgpuNetwork {
    gpu: Arc<Gpu>,
    graph: Graph,
    inference: Plan,
    training: Plan,
    store: Store,
    folds: Folds,
    current: Parameters,
    average: Option<Parameters>,
    momentum: Option<wgpu::Buffer>,
    second_moment: Option<wgpu::Buffer>,
    gradients: [Option<wgpu::Buffer>; 2],
    folded: wgpu::Buffer,
    fold: Program,
    is_folded: bool,
    changes: Changes,
    noise: wgpu::Buffer,
    noise_key: u64,
    dropouts: Vec<u32>,
    arena: wgpu::Buffer,
    scratch: wgpu::Buffer,
    programs: HashMap<(usize, Pass), Program>,
    /// Items of the forward pass whose activations are kept.
    tape: Option<usize>,
}

fn values_of(buffer: &wgpu::Buffer) -> usize {
    (buffer.size() / 4) as usize
}

impl WgpuNetwork {
    pub(super) fn new(gpu: Arc<Gpu>, graph: &Graph, weights: &Weights) -> Result<Self, BackendError> {
        weights.check(graph)?;
        let inference = Plan::new(graph, PlanPurpose::Inference)?;
        let training = Plan::new(graph, PlanPurpose::Training)?;
        let store = Store::new(graph, &training);
        let folds = Folds::new(&inference, &store);
        let current = Parameters {
            trained: gpu.buffer("parameters", store.trained_len)?,
            running: gpu.buffer("running statistics", store.running_len)?,
        };
        let (trained, running) = store.pack(weights);
        gpu.write(&current.trained, 0, &trained);
        gpu.write(&current.running, 0, &running);
        let folded = gpu.buffer("folded weights", folds.len)?;
        let mut recorder = Recorder::new(&gpu);
        folds.record(&mut recorder, &inference, &store)?;
        let fold = recorder.finish(|memory| match memory {
            Memory::Values => &current.trained,
            Memory::Running => &current.running,
            _ => &folded,
        })?;
        let dropouts: Vec<u32> = graph
            .nodes
            .iter()
            .filter_map(|node| if let Op::Dropout { index, .. } = node.op { Some(index) } else { None })
            .collect();
        let most = dropouts.iter().max().map_or(0, |m| *m as usize + 1);
        Ok(Self {
            noise: gpu.buffer("noise", 2 * most)?,
            arena: gpu.buffer("activations", 0)?,
            scratch: gpu.buffer("scratch", 0)?,
            graph: graph.clone(),
            inference,
            training,
            store,
            folds,
            current,
            average: None,
            momentum: None,
            second_moment: None,
            gradients: [None, None],
            folded,
            fold,
            is_folded: false,
            changes: Changes::new(&gpu)?,
            noise_key: 0,
            dropouts,
            programs: HashMap::new(),
            tape: None,
            gpu,
        })
    }

    fn plan(&self, pass: Pass) -> (&Plan, PlanPurpose) {
        match pass {
            Pass::Infer => (&self.inference, PlanPurpose::Inference),
            _ => (&self.training, PlanPurpose::Training),
        }
    }

    fn placement(&self, pass: Pass, items: usize) -> Placement {
        let (plan, purpose) = self.plan(pass);
        Placement::new(plan, purpose, items)
    }

    /// Makes sure that a pass over that many items is recorded.
    fn prepare(&mut self, pass: Pass, items: usize) -> Result<(), BackendError> {
        if self.programs.contains_key(&(items, pass)) {
            return Ok(());
        }
        if let Pass::Backward(slot) = pass {
            let gradient = &mut self.gradients[slot as usize];
            if gradient.is_none() {
                *gradient = Some(self.gpu.buffer("gradient", self.store.trained_len)?);
            }
        }
        let placement = self.placement(pass, items);
        let (plan, _) = self.plan(pass);
        let walk = Walk { plan, store: &self.store, place: &placement, folds: &self.folds, items };
        let gpu = Arc::clone(&self.gpu);
        let mut recorder = Recorder::new(&gpu);
        match pass {
            Pass::Backward(_) => walk.backward(&mut recorder)?,
            _ => walk.forward(&mut recorder, pass)?,
        }
        // Other programs are bound to the memory that is replaced here. The arena may hold a forward pass that waits for
        // its backward pass, whose arena is as large: it is never the one that grows then.
        if values_of(&self.arena) < placement.len {
            self.programs.clear();
            self.arena = self.gpu.buffer("activations", placement.len)?;
        }
        if values_of(&self.scratch) < recorder.scratch_len() {
            self.programs.clear();
            self.scratch = self.gpu.buffer("scratch", recorder.scratch_len())?;
        }
        if self.programs.len() >= MOST_PROGRAMS {
            self.programs.clear();
        }
        let gradient = match pass {
            Pass::Backward(slot) => self.gradients[slot as usize].as_ref(),
            _ => None,
        };
        let program = recorder.finish(|memory| match memory {
            Memory::Values => &self.current.trained,
            Memory::Running => &self.current.running,
            Memory::Folded => &self.folded,
            Memory::Arena => &self.arena,
            Memory::Gradient => gradient.unwrap_or(&self.scratch),
            Memory::Noise => &self.noise,
            Memory::Scratch | Memory::Unread | Memory::Unwritten => &self.scratch,
        })?;
        self.programs.insert((items, pass), program);
        Ok(())
    }

    /// Runs a forward pass and reads one value.
    fn run(
        &mut self,
        input: &[f32],
        items: usize,
        pass: Pass,
        features: bool,
    ) -> Result<Vec<f32>, BackendError> {
        self.prepare(pass, items)?;
        let placement = self.placement(pass, items);
        let (plan, _) = self.plan(pass);
        let value = if features { plan.features } else { plan.shapes.len() - 1 };
        self.gpu.write(&self.arena, placement.value(0).offset, input);
        if pass == Pass::Train {
            self.write_noise();
        }
        let mut encoder = self.gpu.encoder();
        if pass == Pass::Infer && !self.is_folded {
            self.fold.encode(&self.gpu, &mut encoder);
            self.gpu.queue.submit([encoder.finish()]);
            encoder = self.gpu.encoder();
        }
        if let Some(program) = self.programs.get(&(items, pass)) {
            program.encode(&self.gpu, &mut encoder);
        }
        let Slice { offset, len, .. } = placement.value(value);
        let values = self.gpu.submit_and_read(encoder, &self.arena, offset, len)?;
        self.is_folded |= pass == Pass::Infer;
        Ok(values)
    }

    /// Inference, in parts where a batch's largest value does not fit a binding.
    fn infer(&mut self, input: &[f32], items: usize, features: bool) -> Result<Vec<f32>, BackendError> {
        let longest = self.inference.shapes.iter().map(|s| s.len()).max().unwrap_or(1);
        let most = (self.gpu.binding_len() / longest).max(1);
        if items <= most {
            return self.run(input, items, Pass::Infer, features);
        }
        let mut values = Vec::new();
        for part in input.chunks(most * self.graph.input().len()) {
            values.extend(self.run(part, part.len() / self.graph.input().len(), Pass::Infer, features)?);
        }
        Ok(values)
    }

    fn write_noise(&self) {
        let mut words = vec![0u32; values_of(&self.noise)];
        for &index in &self.dropouts {
            let stream = Stream::new(self.noise_key, index);
            words[2 * index as usize] = stream.first;
            words[2 * index as usize + 1] = stream.second;
        }
        self.gpu.queue.write_buffer(&self.noise, 0, bytemuck::cast_slice(&words));
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

    fn gradient_buffer(&self, slot: Slot) -> Result<&wgpu::Buffer, BackendError> {
        self.gradients[slot as usize].as_ref().ok_or(BackendError::Order("this slot holds no gradient yet"))
    }
}

impl WgpuNetwork {
    /// Both moments' buffers, made where they are missing.
    fn moments(&mut self, second: bool) -> Result<(), BackendError> {
        let len = self.store.trained_len;
        if self.momentum.is_none() {
            self.momentum = Some(self.gpu.buffer("momentum", len)?);
        }
        if second && self.second_moment.is_none() {
            self.second_moment = Some(self.gpu.buffer("second moment", len)?);
        }
        Ok(())
    }

    fn read_parameters(&self, parameters: &Parameters) -> Result<Weights, BackendError> {
        let trained = self.gpu.read(&parameters.trained, self.store.trained_len)?;
        let running = self.gpu.read(&parameters.running, self.store.running_len)?;
        Ok(self.store.unpack(&trained, Some(&running)))
    }

    fn read_trained(&self, buffer: &wgpu::Buffer) -> Result<Weights, BackendError> {
        Ok(self.store.unpack(&self.gpu.read(buffer, self.store.trained_len)?, None))
    }

    fn write_parameters(&self, weights: &Weights, to: &Parameters) {
        let (trained, running) = self.store.pack(weights);
        self.gpu.write(&to.trained, 0, &trained);
        self.gpu.write(&to.running, 0, &running);
    }

    fn new_parameters(&self) -> Result<Parameters, BackendError> {
        Ok(Parameters {
            trained: self.gpu.buffer("average of parameters", self.store.trained_len)?,
            running: self.gpu.buffer("average of running statistics", self.store.running_len)?,
        })
    }

    /// A buffer with what `moments` holds; `None` where it holds nothing.
    fn written(&self, moments: &Weights) -> Result<Option<wgpu::Buffer>, BackendError> {
        if moments.tensors.is_empty() {
            return Ok(None);
        }
        let buffer = self.gpu.buffer("moments", self.store.trained_len)?;
        self.gpu.write(&buffer, 0, &self.store.pack(moments).0);
        Ok(Some(buffer))
    }
}

impl Network for WgpuNetwork {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn forward(&mut self, input: &[f32], items: usize, mode: Mode) -> Result<Vec<f32>, BackendError> {
        self.check_input(input, items)?;
        self.tape = None;
        match mode {
            Mode::Infer => self.infer(input, items, false),
            Mode::Probe => self.run(input, items, Pass::Probe, false),
            Mode::Train => {
                let logits = self.run(input, items, Pass::Train, false)?;
                self.tape = Some(items);
                self.is_folded = false;
                Ok(logits)
            }
        }
    }

    fn set_noise(&mut self, key: u64) {
        self.noise_key = key;
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.check_input(input, items)?;
        self.tape = None;
        self.infer(input, items, true)
    }

    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let Some(items) = self.tape.take() else {
            return Err(BackendError::Order("backward needs a forward pass in Mode::Train just before it"));
        };
        let output = self.graph.output();
        let expected = items * output.len();
        if d_logits.len() != expected {
            let (shape, got) = (format!("{items} items of {output}"), d_logits.len());
            return Err(BackendError::Length { what: "gradient of logits", expected, shape, got });
        }
        let pass = Pass::Backward(slot);
        self.prepare(pass, items)?;
        let last = self.placement(pass, items).gradient(self.training.shapes.len() - 1);
        self.gpu.write(&self.arena, last.offset, d_logits);
        let mut encoder = self.gpu.encoder();
        if let Some(program) = self.programs.get(&(items, pass)) {
            program.encode(&self.gpu, &mut encoder);
        }
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.check()
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        let buffers = (self.gradient_buffer(a)?, self.gradient_buffer(b)?);
        self.changes.dot(&self.gpu, (a, b), buffers, self.store.trained_len)
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        self.gradient_buffer(slot)?;
        let change = Change::of(rule);
        self.moments(change.has_second_moment())?;
        let Some(gradient) = &self.gradients[slot as usize] else {
            return Err(BackendError::Order("this slot holds no gradient yet"));
        };
        let moments = Moments {
            values: &self.current.trained,
            gradient,
            first: self.momentum.as_ref(),
            second: self.second_moment.as_ref(),
        };
        self.changes.update(&self.gpu, (slot, change), &moments, &self.store)?;
        self.is_folded = false;
        Ok(())
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        let Some(average) = &self.average else {
            let average = self.new_parameters()?;
            let mut encoder = self.gpu.encoder();
            encoder.copy_buffer_to_buffer(&self.current.trained, 0, &average.trained, 0, None);
            encoder.copy_buffer_to_buffer(&self.current.running, 0, &average.running, 0, None);
            self.gpu.queue.submit([encoder.finish()]);
            self.average = Some(average);
            return self.gpu.check();
        };
        let pairs = [
            (&self.current.trained, &average.trained, self.store.trained_len),
            (&self.current.running, &average.running, self.store.running_len),
        ];
        self.changes.average(&self.gpu, decay, pairs)
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        self.read_trained(self.gradient_buffer(slot)?)
    }

    fn weights(&self, which: Which) -> Result<Weights, BackendError> {
        match (which, &self.average) {
            (Which::Current, _) => self.read_parameters(&self.current),
            (Which::Average, Some(average)) => self.read_parameters(average),
            (Which::Average, None) => Err(BackendError::Order("no moving average is tracked")),
        }
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        let moments = |buffer: &Option<wgpu::Buffer>| {
            buffer.as_ref().map_or_else(|| Ok(Weights::default()), |b| self.read_trained(b))
        };
        Ok(NetworkState {
            weights: self.read_parameters(&self.current)?,
            momentum: moments(&self.momentum)?,
            second_moment: moments(&self.second_moment)?,
            average: self.average.as_ref().map(|a| self.read_parameters(a)).transpose()?,
        })
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        state.weights.check(&self.graph)?;
        if let Some(average) = &state.average {
            average.check(&self.graph)?;
        }
        for moments in [&state.momentum, &state.second_moment].into_iter().filter(|m| !m.tensors.is_empty()) {
            moments.check_trained(&self.graph)?;
        }
        let average = match &state.average {
            Some(weights) => {
                let average = self.new_parameters()?;
                self.write_parameters(weights, &average);
                Some(average)
            }
            None => None,
        };
        let moments = (self.written(&state.momentum)?, self.written(&state.second_moment)?);
        self.write_parameters(&state.weights, &self.current);
        self.average = average;
        (self.momentum, self.second_moment) = moments;
        self.gradients = [None, None];
        self.programs.clear();
        self.changes.forget();
        self.is_folded = false;
        self.tape = None;
        self.gpu.check()
    }
}
