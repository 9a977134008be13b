//! What a pass takes of memory, counted before it is made: the walk of [`super::walk`] once more, with tensors that are lengths only.
//!
//! dfdx's tapes hold what the backward pass reads, its allocation cache gives freed memory to tensors of the same length only, and
//! a gradient is as long as what it is of. All three are counted here, operation by operation as dfdx 0.13 has them; what has a value a
//! channel is left out.

use std::collections::{BTreeSet, HashMap};

use super::ledger::{Ledger, Tensor, VALUE};
use super::route::Route;
use super::tables::Windows;
use crate::backend::BackendError;
use crate::net::{Graph, Node, NodeId, Op, Shape};

/// Bytes of an index.
const INDEX: u64 = 8;

/// Bytes of a pass over so many items with the gradient of it, and of what is kept for others as large; whether the device puts
/// together beside a tensor what it gathers.
pub(super) fn learning(graph: &Graph, items: usize, gathers_beside: bool) -> Result<u64, BackendError> {
    let mut count = Count::new(graph, items, Ledger::new(true, gathers_beside))?;
    count.walk();
    count.ledger.backward();
    // The parameters' gradients, and the copies that are taken of them.
    let parameters = 2 * graph.trained_values() as u64 * VALUE;
    Ok(count.ledger.bytes() + parameters)
}

/// Bytes of a pass over so many items.
pub(super) fn answering(graph: &Graph, items: usize, gathers_beside: bool) -> Result<u64, BackendError> {
    let mut count = Count::new(graph, items, Ledger::new(false, gathers_beside))?;
    count.walk();
    Ok(count.ledger.bytes())
}

struct Count<'a> {
    graph: &'a Graph,
    route: Route,
    items: usize,
    ledger: Ledger,
    values: HashMap<NodeId, Tensor>,
}

impl<'a> Count<'a> {
    fn new(graph: &'a Graph, items: usize, ledger: Ledger) -> Result<Self, BackendError> {
        Ok(Self { graph, route: Route::new(graph)?, items, ledger, values: HashMap::new() })
    }

    /// The windows of a convolution or pool, whose padded input is made first.
    fn patches(&mut self, x: Tensor, windows: Windows) -> Tensor {
        let Windows { input, output, kernel, padding, .. } = windows;
        let mut x = x;
        if padding > 0 {
            let positions = self.items * (input.h + 2 * padding) * (input.w + 2 * padding);
            self.ledger.table((input, padding, 0, 0), positions as u64 * INDEX);
            self.ledger.table((Shape { c: 0, ..input }, padding, 0, 0), positions as u64 * VALUE);
            let framed = self.ledger.gather(x, positions * input.c);
            x = self.ledger.scaled(framed);
        }
        let rows = self.items * output.pixels() * kernel * kernel;
        self.ledger.table((input, padding, kernel, windows.stride), rows as u64 * INDEX);
        self.ledger.gather(x, rows * input.c)
    }

    fn walk(&mut self) {
        let graph = self.graph;
        let first = self.ledger.tensor(self.items * graph.input().len());
        self.values.insert(0, first);
        let mut masks = BTreeSet::new();
        for (id, node) in graph.nodes.iter().enumerate().skip(1) {
            if let Op::Attention { heads, causal } = node.op
                && (causal || node.inputs.len() > 1)
                && masks.insert((node.inputs.get(1).copied(), heads, causal))
            {
                self.ledger.fresh(self.items * heads * node.shape.pixels() * node.shape.pixels());
            }
            let x = self.ledger.hold(self.values[&node.inputs[0]]);
            let other = node.inputs.get(1).map(|other| self.ledger.hold(self.values[other]));
            for input in &node.inputs {
                if self.route.is_last(*input, id)
                    && let Some(value) = self.values.remove(input)
                {
                    self.ledger.release(value.memory);
                }
            }
            let out = self.step(node, x, other);
            if self.ledger.learns && self.route.is_waist(id) {
                self.ledger.waist(out);
            }
            self.values.insert(id, out);
        }
        for value in std::mem::take(&mut self.values).into_values() {
            self.ledger.release(value.memory);
        }
    }

