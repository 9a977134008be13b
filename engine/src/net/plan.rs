//! A plan: the graph fused into steps, with every buffer placed in one arena by its lifetime.
//!
//! Convolution, batch normalisation, residual sum and rectifier become one step. Offsets are per item, so one plan
//! serves every batch size.

use thiserror::Error;

use super::graph::{Graph, NodeId, Op, ParamId, Shape};

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
    /// `x W^T + b`.
    Linear {
        /// Weight.
        weight: ParamId,
        /// Bias.
        bias: ParamId,
    },
    /// `x W^T + b` at every position.
    PositionLinear {
        /// Weight.
        weight: ParamId,
        /// Bias.
        bias: ParamId,
    },
    /// A learned vector added to every position.
    AddPositions {
        /// The vectors.
        positions: ParamId,
    },
    /// Normalisation over the channels of each position. Training keeps its mean and inverse deviation.
    LayerNorm {
        /// Factor per channel.
        scale: ParamId,
        /// Addend per channel.
        shift: ParamId,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Attention between positions. Training keeps its probabilities, `heads x positions x positions`.
    Attention {
        /// Heads.
        heads: usize,
        /// Whether later positions are no keys.
        causal: bool,
        /// The value whose last channel says which positions are keys.
        presence: ValueId,
    },
    /// `x Phi(x)`.
    Gelu,
    /// Dropout in training, else the identity.
    Dropout {
        /// Share that is cleared.
        rate: f32,
        /// Which of the graph's dropouts it is.
        site: u32,
    },
    /// A sum that no convolution takes in.
    Add {
        /// The other summand.
        other: ValueId,
    },
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
    /// Place of what a step keeps for its backward pass beside its input (training only; empty elsewhere): a convolution's
    /// result before batch normalisation, a layer normalisation's mean and inverse deviation, attention's probabilities.
    pub raw: Vec<Region>,
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
    /// A batch normalisation, sum or rectifier does not follow a convolution of its own.
    pub fn new(graph: &Graph, purpose: Purpose) -> Result<Self, PlanError> {
        let (steps, shapes, features) = fuse(graph)?;
        let mut plan = Self {
            values: vec![Region::default(); shapes.len()],
            raw: vec![Region::default(); steps.len()],
            gradients: vec![Region::default(); shapes.len()],
            steps,
            shapes,
            arena_len: 0,
            features,
        };
        plan.place(purpose);
        Ok(plan)
    }

    fn place(&mut self, purpose: Purpose) {
        let training = purpose == Purpose::Training;
        let end = 2 * self.steps.len();
        let backward = |step: usize| end - 1 - step;
        let mut lives: Vec<Life> = Vec::new();
        let mut born = vec![0; self.shapes.len()];
        let mut died = vec![0; self.shapes.len()];
        let mut gradient_born = vec![end; self.shapes.len()];
        for (t, step) in self.steps.iter().enumerate() {
            born[step.output] = t;
            died[step.output] = died[step.output].max(t);
            let mut reads = vec![step.input];
            match step.kind {
                StepKind::Conv { residual: Some(other), .. }
                | StepKind::Add { other }
                | StepKind::Attention { presence: other, .. } => reads.push(other),
                _ => {}
            }
            for &value in &reads {
                died[value] = died[value].max(t);
                gradient_born[value] = gradient_born[value].min(backward(t));
            }
            if training {
                match step.kind {
                    StepKind::Conv { relu, residual, .. } => {
                        died[step.input] = died[step.input].max(backward(t));
                        if relu && residual.is_some() {
                            died[step.output] = died[step.output].max(backward(t));
                        }
                    }
                    StepKind::MaxPool { .. }
                    | StepKind::Linear { .. }
                    | StepKind::PositionLinear { .. }
                    | StepKind::LayerNorm { .. }
                    | StepKind::Attention { .. }
                    | StepKind::Gelu => {
                        died[step.input] = died[step.input].max(backward(t));
                    }
                    StepKind::GlobalAveragePool
                    | StepKind::AddPositions { .. }
                    | StepKind::Dropout { .. }
                    | StepKind::Add { .. } => {}
                }
            }
        }
        // The caller reads these after the last step.
        let last = self.shapes.len() - 1;
        for value in [last, self.features] {
            died[value] = died[value].max(self.steps.len() - 1);
        }
        for (value, shape) in self.shapes.iter().enumerate() {
            lives.push(Life {
                what: What::Value(value),
                len: shape.len(),
                from: born[value],
                to: died[value],
            });
        }
        if training {
            gradient_born[last] = backward(self.steps.len() - 1);
            for (t, step) in self.steps.iter().enumerate() {
                let shape = self.shapes[step.output];
                let len = shape.len();
                let kept = match step.kind {
                    StepKind::Conv { norm: Some(_), .. } => len,
                    StepKind::LayerNorm { .. } => 2 * shape.pixels(),
                    StepKind::Attention { heads, .. } => heads * shape.pixels() * shape.pixels(),
                    _ => 0,
                };
                if kept > 0 {
                    lives.push(Life { what: What::Raw(t), len: kept, from: t, to: backward(t) });
                }
                let from = gradient_born[step.output];
                lives.push(Life { what: What::Gradient(step.output), len, from, to: backward(t) });
            }
        }
        self.arena_len = assign(&mut lives, |what, region| match what {
            What::Value(v) => self.values[v] = region,
            What::Raw(t) => self.raw[t] = region,
            What::Gradient(v) => self.gradients[v] = region,
        });
    }
}

