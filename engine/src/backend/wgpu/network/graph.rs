//! A graph made ready for the device: its plan, its parameters, and the passes recorded so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::recording::memory::{Memory, Slice};
use crate::backend::recording::place::Placement;
use crate::backend::recording::recorder::Recorder;
use crate::backend::recording::store::Store;
use crate::backend::recording::walk::{Folds, Pass, Walk};
use crate::backend::wgpu::gpu::Gpu;
use crate::backend::wgpu::program::Program;
use crate::backend::wgpu::view_store::ViewStore;
use crate::backend::{BackendError, ViewBatch};
use crate::net::{Graph, Plan, PlanPurpose, Weights};

/// Programs kept for numbers of items not seen for a while.
const MOST_PROGRAMS: usize = 16;

/// What all networks of a backend share.
pub(in super::super) type Device = (Arc<Gpu>, Arc<Mutex<ViewStore>>);

/// Parameters and running statistics, current or averaged.
pub(super) struct Parameters {
    pub trained: wgpu::Buffer,
    pub running: wgpu::Buffer,
}

/// A pass over a number of items: its dispatches, and where in the arenas its ends lie.
pub(super) struct Recorded {
    pub program: Program,
    input: Slice,
    output: Slice,
    features: Slice,
    /// The gradient of the output, in a plan for training.
    pub d_output: Slice,
}

/// What a pass reads.
#[derive(Clone, Copy)]
pub(super) enum Reads<'a> {
    Values(&'a [f32]),
    Views(&'a ViewBatch),
}

/// Which value a forward pass reads back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Logits,
    Features,
}

/// Buffers that only some passes are bound to.
#[derive(Clone, Copy, Default)]
pub(super) struct Bound<'a> {
    pub folded: Option<&'a wgpu::Buffer>,
    pub gradient: Option<&'a wgpu::Buffer>,
    /// Seeds of the dropouts' masks.
    pub masks: Option<&'a wgpu::Buffer>,
}

/// A graph with its weights.
pub(super) struct Placed {
    pub gpu: Arc<Gpu>,
    /// Shared by all networks; whoever holds it may write and submit.
    pictures: Arc<Mutex<ViewStore>>,
    pub plan: Plan,
    pub purpose: PlanPurpose,
    pub store: Store,
    pub folds: Folds,
    pub current: Parameters,
    /// Of activations: as many as the largest pass so far needs.
    arenas: Vec<wgpu::Buffer>,
    scratch: wgpu::Buffer,
    programs: HashMap<(usize, Pass), Arc<Recorded>>,
    /// What makes views into the input at a place of an arena, for a number of items, and what it was recorded for.
    views: HashMap<(usize, Memory, usize), (u64, Program)>,
}

pub(super) fn values_of(buffer: &wgpu::Buffer) -> usize {
    (buffer.size() / 4) as usize
}

impl Placed {
    pub(super) fn new(
        (gpu, pictures): Device,
        graph: &Graph,
        weights: &Weights,
        purpose: PlanPurpose,
    ) -> Result<Self, BackendError> {
        let plan = Plan::new(graph, purpose)?;
        let store = Store::new(graph, &plan);
        let folds = match purpose {
            PlanPurpose::Inference => Folds::new(&plan, &store, gpu.infers_in_half),
            PlanPurpose::Training => Folds::none(&plan),
        };
        let current = Parameters {
            trained: gpu.buffer("parameters", store.trained_len)?,
            running: gpu.buffer("running statistics", store.running_len)?,
        };
        let (trained, running) = store.pack(weights);
        gpu.write(&current.trained, 0, &trained);
        gpu.write(&current.running, 0, &running);
        let (arenas, scratch) = (vec![], gpu.buffer("scratch", 0)?);
        let (programs, views) = (HashMap::new(), HashMap::new());
        Ok(Self { gpu, pictures, plan, purpose, store, folds, current, arenas, scratch, programs, views })
    }

    /// Takes the memory of a pass over so many items, and says where everything lies in it.
    pub(super) fn reserve(&mut self, items: usize) -> Result<Placement, BackendError> {
        let room = self.gpu.room();
        if self.purpose == PlanPurpose::Training {
            room.check_training(&self.plan, items).map_err(|message| self.gpu.error(message))?;
        }
        let placement = Placement::new(&self.plan, self.purpose, items, room.buffer);
        let mut lens: Vec<usize> = self.arenas.iter().map(values_of).collect();
        let held = lens.clone();
        lens.resize(lens.len().max(placement.arenas.len()), 0);
        lens.iter_mut().zip(&placement.arenas).for_each(|(len, needed)| *len = (*len).max(*needed));
        let grows = |at: &usize| held.get(*at) != lens.get(*at);
        let Some(first) = (0..lens.len()).find(grows) else { return Ok(placement) };
        // Programs are bound to the memory that is replaced here. It may hold a forward pass that waits for its backward
        // pass, whose arenas are as large: it is never those that grow then. What is replaced is given back first, so that
        // both are not there at once.
        self.forget();
        self.arenas.truncate(first);
        self.gpu.settle()?;
        for len in &lens[first..] {
            self.arenas.push(self.gpu.buffer("activations", *len)?);
        }
        Ok(placement)
    }

