//! One fused operation.

use crate::net::graph::ParamId;

/// Index of a value (a step's output; value 0 is the network's input) in [`Plan::shapes`].
pub type ValueId = usize;

/// A batch normalisation fused into its convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// Factor per channel.
    pub scale: ParamId,
    /// Addend per channel.
    pub shift: ParamId,
    /// Running mean.
    pub mean: ParamId,
    /// Running variance.
    pub variance: ParamId,
    /// Added to the variance.
    pub epsilon: f32,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f32,
}

/// A dropout fused into a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability of a zero.
    pub rate: f32,
    /// Tells the masks of a graph's dropouts apart.
    pub index: u32,
}

/// What happens to each value at the end of a step, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Epilogue {
    /// A learned `positions x channels` table is added to every item.
    pub positions: Option<ParamId>,
    /// GELU.
    pub gelu: bool,
    /// Dropout, in training.
    pub dropout: Option<Dropout>,
    /// Another value of the same shape is added.
    pub residual: Option<ValueId>,
}

/// What a step computes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// `relu?(norm?(conv(input)) + residual?)`
    Conv {
        /// Weight.
        weight: ParamId,
        /// Side of the square kernel.
        kernel: usize,
        /// Step between windows.
        stride: usize,
        /// Zeros on each side.
        padding: usize,
        /// Batch normalisation of the result.
        norm: Option<Norm>,
        /// Added after normalisation.
        residual: Option<ValueId>,
        /// Rectifier at the end.
        relu: bool,
    },
    /// Square maximum pool.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step between windows.
        stride: usize,
        /// Padding on each side; never wins.
        padding: usize,
    },
    /// Mean over positions.
    GlobalAveragePool,
    /// `epilogue(x W^T + b)`, over the flat item or at each position, as the output's positions say.
    Linear {
        /// Weight.
        weight: ParamId,
        /// Bias.
        bias: ParamId,
        /// What follows.
        epilogue: Epilogue,
    },
    /// `epilogue(x)`: what no product before it could take in.
    Pointwise {
        /// What is done.
        epilogue: Epilogue,
    },
    /// Layer normalisation of each position.
    LayerNorm {
        /// Factor per channel.
        scale: ParamId,
        /// Addend per channel.
        shift: ParamId,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Attention among positions; see [`crate::net::Op::Attention`].
    Attention {
        /// Heads.
        heads: usize,
        /// Whether a position attends to itself and earlier ones only.
        causal: bool,
        /// Value whose last channel masks keys.
        presence: Option<ValueId>,
    },
}

impl StepKind {
    /// The value that is added at the end.
    pub fn residual(&self) -> Option<ValueId> {
        match self {
            StepKind::Conv { residual, .. } => *residual,
            StepKind::Linear { epilogue, .. } | StepKind::Pointwise { epilogue } => epilogue.residual,
            _ => None,
        }
    }
}

/// One fused operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What is computed.
    pub kind: StepKind,
    /// Value read.
    pub input: ValueId,
    /// Value written.
    pub output: ValueId,
}
