//! Parameters, running statistics and moments between host and device.

use super::graph::Parameters;
use super::train::WgpuTraining;
use crate::backend::BackendError;
use crate::net::Weights;

impl WgpuTraining {
    /// Both moments' buffers, made where they are missing.
    pub(super) fn moments(&mut self, second: bool) -> Result<(), BackendError> {
        let len = self.placed.store.trained_len;
        if self.momentum.is_none() {
            self.momentum = Some(self.placed.gpu.buffer("momentum", len)?);
        }
        if second && self.second_moment.is_none() {
            self.second_moment = Some(self.placed.gpu.buffer("second moment", len)?);
        }
        Ok(())
    }

    pub(super) fn read_parameters(&self, parameters: &Parameters) -> Result<Weights, BackendError> {
        let trained = self.placed.gpu.read(&parameters.trained, self.placed.store.trained_len)?;
        let running = self.placed.gpu.read(&parameters.running, self.placed.store.running_len)?;
        Ok(self.placed.store.unpack(&trained, Some(&running)))
    }

    pub(super) fn read_trained(&self, buffer: &wgpu::Buffer) -> Result<Weights, BackendError> {
        Ok(self.placed.store.unpack(&self.placed.gpu.read(buffer, self.placed.store.trained_len)?, None))
    }

    pub(super) fn write_parameters(&self, weights: &Weights, to: &Parameters) {
        let (trained, running) = self.placed.store.pack(weights);
        self.placed.gpu.write(&to.trained, 0, &trained);
        self.placed.gpu.write(&to.running, 0, &running);
    }

    pub(super) fn new_parameters(&self) -> Result<Parameters, BackendError> {
        Ok(Parameters {
            trained: self.placed.gpu.buffer("average of parameters", self.placed.store.trained_len)?,
            running: self
                .placed
                .gpu
                .buffer("average of running statistics", self.placed.store.running_len)?,
        })
    }

    /// A buffer with what `moments` holds; `None` where it holds nothing.
    pub(super) fn written(&self, moments: &Weights) -> Result<Option<wgpu::Buffer>, BackendError> {
        if moments.tensors.is_empty() {
            return Ok(None);
        }
        let buffer = self.placed.gpu.buffer("moments", self.placed.store.trained_len)?;
        self.placed.gpu.write(&buffer, 0, &self.placed.store.pack(moments).0);
        Ok(Some(buffer))
    }
}
