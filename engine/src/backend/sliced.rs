//! A network that learns from batches larger than a device has room for: a pass goes in slices, and their gradients are added up.
//!
//! [`sliced`] takes a network and gives one whose batches are cut, so that nobody who learns with it knows. A forward pass goes over
//! the slices and keeps their inputs; the backward pass makes each slice's activations again, takes its gradient and adds it to
//! those before. So a slice is forwarded twice, and one slice's activations are in memory at a time.
//!
//! **What differs from the whole batch.** Batch normalisation takes its statistics over a slice, in both passes, and the running
//! statistics move once a slice instead of once a batch, as everywhere where gradients are accumulated. They move in the backward
//! pass. Everything else is the whole batch's: losses are means over all items, a slot holds the sum over all slices, and dot products,
//! norms and updates use that sum. Where nothing is normalised by the batch, only the order of sums differs.
//!
//! **Dropout.** Each slice draws masks of its own, and draws them again in its second pass. The logits that are learned from are those of
//! a training pass then, so a network that has both dropout and batch normalisation, whose statistics would move twice, is refused.
//!
//! Of `k` slices, slice `j` has the items `j`, `j + k`, `j + 2k`, ..., so that each has its part of labelled, weak and strong views. Of a
//! network of several replicas those are groups of an item for each, so that a slice deals its items to the replicas that have them.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use super::{
    AcrossReplicas, BackendError, Input, Kept, NetworkState, Slot, Training, TrainingPass, UpdateRule,
    ViewBatch, WeightSet,
};
use crate::net::{Graph, Op, Weights};

/// A network whose passes have `most` items at the most, 1 at least.
///
/// # Errors
/// `most` is 0, or the network has dropout and batch normalisation.
pub fn sliced(network: Box<dyn Training>, most: usize) -> Result<Box<dyn Training>, BackendError> {
    if most == 0 {
        return Err(BackendError::Spec("a slice of 0 items holds nothing; leave --micro-batch out".into()));
    }
    let graph = network.graph();
    let drops = graph.nodes.iter().any(|node| matches!(node.op, Op::Dropout { .. }));
    if drops && graph.nodes.iter().any(|node| matches!(node.op, Op::BatchNorm { .. })) {
        let reason = "a network with dropout and batch normalisation learns from whole batches only";
        return Err(BackendError::Spec(reason.into()));
    }
    Ok(Box::new(Sliced { network, most, drops, seed: 0, kept: vec![] }))
}

/// The seed of a slice's masks; the first one's is that of the whole batch.
fn seed_of(seed: u64, slice: usize) -> u64 {
    // Another factor than replicas have, so that no two parts of a batch draw the same.
    seed ^ (slice as u64).wrapping_mul(0xD1B5_4A32_D192_ED03)
}

/// Items of the largest and of the smallest slice of so many items.
pub fn slice_sizes(items: usize, most: usize) -> [usize; 2] {
    let slices = items.div_ceil(most.max(1)).max(1);
    [items.div_ceil(slices), items / slices]
}

struct Sliced {
    network: Box<dyn Training>,
    most: usize,
    /// Whether there are masks to be drawn.
    drops: bool,
    /// Of the masks.
    seed: u64,
    /// Inputs of the last pass that is to be learned from, where it was cut, with their places in the batch.
    kept: Vec<(Vec<usize>, Input)>,
}

/// The rows at these places.
fn rows_at(rows: &[f32], places: &[usize], row: usize) -> Vec<f32> {
    places.iter().flat_map(|at| &rows[at * row..(at + 1) * row]).copied().collect()
}

