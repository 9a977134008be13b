//! The shell around every device's networks: it refuses calls that the contract forbids, always in the same words, so that
//! no device checks them.

use std::ops::Range;
use std::sync::Arc;

use super::{
    AcrossReplicas, Backend, BackendError, Device, Inference, InferenceDevice, Kept, NetworkState, Slot,
    Training, TrainingDevice, TrainingPass, UpdateRule, ViewBatch, WeightSet,
};
use crate::net::{Graph, HostTensor, ParamSpec, Shape, Weights};

impl<D: Device> Backend for D {
    fn inference(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Inference>, BackendError> {
        weights.check(graph)?;
        Ok(Box::new(CheckedInference::new(graph, self.place_inference(graph, weights)?)))
    }

    fn training(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Training>, BackendError> {
        weights.check(graph)?;
        Ok(Box::new(CheckedTraining::new(graph, self.place_training(graph, weights)?)))
    }
}

/// A network that answers, with its contract.
struct CheckedInference<N> {
    graph: Graph,
    network: N,
}

impl<N: InferenceDevice> CheckedInference<N> {
    fn new(graph: &Graph, network: N) -> Self {
        Self { graph: graph.clone(), network }
    }
}

impl<N: InferenceDevice> Inference for CheckedInference<N> {
    fn input(&self) -> Shape {
        self.graph.input()
    }

    fn output(&self) -> Shape {
        self.graph.output()
    }

    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        check_input(self.graph.input(), input, items)?;
        self.network.forward(input, items)
    }

    fn forward_views(&mut self, views: &ViewBatch) -> Result<Vec<f32>, BackendError> {
        views.check(self.graph.input())?;
        self.network.forward_views(views)
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        check_input(self.graph.input(), input, items)?;
        self.network.features(input, items)
    }
}

/// A network that learns, with its contract.
struct CheckedTraining<N> {
    graph: Graph,
    network: N,
    /// Items of the forward pass whose activations are kept.
    kept: Option<usize>,
    /// Which slots hold a gradient.
    holds: [bool; 2],
    is_averaged: bool,
}

impl<N: TrainingDevice> CheckedTraining<N> {
    fn new(graph: &Graph, network: N) -> Self {
        Self { graph: graph.clone(), network, kept: None, holds: [false; 2], is_averaged: false }
    }

    /// Items of the pass that is used up by a backward pass from this gradient.
    fn take_kept(&mut self, d_logits: &[f32]) -> Result<usize, BackendError> {
        let Some(items) = self.kept.take() else {
            return Err(BackendError::Order(
                "backward needs a forward pass in TrainingPass::Train just before it",
            ));
        };
        let output = self.graph.output();
        let (expected, got) = (items * output.len(), d_logits.len());
        if got != expected {
            let shape = format!("{items} items of {output}");
            return Err(BackendError::Length { what: "gradient of logits", expected, shape, got });
        }
        Ok(items)
    }

    fn check_slot(&self, slot: Slot) -> Result<(), BackendError> {
        if self.holds[slot as usize] {
            return Ok(());
        }
        Err(BackendError::Order("this slot holds no gradient yet"))
    }

    /// Values of all parameters that are trained, or of all that are not.
    fn flat_len(&self, trained: bool) -> usize {
        self.graph.params.iter().filter(|p| p.kind.is_trained() == trained).map(ParamSpec::len).sum()
    }

    fn check_flat(&self, what: &'static str, trained: bool, got: usize) -> Result<(), BackendError> {
        let expected = self.flat_len(trained);
        if got == expected {
            return Ok(());
        }
        let shape = format!("the graph's {} parameters", if trained { "trained" } else { "other" });
        Err(BackendError::Length { what, expected, shape, got })
    }
}

impl<N: TrainingDevice> Training for CheckedTraining<N> {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        check_input(self.graph.input(), input, items)?;
        self.kept = None;
        let logits = self.network.forward(input, items, pass)?;
        self.kept = (pass == TrainingPass::Train).then_some(items);
        Ok(logits)
    }

