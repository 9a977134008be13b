//! Where buffers lie: each lives from the step that writes it to the last that reads it.

use super::{Plan, PlanPurpose, Region, Step, StepKind, ValueId};

impl Plan {
    /// Values that a step keeps for its backward pass.
    fn kept_len(&self, step: &Step) -> usize {
        let output = self.shapes[step.output];
        match step.kind {
            StepKind::Conv { norm: Some(_), .. } => output.len(),
            StepKind::Linear { epilogue, .. } | StepKind::Pointwise { epilogue } if epilogue.gelu => {
                output.len()
            }
            StepKind::LayerNorm { .. } => 2 * output.pixels(),
            StepKind::Attention { heads, .. } => heads * output.pixels() * output.pixels(),
            _ => 0,
        }
    }

    pub(super) fn place(&mut self, purpose: PlanPurpose) {
        let mut live_ranges = self.live_ranges(purpose);
        let arenas = assign(
            &mut live_ranges,
            |life| life.len,
            usize::MAX,
            |what, _, region| match what {
                BufferId::Value(v) => self.values[v] = region,
                BufferId::Saved(t) => self.saved[t] = region,
                BufferId::Gradient(v) => self.gradients[v] = region,
            },
        );
        self.arena_len = arenas.iter().sum();
    }

    /// When each buffer is in use.
    pub(crate) fn live_ranges(&self, purpose: PlanPurpose) -> Vec<LiveRange> {
        let training = purpose == PlanPurpose::Training;
        let end = 2 * self.steps.len();
        let backward = |step: usize| end - 1 - step;
        let mut live_ranges: Vec<LiveRange> = Vec::new();
        let mut born = vec![0; self.shapes.len()];
        let mut died = vec![0; self.shapes.len()];
        let mut gradient_born = vec![end; self.shapes.len()];
        for (t, step) in self.steps.iter().enumerate() {
            born[step.output] = t;
            died[step.output] = died[step.output].max(t);
            if let StepKind::Attention { presence: Some(presence), .. } = step.kind {
                died[presence] = died[presence].max(t);
            }
            for value in std::iter::once(step.input).chain(step.kind.residual()) {
                died[value] = died[value].max(t);
                gradient_born[value] = gradient_born[value].min(backward(t));
            }
            if training {
                match step.kind {
                    StepKind::Conv { relu, residual, norm, .. } => {
                        died[step.input] = died[step.input].max(backward(t));
                        // Else the rectifier's gate is made again from what the normalisation keeps.
                        if relu && (residual.is_some() || norm.is_none()) {
                            died[step.output] = died[step.output].max(backward(t));
                        }
                    }
                    StepKind::MaxPool { .. }
                    | StepKind::Linear { .. }
                    | StepKind::LayerNorm { .. }
                    | StepKind::Attention { .. } => {
                        died[step.input] = died[step.input].max(backward(t));
                    }
                    StepKind::GlobalAveragePool | StepKind::Pointwise { .. } => {}
                }
            }
        }
        // The caller reads these after the last step.
        let last = self.shapes.len() - 1;
        for value in [last, self.features] {
            died[value] = died[value].max(self.steps.len() - 1);
        }
        for (value, shape) in self.shapes.iter().enumerate() {
            live_ranges.push(LiveRange {
                what: BufferId::Value(value),
                len: shape.len(),
                from: born[value],
                to: died[value],
            });
        }
        if training {
            gradient_born[last] = backward(self.steps.len() - 1);
            for (t, step) in self.steps.iter().enumerate() {
                let kept = self.kept_len(step);
                if kept > 0 {
                    live_ranges.push(LiveRange {
                        what: BufferId::Saved(t),
                        len: kept,
                        from: t,
                        to: backward(t),
                    });
                }
                let (len, from) = (self.shapes[step.output].len(), gradient_born[step.output]);
                live_ranges.push(LiveRange {
                    what: BufferId::Gradient(step.output),
                    len,
                    from,
                    to: backward(t),
                });
            }
        }
        live_ranges
    }

    /// For each step, whether the gradient of its input and that of its residual already hold a later reader's part
    /// when the backward pass comes to it.
    pub(crate) fn accumulate_flags(&self) -> Vec<(bool, bool)> {
        let mut written = vec![false; self.shapes.len()];
        let mut accumulate_flags = vec![(false, false); self.steps.len()];
        for (step, (input, residual)) in self.steps.iter().zip(&mut accumulate_flags).rev() {
            if let Some(value) = step.kind.residual() {
                *residual = std::mem::replace(&mut written[value], true);
            }
            *input = std::mem::replace(&mut written[step.input], true);
        }
        accumulate_flags
    }
}

/// A buffer of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BufferId {
    /// A value.
    Value(ValueId),
    /// What a step keeps for its backward pass.
    Saved(usize),
    /// A value's gradient.
    Gradient(ValueId),
}

/// A buffer with the first and last moment at which it is in use.
pub(crate) struct LiveRange {
    pub what: BufferId,
    /// Values per item.
    pub len: usize,
    from: usize,
    to: usize,
}

/// Places buffers, largest first, each in the first arena and there at the lowest offset that is free during its whole life;
/// `size` says how much room each takes, and an arena has at most `capacity`. A buffer that is larger has an arena of its own.
/// `place` is told the arena and the place in it. Returns the arenas' lengths; where one is enough there is one.
pub(crate) fn assign(
    live_ranges: &mut [LiveRange],
    size: impl Fn(&LiveRange) -> usize,
    capacity: usize,
    mut place: impl FnMut(BufferId, usize, Region),
) -> Vec<usize> {
    live_ranges.sort_by_key(|l| std::cmp::Reverse(size(l)));
    let mut placed: Vec<Vec<(&LiveRange, usize)>> = vec![];
    let mut arenas = vec![];
    for life in live_ranges.iter() {
        let len = size(life);
        let free = placed.iter().map(|others| lowest_free(others, life, &size));
        let found = free.enumerate().find(|(_, offset)| offset.saturating_add(len) <= capacity);
        let (arena, offset) = found.unwrap_or((arenas.len(), 0));
        if arena == arenas.len() {
            arenas.push(0);
            placed.push(vec![]);
        }
        place(life.what, arena, Region { offset, len });
        arenas[arena] = arenas[arena].max(offset + len);
        placed[arena].push((life, offset));
    }
    arenas
}

impl LiveRange {
    /// Whether there is a moment at which both are in use.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// The lowest offset in an arena at which a buffer touches none of those that live beside it.
fn lowest_free(
    placed: &[(&LiveRange, usize)],
    life: &LiveRange,
    size: &impl Fn(&LiveRange) -> usize,
) -> usize {
    let beside = placed.iter().filter(|(other, _)| life.meets(other));
    let mut neighbours: Vec<(usize, usize)> =
        beside.map(|(other, offset)| (*offset, offset + size(other))).collect();
    neighbours.sort_unstable();
    let mut offset = 0;
    for (from, to) in neighbours {
        if offset + size(life) <= from {
            break;
        }
        offset = offset.max(to);
    }
    offset
}
