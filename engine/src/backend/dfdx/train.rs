//! A network that learns, as others hold it.

use std::sync::Arc;

use super::learn::Learning;
use super::route::Route;
use super::rows::Machine;
use super::thread::{DeviceThread, Tenant};
use crate::backend::{BackendError, NetworkState, Slot, TrainingDevice, TrainingPass, UpdateRule, WeightSet};
use crate::net::{Graph, Weights};

/// A network that learns.
pub(in crate::backend) struct DfdxTraining<D: Machine> {
    network: Tenant<D, Learning<D>>,
    seed: u64,
}

impl<D: Machine> DfdxTraining<D> {
    pub(super) fn new(
        thread: &Arc<DeviceThread<D>>,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let route = Route::new(graph)?;
        let (graph, weights) = (graph.clone(), weights.clone());
        let network = thread.place(move |device| Learning::new(device, graph, route, &weights))?;
        Ok(Self { network, seed: 0 })
    }
}

impl<D: Machine> TrainingDevice for DfdxTraining<D> {
    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        let (input, seed) = (input.to_vec(), self.seed);
        self.network.call(move |network, tables| network.forward(tables, (&input, items), pass, seed))
    }

    fn set_dropout_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    fn backward(&mut self, d_logits: &[f32], items: usize, slot: Slot) -> Result<(), BackendError> {
        let d_logits = d_logits.to_vec();
        self.network.call(move |network, tables| network.backward(&tables.device, (&d_logits, items), slot))
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        self.network.call(move |network, _| Ok(network.dot(a, b)))
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        let rule = *rule;
        self.network.call(move |network, tables| network.update(&tables.device, slot, &rule))
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.network.call(move |network, _| network.track_average(decay))
    }

    fn read_gradient(&self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        self.network.call(move |network, _| Ok(network.gradient(slot)))
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        let gradient = gradient.to_vec();
        self.network.call(move |network, tables| network.write_gradient(&tables.device, slot, &gradient))
    }

    fn read_statistics(&self) -> Result<Vec<f32>, BackendError> {
        self.network.call(|network, _| Ok(network.running().flat()))
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        let statistics = statistics.to_vec();
        self.network.call(move |network, _| {
            network.running().replace(&statistics);
            Ok(())
        })
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        self.network.call(move |network, _| Ok(network.weights(which)))
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        self.network.call(|network, _| Ok(network.state()))
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        let state = state.clone();
        self.network.call(move |network, tables| network.restore(&tables.device, &state))
    }
}