    fn forward_views(&mut self, views: &ViewBatch, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        views.check(self.graph.input())?;
        self.kept = None;
        let logits = self.network.forward_views(views, pass)?;
        self.kept = (pass == TrainingPass::Train).then_some(views.views().len());
        Ok(logits)
    }

    fn reserve(&mut self, items: usize) -> Result<(), BackendError> {
        // It may take the place of what was kept.
        self.kept = None;
        self.network.reserve(items)
    }

    fn set_dropout_seed(&mut self, seed: u64) {
        self.network.set_dropout_seed(seed);
    }

    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let items = self.take_kept(d_logits)?;
        self.holds[slot as usize] = false;
        self.network.backward(d_logits, items, slot)?;
        self.holds[slot as usize] = true;
        Ok(())
    }

    fn accumulate(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        self.check_slot(slot)?;
        let items = self.take_kept(d_logits)?;
        self.holds[slot as usize] = false;
        self.network.accumulate(d_logits, items, slot)?;
        self.holds[slot as usize] = true;
        Ok(())
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        self.check_slot(a)?;
        self.check_slot(b)?;
        self.network.dot(a, b)
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        self.check_slot(slot)?;
        self.network.update(slot, rule)
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.network.track_average(decay)?;
        self.is_averaged = true;
        Ok(())
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        self.check_slot(slot)?;
        let flat = self.network.read_gradient(slot)?;
        let (mut rest, mut weights) = (flat.as_slice(), Weights::default());
        for spec in self.graph.params.iter().filter(|p| p.kind.is_trained()) {
            let (data, behind) = rest.split_at(spec.len());
            let tensor = HostTensor { shape: spec.shape.clone(), data: data.to_vec() };
            weights.tensors.insert(spec.name.clone(), tensor);
            rest = behind;
        }
        Ok(weights)
    }

    fn read_gradient(&mut self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        self.check_slot(slot)?;
        self.network.read_gradient(slot)
    }

    fn own(&mut self, kept: Kept) -> Result<Option<&mut [f32]>, BackendError> {
        if let Kept::Gradient(slot) = kept {
            self.check_slot(slot)?;
        }
        Ok(self.network.own(kept))
    }

    fn move_only(&mut self, part: Range<usize>) -> Result<(), BackendError> {
        self.network.move_only(part)
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        self.check_flat("gradient", true, gradient.len())?;
        self.network.write_gradient(slot, gradient)?;
        self.holds[slot as usize] = true;
        Ok(())
    }

    fn read_statistics(&mut self) -> Result<Vec<f32>, BackendError> {
        self.network.read_statistics()
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        self.check_flat("running statistics", false, statistics.len())?;
        self.network.write_statistics(statistics)
    }

    fn share_statistics(&mut self, across: Arc<dyn AcrossReplicas>) -> Result<(), BackendError> {
        self.network.share_statistics(across)
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        if which == WeightSet::Ema && !self.is_averaged {
            return Err(BackendError::Order("no moving average is tracked"));
        }
        self.network.weights(which)
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        self.network.state()
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        state.weights.check(&self.graph)?;
        if let Some(average) = &state.average {
            average.check(&self.graph)?;
        }
        for moments in [&state.momentum, &state.second_moment].into_iter().filter(|m| !m.tensors.is_empty()) {
            moments.check_trained(&self.graph)?;
        }
        self.network.restore(state)?;
        (self.kept, self.holds) = (None, [false; 2]);
        self.is_averaged = state.average.is_some();
        Ok(())
    }
}

/// `input` is `items` times the shape, and `items` at least 1.
pub(super) fn check_input(shape: Shape, input: &[f32], items: usize) -> Result<(), BackendError> {
    let (expected, got) = (shape.len().saturating_mul(items), input.len());
    if items > 0 && got == expected {
        return Ok(());
    }
    Err(BackendError::Length {
        what: "network input",
        expected,
        shape: format!("{items} items of {shape}"),
        got,
    })
}
