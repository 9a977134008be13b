//! What a run takes of its machine, for people who want to know before it starts.

use crate::backend::{Backend, MemoryNeed};
use crate::net::Graph;

/// What a run takes of its machine. How much there is to do is said by [`Run::work`](super::Run::work).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCost {
    /// What computes, in words.
    pub device: String,
    /// Whether that is a processor.
    pub is_processor: bool,
    /// The network that learns, in words.
    pub network: String,
    /// Its parameters.
    pub parameters: usize,
    /// What is needed of memory, part by part.
    pub memory: MemoryNeed,
    /// Bytes that the device has, where it says so.
    pub memory_there: Option<u64>,
}

impl RunCost {
    /// Of a run whose network is called `network`.
    pub(in crate::world) fn new(
        backend: &dyn Backend,
        network: String,
        graph: &Graph,
        need: &MemoryNeed,
    ) -> Self {
        Self {
            device: backend.describe(),
            is_processor: backend.is_processor(),
            network,
            parameters: graph.trained_values(),
            memory: need.clone(),
            memory_there: backend.memory(),
        }
    }
}
