//! A network that learns.

use std::sync::Arc;

use super::graph::{Bound, Device, Parameters, Placed, Reads, Wanted, values_of};
use crate::backend::dropout::Stream;
use crate::backend::recording::walk::Pass;
use crate::backend::wgpu::optimiser::{Constants, Moments, Optimiser};
use crate::backend::{
    BackendError, NetworkState, Slot, TrainingDevice, TrainingPass, UpdateRule, ViewBatch, WeightSet,
};
use crate::net::{Graph, Op, PlanPurpose, Weights};

/// The place of a part of a gradient, behind the slots.
const PART: usize = 2;

/// A network that learns.
pub struct WgpuTraining {
    pub(super) placed: Placed,
    pub(super) average: Option<Parameters>,
    pub(super) momentum: Option<wgpu::Buffer>,
    pub(super) second_moment: Option<wgpu::Buffer>,
    /// Of both slots, and the part of one that is added to what a slot holds.
    gradients: [Option<wgpu::Buffer>; 3],
    optimiser: Optimiser,
    masks: wgpu::Buffer,
    seed: u64,
    dropouts: Vec<u32>,
}

impl WgpuTraining {
    pub(in super::super) fn new(
        device: Device,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let placed = Placed::new(device, graph, weights, PlanPurpose::Training)?;
        let dropouts: Vec<u32> = graph
            .nodes
            .iter()
            .filter_map(|node| if let Op::Dropout { index, .. } = node.op { Some(index) } else { None })
            .collect();
        let most = dropouts.iter().max().map_or(0, |m| *m as usize + 1);
        Ok(Self {
            masks: placed.gpu.buffer("seeds of masks", 2 * most)?,
            optimiser: Optimiser::new(&placed.gpu)?,
            placed,
            average: None,
            momentum: None,
            second_moment: None,
            gradients: [None, None, None],
            seed: 0,
            dropouts,
        })
    }

    fn pass(&mut self, input: Reads<'_>, items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        let pass = match pass {
            TrainingPass::Train => Pass::Train,
            TrainingPass::Probe => Pass::Probe,
        };
        let bound = Bound { masks: Some(&self.masks), ..Bound::default() };
        let recorded = self.placed.recorded(pass, items, bound)?;
        if pass == Pass::Train {
            self.write_seeds();
        }
        self.placed.run(&recorded, input, Wanted::Logits)
    }

    fn write_seeds(&self) {
        let mut words = vec![0u32; values_of(&self.masks)];
        for &index in &self.dropouts {
            let stream = Stream::new(self.seed, index);
            words[2 * index as usize] = stream.first;
            words[2 * index as usize + 1] = stream.second;
        }
        self.placed.gpu.queue.write_buffer(&self.masks, 0, bytemuck::cast_slice(&words));
    }

    /// A gradient's buffer, made where it is missing.
    fn gradient(&mut self, which: usize) -> Result<&wgpu::Buffer, BackendError> {
        let place = &mut self.gradients[which];
        match place {
            Some(buffer) => Ok(buffer),
            None => Ok(place.insert(self.placed.gpu.buffer("gradient", self.placed.store.trained_len)?)),
        }
    }

    /// The gradient of the pass before, into a buffer.
    fn backward_into(&mut self, d_logits: &[f32], items: usize, which: usize) -> Result<(), BackendError> {
        self.gradient(which)?;
        let gradient = self.gradients[which].as_ref();
        let bound = Bound { gradient, masks: Some(&self.masks), ..Bound::default() };
        let recorded = self.placed.recorded(Pass::Backward(which), items, bound)?;
        let gpu = &self.placed.gpu;
        gpu.write(self.placed.buffer_of(recorded.d_output), recorded.d_output.offset, d_logits);
        let mut encoder = gpu.encoder();
        recorded.program.encode(gpu, &mut encoder);
        gpu.queue.submit([encoder.finish()]);
        gpu.check()
    }

    fn gradient_buffer(&self, slot: Slot) -> Result<&wgpu::Buffer, BackendError> {
        self.gradients[slot as usize].as_ref().ok_or_else(no_gradient)
    }
}

fn no_gradient() -> BackendError {
    BackendError::Order("this slot holds no gradient yet")
}

