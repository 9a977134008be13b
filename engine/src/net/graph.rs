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
    /// `x W^T + b` over a flat item; weight `out x in`, bias `out`.
    Linear { weight: ParamId, bias: ParamId },
    /// `x W^T + b` at every position; weight `out x in`, bias `out`.
    PositionLinear { weight: ParamId, bias: ParamId },
    /// Adds a learned vector to every position; `positions x c`.
    AddPositions { positions: ParamId },
    /// Normalisation over the channels of each position (Ba et al. 2016), biased variance.
    LayerNorm { scale: ParamId, shift: ParamId, epsilon: f32 },
    /// Multi-head scaled dot-product attention between the positions of an item (Vaswani et al. 2017).
    ///
    /// Inputs: queries, keys and values side by side (`3 c` channels, each cut into `heads` parts), and a node whose last
    /// channel says where a position is present (above 0.5). Absent positions are no keys; a position without any key
    /// gets zeros. With `causal`, later positions are no keys either.
    Attention { heads: usize, causal: bool },
    /// `x Phi(x)` with the normal distribution function, not its tanh approximation.
    Gelu,
    /// In training clears a share `rate` of the values and scales the rest by `1 / (1 - rate)`; see [`super::noise`] for
    /// which. Elsewhere the identity. `site` tells the dropouts of a graph apart.
    Dropout { rate: f32, site: u32 },
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
            Op::PositionLinear { .. } => "position_linear",
            Op::AddPositions { .. } => "add_positions",
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
    /// Scale of a normalisation: starts at one, not decayed.
    Scale,
    /// Shift of a normalisation, or bias: starts at zero, not decayed.
    Shift,
    /// Learned positions: start normal with deviation 0.02, not decayed.
    Positions,
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
        self == ParamKind::Weight
    }
}

