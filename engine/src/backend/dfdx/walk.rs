//! One pass over a graph: every operation in its order, on a tape or without one.

use std::collections::{BTreeMap, HashMap};

use dfdx::optim::UnusedTensors;
use dfdx::shapes::{Axis, HasShape as _};
use dfdx::tensor::{PutTape as _, SplitTape as _, Tape};
use dfdx::tensor_ops::{BroadcastTo as _, ReshapeTo as _, TryAdd as _, TryMatMul as _, TryMul as _};

use super::attention::{Mask, attend};
use super::conv::{average_pool, convolve, max_pool};
use super::gelu::gelu;
use super::norm::{Statistics, affine, batch_norm, layer_norm};
use super::parameters::Trained;
use super::route::Route;
use super::rows::{Machine, Outcome, Rows, download, each_row, upload};
use super::tables::{Tables, Windows};
use crate::backend::dropout::{Stream, threshold};
use crate::net::{Graph, Node, NodeId, Op, Shape};

/// What running statistics leave of each batch normalisation: a factor and an addend a channel.
pub(super) type Folded<D> = BTreeMap<NodeId, (Rows<D>, Rows<D>)>;

/// A pass that is to be made.
pub(super) struct Walk<'a, D: Machine> {
    pub graph: &'a Graph,
    pub route: &'a Route,
    pub trained: &'a Trained<D>,
    pub tables: &'a mut Tables<D>,
    pub items: usize,
    /// Batch normalisations of a network that answers; one that learns uses the batch.
    pub folded: Option<&'a Folded<D>>,
    /// Of the dropouts' masks; `None`: they do nothing.
    pub seed: Option<u64>,
}

/// A pass that was made.
pub(super) struct Walked<D: Machine, T> {
    /// The value of the last node that was asked for, with the tape.
    pub output: Rows<D, T>,
    /// Statistics of the batch, by node.
    pub statistics: Vec<(NodeId, Statistics<D>)>,
}

/// Where a pass stands.
struct Standing<'a, D: Machine> {
    input: &'a [f32],
    /// Values that are still to be read.
    values: HashMap<NodeId, Rows<D>>,
    statistics: Vec<(NodeId, Statistics<D>)>,
    masks: HashMap<(Option<NodeId>, usize, bool), Mask<D>>,
}