#[derive(Debug, Clone, Copy)]
enum What {
    Value(ValueId),
    Raw(usize),
    Gradient(ValueId),
}

/// A buffer with the first and last moment at which it is in use.
struct Life {
    what: What,
    len: usize,
    from: usize,
    to: usize,
}

/// Places buffers, largest first, each at the lowest offset free during its whole life. Returns the arena's length.
fn assign(lives: &mut [Life], mut place: impl FnMut(What, Region)) -> usize {
    lives.sort_by_key(|l| std::cmp::Reverse(l.len));
    let mut placed: Vec<(&Life, usize)> = Vec::new();
    let mut arena = 0;
    for life in lives.iter() {
        let mut neighbours: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(other, _)| life.from <= other.to && other.from <= life.to)
            .map(|(other, offset)| (*offset, offset + other.len))
            .collect();
        neighbours.sort_unstable();
        let mut offset = 0;
        for (from, to) in neighbours {
            if offset + life.len <= from {
                break;
            }
            offset = offset.max(to);
        }
        place(life.what, Region { offset, len: life.len });
        arena = arena.max(offset + life.len);
        placed.push((life, offset));
    }
    arena
}

/// Walks the graph and joins each convolution with what follows it alone.
fn fuse(graph: &Graph) -> Result<(Vec<Step>, Vec<Shape>, ValueId), PlanError> {
    let readers = |node: NodeId| graph.nodes.iter().filter(|n| n.inputs.contains(&node)).count();
    // Which convolution's chain a node ends, and which value a node's output is.
    let mut value_of: Vec<Option<ValueId>> = vec![None; graph.nodes.len()];
    let mut shapes = vec![graph.input()];
    let mut steps: Vec<Step> = Vec::new();
    let mut open: Vec<Option<Step>> = vec![None; graph.nodes.len()];
    value_of[0] = Some(0);
    let fail = |node: NodeId, expected| Err(PlanError { node, op: graph.nodes[node].op.name(), expected });
    for (id, node) in graph.nodes.iter().enumerate().skip(1) {
        let first = node.inputs[0];
        let chain = match node.op {
            Op::Input => return fail(id, "the input stands first and only once"),
            Op::Conv { weight, kernel, stride, padding } => {
                let kind = StepKind::Conv {
                    weight,
                    kernel,
                    stride,
                    padding,
                    norm: None,
                    residual: None,
                    relu: false,
                };
                Step { kind, input: value(&value_of, first, id, graph)?, output: 0 }
            }
            Op::MaxPool { kernel, stride, padding } => {
                let kind = StepKind::MaxPool { kernel, stride, padding };
                Step { kind, input: value(&value_of, first, id, graph)?, output: 0 }
            }
            Op::GlobalAveragePool => Step {
                kind: StepKind::GlobalAveragePool,
                input: value(&value_of, first, id, graph)?,
                output: 0,
            },
            Op::Linear { weight, bias } => Step {
                kind: StepKind::Linear { weight, bias },
                input: value(&value_of, first, id, graph)?,
                output: 0,
            },
            Op::PositionLinear { .. }
            | Op::AddPositions { .. }
            | Op::LayerNorm { .. }
            | Op::Attention { .. }
            | Op::Gelu
            | Op::Dropout { .. } => single(&value_of, id, graph)?,
            Op::BatchNorm { scale, shift, mean, variance, epsilon, momentum } => {
                let Some(mut step) = open[first].take() else {
                    return fail(id, "a convolution whose output only it reads");
                };
                match &mut step.kind {
                    StepKind::Conv { norm: norm @ None, residual: None, relu: false, .. } => {
                        *norm = Some(Norm { scale, shift, mean, variance, epsilon, momentum });
                    }
                    _ => return fail(id, "a convolution whose output only it reads"),
                }
                step
            }
            Op::Add if node.inputs.iter().all(|&input| value_of[input].is_some()) => {
                let other = value(&value_of, node.inputs[1], id, graph)?;
                let input = value(&value_of, first, id, graph)?;
                Step { kind: StepKind::Add { other }, input, output: 0 }
            }
            Op::Add => {
                // Either side may be the chain that ends here; the other must be a finished value.
                let pick = node.inputs.iter().position(|&i| {
                    open[i].is_some() && node.inputs.iter().any(|&j| j != i && value_of[j].is_some())
                });
                let Some(side) = pick.or_else(|| node.inputs.iter().position(|&i| open[i].is_some())) else {
                    return fail(id, "a convolution on one side that nobody else reads");
                };
                let other = node.inputs[1 - side];
                if let Some(step) = open[other].take() {
                    close(step, other, graph, &mut steps, &mut shapes, &mut value_of);
                }
                let residual_value = value(&value_of, other, id, graph)?;
                let Some(mut step) = open[node.inputs[side]].take() else {
                    return fail(id, "a convolution on one side that nobody else reads");
                };
                match &mut step.kind {
                    StepKind::Conv { residual: residual @ None, relu: false, .. } => {
                        *residual = Some(residual_value);
                    }
                    _ => return fail(id, "a convolution on one side that nobody else reads"),
                }
                step
            }
            Op::Relu => {
                let Some(mut step) = open[first].take() else {
                    return fail(id, "a convolution or a sum whose output only it reads");
                };
                match &mut step.kind {
                    StepKind::Conv { relu: relu @ false, .. } => *relu = true,
                    _ => return fail(id, "a convolution or a sum whose output only it reads"),
                }
                step
            }
        };
        let next_joins = graph
            .nodes
            .iter()
            .any(|n| n.inputs.contains(&id) && matches!(n.op, Op::BatchNorm { .. } | Op::Add | Op::Relu));
        let may_join = matches!(chain.kind, StepKind::Conv { relu: false, .. });
        if may_join && next_joins && readers(id) == 1 && id != graph.features {
            open[id] = Some(chain);
        } else {
            close(chain, id, graph, &mut steps, &mut shapes, &mut value_of);
        }
    }
    let features = value(&value_of, graph.features, graph.features, graph)?;
    Ok((steps, shapes, features))
}

