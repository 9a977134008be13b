//! A graph on a GPU: what it holds, and how its passes are recorded and run. `parameters` moves whole states between host
//! and device, `fits` says how large a batch may be, `passes` is the trait.

mod fits;
mod parameters;
mod passes;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::change::Changes;
use super::gpu::Gpu;
use super::place::Placement;
use super::program::{Memory, Program, Recorder, Slice};
use super::store::Store;
use super::walk::{Folds, Pass, Walk};
use crate::backend::noise::Stream;
use crate::backend::{BackendError, Mode, Slot, ViewBatch};
use crate::net::{Graph, Op, Plan, PlanPurpose, Weights};

/// Programs kept for numbers of items not seen for a while.
const MOST_PROGRAMS: usize = 16;

/// Parameters and running statistics, current or averaged.
struct Parameters {
    trained: wgpu::Buffer,
    running: wgpu::Buffer,
}

/// A pass over a number of items: its dispatches, and where in the arena its ends lie.
struct Recorded {
    program: Program,
    input: Slice,
    output: Slice,
    features: Slice,
    /// The gradient of the output, in a plan for training.
    d_output: Slice,
}

/// What a pass reads.
#[derive(Clone, Copy)]
enum Reads<'a> {
    Values(&'a [f32]),
    Views(&'a ViewBatch),
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
    programs: HashMap<(usize, Pass), Arc<Recorded>>,
    /// What makes views into the input at a place of the arena, for a number of items, and what it was recorded for.
    views: HashMap<(usize, usize), (u64, Program)>,
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
        let folds = Folds::new(&inference, &store, gpu.infers_in_half);
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
            views: HashMap::new(),
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

    /// A pass over that many items, recorded at its first use.
    fn recorded(&mut self, pass: Pass, items: usize) -> Result<Arc<Recorded>, BackendError> {
        if let Some(recorded) = self.programs.get(&(items, pass)) {
            return Ok(Arc::clone(recorded));
        }
        if pass != Pass::Infer {
            self.check_fits(items)?;
        }
        if let Pass::Backward(slot) = pass {
            let gradient = &mut self.gradients[slot as usize];
            if gradient.is_none() {
                *gradient = Some(self.gpu.buffer("gradient", self.store.trained_len)?);
            }
        }
        let (plan, purpose) = self.plan(pass);
        let placement = Placement::new(plan, purpose, items);
        let (last, features) = (plan.shapes.len() - 1, plan.features);
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
            self.views.clear();
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
            _ => &self.scratch,
        })?;
        let recorded = Arc::new(Recorded {
            program,
            input: placement.value(0),
            output: placement.value(last),
            features: placement.value(features),
            d_output: placement.gradient(last),
        });
        self.programs.insert((items, pass), Arc::clone(&recorded));
        Ok(recorded)
    }

    /// Runs a forward pass and reads one value.
    fn run(
        &mut self,
        input: Reads<'_>,
        items: usize,
        pass: Pass,
        features: bool,
    ) -> Result<Vec<f32>, BackendError> {
        let recorded = self.recorded(pass, items)?;
        match input {
            Reads::Values(values) => self.gpu.write(&self.arena, recorded.input.offset, values),
            Reads::Views(batch) => self.make_views(batch, recorded.input)?,
        }
        if pass == Pass::Train {
            self.write_noise();
        }
        let mut encoder = self.gpu.encoder();
        if pass == Pass::Infer && !self.is_folded {
            self.fold.encode(&self.gpu, &mut encoder);
            self.gpu.queue.submit([encoder.finish()]);
            encoder = self.gpu.encoder();
        }
        recorded.program.encode(&self.gpu, &mut encoder);
        let Slice { offset, len, .. } = if features { recorded.features } else { recorded.output };
        let values = self.gpu.submit_and_read(encoder, &self.arena, offset, len)?;
        self.is_folded |= pass == Pass::Infer;
        Ok(values)
    }

    /// Makes views the input of the pass that is submitted next.
    fn make_views(&mut self, batch: &ViewBatch, input: Slice) -> Result<(), BackendError> {
        let gpu = Arc::clone(&self.gpu);
        let mut store = gpu.views.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(generation) = store.load(&gpu, batch)? else {
            self.gpu.write(&self.arena, input.offset, &batch.render());
            return Ok(());
        };
        let items = batch.views().len();
        let key = (items, input.offset);
        if self.views.get(&key).is_none_or(|(recorded, _)| *recorded != generation) {
            if self.views.len() >= MOST_PROGRAMS {
                self.views.clear();
            }
            let program = store.record(&gpu, batch.contract(), items, (&self.arena, input))?;
            self.views.insert(key, (generation, program));
        }
        let mut encoder = gpu.encoder();
        if let Some((_, program)) = self.views.get(&key) {
            program.encode(&gpu, &mut encoder);
        }
        gpu.queue.submit([encoder.finish()]);
        Ok(())
    }

    /// Inference, in parts where a batch's largest value does not fit a binding.
    fn infer(&mut self, input: Reads<'_>, items: usize, features: bool) -> Result<Vec<f32>, BackendError> {
        let longest = self.inference.shapes.iter().map(|s| s.len()).max().unwrap_or(1);
        let most = (self.gpu.binding_len() / longest).max(1);
        if items <= most {
            return self.run(input, items, Pass::Infer, features);
        }
        let len = self.graph.input().len();
        let mut values = Vec::new();
        for first in (0..items).step_by(most) {
            let end = (first + most).min(items);
            let batch;
            let part = match input {
                Reads::Values(all) => Reads::Values(&all[first * len..end * len]),
                Reads::Views(all) => {
                    batch = all.part(first..end);
                    Reads::Views(&batch)
                }
            };
            values.extend(self.run(part, end - first, Pass::Infer, features)?);
        }
        Ok(values)
    }

    /// A forward pass in a mode, which may be kept.
    fn pass(&mut self, input: Reads<'_>, items: usize, mode: Mode) -> Result<Vec<f32>, BackendError> {
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
