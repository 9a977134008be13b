//! Builds a [`Graph`] operation by operation.

use super::graph::{Graph, GraphError, Node, NodeId, Op, ParamId, ParamKind, ParamSpec, Shape};

/// Builds a [`Graph`] node by node, inferring shapes and naming parameters.
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    params: Vec<ParamSpec>,
    dropouts: u32,
}

impl GraphBuilder {
    /// Starts a graph with its input. Returns the builder; the input is node 0.
    pub fn new(input: Shape) -> Self {
        let node = Node { op: Op::Input, inputs: vec![], shape: input };
        Self { nodes: vec![node], params: vec![], dropouts: 0 }
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
        let names = [format!("{name}.weight"), format!("{name}.bias")];
        self.linear_of(names, ParamKind::Weight, x, flat, Shape { h: 1, w: 1, c: out })
    }

    /// Adds a linear layer applied at each position, named `{name}.weight` and `{name}.bias`.
    pub fn position_linear(&mut self, name: &str, x: NodeId, out: usize) -> NodeId {
        let shape = self.shape(x);
        let names = [format!("{name}.weight"), format!("{name}.bias")];
        self.linear_of(names, ParamKind::Weight, x, shape.c, Shape { c: out, ..shape })
    }

    fn linear_of(
        &mut self,
        [weight, bias]: [String; 2],
        kind: ParamKind,
        x: NodeId,
        inner: usize,
        shape: Shape,
    ) -> NodeId {
        let weight = self.param(weight, vec![shape.c, inner], kind);
        let bias = self.param(bias, vec![shape.c], ParamKind::Shift);
        self.push(Op::Linear { weight, bias }, vec![x], shape)
    }

    /// Adds learned positions: a table named `name`, `positions x channels`.
    pub fn positions(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let table = self.param(name.into(), vec![shape.pixels(), shape.c], ParamKind::Positions);
        self.push(Op::Positions { table }, vec![x], shape)
    }

    /// Adds a layer normalisation with PyTorch's epsilon of 1e-5, named `{name}.weight` and `{name}.bias`.
    pub fn layer_norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let scale = self.param(format!("{name}.weight"), vec![shape.c], ParamKind::Scale);
        let shift = self.param(format!("{name}.bias"), vec![shape.c], ParamKind::Shift);
        self.push(Op::LayerNorm { scale, shift, epsilon: 1e-5 }, vec![x], shape)
    }

    /// Adds self-attention as `torch.nn.MultiheadAttention` has it: `{name}.in_proj_weight` and `_bias` make queries,
    /// keys and values, and `{name}.out_proj` follows the heads. `presence` masks keys by its last channel, as
    /// [`Op::Attention`] says.
    ///
    /// # Errors
    /// The channels are not a multiple of `heads`, or `presence` has other positions than `x`.
    pub fn self_attention(
        &mut self,
        name: &str,
        x: NodeId,
        heads: usize,
        causal: bool,
        presence: Option<NodeId>,
    ) -> Result<NodeId, GraphError> {
        let shape = self.shape(x);
        if heads == 0 || !shape.c.is_multiple_of(heads) {
            let (what, value) = ("heads", heads.to_string());
            return Err(GraphError::Setting { what, value, allowed: "a divisor of the width" });
        }
        if let Some(presence) = presence {
            let right = self.shape(presence);
            if (right.h, right.w) != (shape.h, shape.w) {
                return Err(GraphError::Mismatch { op: "attention", name: name.into(), left: shape, right });
            }
        }
        let names = [format!("{name}.in_proj_weight"), format!("{name}.in_proj_bias")];
        let triple = Shape { c: 3 * shape.c, ..shape };
        let qkv = self.linear_of(names, ParamKind::AttentionWeight, x, shape.c, triple);
        let inputs = std::iter::once(qkv).chain(presence).collect();
        let heads = self.push(Op::Attention { heads, causal }, inputs, shape);
        Ok(self.position_linear(&format!("{name}.out_proj"), heads, shape.c))
    }

    /// Adds a GELU.
    pub fn gelu(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.push(Op::Gelu, vec![x], shape)
    }

    /// Adds a dropout; a rate of 0 adds nothing and returns `x`.
    ///
    /// # Errors
    /// The rate is not in `[0, 1)`.
    pub fn dropout(&mut self, x: NodeId, rate: f32) -> Result<NodeId, GraphError> {
        if !(0.0..1.0).contains(&rate) {
            let (what, value) = ("dropout", rate.to_string());
            return Err(GraphError::Setting { what, value, allowed: "0 or more and below 1" });
        }
        if rate == 0.0 {
            return Ok(x);
        }
        let shape = self.shape(x);
        self.dropouts += 1;
        Ok(self.push(Op::Dropout { rate, index: self.dropouts - 1 }, vec![x], shape))
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