impl Sliced {
    fn pass(&mut self, input: &Input, items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        let (slices, replicas) = (items.div_ceil(self.most), self.network.replicas());
        let (item, row) = (self.graph().input().len(), self.graph().output().len());
        let (mut kept, mut logits) = (vec![], vec![0.0; items * row]);
        // A probe draws no masks, so that what is learned from must be a training pass where there are any.
        let each = if self.drops { pass } else { TrainingPass::Probe };
        for first in 0..slices {
            let places: Vec<usize> = (0..items).filter(|place| place / replicas % slices == first).collect();
            let part = input.picked(&places, item);
            self.draw_for(first);
            let rows = part.forward(self.network.as_mut(), places.len(), each)?;
            for (at, values) in places.iter().zip(rows.chunks_exact(row)) {
                logits[at * row..(at + 1) * row].copy_from_slice(values);
            }
            kept.push((places, part));
        }
        if pass == TrainingPass::Train {
            self.kept = kept;
        }
        Ok(logits)
    }

    /// Makes the next pass draw a slice's masks.
    fn draw_for(&mut self, slice: usize) {
        if self.drops {
            self.network.set_dropout_seed(seed_of(self.seed, slice));
        }
    }

    /// The gradient of the pass before, into a slot or added to what it holds.
    fn gradient_into(&mut self, d_logits: &[f32], slot: Slot, mut adds: bool) -> Result<(), BackendError> {
        let (kept, row) = (std::mem::take(&mut self.kept), self.graph().output().len());
        let items: usize = kept.iter().map(|(places, _)| places.len()).sum();
        if kept.is_empty() {
            return if adds {
                self.network.accumulate(d_logits, slot)
            } else {
                self.network.backward(d_logits, slot)
            };
        }
        if d_logits.len() != items * row {
            let (what, shape) = ("gradient of logits", format!("{items} items of {}", self.graph().output()));
            return Err(BackendError::Length { what, expected: items * row, shape, got: d_logits.len() });
        }
        for (slice, (places, input)) in kept.into_iter().enumerate() {
            self.draw_for(slice);
            input.forward(self.network.as_mut(), places.len(), TrainingPass::Train)?;
            let part = rows_at(d_logits, &places, row);
            if adds {
                self.network.accumulate(&part, slot)?;
            } else {
                self.network.backward(&part, slot)?;
            }
            adds = true;
        }
        Ok(())
    }
}

impl Training for Sliced {
    fn graph(&self) -> &Graph {
        self.network.graph()
    }

    fn replicas(&self) -> usize {
        self.network.replicas()
    }

    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.kept.clear();
        if items <= self.most {
            self.draw_for(0);
            return self.network.forward(input, items, pass);
        }
        super::checked::check_input(self.graph().input(), input, items)?;
        self.pass(&input.to_vec().into(), items, pass)
    }

    fn forward_views(&mut self, views: &ViewBatch, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.kept.clear();
        let items = views.views().len();
        if items <= self.most {
            self.draw_for(0);
            return self.network.forward_views(views, pass);
        }
        views.check(self.graph().input())?;
        self.pass(&Input::Views(views.clone()), items, pass)
    }

    /// Of the slices of such a pass.
    fn reserve(&mut self, items: usize) -> Result<(), BackendError> {
        self.kept.clear();
        slice_sizes(items, self.most).into_iter().try_for_each(|items| self.network.reserve(items))
    }

    fn set_dropout_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        self.gradient_into(d_logits, slot, false)
    }

    fn accumulate(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        self.gradient_into(d_logits, slot, true)
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        self.network.dot(a, b)
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        self.network.update(slot, rule)
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.network.track_average(decay)
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        self.network.gradient(slot)
    }

    fn read_gradient(&mut self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        self.network.read_gradient(slot)
    }

    fn own(&mut self, kept: Kept) -> Result<Option<&mut [f32]>, BackendError> {
        self.network.own(kept)
    }

    fn move_only(&mut self, part: Range<usize>) -> Result<(), BackendError> {
        self.network.move_only(part)
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        self.network.write_gradient(slot, gradient)
    }

    fn read_statistics(&mut self) -> Result<Vec<f32>, BackendError> {
        self.network.read_statistics()
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        self.network.write_statistics(statistics)
    }

    fn share_statistics(&mut self, across: Arc<dyn AcrossReplicas>) -> Result<(), BackendError> {
        self.network.share_statistics(across)
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        self.network.weights(which)
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        self.network.state()
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        self.kept.clear();
        self.network.restore(state)
    }
}
