//! What executes a graph. A network is a function with a gradient; losses live on the host, because logits are few.
//!
//! The traits are object-safe and speak in host slices, so a new backend touches one folder. Types of a device
//! library never leave this module.

pub mod cpu;
pub mod noise;
mod views;
pub mod wgpu;

use thiserror::Error;

use crate::net::{Graph, PlanError, Weights, WeightsError};
pub use views::{Input, PictureView, ViewBatch};

/// Which statistics batch normalisation uses, and what a forward pass leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Running statistics; nothing is kept. The fastest, fused path.
    Infer,
    /// The batch's statistics; running statistics are updated and activations kept for [`Network::backward`].
    Train,
    /// The batch's statistics; nothing is updated and nothing kept, and no dropout: losses compared in one context
    /// should not differ by their noise.
    Probe,
}

/// Where a gradient is kept. A network holds one gradient a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The teacher's gradient, or the student's on unlabelled data (`g_old`).
    First,
    /// The student's gradient on labelled data after its update (`g_new`).
    Second,
}

/// How [`Network::update`] changes parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum UpdateRule {
    /// `v <- momentum v + (scale g + decay p)`, `p <- p - learning_rate v`; decay on weights only, as
    /// [`crate::net::ParamKind::is_decayed`] says.
    Sgd {
        /// Step size.
        learning_rate: f32,
        /// Momentum in `[0, 1)`.
        momentum: f32,
        /// Weight decay.
        weight_decay: f32,
        /// Factor on the gradient, for clipping by global norm.
        scale: f32,
    },
    /// With `g' = scale g`: `m <- beta1 m + (1 - beta1) g'`, `v <- beta2 v + (1 - beta2) g'^2`,
    /// `p <- (1 - learning_rate weight_decay) p`, then
    /// `p <- p - learning_rate m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon)`: AdamW (Loshchilov and
    /// Hutter 2019) as `torch.optim.AdamW`. Decay on weights only, as [`crate::net::ParamKind::is_decayed`] says.
    AdamW {
        /// Step size.
        learning_rate: f32,
        /// Decay of the mean of gradients (kept as [`NetworkState::momentum`]), in `[0, 1)`.
        beta1: f32,
        /// Decay of the mean of squared gradients ([`NetworkState::second_moment`]), in `[0, 1)`.
        beta2: f32,
        /// Added to the root of the second moment; above 0.
        epsilon: f32,
        /// Weight decay, apart from the gradient.
        weight_decay: f32,
        /// Factor on the gradient, for clipping by global norm.
        scale: f32,
        /// Updates by this rule, this one included: 1 for the first.
        step: u64,
    },
}

/// Which of a network's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightSet {
    /// The weights that training moves.
    Current,
    /// Their exponential moving average, running statistics included.
    Ema,
}

/// Everything needed to go on training bit-identically, under torchvision's names and shapes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkState {
    /// Parameters and buffers.
    pub weights: Weights,
    /// Momentum of each trained parameter, AdamW's first moment; empty before the first update.
    pub momentum: Weights,
    /// AdamW's second moment of each trained parameter; empty where no update was AdamW's.
    pub second_moment: Weights,
    /// Moving average of parameters and buffers; `None` where none is tracked.
    pub average: Option<Weights>,
}

/// A graph with weights on a device.
pub trait Network: Send {
    /// The graph it walks.
    fn graph(&self) -> &Graph;

    /// Logits of `items` NHWC inputs, `items x classes`.
    ///
    /// # Errors
    /// `input` is not `items` times the graph's input, `items` is 0, or the device failed.
    fn forward(&mut self, input: &[f32], items: usize, mode: Mode) -> Result<Vec<f32>, BackendError>;

    /// [`Network::forward`] of views, an item each. A backend that renders views itself ([`Backend::renders_views`]) gives
    /// them the values that [`ViewBatch::render`] gives, within one grey level; here that renders them.
    ///
    /// # Errors
    /// There is no view, the network reads another shape, or the device failed.
    fn forward_views(&mut self, views: &ViewBatch, mode: Mode) -> Result<Vec<f32>, BackendError> {
        views.check(self.graph().input())?;
        self.forward(&views.render(), views.views().len(), mode)
    }

    /// Sets the key of the random masks of the following [`Mode::Train`] passes: the same key and items give the same
    /// masks on every backend ([`noise`] says which). 0 before the first call; it is no part of the training state.
    /// Without effect on networks without dropout.
    fn set_dropout_seed(&mut self, key: u64);

    /// The graph's feature node for `items` inputs in [`Mode::Infer`], `items x its length`: a residual network's
    /// pooled features, a temporal encoder's refined features of every frame.
    ///
    /// # Errors
    /// As [`Network::forward`].
    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;

    /// Gradient of a scalar loss with respect to every trained parameter, given its gradient with respect to the
    /// logits of the last [`Mode::Train`] forward. Replaces what the slot held. The kept activations are consumed.
    ///
    /// # Errors
    /// No forward pass was kept, or `d_logits` has another length than its logits.
    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError>;

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

    /// Replaces the whole training state.
    ///
    /// # Errors
    /// A tensor is missing, extra or misshapen; nothing is changed then.
    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError>;

    /// Says that only [`Mode::Infer`] passes and [`Network::features`] follow, which stay as they are: a backend may then release
    /// what nothing else needs, and every other call may be [`BackendError::Order`]. Here nothing changes.
    fn freeze(&mut self) {}
}

/// What one kernel took.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTime {
    /// Its name.
    pub kernel: String,
    /// How often it ran.
    pub calls: u64,
    /// Milliseconds on the device, all calls together.
    pub ms: f64,
}

/// A way to compute.
pub trait Backend: Send + Sync {
    /// Short name, as `--backend` takes it.
    fn name(&self) -> &'static str;

    /// One line for people: device, instruction set, threads.
    fn describe(&self) -> String;

    /// What its networks infer in: `single` precision, 16-bit `fixed` point, or `half`, 16-bit floats. It decides the last
    /// digits of a result.
    fn arithmetic(&self) -> &'static str {
        "single"
    }

    /// Time by kernel since the backend was opened, the longest first; empty where it was not opened for profiling.
    fn profile(&self) -> Vec<KernelTime> {
        vec![]
    }

    /// Whether its networks make views on the device, so that it is better to leave them pictures and compiled views than
    /// to render ahead.
    fn renders_views(&self) -> bool {
        false
    }

    /// Puts a graph with its weights on the device.
    ///
    /// # Errors
    /// The weights do not fit the graph, or the device cannot hold it.
    fn network(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Network>, BackendError>;
}

/// Why a backend could not do what it was asked.
#[derive(Debug, Error)]
pub enum BackendError {
    /// A slice has the wrong length.
    #[error("{what}: expected {expected} values ({shape}), got {got}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Values needed.
        expected: usize,
        /// How they come about, e.g. `4 items of 64x64x3`.
        shape: String,
        /// Values given.
        got: usize,
    },
    /// An operation came out of order.
    #[error("{0}")]
    Order(&'static str),
    /// Weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The graph cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A device failed.
    #[error("GPU `{adapter}`: {message}")]
    Device {
        /// Its name.
        adapter: String,
        /// What happened, and what to do.
        message: String,
    },
    /// What was asked for is not available on this machine.
    #[error("{0}")]
    Unavailable(String),
}
