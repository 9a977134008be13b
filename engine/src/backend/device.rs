//! What a new backend writes. Calls that reach it have been checked by the shell around it ([`super::checked`]): lengths
//! fit, a gradient that is asked for is there, a backward pass follows the forward pass that it belongs to.

use std::ops::Range;
use std::sync::Arc;

use super::{
    AcrossReplicas, BackendError, BackendInfo, Kept, NetworkState, Slot, TrainingPass, UpdateRule, ViewBatch,
    WeightSet,
};
use crate::net::{Graph, Weights};

/// A way to compute, as its author writes it. Everything that implements this is a [`Backend`](super::Backend), whose
/// networks refuse wrong calls before they come here.
pub trait Device: BackendInfo {
    /// Its networks that answer.
    type Inference: InferenceDevice + 'static;
    /// Its networks that learn.
    type Training: TrainingDevice + 'static;

    /// Puts a graph on the device to answer. The weights fit the graph.
    ///
    /// # Errors
    /// The device cannot hold it, or has no kernel for it.
    fn place_inference(&self, graph: &Graph, weights: &Weights) -> Result<Self::Inference, BackendError>;

    /// Puts a graph on the device to learn. The weights fit the graph.
    ///
    /// # Errors
    /// The device cannot hold it, or has no kernel for it.
    fn place_training(&self, graph: &Graph, weights: &Weights) -> Result<Self::Training, BackendError>;
}

/// A network that answers: what [`Inference`](super::Inference) says, without its checks.
pub trait InferenceDevice: Send {
    /// Logits; `input` is `items` times the graph's input, and `items` at least 1.
    ///
    /// # Errors
    /// The device failed.
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;

    /// Logits of views, one at least, each of the graph's input shape. Here they are rendered on the processor.
    ///
    /// # Errors
    /// The device failed.
    fn forward_views(&mut self, views: &ViewBatch) -> Result<Vec<f32>, BackendError> {
        self.forward(&views.render(), views.views().len())
    }

    /// Features, for an input as in [`InferenceDevice::forward`].
    ///
    /// # Errors
    /// The device failed.
    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;
}

/// A network that learns: what [`Training`](super::Training) says, without its checks.
pub trait TrainingDevice: Send {
    /// Logits; `input` is `items` times the graph's input, and `items` at least 1.
    ///
    /// # Errors
    /// The device failed.
    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError>;

    /// Logits of views, one at least, each of the graph's input shape. Here they are rendered on the processor.
    ///
    /// # Errors
    /// The device failed.
    fn forward_views(&mut self, views: &ViewBatch, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.forward(&views.render(), views.views().len(), pass)
    }

    /// Takes the memory of passes over up to so many items, so that it is known before the first that it is there. A device that
    /// says nothing here takes it when it is needed.
    ///
    /// # Errors
    /// The device cannot have such a pass, or has no memory for it.
    fn reserve(&mut self, _items: usize) -> Result<(), BackendError> {
        Ok(())
    }

    /// Sets the seed of the random masks.
    fn set_dropout_seed(&mut self, seed: u64);

    /// The gradient into a slot, from that of the logits of the pass just before, a [`TrainingPass::Train`] one, of
    /// `items` items: `d_logits` is as long as its logits were.
    ///
    /// # Errors
    /// The device failed.
    fn backward(&mut self, d_logits: &[f32], items: usize, slot: Slot) -> Result<(), BackendError>;

    /// As [`TrainingDevice::backward`], but adds to the gradient that the slot holds. Here the sum is made on the host.
    ///
    /// # Errors
    /// The device failed.
    fn accumulate(&mut self, d_logits: &[f32], items: usize, slot: Slot) -> Result<(), BackendError> {
        let mut sum = self.read_gradient(slot)?;
        self.backward(d_logits, items, slot)?;
        sum.iter_mut().zip(self.read_gradient(slot)?).for_each(|(sum, part)| *sum += part);
        self.write_gradient(slot, &sum)
    }

    /// Dot product of two slots that hold gradients.
    ///
    /// # Errors
    /// The device failed.
    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError>;

    /// Changes the parameters by the gradient that the slot holds.
    ///
    /// # Errors
    /// The device failed.
    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError>;

    /// Moves the average, or starts it.
    ///
    /// # Errors
    /// The device failed.
    fn track_average(&mut self, decay: f32) -> Result<(), BackendError>;

    /// The gradient that the slot holds, flat.
    ///
    /// # Errors
    /// The device failed.
    fn read_gradient(&self, slot: Slot) -> Result<Vec<f32>, BackendError>;

    /// Values where they lie, in an order that all networks of this graph on such a device have; `None` of what there is none of. `None` of
    /// everything, which is what a device says unless it can, makes others use [`TrainingDevice::read_gradient`].
    fn own(&mut self, _kept: Kept) -> Option<&mut [f32]> {
        None
    }

    /// From now on updates, averages and dot products go over this part of the values only, in the order of [`TrainingDevice::own`].
    ///
    /// # Errors
    /// The device gives no values there.
    fn move_only(&mut self, _part: Range<usize>) -> Result<(), BackendError> {
        Err(BackendError::Unavailable("this backend moves whole networks only".into()))
    }

    /// Makes the slot hold a flat gradient, which has the length of all trained parameters.
    ///
    /// # Errors
    /// The device failed.
    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError>;

    /// Running statistics, flat.
    ///
    /// # Errors
    /// The device failed.
    fn read_statistics(&self) -> Result<Vec<f32>, BackendError>;

    /// Replaces the running statistics by a flat slice of their length.
    ///
    /// # Errors
    /// The device failed.
    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError>;

    /// From now on batch normalisation takes its statistics over all replicas' items.
    ///
    /// # Errors
    /// It cannot, which is what a device says unless it can.
    fn share_statistics(&mut self, _across: Arc<dyn AcrossReplicas>) -> Result<(), BackendError> {
        Err(BackendError::Unavailable(
            "this backend takes batch-norm statistics over each replica alone; set --batch-norm local".into(),
        ))
    }

    /// A copy of the weights; the average only where one is tracked.
    ///
    /// # Errors
    /// The device failed.
    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError>;

    /// A copy of the whole training state.
    ///
    /// # Errors
    /// The device failed.
    fn state(&self) -> Result<NetworkState, BackendError>;

    /// Replaces the whole training state by one that fits the graph.
    ///
    /// # Errors
    /// The device failed; nothing is changed then.
    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError>;
}
