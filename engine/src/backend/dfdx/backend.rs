//! A device of dfdx as a backend.

use std::sync::Arc;

use super::account;
use super::infer::DfdxInference;
use super::rows::Machine;
use super::thread::DeviceThread;
use super::train::DfdxTraining;
use crate::backend::{BackendError, BackendInfo, Device};
use crate::net::{Graph, PlanPurpose, Weights};

/// What a device is called and is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// The backend's name.
    pub name: &'static str,
    /// One line for people.
    pub about: String,
    /// What decides the last digits.
    pub origin: String,
    /// A GPU's name.
    pub adapter: Option<String>,
    /// Memory there was when it was opened, in bytes, where it has its own.
    pub memory: Option<u64>,
}

/// Runs networks on a device of dfdx.
pub(in crate::backend) struct DfdxBackend<D: Machine> {
    thread: Arc<DeviceThread<D>>,
    identity: Identity,
}

impl<D: Machine> DfdxBackend<D> {
    /// Opens a device in a thread of its own, with dfdx's allocation cache or without it.
    ///
    /// # Errors
    /// `open` fails, or no thread can be started.
    pub(super) fn start(
        label: &str,
        cache: bool,
        open: impl FnOnce() -> Result<(D, Identity), BackendError> + Send + 'static,
    ) -> Result<Self, BackendError> {
        let (thread, identity) = DeviceThread::start(label, move || {
            let (device, identity) = open()?;
            if cache {
                // Off by default, whatever dfdx's documentation says.
                device.try_enable_cache().map_err(|error| BackendError::Device {
                    device: identity.about.clone(),
                    message: error.to_string(),
                })?;
            }
            Ok((device, identity))
        })?;
        Ok(Self { thread, identity })
    }
}

impl<D: Machine> BackendInfo for DfdxBackend<D> {
    fn name(&self) -> &'static str {
        self.identity.name
    }

    fn describe(&self) -> String {
        self.identity.about.clone()
    }

    fn origin(&self) -> String {
        self.identity.origin.clone()
    }

    fn adapter(&self) -> Option<String> {
        self.identity.adapter.clone()
    }

    fn is_processor(&self) -> bool {
        self.identity.adapter.is_none()
    }

    /// Its tapes hold more than the plan's arena, and other things.
    fn activations(&self, graph: &Graph, purpose: PlanPurpose, items: usize) -> Result<u64, BackendError> {
        match purpose {
            PlanPurpose::Training => account::learning(graph, items, D::GATHERS_BESIDE),
            PlanPurpose::Inference => account::answering(graph, items, D::GATHERS_BESIDE),
        }
    }

    fn memory(&self) -> Option<u64> {
        if self.is_processor() { crate::backend::memory_there() } else { self.identity.memory }
    }
}

impl<D: Machine> Device for DfdxBackend<D> {
    type Inference = DfdxInference<D>;
    type Training = DfdxTraining<D>;

    fn place_inference(&self, graph: &Graph, weights: &Weights) -> Result<Self::Inference, BackendError> {
        DfdxInference::new(&self.thread, graph, weights)
    }

    fn place_training(&self, graph: &Graph, weights: &Weights) -> Result<Self::Training, BackendError> {
        DfdxTraining::new(&self.thread, graph, weights)
    }
}
