//! Parameters, running statistics and moments between host and device.

use super::{Parameters, WgpuNetwork};
use crate::backend::BackendError;
use crate::net::Weights;

impl WgpuNetwork {
    /// Both moments' buffers, made where they are missing.
    pub(super) fn moments(&mut self, second: bool) -> Result<(), BackendError> {
        let len = self.store.trained_len;
        if self.momentum.is_none() {
            self.momentum = Some(self.gpu.buffer("momentum", len)?);
        }
        if second && self.second_moment.is_none() {
            self.second_moment = Some(self.gpu.buffer("second moment", len)?);
        }
        Ok(())
    }

    pub(super) fn read_parameters(&self, parameters: &Parameters) -> Result<Weights, BackendError> {
        let trained = self.gpu.read(&parameters.trained, self.store.trained_len)?;
        let running = self.gpu.read(&parameters.running, self.store.running_len)?;
        Ok(self.store.unpack(&trained, Some(&running)))
    }

    pub(super) fn read_trained(&self, buffer: &wgpu::Buffer) -> Result<Weights, BackendError> {
        Ok(self.store.unpack(&self.gpu.read(buffer, self.store.trained_len)?, None))
    }

    pub(super) fn write_parameters(&self, weights: &Weights, to: &Parameters) {
        let (trained, running) = self.store.pack(weights);
        self.gpu.write(&to.trained, 0, &trained);
        self.gpu.write(&to.running, 0, &running);
    }

    pub(super) fn new_parameters(&self) -> Result<Parameters, BackendError> {
        Ok(Parameters {
            trained: self.gpu.buffer("average of parameters", self.store.trained_len)?,
            running: self.gpu.buffer("average of running statistics", self.store.running_len)?,
        })
    }

    /// A buffer with what `moments` holds; `None` where it holds nothing.
    pub(super) fn written(&self, moments: &Weights) -> Result<Option<wgpu::Buffer>, BackendError> {
        if moments.tensors.is_empty() {
            return Ok(None);
        }
        let buffer = self.gpu.buffer("moments", self.store.trained_len)?;
        self.gpu.write(&buffer, 0, &self.store.pack(moments).0);
        Ok(Some(buffer))
    }
}