impl<D: Machine> Walk<'_, D> {
    /// Runs the graph up to a node.
    pub(super) fn run<T: Tape<f32, D>>(mut self, input: &[f32], until: NodeId) -> Outcome<Walked<D, T>, D> {
        self.tables.expect(self.items)?;
        let mut standing =
            Standing { input, values: HashMap::new(), statistics: vec![], masks: HashMap::new() };
        let graph = self.graph;
        let shape = graph.input();
        let first = upload(&self.tables.device, (self.items * shape.pixels(), shape.c), input)?;
        standing.values.insert(0, first);
        let mut tape = T::default();
        for (id, node) in graph.nodes.iter().enumerate().take(until + 1).skip(1) {
            let x = standing.values[&node.inputs[0]].clone();
            let mask = self.mask(node, &mut standing)?;
            let other = node.inputs.get(1).map(|other| standing.values[other].clone());
            // Values that nobody else holds are written over in place.
            for input in node.inputs.iter().filter(|input| self.route.is_last(**input, id)) {
                standing.values.remove(input);
            }
            let x = x.put_tape(std::mem::take(&mut tape));
            let out = match node.op {
                Op::BatchNorm { .. } => self.batch_norm(id, node, x, &mut standing)?,
                Op::Attention { heads, .. } => {
                    let extents = (self.items, node.shape.pixels(), heads);
                    let mask = mask.and_then(|key| standing.masks.get(&key));
                    attend(self.tables, x, extents, mask)?
                }
                _ => self.step(node, x, other)?,
            };
            let (value, after) = out.split_tape();
            tape = after;
            if T::OWNS_TAPE && self.route.is_waist(id) {
                self.forget_behind(&value, &mut tape);
            }
            standing.values.insert(id, value);
        }
        let output = standing.values[&until].clone().put_tape(tape);
        Ok(Walked { output, statistics: standing.statistics })
    }

    /// An operation that needs nothing but its inputs and parameters.
    fn step<T: Tape<f32, D>>(
        &mut self,
        node: &Node,
        x: Rows<D, T>,
        other: Option<Rows<D>>,
    ) -> Outcome<Rows<D, T>, D> {
        let (items, input, output) = (self.items, self.graph.nodes[node.inputs[0]].shape, node.shape);
        let parameter = |id: &usize| &self.trained.tensors[id];
        match &node.op {
            Op::Conv { weight, kernel, stride, padding } => {
                let windows = Windows { input, output, kernel: *kernel, stride: *stride, padding: *padding };
                convolve(self.tables, items, x, parameter(weight), windows)
            }
            Op::MaxPool { kernel, stride, padding } => {
                let windows = Windows { input, output, kernel: *kernel, stride: *stride, padding: *padding };
                max_pool(self.tables, items, x, windows)
            }
            Op::GlobalAveragePool => average_pool(items, x, input),
            Op::Relu => x.try_relu(),
            Op::Gelu => gelu(x),
            Op::Add => match other.filter(|_| node.inputs[0] != node.inputs[1]) {
                Some(other) => x.try_add(other),
                // dfdx does not take one tensor for both operands.
                None => x.try_mul(2.0),
            },
            Op::Linear { weight, bias } => {
                let rows = items * output.pixels();
                let flat = x.try_reshape_like(&(rows, input.len() / output.pixels()))?;
                flat.try_matmul(parameter(weight).clone())?.try_add(each_row(parameter(bias).clone(), rows)?)
            }
            Op::Positions { table } => {
                let (rows, extents) = (*x.shape(), (items, output.pixels(), output.c));
                let table = parameter(table).clone().try_broadcast_like::<_, Axis<0>>(&extents)?;
                x.try_reshape_like(&extents)?.try_add(table)?.try_reshape_like(&rows)
            }
            Op::LayerNorm { scale, shift, epsilon } => {
                layer_norm(x, (parameter(scale), parameter(shift)), *epsilon)
            }
            Op::Dropout { rate, index } => match self.seed {
                Some(seed) => x.try_mul(self.dropped(seed, *rate, *index, output)?),
                None => Ok(x),
            },
            // The input is no step, and the other two are the caller's.
            Op::Input | Op::BatchNorm { .. } | Op::Attention { .. } => Ok(x),
        }
    }

    fn batch_norm<T: Tape<f32, D>>(
        &mut self,
        id: NodeId,
        node: &Node,
        x: Rows<D, T>,
        standing: &mut Standing<'_, D>,
    ) -> Outcome<Rows<D, T>, D> {
        if let Some((factor, addend)) = self.folded.and_then(|folded| folded.get(&id)) {
            return affine(x, factor, addend);
        }
        let Op::BatchNorm { scale, shift, epsilon, .. } = node.op else { return Ok(x) };
        let parameters = (&self.trained.tensors[&scale], &self.trained.tensors[&shift]);
        let (out, statistics) = batch_norm(self.tables, x, parameters, epsilon)?;
        standing.statistics.push((id, statistics));
        Ok(out)
    }

    /// Makes an attention's mask, if it has one, where no attention before it has the same; gives its key.
    fn mask(
        &mut self,
        node: &Node,
        standing: &mut Standing<'_, D>,
    ) -> Outcome<Option<(Option<NodeId>, usize, bool)>, D> {
        let Op::Attention { heads, causal } = node.op else { return Ok(None) };
        let presence = node.inputs.get(1).copied();
        if presence.is_none() && !causal {
            return Ok(None);
        }
        let key = (presence, heads, causal);
        if !standing.masks.contains_key(&key) {
            let positions = node.shape.pixels();
            let there = match presence {
                // What the host has need not be read back.
                Some(0) => last_channel(standing.input, self.graph.input().c),
                Some(id) => last_channel(&download(&standing.values[&id]), self.graph.nodes[id].shape.c),
                None => vec![true; self.items * positions],
            };
            let extents = (self.items, positions, heads);
            standing.masks.insert(key, Mask::new(&self.tables.device, &there, extents, causal)?);
        }
        Ok(Some(key))
    }

    /// A dropout's mask: 0, or what makes up for those that are dropped.
    fn dropped(&self, seed: u64, rate: f32, index: u32, shape: Shape) -> Outcome<Rows<D>, D> {
        let (stream, limit, kept) = (Stream::new(seed, index), threshold(rate), 1.0 / (1.0 - rate));
        let bits = (0..self.items * shape.len()).map(|element| stream.bits(element as u32));
        let mask: Vec<f32> = bits.map(|bits| if bits < limit { 0.0 } else { kept }).collect();
        upload(&self.tables.device, (self.items * shape.pixels(), shape.c), &mask)
    }

    /// Makes the backward pass, when it comes here, drop every gradient but the parameters' and this value's. dfdx would keep
    /// them all to its end.
    fn forget_behind<T: Tape<f32, D>>(&self, value: &Rows<D>, tape: &mut T) {
        // The only way to a tensor's number.
        let mut kept = UnusedTensors::default();
        self.trained.tensors.values().for_each(|parameter| kept.add(parameter));
        kept.add(value);
        tape.add_backward_op(move |gradients| {
            gradients.retain_leafs(&kept.ids);
            Ok(())
        });
    }
}

/// Which positions' last channel says that they are there.
fn last_channel(values: &[f32], channels: usize) -> Vec<bool> {
    values.chunks_exact(channels).map(|position| position[channels - 1] > 0.5).collect()
}