/// A step of an operation that nothing is fused with.
fn single(value_of: &[Option<ValueId>], id: NodeId, graph: &Graph) -> Result<Step, PlanError> {
    let node = &graph.nodes[id];
    let kind = match node.op {
        Op::PositionLinear { weight, bias } => StepKind::PositionLinear { weight, bias },
        Op::AddPositions { positions } => StepKind::AddPositions { positions },
        Op::LayerNorm { scale, shift, epsilon } => StepKind::LayerNorm { scale, shift, epsilon },
        Op::Attention { heads, causal } => {
            let presence = value(value_of, node.inputs[1], id, graph)?;
            StepKind::Attention { heads, causal, presence }
        }
        Op::Gelu => StepKind::Gelu,
        Op::Dropout { rate, site } => StepKind::Dropout { rate, site },
        _ => return Err(PlanError { node: id, op: node.op.name(), expected: "a chain it is fused into" }),
    };
    Ok(Step { kind, input: value(value_of, node.inputs[0], id, graph)?, output: 0 })
}

fn close(
    mut step: Step,
    node: NodeId,
    graph: &Graph,
    steps: &mut Vec<Step>,
    shapes: &mut Vec<Shape>,
    value_of: &mut [Option<ValueId>],
) {
    step.output = shapes.len();
    shapes.push(graph.nodes[node].shape);
    value_of[node] = Some(step.output);
    steps.push(step);
}

