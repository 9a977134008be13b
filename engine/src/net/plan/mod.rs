//! A plan: the graph fused into steps, with every buffer placed in one arena by its lifetime.
//!
//! Convolution, batch normalisation, residual sum and rectifier become one step; so do a linear layer and the positions,
//! GELU, dropout and residual sum that follow it. Offsets are per item, so one plan serves every batch size.

mod fuse;
mod place;
pub(crate) use place::{BufferId, LiveRange, assign};
#[cfg(test)]
mod tests;

use thiserror::Error;

use super::graph::{Graph, NodeId, ParamId, Shape};

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
    /// Attention among positions; see [`super::Op::Attention`].
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

/// A buffer's place in the arena, in values per item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// Offset per item: the buffer of `n` items starts at `n * offset`.
    pub offset: usize,
    /// Length per item.
    pub len: usize,
}

impl Region {
    /// Whether the two have a value in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.offset < other.offset + other.len && other.offset < self.offset + self.len
    }
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Forward only, running statistics: values are overwritten as soon as nobody reads them.
    Inference,
    /// Forward and backward: what the backward pass reads is kept.
    Training,
}

/// Steps and buffers of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In order of execution; the backward pass walks them in reverse.
    pub steps: Vec<Step>,
    /// Shape of each value.
    pub shapes: Vec<Shape>,
    /// Place of each value.
    pub values: Vec<Region>,
    /// Place of what a step keeps for its backward pass (training only; empty where nothing is kept): a convolution's
    /// result before its normalisation; what goes into a GELU; of a layer normalisation each position's mean and
    /// `1 / sqrt(variance + epsilon)`; of attention the weights, `heads x positions x positions`.
    pub saved: Vec<Region>,
    /// Place of the gradient of each value (training only; the input has none).
    pub gradients: Vec<Region>,
    /// Arena values per item.
    pub arena_len: usize,
    /// The value that is the feature vector.
    pub features: ValueId,
}

/// Why a graph cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("node {node} ({op}) stands where no fused step takes it in: {expected}")]
pub struct PlanError {
    /// Position in the graph.
    pub node: NodeId,
    /// Operation.
    pub op: &'static str,
    /// What would be needed.
    pub expected: &'static str,
}

impl Plan {
    /// Fuses a graph and places its buffers.
    ///
    /// # Errors
    /// A batch normalisation or rectifier does not follow a convolution of its own.
    pub fn new(graph: &Graph, purpose: Purpose) -> Result<Self, PlanError> {
        let (steps, shapes, features) = fuse::fuse(graph)?;
        let mut plan = Self {
            values: vec![Region::default(); shapes.len()],
            saved: vec![Region::default(); steps.len()],
            gradients: vec![Region::default(); shapes.len()],
            steps,
            shapes,
            arena_len: 0,
            features,
        };
        plan.place(purpose);
        Ok(plan)
    }
}
