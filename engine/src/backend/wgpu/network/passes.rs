//! The network behind the trait.

use super::{Reads, WgpuNetwork};
use crate::backend::wgpu::change::{Change, Moments};
use crate::backend::wgpu::walk::Pass;
use crate::backend::{BackendError, Mode, Network, NetworkState, Slot, UpdateRule, ViewBatch, WeightSet};
use crate::net::{Graph, Weights};

impl Network for WgpuNetwork {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn forward(&mut self, input: &[f32], items: usize, mode: Mode) -> Result<Vec<f32>, BackendError> {
        self.check_input(input, items)?;
        self.pass(Reads::Values(input), items, mode)
    }

    fn forward_views(&mut self, views: &ViewBatch, mode: Mode) -> Result<Vec<f32>, BackendError> {
        views.check(self.graph.input())?;
        self.pass(Reads::Views(views), views.views().len(), mode)
    }

    fn set_dropout_seed(&mut self, key: u64) {
        self.noise_key = key;
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.check_input(input, items)?;
        self.tape = None;
        self.infer(Reads::Values(input), items, true)
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
        let recorded = self.recorded(pass, items)?;
        self.gpu.write(&self.arena, recorded.d_output.offset, d_logits);
        let mut encoder = self.gpu.encoder();
        recorded.program.encode(&self.gpu, &mut encoder);
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

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        match (which, &self.average) {
            (WeightSet::Current, _) => self.read_parameters(&self.current),
            (WeightSet::Ema, Some(average)) => self.read_parameters(average),
            (WeightSet::Ema, None) => Err(BackendError::Order("no moving average is tracked")),
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
