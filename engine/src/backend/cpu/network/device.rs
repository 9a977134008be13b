//! Gradients and running statistics as flat slices in the graph's order, and the training network behind its trait.

use std::ops::Range;
use std::sync::Arc;

use super::super::buffer::Buffer;
use super::train::CpuTraining;
use crate::backend::{
    AcrossReplicas, BackendError, Kept, NetworkState, Slot, TrainingDevice, TrainingPass, UpdateRule,
    WeightSet,
};
use crate::net::Weights;

impl TrainingDevice for CpuTraining {
    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.pass(input, items, pass)
    }

    fn set_dropout_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    fn backward(&mut self, d_logits: &[f32], _items: usize, slot: Slot) -> Result<(), BackendError> {
        self.gradient_into(d_logits, slot)
    }

    fn accumulate(&mut self, d_logits: &[f32], _items: usize, slot: Slot) -> Result<(), BackendError> {
        self.add_gradient(d_logits, slot)
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        self.dot_of(a, b)
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        self.apply(slot, rule);
        Ok(())
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.follow(decay);
        Ok(())
    }

    fn read_gradient(&self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        Ok(self.placed.store.flatten(self.gradient_buffer(slot)?.as_slice()))
    }

    fn own(&mut self, kept: Kept) -> Option<&mut [f32]> {
        let buffer = match kept {
            Kept::Weights => &mut self.placed.values,
            Kept::Gradient(slot) => self.gradients[slot as usize].as_mut()?,
            Kept::Momentum => self.momentum.as_mut()?,
            Kept::SecondMoment => self.second_moment.as_mut()?,
            Kept::Average => &mut self.average.as_mut()?.trained,
        };
        Some(buffer.as_mut_slice())
    }

    fn move_only(&mut self, part: Range<usize>) -> Result<(), BackendError> {
        self.part_moved = part;
        Ok(())
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        let store = &self.placed.store;
        let to = self.gradients[slot as usize].get_or_insert_with(|| Buffer::zeroed(store.trained_len));
        store.unflatten(gradient, to.as_mut_slice());
        Ok(())
    }

    fn read_statistics(&self) -> Result<Vec<f32>, BackendError> {
        Ok(self.placed.store.flatten_running(&self.placed.running))
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        self.placed.store.unflatten_running(statistics, &mut self.placed.running);
        Ok(())
    }

    fn share_statistics(&mut self, across: Arc<dyn AcrossReplicas>) -> Result<(), BackendError> {
        self.across = Some(across);
        Ok(())
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        self.copy(which)
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        Ok(self.whole_state())
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        self.replace(state);
        Ok(())
    }
}
