//! Joins operations into steps: each convolution or linear layer with what follows it alone.

use super::{Dropout, Epilogue, Norm, PlanError, Step, StepKind, ValueId};
use crate::net::graph::{Graph, NodeId, Op, Shape};

/// The graph's steps, the shapes of their values, and the value that is the feature vector.
pub(super) fn fuse(graph: &Graph) -> Result<(Vec<Step>, Vec<Shape>, ValueId), PlanError> {
    let mut fusion = Fusion {
        graph,
        steps: vec![],
        shapes: vec![graph.input()],
        value_of: vec![None; graph.nodes.len()],
        open: vec![None; graph.nodes.len()],
    };
    fusion.value_of[0] = Some(0);
    for node in 1..graph.nodes.len() {
        let step = fusion.step(node)?;
        fusion.open[node] = Some(step);
        if !fusion.may_go_on(node) {
            fusion.close(node);
        }
    }
    let features = fusion.value(graph.features, graph.features)?;
    Ok((fusion.steps, fusion.shapes, features))
}

struct Fusion<'a> {
    graph: &'a Graph,
    steps: Vec<Step>,
    shapes: Vec<Shape>,
    /// Which value a node's output is, once its step is closed.
    value_of: Vec<Option<ValueId>>,
    /// The step that a node ends so far, while more may join it.
    open: Vec<Option<Step>>,
}

impl Fusion<'_> {
    /// The step that a node begins or joins.
    fn step(&mut self, id: NodeId) -> Result<Step, PlanError> {
        let node = &self.graph.nodes[id];
        let first = node.inputs.first().copied().unwrap_or(0);
        let kind = match node.op {
            Op::Input => return self.fail(id, "the input stands first and only once"),
            Op::Conv { weight, kernel, stride, padding } => {
                StepKind::Conv { weight, kernel, stride, padding, norm: None, residual: None, relu: false }
            }
            Op::MaxPool { kernel, stride, padding } => StepKind::MaxPool { kernel, stride, padding },
            Op::GlobalAveragePool => StepKind::GlobalAveragePool,
            Op::Linear { weight, bias } => StepKind::Linear { weight, bias, epilogue: Epilogue::default() },
            Op::LayerNorm { scale, shift, epsilon } => StepKind::LayerNorm { scale, shift, epsilon },
            Op::Attention { heads, causal } => {
                let presence = node.inputs.get(1).map(|&p| self.value(p, id)).transpose()?;
                StepKind::Attention { heads, causal, presence }
            }
            Op::BatchNorm { .. } | Op::Relu => {
                let joined = self.open[first].and_then(|step| {
                    let kind = join_convolution(step.kind, &node.op)?;
                    Some(Step { kind, ..step })
                });
                let Some(step) = joined else {
                    return self.fail(id, "a convolution or its sum, whose output only it reads");
                };
                self.open[first] = None;
                return Ok(step);
            }
            Op::Add => return self.sum(id),
            Op::Positions { .. } | Op::Gelu | Op::Dropout { .. } => {
                let joined = self.open[first].and_then(|step| {
                    let kind = join_epilogue(step.kind, &node.op)?;
                    Some(Step { kind, ..step })
                });
                if let Some(step) = joined {
                    self.open[first] = None;
                    return Ok(step);
                }
                let alone = join_epilogue(StepKind::Pointwise { epilogue: Epilogue::default() }, &node.op);
                let Some(kind) = alone else { return self.fail(id, "a step that it can end") };
                kind
            }
        };
        Ok(Step { kind, input: self.value(first, id)?, output: 0 })
    }

    /// A sum joins the step on one side; the other must be a finished value.
    fn sum(&mut self, id: NodeId) -> Result<Step, PlanError> {
        let inputs = &self.graph.nodes[id].inputs;
        let sides = [inputs[0], inputs[1]];
        let can_join =
            |side: usize| self.open[sides[side]].is_some_and(|s| with_residual(s.kind, 0).is_some());
        // Where both could, the side whose other is finished already saves a buffer.
        let side = (0..2).find(|&s| can_join(s) && self.value_of[sides[1 - s]].is_some());
        let Some(side) = side.or_else(|| (0..2).find(|&s| can_join(s))) else {
            let (input, residual) = (self.value(sides[0], id)?, self.value(sides[1], id)?);
            let epilogue = Epilogue { residual: Some(residual), ..Epilogue::default() };
            return Ok(Step { kind: StepKind::Pointwise { epilogue }, input, output: 0 });
        };
        let residual = self.value(sides[1 - side], id)?;
        let joined = self.open[sides[side]].take().and_then(|step| {
            let kind = with_residual(step.kind, residual)?;
            Some(Step { kind, ..step })
        });
        joined.map_or_else(|| self.fail(id, "a step on one side that nobody else reads"), Ok)
    }

    /// Whether the step that ends at this node may take in the next one.
    fn may_go_on(&self, id: NodeId) -> bool {
        let mut readers = self.graph.nodes.iter().filter(|n| n.inputs.contains(&id));
        let (Some(reader), None) = (readers.next(), readers.next()) else { return false };
        let twice = reader.inputs.iter().filter(|&&i| i == id).count() > 1;
        let Some(step) = self.open[id] else { return false };
        let joins = match reader.op {
            Op::Add => with_residual(step.kind, 0).is_some(),
            Op::BatchNorm { .. } | Op::Relu => join_convolution(step.kind, &reader.op).is_some(),
            Op::Positions { .. } | Op::Gelu | Op::Dropout { .. } => {
                join_epilogue(step.kind, &reader.op).is_some()
            }
            _ => false,
        };
        joins && !twice && id != self.graph.features
    }

    fn close(&mut self, id: NodeId) {
        if let Some(step) = self.open[id].take() {
            let output = self.shapes.len();
            self.shapes.push(self.graph.nodes[id].shape);
            self.value_of[id] = Some(output);
            self.steps.push(Step { output, ..step });
        }
    }

    /// The value of a node that `reader` reads, whose step ends here if it has not yet.
    fn value(&mut self, node: NodeId, reader: NodeId) -> Result<ValueId, PlanError> {
        self.close(node);
        self.value_of[node].map_or_else(|| self.fail(reader, "an input that is a finished value"), Ok)
    }

    fn fail<T>(&self, node: NodeId, expected: &'static str) -> Result<T, PlanError> {
        Err(PlanError { node, op: self.graph.nodes[node].op.name(), expected })
    }
}

