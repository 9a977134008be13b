//! What changes or compares whole buffers of parameters: update rules, the moving average, dot products. Each is recorded
//! once; a call writes its constants and submits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use affekt_shaders as shaders;
use affekt_shaders::{UpdateLanesUniform, UpdateUniform};

use super::gpu::Gpu;
use super::program::Program;
use crate::backend::recording::memory::{Memory, Slice};
use crate::backend::recording::recorder::{Recorder, value_groups};
use crate::backend::recording::store::Store;
use crate::backend::{BackendError, Slot, UpdateRule};

/// Values of one workgroup of `dot.wgsl`.
const DOT_BLOCK: usize = 1 << 14;

/// An update rule's constants as the shader takes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constants {
    entry: &'static str,
    uniform: UpdateUniform,
}

impl Constants {
    pub(super) fn of(rule: &UpdateRule) -> Self {
        match *rule {
            UpdateRule::Sgd { learning_rate, momentum, weight_decay, scale } => Self {
                entry: "sgd",
                uniform: UpdateUniform {
                    first_decay: momentum,
                    scale,
                    weight_decay,
                    learning_rate,
                    ..UpdateUniform::default()
                },
            },
            UpdateRule::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step } => {
                let unbias = |beta: f32| 1.0 - f64::from(beta).powf(step.max(1) as f64);
                Self {
                    entry: "adamw",
                    uniform: UpdateUniform {
                        first_decay: beta1,
                        second_decay: beta2,
                        scale,
                        weight_decay: learning_rate * weight_decay,
                        learning_rate: (f64::from(learning_rate) / unbias(beta1)) as f32,
                        correction: (1.0 / unbias(beta2).sqrt()) as f32,
                        epsilon,
                        ..UpdateUniform::default()
                    },
                }
            }
        }
    }

    pub(super) fn has_second_moment(&self) -> bool {
        self.entry == "adamw"
    }
}

/// The buffers of an update.
pub(super) struct Moments<'a> {
    pub values: &'a wgpu::Buffer,
    pub gradient: &'a wgpu::Buffer,
    pub first: Option<&'a wgpu::Buffer>,
    pub second: Option<&'a wgpu::Buffer>,
}

/// A program with, for each dispatch, its number of values and whether they decay.
struct Recorded {
    program: Program,
    parts: Vec<(usize, bool)>,
}

/// Programs made so far.
pub(super) struct Optimiser {
    updates: HashMap<(Slot, &'static str), Recorded>,
    averages: HashMap<usize, Recorded>,
    sums_of_parts: HashMap<Slot, Recorded>,
    dots: Mutex<HashMap<(Slot, Slot), (Program, usize)>>,
    sums: wgpu::Buffer,
}

/// A range in pieces that a binding can hold.
fn pieces(gpu: &Gpu, range: std::ops::Range<usize>) -> impl Iterator<Item = (usize, usize)> + use<> {
    let most = gpu.binding_len() / DOT_BLOCK * DOT_BLOCK;
    let end = range.end;
    range.step_by(most).map(move |first| (first, most.min(end - first)))
}

fn slice(memory: Memory, offset: usize, len: usize) -> Slice {
    Slice { memory, offset, len }
}

impl Optimiser {
    pub(super) fn new(gpu: &Gpu) -> Result<Self, BackendError> {
        Ok(Self {
            updates: HashMap::new(),
            averages: HashMap::new(),
            sums_of_parts: HashMap::new(),
            dots: Mutex::default(),
            sums: gpu.buffer("sums", 1 << 16)?,
        })
    }