impl TrainingDevice for WgpuTraining {
    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.pass(Reads::Values(input), items, pass)
    }

    fn forward_views(&mut self, views: &ViewBatch, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.pass(Reads::Views(views), views.views().len(), pass)
    }

    fn set_dropout_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    fn backward(&mut self, d_logits: &[f32], items: usize, slot: Slot) -> Result<(), BackendError> {
        self.backward_into(d_logits, items, slot as usize)
    }

    fn accumulate(&mut self, d_logits: &[f32], items: usize, slot: Slot) -> Result<(), BackendError> {
        self.backward_into(d_logits, items, PART)?;
        let (sum, part) = (self.gradients[slot as usize].as_ref(), self.gradients[PART].as_ref());
        let (Some(sum), Some(part)) = (sum, part) else { return Err(no_gradient()) };
        self.optimiser.add(&self.placed.gpu, slot, (sum, part), self.placed.store.trained_len)
    }

    fn reserve(&mut self, items: usize) -> Result<(), BackendError> {
        self.placed.reserve(items)?;
        self.placed.gpu.settle()
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        let buffers = (self.gradient_buffer(a)?, self.gradient_buffer(b)?);
        self.optimiser.dot(&self.placed.gpu, (a, b), buffers, self.placed.store.trained_len)
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        let constants = Constants::of(rule);
        self.moments(constants.has_second_moment())?;
        let Some(gradient) = &self.gradients[slot as usize] else { return Err(no_gradient()) };
        let moments = Moments {
            values: &self.placed.current.trained,
            gradient,
            first: self.momentum.as_ref(),
            second: self.second_moment.as_ref(),
        };
        self.optimiser.update(&self.placed.gpu, (slot, constants), &moments, &self.placed.store)
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        let (gpu, current) = (&self.placed.gpu, &self.placed.current);
        let Some(average) = &self.average else {
            let average = self.new_parameters()?;
            let mut encoder = gpu.encoder();
            encoder.copy_buffer_to_buffer(&current.trained, 0, &average.trained, 0, None);
            encoder.copy_buffer_to_buffer(&current.running, 0, &average.running, 0, None);
            gpu.queue.submit([encoder.finish()]);
            gpu.check()?;
            self.average = Some(average);
            return Ok(());
        };
        let pairs = [
            (&current.trained, &average.trained, self.placed.store.trained_len),
            (&current.running, &average.running, self.placed.store.running_len),
        ];
        self.optimiser.average(gpu, decay, pairs)
    }

    fn read_gradient(&self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        let store = &self.placed.store;
        let buffer = self.placed.gpu.read(self.gradient_buffer(slot)?, store.trained_len)?;
        Ok(store.flatten(&buffer, true))
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        let values = self.placed.store.unflatten(gradient, true);
        let gpu = Arc::clone(&self.placed.gpu);
        gpu.write(self.gradient(slot as usize)?, 0, &values);
        gpu.check()
    }

    fn read_statistics(&self) -> Result<Vec<f32>, BackendError> {
        let store = &self.placed.store;
        Ok(store.flatten(&self.placed.gpu.read(&self.placed.current.running, store.running_len)?, false))
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        let values = self.placed.store.unflatten(statistics, false);
        self.placed.gpu.write(&self.placed.current.running, 0, &values);
        self.placed.gpu.check()
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        match (which, &self.average) {
            (WeightSet::Current, _) => self.read_parameters(&self.placed.current),
            (WeightSet::Ema, Some(average)) => self.read_parameters(average),
            (WeightSet::Ema, None) => Err(BackendError::Order("no moving average is tracked")),
        }
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        let moments = |buffer: &Option<wgpu::Buffer>| {
            buffer.as_ref().map_or_else(|| Ok(Weights::default()), |b| self.read_trained(b))
        };
        Ok(NetworkState {
            weights: self.read_parameters(&self.placed.current)?,
            momentum: moments(&self.momentum)?,
            second_moment: moments(&self.second_moment)?,
            average: self.average.as_ref().map(|a| self.read_parameters(a)).transpose()?,
        })
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        let average = match &state.average {
            Some(weights) => {
                let average = self.new_parameters()?;
                self.write_parameters(weights, &average);
                Some(average)
            }
            None => None,
        };
        let moments = (self.written(&state.momentum)?, self.written(&state.second_moment)?);
        self.write_parameters(&state.weights, &self.placed.current);
        self.average = average;
        (self.momentum, self.second_moment) = moments;
        self.gradients = [None, None, None];
        self.placed.forget();
        self.optimiser.forget();
        self.placed.gpu.check()
    }
}