fn join_convolution(kind: StepKind, op: &Op) -> Option<StepKind> {
    let StepKind::Conv { weight, kernel, stride, padding, norm, residual, relu: false } = kind else {
        return None;
    };
    match *op {
        Op::BatchNorm { scale, shift, mean, variance, epsilon, momentum }
            if norm.is_none() && residual.is_none() =>
        {
            let norm = Some(Norm { scale, shift, mean, variance, epsilon, momentum });
            Some(StepKind::Conv { weight, kernel, stride, padding, norm, residual, relu: false })
        }
        Op::Relu => Some(StepKind::Conv { weight, kernel, stride, padding, norm, residual, relu: true }),
        _ => None,
    }
}

/// The step with one more operation at its end; `None` where an epilogue's order does not allow it.
fn join_epilogue(kind: StepKind, op: &Op) -> Option<StepKind> {
    let join = |epilogue: Epilogue| {
        let Epilogue { positions, gelu, dropout, residual } = epilogue;
        if residual.is_some() || dropout.is_some() {
            return None;
        }
        match *op {
            Op::Positions { table } if positions.is_none() && !gelu => {
                Some(Epilogue { positions: Some(table), ..epilogue })
            }
            Op::Gelu if !gelu => Some(Epilogue { gelu: true, ..epilogue }),
            Op::Dropout { rate, index } => {
                Some(Epilogue { dropout: Some(Dropout { rate, index }), ..epilogue })
            }
            _ => None,
        }
    };
    match kind {
        StepKind::Linear { weight, bias, epilogue } => {
            Some(StepKind::Linear { weight, bias, epilogue: join(epilogue)? })
        }
        StepKind::Pointwise { epilogue } => Some(StepKind::Pointwise { epilogue: join(epilogue)? }),
        _ => None,
    }
}

fn with_residual(kind: StepKind, value: ValueId) -> Option<StepKind> {
    match kind {
        StepKind::Conv { weight, kernel, stride, padding, norm, residual: None, relu: false } => {
            let residual = Some(value);
            Some(StepKind::Conv { weight, kernel, stride, padding, norm, residual, relu: false })
        }
        StepKind::Linear { weight, bias, epilogue } if epilogue.residual.is_none() => {
            Some(StepKind::Linear { weight, bias, epilogue: Epilogue { residual: Some(value), ..epilogue } })
        }
        StepKind::Pointwise { epilogue } if epilogue.residual.is_none() => {
            Some(StepKind::Pointwise { epilogue: Epilogue { residual: Some(value), ..epilogue } })
        }
        _ => None,
    }
}
