//! What training changes beside weights, and how: gradients, moments, the moving average, the whole state.

use super::super::adamw::AdamW;
use super::super::buffer::Buffer;
use super::super::store::{Sgd, blend, dot};
use super::train::{Average, CpuTraining};
use crate::backend::{BackendError, NetworkState, Slot, UpdateRule, WeightSet};
use crate::net::Weights;

impl CpuTraining {
    pub(super) fn gradient_buffer(&self, slot: Slot) -> Result<&Buffer, BackendError> {
        self.gradients[slot as usize].as_ref().ok_or(BackendError::Order("this slot holds no gradient yet"))
    }

    pub(super) fn dot_of(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        let (a, b) = (self.gradient_buffer(a)?, self.gradient_buffer(b)?);
        let part = &self.part_moved;
        Ok(self
            .placed
            .machine
            .threads
            .install(|| dot(&a.as_slice()[part.clone()], &b.as_slice()[part.clone()])))
    }

    pub(super) fn apply(&mut self, slot: Slot, rule: &UpdateRule) {
        let Some(gradient) = &self.gradients[slot as usize] else { return };
        let (store, values, part) = (&self.placed.store, &mut self.placed.values, &self.part_moved);
        let zeros = || Buffer::zeroed(store.trained_len);
        let first = self.momentum.get_or_insert_with(zeros);
        let threads = &self.placed.machine.threads;
        match *rule {
            UpdateRule::Sgd { learning_rate, momentum, weight_decay, scale } => {
                let rule = Sgd { learning_rate, momentum, weight_decay, scale };
                threads.install(|| store.sgd(part, values, first, gradient, &rule));
            }
            UpdateRule::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step } => {
                let rule = AdamW::new(learning_rate, (beta1, beta2), epsilon, weight_decay, scale, step);
                let second = self.second_moment.get_or_insert_with(zeros);
                threads.install(|| store.adamw(part, values, (first, second), gradient, rule));
            }
        }
    }

    pub(super) fn follow(&mut self, decay: f32) {
        let (values, running) = (&self.placed.values, &self.placed.running);
        let Some(average) = &mut self.average else {
            self.average = Some(Average { trained: values.clone(), running: running.clone() });
            return;
        };
        let part = &self.part_moved;
        self.placed.machine.threads.install(|| {
            let trained = &mut average.trained.as_mut_slice()[part.clone()];
            blend(trained, &values.as_slice()[part.clone()], decay);
            blend(&mut average.running, running, decay);
        });
    }

    pub(super) fn copy(&self, which: WeightSet) -> Result<Weights, BackendError> {
        let store = &self.placed.store;
        match (which, &self.average) {
            (WeightSet::Current, _) => {
                Ok(store.unpack(self.placed.values.as_slice(), Some(&self.placed.running)))
            }
            (WeightSet::Ema, Some(a)) => Ok(store.unpack(a.trained.as_slice(), Some(&a.running))),
            (WeightSet::Ema, None) => Err(BackendError::Order("no moving average is tracked")),
        }
    }

    pub(super) fn whole_state(&self) -> NetworkState {
        let store = &self.placed.store;
        let moments = |moments: &Option<Buffer>| {
            moments.as_ref().map(|m| store.unpack(m.as_slice(), None)).unwrap_or_default()
        };
        NetworkState {
            weights: store.unpack(self.placed.values.as_slice(), Some(&self.placed.running)),
            momentum: moments(&self.momentum),
            second_moment: moments(&self.second_moment),
            average: self.average.as_ref().map(|a| store.unpack(a.trained.as_slice(), Some(&a.running))),
        }
    }

    pub(super) fn replace(&mut self, state: &NetworkState) {
        let placed = &mut self.placed;
        let store = &placed.store;
        store.pack(&state.weights, placed.values.as_mut_slice(), &mut placed.running);
        let packed = |moments: &Weights| {
            (!moments.tensors.is_empty()).then(|| {
                let mut buffer = Buffer::zeroed(store.trained_len);
                store.pack_trained(moments, buffer.as_mut_slice());
                buffer
            })
        };
        (self.momentum, self.second_moment) = (packed(&state.momentum), packed(&state.second_moment));
        self.average = state.average.as_ref().map(|weights| {
            let mut trained = Buffer::zeroed(store.trained_len);
            let mut running = vec![0.0; store.running_len];
            store.pack(weights, trained.as_mut_slice(), &mut running);
            Average { trained, running }
        });
        self.gradients = [None, None];
        self.tape = None;
    }
}
