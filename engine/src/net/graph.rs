//! The graph: operations in topological order, each with one output whose shape is inferred as it is added.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Shape of one item of an activation, NHWC without the batch: `h x w x c`. A feature vector is `1 x 1 x c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels, contiguous in memory.
    pub c: usize,
}

impl Shape {
    /// Values in one item.
    pub fn len(self) -> usize {
        self.h * self.w * self.c
    }

    /// Whether an item has no value at all.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Spatial positions in one item.
    pub fn pixels(self) -> usize {
        self.h * self.w
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.h, self.w, self.c)
    }
}

/// Index of a node in [`Graph::nodes`].
pub type NodeId = usize;
/// Index of a parameter in [`Graph::params`].
pub type ParamId = usize;

/// One operation. Parameters are named in [`Graph::params`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the variants' lines say")]
pub enum Op {
    /// The network's input.
    Input,
    /// Square convolution without bias; weight `out x in x kernel x kernel`.
    Conv { weight: ParamId, kernel: usize, stride: usize, padding: usize },
    /// Batch normalisation over all positions of a batch; the variance of running statistics is unbiased.
    BatchNorm {
        scale: ParamId,
        shift: ParamId,
        mean: ParamId,
        variance: ParamId,
        epsilon: f32,
        momentum: f32,
    },
    /// `max(x, 0)`.
    Relu,
    /// Sum of two inputs of the same shape.
    Add,
    /// Square maximum pool; padding never wins.
    MaxPool { kernel: usize, stride: usize, padding: usize },
    /// Mean over positions, to `1 x 1 x c`.
    GlobalAveragePool,
    /// `x W^T + b`; weight `out x in`, bias `out`. An output of one position reads the flat item, an output with the
    /// input's positions applies the layer at each of them.
    Linear { weight: ParamId, bias: ParamId },
    /// Adds a learned `positions x channels` table to every item.
    Positions { table: ParamId },
    /// Normalises the channels of each position: `scale (x - mean) / sqrt(variance + epsilon) + shift`, the variance
    /// biased.
    LayerNorm { scale: ParamId, shift: ParamId, epsilon: f32 },
    /// Attention among an item's positions: `softmax(Q K^T / sqrt(d)) V` for each of `heads` heads. The first input
    /// holds `Q`, `K` and `V` side by side (`3 x heads x d` channels, heads in order within each). A second input, if
    /// any, masks keys: a position takes part as a key where that input's last channel is above 0.5. With `causal`, a
    /// position attends to itself and earlier ones only. A position that no key is left for gets zeros.
    Attention { heads: usize, causal: bool },
    /// `x Phi(x)` with the normal distribution's exact `Phi`.
    Gelu,
    /// In training: zero with probability `rate`, else divided by `1 - rate`; elsewhere nothing. `index` tells the
    /// masks of a graph's dropouts apart.
    Dropout { rate: f32, index: u32 },
}

impl Op {
    /// The operation's name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv { .. } => "conv",
            Op::BatchNorm { .. } => "batch_norm",
            Op::Relu => "relu",
            Op::Add => "add",
            Op::MaxPool { .. } => "max_pool",
            Op::GlobalAveragePool => "global_average_pool",
            Op::Linear { .. } => "linear",
            Op::Positions { .. } => "positions",
            Op::LayerNorm { .. } => "layer_norm",
            Op::Attention { .. } => "attention",
            Op::Gelu => "gelu",
            Op::Dropout { .. } => "dropout",
        }
    }
}

/// An operation with the nodes it reads and the shape it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// Nodes read, all earlier in the list.
    pub inputs: Vec<NodeId>,
    /// Shape of one item of the output.
    pub shape: Shape,
}

/// What a parameter is, which decides its initial value, its decay and whether it has a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Convolution or linear weight: decayed.
    Weight,
    /// Weight of an attention's projection to queries, keys and values: decayed, starts by Xavier's rule.
    AttentionWeight,
    /// Learned positions: start small, not decayed.
    Positions,
    /// Scale of a normalisation: starts at one, not decayed.
    Scale,
    /// Shift of a normalisation, or bias: starts at zero, not decayed.
    Shift,
    /// Running mean: a buffer, no gradient.
    RunningMean,
    /// Running variance: a buffer, no gradient.
    RunningVariance,
}

impl ParamKind {
    /// Whether training gives it a gradient.
    pub fn is_trained(self) -> bool {
        !matches!(self, ParamKind::RunningMean | ParamKind::RunningVariance)
    }

    /// Whether weight decay applies.
    pub fn is_decayed(self) -> bool {
        matches!(self, ParamKind::Weight | ParamKind::AttentionWeight)
    }
}

/// A named parameter or buffer; names and shapes follow torchvision and torch.nn.TransformerEncoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// For example `layer1.0.conv1.weight`.
    pub name: String,
    /// torchvision's shape: convolutions are `out x in x k x k`, linear layers `out x in`.
    pub shape: Vec<usize>,
    /// What it is.
    pub kind: ParamKind,
}

impl ParamSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A network as data. The last node is the output (logits); `features` is what a later stage reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Operations in topological order; the first is [`Op::Input`].
    pub nodes: Vec<Node>,
    /// Parameters in torchvision's order.
    pub params: Vec<ParamSpec>,
    /// The node whose output is the feature vector: the pooled features of a residual network, the refined features
    /// of every frame of a temporal encoder.
    pub features: NodeId,
}

impl Graph {
    /// Shape of one input item.
    pub fn input(&self) -> Shape {
        self.nodes[0].shape
    }

    /// Shape of one output item.
    pub fn output(&self) -> Shape {
        self.nodes[self.nodes.len() - 1].shape
    }

    /// Multiply-adds of one item's forward pass, convolutions and linear layers only.
    pub fn multiply_adds(&self) -> u64 {
        let mut total = 0;
        for node in &self.nodes {
            if let Op::Conv { weight, .. } | Op::Linear { weight, .. } = node.op {
                let per_position = self.params[weight].len() as u64;
                total += per_position * node.shape.pixels() as u64;
            }
        }
        total
    }

    /// Values of all trained parameters.
    pub fn trained_values(&self) -> usize {
        self.params.iter().filter(|p| p.kind.is_trained()).map(ParamSpec::len).sum()
    }
}

/// Why a graph cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// Two inputs that must agree do not.
    #[error("{op} `{name}`: input shapes {left} and {right} differ")]
    Mismatch {
        /// Operation.
        op: &'static str,
        /// Where in the network.
        name: String,
        /// First input.
        left: Shape,
        /// Second input.
        right: Shape,
    },
    /// A window does not fit into its input.
    #[error(
        "{op} `{name}`: a {kernel}x{kernel} window with padding {padding} does not fit an input of {input}"
    )]
    TooSmall {
        /// Operation.
        op: &'static str,
        /// Where in the network.
        name: String,
        /// Window side.
        kernel: usize,
        /// Zero padding on each side.
        padding: usize,
        /// Input shape.
        input: Shape,
    },
    /// A setting is out of range.
    #[error("{what} is {value}, but must be {allowed}")]
    Setting {
        /// Name of the setting.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}
