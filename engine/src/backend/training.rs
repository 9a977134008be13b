//! A network that learns: a function with a gradient.

use std::ops::Range;
use std::sync::Arc;

use super::{BackendError, Kept, NetworkState, Slot, UpdateRule, ViewBatch, WeightSet};
use crate::net::{Graph, Weights};

/// What a forward pass of a training network is for. Either uses the batch's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainingPass {
    /// Running statistics are updated, dropout is at work, and activations are kept for [`Training::backward`].
    Train,
    /// Nothing is updated and nothing kept, and no dropout: losses compared in one context should not differ by their
    /// noise.
    Probe,
}

/// Replicas of a network that learn in step, as one of them sees it.
pub trait AcrossReplicas: Send + Sync {
    /// How many there are.
    fn replicas(&self) -> usize;

    /// Replaces values by their sums over all replicas, in the order of replicas. Every replica calls it alike.
    ///
    /// # Errors
    /// Another replica is gone.
    fn add_up(&self, values: &mut [f64]) -> Result<(), BackendError>;
}

/// A graph whose weights are moved. It does not infer: evaluation makes an [`Inference`](super::Inference) of
/// [`Training::weights`].
///
/// Flat slices ([`Training::read_gradient`] and the like) hold the graph's parameters in the order of
/// [`Graph::params`], each in torchvision's layout, one behind the other: the same numbers at the same places on every
/// backend, so that processes can add theirs up.
pub trait Training: Send {
    /// The graph it walks.
    fn graph(&self) -> &Graph;

    /// Replicas that a batch is dealt out to, item by item: item `i` is computed, and need only be there, where replica `i % replicas` is.
    fn replicas(&self) -> usize {
        1
    }

    /// Logits of `items` NHWC inputs, `items x classes`.
    ///
    /// # Errors
    /// `input` is not `items` times the graph's input, `items` is 0, or the device failed.
    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError>;

    /// [`Training::forward`] of views, an item each, as
    /// [`Inference::forward_views`](super::Inference::forward_views) has them.
    ///
    /// # Errors
    /// There is no view, the network reads another shape, or the device failed.
    fn forward_views(&mut self, views: &ViewBatch, pass: TrainingPass) -> Result<Vec<f32>, BackendError>;

    /// Takes the memory of passes over up to so many items, so that what does not fit is refused before the first pass and not at
    /// the one that is too large.
    ///
    /// # Errors
    /// The device cannot have such a pass, or has no memory for it.
    fn reserve(&mut self, items: usize) -> Result<(), BackendError>;

    /// Sets the seed of the random masks of the following [`TrainingPass::Train`] passes: the same seed and items give
    /// the same masks on every backend ([`dropout`](super::dropout) says which). 0 before the first call; it is no part
    /// of the training state. Without effect on networks without dropout.
    fn set_dropout_seed(&mut self, seed: u64);

    /// Gradient of a scalar loss with respect to every trained parameter, given its gradient with respect to the
    /// logits of the last [`TrainingPass::Train`] pass. Replaces what the slot held. The kept activations are consumed.
    ///
    /// # Errors
    /// No forward pass was kept, or `d_logits` has another length than its logits.
    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError>;

    /// As [`Training::backward`], but adds to the gradient that the slot holds.
    ///
    /// # Errors
    /// As there, or the slot holds no gradient yet.
    fn accumulate(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError>;

    /// Dot product of two slots over all trained parameters, accumulated in `f64` in a fixed order.
    ///
    /// # Errors
    /// A slot holds no gradient yet.
    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError>;

    /// Changes the parameters by a slot's gradient. Rules share the momentum: a run keeps to one.
    ///
    /// # Errors
    /// The slot holds no gradient yet.
    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError>;

    /// Moves the average towards the current weights: `average <- decay average + (1 - decay) current`. The first
    /// call starts it as a copy.
    ///
    /// # Errors
    /// The device failed.
    fn track_average(&mut self, decay: f32) -> Result<(), BackendError>;

    /// Gradient of a slot by parameter name, for tests and inspection.
    ///
    /// # Errors
    /// The slot holds no gradient yet.
    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError>;

    /// Gradient of a slot as a flat slice of all trained parameters.
    ///
    /// # Errors
    /// The slot holds no gradient yet.
    fn read_gradient(&mut self, slot: Slot) -> Result<Vec<f32>, BackendError>;

    /// Values where they lie, in an order that all networks of this graph on such a device have; `None` where the device does not keep
    /// them at hand, or has none of them.
    ///
    /// # Errors
    /// It is a gradient, and the slot holds none yet.
    fn own(&mut self, kept: Kept) -> Result<Option<&mut [f32]>, BackendError>;

    /// From now on moves, averages and multiplies this part of the values only, as [`Training::own`] has them. Somebody else does
    /// the rest.
    ///
    /// # Errors
    /// The device does not keep values at hand.
    fn move_only(&mut self, part: Range<usize>) -> Result<(), BackendError>;

    /// Replaces what a slot holds, if anything, by a flat slice of all trained parameters.
    ///
    /// # Errors
    /// It has another length, or the device failed.
    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError>;

    /// Running statistics of batch normalisation as a flat slice; empty where there are none.
    ///
    /// # Errors
    /// The device failed.
    fn read_statistics(&mut self) -> Result<Vec<f32>, BackendError>;

    /// Replaces the running statistics by a flat slice.
    ///
    /// # Errors
    /// It has another length, or the device failed.
    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError>;

    /// From now on batch normalisation takes its statistics over all replicas' items, in both passes. Gradients stay those of this
    /// replica's items.
    ///
    /// # Errors
    /// The backend cannot.
    fn share_statistics(&mut self, across: Arc<dyn AcrossReplicas>) -> Result<(), BackendError>;

    /// A copy of the weights.
    ///
    /// # Errors
    /// An average was asked for and none is tracked.
    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError>;

    /// A copy of the whole training state.
    ///
    /// # Errors
    /// The device failed.
    fn state(&self) -> Result<NetworkState, BackendError>;

    /// Replaces the whole training state. Slots hold no gradient afterwards.
    ///
    /// # Errors
    /// A tensor is missing, extra or misshapen; nothing is changed then.
    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError>;
}
