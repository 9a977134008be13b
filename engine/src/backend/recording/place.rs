//! Where a batch's activations lie: the plan's buffers placed by their lifetimes, each where a binding may start, in as many
//! arenas as the adapter's largest buffer asks for.

use std::collections::HashMap;

use super::memory::{ALIGNMENT, Memory, Slice};
use crate::net::{BufferId, LiveRange, Plan, PlanPurpose, StepKind, ValueId, assign};

/// Rows of the statistics that a batch normalisation keeps: mean, 1 / deviation, factor, addend.
const STATISTICS: usize = 4;

/// The most values that a device takes at once.
#[derive(Debug, Clone, Copy)]
pub(in crate::backend) struct Room {
    /// In a binding.
    pub binding: usize,
    /// In a buffer.
    pub buffer: usize,
}

impl Room {
    /// Of limits in bytes.
    pub(in crate::backend) fn of(binding: u64, buffer: u64) -> Self {
        Self { binding: (binding / 4) as usize, buffer: (buffer / 4) as usize }
    }

    /// The most items of a pass: each of its values is bound as a whole. Arenas there may be as many as are needed.
    pub(in crate::backend) fn most_items(self, plan: &Plan, purpose: PlanPurpose) -> usize {
        let most = self.binding.min(self.buffer) / ALIGNMENT * ALIGNMENT;
        most / longest(plan, purpose)
    }

    /// Bytes of the activations of a pass over so many items: of training all at once, of inference of its largest part.
    pub(in crate::backend) fn activations(
        self,
        plan: &Plan,
        purpose: PlanPurpose,
        items: usize,
    ) -> Result<u64, String> {
        let items = match purpose {
            PlanPurpose::Training => self.check_training(plan, items).map(|()| items)?,
            PlanPurpose::Inference => items.min(self.most_items(plan, purpose).max(1)),
        };
        let arenas = Placement::new(plan, purpose, items, self.buffer).arenas;
        Ok(4 * arenas.iter().map(|len| *len as u64).sum::<u64>())
    }

    /// Refuses a training pass over more items than can be, saying how many can: unlike inference it cannot go in parts here,
    /// because batch normalisation sees its batch as a whole.
    pub(in crate::backend) fn check_training(self, plan: &Plan, items: usize) -> Result<(), String> {
        let most = self.most_items(plan, PlanPurpose::Training);
        if items <= most {
            return Ok(());
        }
        Err(format!(
            "a training pass over {items} items is too large: at most {most} fit, because the largest value takes {} KiB an \
             item, a binding has {} MiB and a buffer {} MiB; cut it by --micro-batch {} (`pretrain`), take smaller batches (a teacher's \
             pass holds the labelled and twice the unlabelled one), or `--backend cpu`",
            longest(plan, PlanPurpose::Training).div_ceil(256),
            self.binding >> 18,
            self.buffer >> 18,
            most.max(1),
        ))
    }
}

/// Values an item of the largest buffer.
fn longest(plan: &Plan, purpose: PlanPurpose) -> usize {
    plan.live_ranges(purpose).iter().map(|life| life.len).max().unwrap_or(1).max(1)
}

/// Places for one number of items.
pub(in crate::backend) struct Placement {
    places: HashMap<BufferId, Slice>,
    statistics: Vec<Option<Slice>>,
    /// Values of each arena.
    pub arenas: Vec<usize>,
}

impl Placement {
    /// In arenas of so many values at the most.
    pub(in crate::backend) fn new(plan: &Plan, purpose: PlanPurpose, items: usize, capacity: usize) -> Self {
        let mut live_ranges = plan.live_ranges(purpose);
        let lens: HashMap<BufferId, usize> = live_ranges.iter().map(|l| (l.what, l.len * items)).collect();
        let size = |life: &LiveRange| (life.len * items).next_multiple_of(ALIGNMENT);
        let mut places = HashMap::new();
        let mut arenas = assign(&mut live_ranges, size, capacity, |what, arena, region| {
            let memory = Memory::Arena(arena);
            places.insert(what, Slice { memory, offset: region.offset, len: lens[&what] });
        });
        let statistics = plan.steps.iter().map(|step| {
            let StepKind::Conv { norm: Some(_), .. } = step.kind else { return None };
            let len = STATISTICS * plan.shapes[step.output].c;
            (purpose == PlanPurpose::Training).then(|| behind(&mut arenas, len, capacity))
        });
        let statistics = statistics.collect();
        Self { places, statistics, arenas }
    }

    fn slice(&self, what: BufferId) -> Slice {
        // The network's input has no gradient; nobody asks for what is not there.
        let nowhere = Slice { memory: Memory::Arena(0), offset: 0, len: 0 };
        self.places.get(&what).copied().unwrap_or(nowhere)
    }

    pub(in crate::backend) fn value(&self, value: ValueId) -> Slice {
        self.slice(BufferId::Value(value))
    }

    pub(in crate::backend) fn saved(&self, step: usize) -> Slice {
        self.slice(BufferId::Saved(step))
    }

    pub(in crate::backend) fn gradient(&self, value: ValueId) -> Slice {
        self.slice(BufferId::Gradient(value))
    }

    /// Statistics of the batch normalisation in a step of a training pass.
    pub(in crate::backend) fn statistics(&self, step: usize) -> Option<Slice> {
        self.statistics[step]
    }
}

/// A place of its own behind all others, in the first arena with room for it.
fn behind(arenas: &mut Vec<usize>, len: usize, capacity: usize) -> Slice {
    let room = len.next_multiple_of(ALIGNMENT);
    let arena = arenas.iter().position(|held| held + room <= capacity).unwrap_or_else(|| {
        arenas.push(0);
        arenas.len() - 1
    });
    let offset = arenas[arena];
    arenas[arena] += room;
    Slice { memory: Memory::Arena(arena), offset, len }
}