fn value(
    value_of: &[Option<ValueId>],
    node: NodeId,
    reader: NodeId,
    graph: &Graph,
) -> Result<ValueId, PlanError> {
    value_of[node].ok_or(PlanError {
        node: reader,
        op: graph.nodes[reader].op.name(),
        expected: "an input that is a finished value",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Depth, ResNetSpec, Stem};

    fn graph(depth: Depth) -> Graph {
        let spec = ResNetSpec { depth, size: 64, channels: 3, classes: 8, width: 1.0, stem: Stem::Imagenet };
        spec.graph().expect("a valid specification")
    }

    #[test]
    fn a_residual_network_fuses_into_one_step_per_convolution() {
        let plan = Plan::new(&graph(Depth::ResNet50), Purpose::Inference).expect("a plan");
        // 53 convolutions, the pool, the mean and the classifier.
        assert_eq!(plan.steps.len(), 56);
        let joined = plan
            .steps
            .iter()
            .filter(|s| matches!(s.kind, StepKind::Conv { residual: Some(_), relu: true, .. }));
        assert_eq!(joined.count(), 16);
    }

    #[test]
    fn buffers_alive_together_never_overlap() {
        // Executed symbolically: each buffer is stamped when written and must still carry its stamp when read.
        for purpose in [Purpose::Inference, Purpose::Training] {
            let plan = Plan::new(&graph(Depth::ResNet18), purpose).expect("a plan");
            let mut arena = vec![0usize; plan.arena_len];
            let stamp =
                |arena: &mut Vec<usize>, r: Region, s: usize| arena[r.offset..r.offset + r.len].fill(s);
            let holds = |arena: &Vec<usize>, r: Region, s: usize| {
                arena[r.offset..r.offset + r.len].iter().all(|&v| v == s)
            };
            stamp(&mut arena, plan.values[0], 1);
            for (t, step) in plan.steps.iter().enumerate() {
                assert!(holds(&arena, plan.values[step.input], 1 + step.input));
                if let StepKind::Conv { residual: Some(r), .. } = step.kind {
                    assert!(holds(&arena, plan.values[r], 1 + r));
                }
                stamp(&mut arena, plan.raw[t], 1000 + t);
                stamp(&mut arena, plan.values[step.output], 1 + step.output);
            }
            if purpose == Purpose::Training {
                let last = plan.shapes.len() - 1;
                stamp(&mut arena, plan.gradients[last], 2000 + last);
                for (t, step) in plan.steps.iter().enumerate().rev() {
                    assert!(holds(&arena, plan.gradients[step.output], 2000 + step.output), "step {t}");
                    assert!(holds(&arena, plan.raw[t], 1000 + t));
                    if !matches!(step.kind, StepKind::GlobalAveragePool) {
                        assert!(holds(&arena, plan.values[step.input], 1 + step.input));
                    }
                    if let StepKind::Conv { residual: Some(r), relu, .. } = step.kind {
                        assert!(!relu || holds(&arena, plan.values[step.output], 1 + step.output));
                        stamp(&mut arena, plan.gradients[r], 2000 + r);
                    }
                    if step.input != 0 {
                        stamp(&mut arena, plan.gradients[step.input], 2000 + step.input);
                    }
                }
            }
        }
    }

    #[test]
    fn an_arena_by_lifetime_is_far_smaller_than_all_buffers() {
        let plan = Plan::new(&graph(Depth::ResNet50), Purpose::Inference).expect("a plan");
        let all: usize = plan.shapes.iter().map(|s| s.len()).sum();
        assert!(plan.arena_len * 5 < all, "{} of {all}", plan.arena_len);
    }
}