    /// Forgets everything: the buffers are others now.
    pub(super) fn forget(&mut self) {
        self.updates.clear();
        self.averages.clear();
        self.sums_of_parts.clear();
        self.dots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Optimiser the parameters.
    pub(super) fn update(
        &mut self,
        gpu: &Gpu,
        (slot, constants): (Slot, Constants),
        moments: &Moments<'_>,
        store: &Store,
    ) -> Result<(), BackendError> {
        let ranges = [(0..store.decayed_len, true), (store.decayed_len..store.trained_len, false)];
        let key = (slot, constants.entry);
        let recorded = match self.updates.entry(key) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Recorded::new(gpu, constants.entry, &ranges, |memory| match memory {
                    Memory::Gradient => moments.gradient,
                    Memory::First => moments.first.unwrap_or(moments.values),
                    Memory::Second => moments.second.unwrap_or(moments.values),
                    _ => moments.values,
                })?)
            }
        };
        recorded.run(gpu, constants.uniform)
    }

    /// `average <- decay average + (1 - decay) current` for pairs of current and average.
    pub(super) fn average(
        &mut self,
        gpu: &Gpu,
        decay: f32,
        pairs: [(&wgpu::Buffer, &wgpu::Buffer, usize); 2],
    ) -> Result<(), BackendError> {
        for (which, (current, average, len)) in pairs.into_iter().enumerate().filter(|(_, p)| p.2 > 0) {
            let recorded = match self.averages.entry(which) {
                Entry::Occupied(found) => found.into_mut(),
                Entry::Vacant(place) => {
                    place.insert(Recorded::new(gpu, "average", &[(0..len, true)], |memory| match memory {
                        Memory::First => average,
                        _ => current,
                    })?)
                }
            };
            recorded.run(gpu, UpdateUniform { first_decay: decay, ..UpdateUniform::default() })?;
        }
        Ok(())
    }

    /// Adds a part to a slot's gradient.
    pub(super) fn add(
        &mut self,
        gpu: &Gpu,
        slot: Slot,
        (sum, part): (&wgpu::Buffer, &wgpu::Buffer),
        len: usize,
    ) -> Result<(), BackendError> {
        let recorded = match self.sums_of_parts.entry(slot) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Recorded::new(gpu, "add", &[(0..len, false)], |memory| match memory {
                    Memory::First => sum,
                    _ => part,
                })?)
            }
        };
        recorded.run(gpu, UpdateUniform::default())
    }

    /// Dot product of two slots' gradients.
    pub(super) fn dot(
        &self,
        gpu: &Gpu,
        slots: (Slot, Slot),
        (a, b): (&wgpu::Buffer, &wgpu::Buffer),
        len: usize,
    ) -> Result<f64, BackendError> {
        let mut dots = self.dots.lock().unwrap_or_else(PoisonError::into_inner);
        let (program, count) = match dots.entry(slots) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(self.record_dot(gpu, slots.0 == slots.1, (a, b), len)?),
        };
        let mut encoder = gpu.encoder();
        program.encode(gpu, &mut encoder);
        let sums = gpu.submit_and_read(encoder, &self.sums, 0, *count)?;
        Ok(sums.iter().map(|s| f64::from(*s)).sum())
    }

    /// The dispatches of a dot product, and how many sums they leave.
    fn record_dot(
        &self,
        gpu: &Gpu,
        is_norm: bool,
        (a, b): (&wgpu::Buffer, &wgpu::Buffer),
        len: usize,
    ) -> Result<(Program, usize), BackendError> {
        let (mut recorder, mut count) = (Recorder::new(&gpu.terms), 0);
        let all = (self.sums.size() / 4) as usize;
        let second = if is_norm { Memory::Gradient } else { Memory::Other };
        for (first, len) in pieces(gpu, 0..len) {
            let groups = len.div_ceil(DOT_BLOCK);
            let uniform =
                shaders::DotUniform { len: len as u32, block: DOT_BLOCK as u32, first: count as u32 };
            let bound = [
                Some(slice(Memory::Gradient, first, len)),
                Some(slice(second, first, len)),
                Some(slice(Memory::Scratch, 0, all)),
            ];
            recorder.dispatch(&shaders::DOT, "main", &uniform, &bound, [groups as u32, 1, 1])?;
            count += groups;
        }
        let program = Program::new(gpu, recorder.finish(), |memory| match memory {
            Memory::Gradient => a,
            Memory::Other => b,
            _ => &self.sums,
        })?;
        Ok((program, count))
    }
}

impl Recorded {
    fn new<'a>(
        gpu: &Gpu,
        entry: &'static str,
        ranges: &[(std::ops::Range<usize>, bool)],
        memory: impl Fn(Memory) -> &'a wgpu::Buffer,
    ) -> Result<Self, BackendError> {
        let mut recorder = Recorder::new(&gpu.terms);
        let mut parts = Vec::new();
        for (range, decays) in ranges {
            for (first, len) in pieces(gpu, range.clone()) {
                let part = |memory, bound: bool| bound.then(|| slice(memory, first, len));
                let bound = [
                    part(Memory::Values, true),
                    part(Memory::Gradient, matches!(entry, "sgd" | "adamw")),
                    part(Memory::First, true),
                    part(Memory::Second, entry == "adamw"),
                ];
                // Both forms have one block, which every run writes anew.
                if gpu.terms.uses_lanes {
                    let (uniform, groups) = (UpdateLanesUniform::default(), value_groups(len.div_ceil(2)));
                    recorder.dispatch(&shaders::UPDATE_LANES, entry, &uniform, &bound, groups)?;
                } else {
                    let uniform = UpdateUniform::default();
                    recorder.dispatch(&shaders::UPDATE, entry, &uniform, &bound, value_groups(len))?;
                }
                parts.push((len, *decays));
            }
        }
        Ok(Self { program: Program::new(gpu, recorder.finish(), memory)?, parts })
    }

    fn run(&self, gpu: &Gpu, uniform: UpdateUniform) -> Result<(), BackendError> {
        const { assert!(size_of::<UpdateUniform>() == size_of::<UpdateLanesUniform>()) };
        for (i, &(len, decays)) in self.parts.iter().enumerate() {
            let weight_decay = if decays { uniform.weight_decay } else { 0.0 };
            self.program.set_uniform(gpu, i, &UpdateUniform { len: len as u32, weight_decay, ..uniform });
        }
        let mut encoder = gpu.encoder();
        self.program.encode(gpu, &mut encoder);
        gpu.queue.submit([encoder.finish()]);
        gpu.check()
    }
}
