//! Where a batch's activations lie: the plan's buffers placed by their lifetimes, each where a binding may start.

use std::collections::HashMap;

use super::memory::{ALIGNMENT, Memory, Slice};
use crate::net::{BufferId, LiveRange, Plan, PlanPurpose, StepKind, ValueId, assign};

/// Rows of the statistics that a batch normalisation keeps: mean, 1 / deviation, factor, addend.
pub(super) const STATISTICS: usize = 4;

/// Places for one number of items.
pub(super) struct Placement {
    places: HashMap<BufferId, (usize, usize)>,
    statistics: Vec<usize>,
    /// Values of the whole arena.
    pub len: usize,
}

impl Placement {
    pub(super) fn new(plan: &Plan, purpose: PlanPurpose, items: usize) -> Self {
        let mut live_ranges = plan.live_ranges(purpose);
        let lens: HashMap<BufferId, usize> = live_ranges.iter().map(|l| (l.what, l.len * items)).collect();
        let size = |life: &LiveRange| (life.len * items).next_multiple_of(ALIGNMENT);
        let mut places = HashMap::new();
        let mut len = assign(&mut live_ranges, size, |what, region| {
            places.insert(what, (region.offset, lens[&what]));
        });
        let statistics = plan.steps.iter().map(|step| {
            let offset = len;
            if purpose == PlanPurpose::Training && matches!(step.kind, StepKind::Conv { norm: Some(_), .. }) {
                len += (STATISTICS * plan.shapes[step.output].c).next_multiple_of(ALIGNMENT);
            }
            offset
        });
        let statistics = statistics.collect();
        Self { places, statistics, len }
    }

    fn slice(&self, what: BufferId) -> Slice {
        // The network's input has no gradient; nobody asks for what is not there.
        let (offset, len) = self.places.get(&what).copied().unwrap_or((0, 0));
        Slice { memory: Memory::Arena, offset, len }
    }

    pub(super) fn value(&self, value: ValueId) -> Slice {
        self.slice(BufferId::Value(value))
    }

    pub(super) fn saved(&self, step: usize) -> Slice {
        self.slice(BufferId::Saved(step))
    }

    pub(super) fn gradient(&self, value: ValueId) -> Slice {
        self.slice(BufferId::Gradient(value))
    }

    /// Statistics of the batch normalisation in a step with that many channels.
    pub(super) fn statistics(&self, step: usize, channels: usize) -> Slice {
        Slice { memory: Memory::Arena, offset: self.statistics[step], len: STATISTICS * channels }
    }
}