/// A named parameter or buffer; names and shapes follow torchvision.
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
    /// The node whose output is the feature vector (the pooled features of a residual network).
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

    /// Multiply-adds of one item's forward pass: convolutions, linear layers and attention.
    pub fn multiply_adds(&self) -> u64 {
        let mut total = 0;
        for node in &self.nodes {
            let positions = node.shape.pixels() as u64;
            match node.op {
                Op::Conv { weight, .. } | Op::Linear { weight, .. } | Op::PositionLinear { weight, .. } => {
                    total += self.params[weight].len() as u64 * positions;
                }
                Op::Attention { .. } => total += 2 * positions * positions * node.shape.c as u64,
                _ => {}
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

/// Builds a [`Graph`] node by node, inferring shapes and naming parameters.
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    params: Vec<ParamSpec>,
}

impl GraphBuilder {
    /// Starts a graph with its input. Returns the builder; the input is node 0.
    pub fn new(input: Shape) -> Self {
        let node = Node { op: Op::Input, inputs: vec![], shape: input };
        Self { nodes: vec![node], params: vec![] }
    }

    /// Shape of a node's output.
    pub fn shape(&self, node: NodeId) -> Shape {
        self.nodes[node].shape
    }

    fn param(&mut self, name: String, shape: Vec<usize>, kind: ParamKind) -> ParamId {
        self.params.push(ParamSpec { name, shape, kind });
        self.params.len() - 1
    }

    fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Shape) -> NodeId {
        self.nodes.push(Node { op, inputs, shape });
        self.nodes.len() - 1
    }

    /// Adds a convolution with `out` channels, its weight named `{name}.weight`.
    ///
    /// # Errors
    /// The padded input is smaller than the kernel.
    pub fn conv(
        &mut self,
        name: &str,
        x: NodeId,
        out: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<NodeId, GraphError> {
        let input = self.shape(x);
        let (h, w) = windows("conv", name, input, kernel, stride, padding)?;
        let weight =
            self.param(format!("{name}.weight"), vec![out, input.c, kernel, kernel], ParamKind::Weight);
        Ok(self.push(Op::Conv { weight, kernel, stride, padding }, vec![x], Shape { h, w, c: out }))
    }

    /// Adds a batch normalisation with torchvision's constants (epsilon 1e-5, momentum 0.1).
    pub fn batch_norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let channels = vec![shape.c];
        let scale = self.param(format!("{name}.weight"), channels.clone(), ParamKind::Scale);
        let shift = self.param(format!("{name}.bias"), channels.clone(), ParamKind::Shift);
        let mean = self.param(format!("{name}.running_mean"), channels.clone(), ParamKind::RunningMean);
        let variance = self.param(format!("{name}.running_var"), channels, ParamKind::RunningVariance);
        let op = Op::BatchNorm { scale, shift, mean, variance, epsilon: 1e-5, momentum: 0.1 };
        self.push(op, vec![x], shape)
    }

    /// Adds a rectifier.
    pub fn relu(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.push(Op::Relu, vec![x], shape)
    }

    /// Adds a sum.
    ///
    /// # Errors
    /// The two shapes differ.
    pub fn add(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        let (left, right) = (self.shape(a), self.shape(b));
        if left != right {
            return Err(GraphError::Mismatch { op: "add", name: name.into(), left, right });
        }
        Ok(self.push(Op::Add, vec![a, b], left))
    }

    /// Adds a maximum pool.
    ///
    /// # Errors
    /// The padded input is smaller than the window.
    pub fn max_pool(
        &mut self,
        name: &str,
        x: NodeId,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<NodeId, GraphError> {
        let input = self.shape(x);
        let (h, w) = windows("max_pool", name, input, kernel, stride, padding)?;
        Ok(self.push(Op::MaxPool { kernel, stride, padding }, vec![x], Shape { h, w, c: input.c }))
    }

    /// Adds the mean over positions.
    pub fn global_average_pool(&mut self, x: NodeId) -> NodeId {
        let c = self.shape(x).c;
        self.push(Op::GlobalAveragePool, vec![x], Shape { h: 1, w: 1, c })
    }

    /// Adds a linear layer over the flat item, named `{name}.weight` and `{name}.bias`.
    pub fn linear(&mut self, name: &str, x: NodeId, out: usize) -> NodeId {
        let flat = self.shape(x).len();
        let weight = self.param(format!("{name}.weight"), vec![out, flat], ParamKind::Weight);
        let bias = self.param(format!("{name}.bias"), vec![out], ParamKind::Shift);
        self.push(Op::Linear { weight, bias }, vec![x], Shape { h: 1, w: 1, c: out })
    }

    /// Adds a linear layer at every position, its parameters named `{name}{weight}` and `{name}{bias}`.
    pub fn position_linear(
        &mut self,
        name: &str,
        [weight, bias]: [&str; 2],
        x: NodeId,
        out: usize,
    ) -> NodeId {
        let Shape { h, w, c } = self.shape(x);
        let weight = self.param(format!("{name}{weight}"), vec![out, c], ParamKind::Weight);
        let bias = self.param(format!("{name}{bias}"), vec![out], ParamKind::Shift);
        self.push(Op::PositionLinear { weight, bias }, vec![x], Shape { h, w, c: out })
    }

    /// Adds a learned vector to every position, its parameter named `name`.
    pub fn add_positions(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let positions = self.param(name.to_owned(), vec![shape.pixels(), shape.c], ParamKind::Positions);
        self.push(Op::AddPositions { positions }, vec![x], shape)
    }

    /// Adds a layer normalisation with PyTorch's constant (epsilon 1e-5).
    pub fn layer_norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let scale = self.param(format!("{name}.weight"), vec![shape.c], ParamKind::Scale);
        let shift = self.param(format!("{name}.bias"), vec![shape.c], ParamKind::Shift);
        self.push(Op::LayerNorm { scale, shift, epsilon: 1e-5 }, vec![x], shape)
    }

    /// Adds attention over `qkv` (queries, keys, values); `presence` says which positions are keys.
    ///
    /// # Errors
    /// `heads` does not divide a third of the channels of `qkv`, or the two have different positions.
    pub fn attention(
        &mut self,
        name: &str,
        qkv: NodeId,
        presence: NodeId,
        heads: usize,
        causal: bool,
    ) -> Result<NodeId, GraphError> {
        let (shape, other) = (self.shape(qkv), self.shape(presence));
        if heads == 0 || !shape.c.is_multiple_of(3 * heads) {
            let value = format!("{heads} in `{name}`");
            return Err(GraphError::Setting { what: "heads", value, allowed: "a divisor of the width" });
        }
        if (shape.h, shape.w) != (other.h, other.w) {
            return Err(GraphError::Mismatch {
                op: "attention",
                name: name.into(),
                left: shape,
                right: other,
            });
        }
        let out = Shape { c: shape.c / 3, ..shape };
        Ok(self.push(Op::Attention { heads, causal }, vec![qkv, presence], out))
    }

    /// Adds a Gaussian error linear unit.
    pub fn gelu(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.push(Op::Gelu, vec![x], shape)
    }

    /// Adds a dropout; nothing where the rate is 0.
    pub fn dropout(&mut self, rate: f32, x: NodeId) -> NodeId {
        if rate == 0.0 {
            return x;
        }
        let is_dropout = |node: &&Node| matches!(node.op, Op::Dropout { .. });
        let (shape, site) = (self.shape(x), self.nodes.iter().filter(is_dropout).count() as u32);
        self.push(Op::Dropout { rate, site }, vec![x], shape)
    }

    /// Ends the graph at its last node.
    pub fn finish(self, features: NodeId) -> Graph {
        Graph { nodes: self.nodes, params: self.params, features }
    }
}

fn windows(
    op: &'static str,
    name: &str,
    input: Shape,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Result<(usize, usize), GraphError> {
    let (h, w) = (input.h + 2 * padding, input.w + 2 * padding);
    if h < kernel || w < kernel || stride == 0 {
        return Err(GraphError::TooSmall { op, name: name.into(), kernel, padding, input });
    }
    Ok(((h - kernel) / stride + 1, (w - kernel) / stride + 1))
}
