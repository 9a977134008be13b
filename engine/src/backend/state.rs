//! What a training network holds, and how it is changed.

use crate::net::Weights;

/// Where a gradient is kept. A network holds one gradient a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The teacher's gradient, or the student's on unlabelled data (`g_old`).
    First,
    /// The student's gradient on labelled data after its update (`g_new`).
    Second,
}

/// What a network that learns keeps of every trained parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The parameters themselves.
    Weights,
    /// A slot's gradient.
    Gradient(Slot),
    /// The mean of gradients.
    Momentum,
    /// The mean of squared gradients.
    SecondMoment,
    /// The moving average.
    Average,
}

/// How [`Training::update`](super::Training::update) changes parameters.
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