    /// The buffer that a part of the activations lies in.
    pub(super) fn buffer_of(&self, slice: Slice) -> &wgpu::Buffer {
        let Memory::Arena(which) = slice.memory else { return &self.scratch };
        self.arenas.get(which).unwrap_or(&self.scratch)
    }

    /// A pass over that many items, recorded at its first use.
    pub(super) fn recorded(
        &mut self,
        pass: Pass,
        items: usize,
        bound: Bound<'_>,
    ) -> Result<Arc<Recorded>, BackendError> {
        if let Some(recorded) = self.programs.get(&(items, pass)) {
            return Ok(Arc::clone(recorded));
        }
        let placement = self.reserve(items)?;
        let (last, features) = (self.plan.shapes.len() - 1, self.plan.features);
        let walk =
            Walk { plan: &self.plan, store: &self.store, place: &placement, folds: &self.folds, items };
        let mut recorder = Recorder::new(&self.gpu.terms);
        match pass {
            Pass::Backward(_) => walk.backward(&mut recorder)?,
            _ => walk.forward(&mut recorder, pass)?,
        }
        let recording = recorder.finish();
        // Other programs are bound to the memory that is replaced here.
        if values_of(&self.scratch) < recording.scratch_len() {
            self.programs.clear();
            self.scratch = self.gpu.buffer("scratch", recording.scratch_len())?;
        }
        if self.programs.len() >= MOST_PROGRAMS {
            self.programs.clear();
        }
        let program = Program::new(&self.gpu, recording, |memory| match memory {
            Memory::Values => &self.current.trained,
            Memory::Running => &self.current.running,
            Memory::Arena(which) => self.arenas.get(which).unwrap_or(&self.scratch),
            Memory::Folded => bound.folded.unwrap_or(&self.scratch),
            Memory::Gradient => bound.gradient.unwrap_or(&self.scratch),
            Memory::Masks => bound.masks.unwrap_or(&self.scratch),
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

    /// Forgets what is recorded: buffers that it is bound to were replaced.
    pub(super) fn forget(&mut self) {
        self.programs.clear();
        self.views.clear();
    }

    /// Runs a recorded forward pass and reads one value.
    pub(super) fn run(
        &mut self,
        recorded: &Recorded,
        input: Reads<'_>,
        wanted: Wanted,
    ) -> Result<Vec<f32>, BackendError> {
        match input {
            Reads::Values(values) => {
                self.gpu.write(self.buffer_of(recorded.input), recorded.input.offset, values);
            }
            Reads::Views(batch) => self.make_views(batch, recorded.input)?,
        }
        let mut encoder = self.gpu.encoder();
        recorded.program.encode(&self.gpu, &mut encoder);
        let read = match wanted {
            Wanted::Logits => recorded.output,
            Wanted::Features => recorded.features,
        };
        self.gpu.submit_and_read(encoder, self.buffer_of(read), read.offset, read.len)
    }

    /// Makes views the input of the pass that is submitted next.
    fn make_views(&mut self, batch: &ViewBatch, input: Slice) -> Result<(), BackendError> {
        let (gpu, pictures) = (Arc::clone(&self.gpu), Arc::clone(&self.pictures));
        let mut store = pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(generation) = store.load(&gpu, batch)? else {
            self.gpu.write(self.buffer_of(input), input.offset, &batch.render());
            return Ok(());
        };
        let items = batch.views().len();
        let key = (items, input.memory, input.offset);
        if self.views.get(&key).is_none_or(|(recorded, _)| *recorded != generation) {
            if self.views.len() >= MOST_PROGRAMS {
                self.views.clear();
            }
            let program = store.record(&gpu, batch.contract(), items, (self.buffer_of(input), input))?;
            self.views.insert(key, (generation, program));
        }
        let mut encoder = gpu.encoder();
        if let Some((_, program)) = self.views.get(&key) {
            program.encode(&gpu, &mut encoder);
        }
        gpu.queue.submit([encoder.finish()]);
        Ok(())
    }
}