    fn step(&mut self, node: &Node, x: Tensor, other: Option<Tensor>) -> Tensor {
        let (items, output) = (self.items, node.shape);
        let input = self.graph.nodes[node.inputs[0]].shape;
        let windows = |kernel, stride, padding| Windows { input, output, kernel, stride, padding };
        match node.op {
            Op::Conv { kernel, stride, padding, .. } => {
                let is_product = (kernel, stride, padding) == (1, 1, 0);
                let x = if is_product { x } else { self.patches(x, windows(kernel, stride, padding)) };
                self.ledger.product(x, items * output.len())
            }
            Op::MaxPool { kernel, stride, padding } => {
                let patches = self.patches(x, windows(kernel, stride, padding));
                self.ledger.kept(patches, items * output.len(), true)
            }
            Op::GlobalAveragePool => {
                let out = self.ledger.tensor(items * output.len());
                self.ledger.record(&[], &[x, out]);
                self.ledger.release(x.memory);
                self.ledger.constant(out)
            }
            Op::Relu => self.ledger.each(x),
            Op::Gelu => self.gelu(x),
            Op::Add => match other.filter(|_| node.inputs[0] != node.inputs[1]) {
                Some(other) => self.ledger.sum(x, other),
                None => self.ledger.constant(x),
            },
            Op::Linear { .. } => {
                let out = self.ledger.product(x, items * output.len());
                self.ledger.constant(out)
            }
            Op::Positions { .. } => self.ledger.constant(x),
            Op::BatchNorm { .. } => self.batch_norm(x),
            Op::LayerNorm { .. } => self.layer_norm(x),
            Op::Dropout { .. } if self.ledger.learns => {
                let mask = self.ledger.tensor(items * output.len());
                self.ledger.multiplied(x, mask)
            }
            Op::Attention { heads, causal } => self.attention(x, output, heads, causal || other.is_some()),
            Op::Input | Op::Dropout { .. } => x,
        }
    }

    fn batch_norm(&mut self, x: Tensor) -> Tensor {
        if !self.ledger.learns {
            let x = self.ledger.scaled(x);
            return self.ledger.constant(x);
        }
        self.ledger.hold(x);
        self.ledger.record(&[x], &[x]);
        let centred = self.ledger.constant(x);
        self.ledger.hold(centred);
        let squares = self.ledger.each(centred);
        self.ledger.record(&[squares], &[squares]);
        let out = self.ledger.scaled(centred);
        self.ledger.constant(out)
    }

    fn layer_norm(&mut self, x: Tensor) -> Tensor {
        self.ledger.record(&[], &[x]);
        let centred = self.ledger.constant(x);
        self.ledger.hold(centred);
        let squares = self.ledger.each(centred);
        self.ledger.record(&[], &[squares]);
        self.ledger.release(squares.memory);
        let normal = self.ledger.scaled(centred);
        let out = self.ledger.scaled(normal);
        self.ledger.constant(out)
    }

    fn gelu(&mut self, x: Tensor) -> Tensor {
        if !self.ledger.learns {
            return self.ledger.in_place(x);
        }
        let length = self.ledger.length(x);
        // The value, the normal distribution's two functions of it, and what the line through it has beside its slope.
        let [value, phi, slope] =
            [self.ledger.tensor(length), self.ledger.tensor(length), self.ledger.tensor(length)];
        self.ledger.release(phi.memory);
        let offset = self.ledger.tensor(length);
        self.ledger.release(value.memory);
        let out = self.ledger.multiplied(x, slope);
        self.ledger.sum(out, offset)
    }

    fn attention(&mut self, x: Tensor, output: Shape, heads: usize, is_masked: bool) -> Tensor {
        let (positions, length) = (output.pixels(), self.items * output.len());
        let [queries, keys, values] = [(); 3].map(|()| {
            self.ledger.hold(x);
            self.ledger.gather(x, length)
        });
        let scores = self.ledger.tensor(self.items * heads * positions * positions);
        self.ledger.record(&[queries, keys], &[queries, keys, scores]);
        let mut scores = self.ledger.constant(scores);
        if is_masked {
            scores = self.ledger.constant(scores);
        }
        // The exponential is written over the scores and kept.
        let exponential = self.ledger.in_place(scores);
        self.ledger.hold(exponential);
        self.ledger.record(&[exponential], &[Tensor { id: scores.id, ..exponential }, exponential]);
        self.ledger.record(&[], &[exponential]);
        let shares = self.ledger.scaled(exponential);
        let out = self.ledger.tensor(length);
        self.ledger.record(&[shares, values], &[shares, values, out]);
        let out = if is_masked { self.ledger.scaled(out) } else { out };
        let out = self.ledger.gather(out, length);
        self.ledger.release(x.memory);
        out
    }
}
