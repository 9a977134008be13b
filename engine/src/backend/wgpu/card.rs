//! A graphics card that is not there, to know what would fit on it.

use crate::backend::recording::place::Room;
use crate::backend::{BackendError, BackendInfo};
use crate::net::{Graph, Plan, PlanPurpose};

/// A card by its figures: it plans passes and refuses them as an adapter of these limits does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// Bytes of its memory.
    pub memory: u64,
    /// Bytes of its largest binding.
    pub binding: u64,
    /// Bytes of its largest buffer.
    pub buffer: u64,
}

impl Card {
    /// With so many bytes of memory and the limits of most adapters: bindings and buffers of almost 2 GiB.
    pub fn usual(memory: u64) -> Self {
        Self { memory, binding: i32::MAX as u64, buffer: i32::MAX as u64 }
    }
}

impl BackendInfo for Card {
    fn name(&self) -> &'static str {
        "wgpu"
    }

    fn describe(&self) -> String {
        format!("wgpu (a card of {} MiB)", self.memory >> 20)
    }

    fn is_processor(&self) -> bool {
        false
    }

    fn memory(&self) -> Option<u64> {
        Some(self.memory)
    }

    fn activations(&self, graph: &Graph, purpose: PlanPurpose, items: usize) -> Result<u64, BackendError> {
        let room = Room::of(self.binding, self.buffer);
        let refused = |message| BackendError::Device { device: self.describe(), message };
        room.activations(&Plan::new(graph, purpose)?, purpose, items).map_err(refused)
    }

    fn renders_views(&self) -> bool {
        true
    }
}
