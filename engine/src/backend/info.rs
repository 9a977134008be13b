//! What a backend says of itself.

use std::sync::Arc;

use super::{BackendError, Team};
use crate::net::{Graph, Plan, PlanPurpose};

/// What one kernel took.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTime {
    /// Its name.
    pub kernel: String,
    /// How often it ran.
    pub calls: u64,
    /// Milliseconds on the device, all calls together.
    pub ms: f64,
}

/// What a backend says of itself.
pub trait BackendInfo: Send + Sync {
    /// Short name, as `--backend` takes it.
    fn name(&self) -> &'static str;

    /// One line for people: device, instruction set, threads.
    fn describe(&self) -> String;

    /// What decides the last digits of a training: two backends of the same origin train alike, bit for bit. The number of threads
    /// is no part of it.
    fn origin(&self) -> String {
        self.adapter().map_or_else(|| self.name().into(), |adapter| format!("{} on {adapter}", self.name()))
    }

    /// What its networks infer in: `single` precision, 16-bit `fixed` point, or `half`, 16-bit floats. It decides the last
    /// digits of a result.
    fn arithmetic(&self) -> &'static str {
        "single"
    }

    /// Name of the adapter that computes, as `--adapter` takes it; `None` where there is no choice of them.
    fn adapter(&self) -> Option<String> {
        None
    }

    /// Whether it computes on the processor, be it through a GPU's interface: nothing is gained over [`super::cpu`] then.
    fn is_processor(&self) -> bool;

    /// Memory that its networks could take now, in bytes; `None` where it does not know.
    fn memory(&self) -> Option<u64> {
        if self.is_processor() { super::memory_there() } else { None }
    }

    /// Bytes that the activations of a pass over so many items take, in training with its gradient's; an inference that goes in parts is
    /// counted by its largest.
    ///
    /// # Errors
    /// The graph cannot be planned, or the device cannot have such a pass.
    fn activations(&self, graph: &Graph, purpose: PlanPurpose, items: usize) -> Result<u64, BackendError> {
        let plan = Plan::new(graph, purpose)?;
        Ok((plan.arena_len as u64).saturating_mul(items as u64).saturating_mul(4))
    }

    /// Time by kernel since the backend was opened, the longest first; empty where it was not opened for profiling.
    fn profile(&self) -> Vec<KernelTime> {
        vec![]
    }

    /// Whether its networks make views on the device, so that it is better to leave them pictures and compiled views than
    /// to render ahead.
    fn renders_views(&self) -> bool {
        false
    }

    /// The processes that its training networks learn in.
    fn team(&self) -> Arc<Team> {
        Arc::default()
    }
}
