//! What a pass takes of memory, counted before it is made: the walk of [`super::walk`] once more, with tensors that are lengths only.
//!
//! dfdx's tapes hold what the backward pass reads, its allocation cache gives freed memory to tensors of the same length only, and
//! a gradient is as long as what it is of. All three are counted here, operation by operation as dfdx 0.13 has them; what has a value a
//! channel is left out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::route::Route;
use super::tables::Windows;
use crate::backend::BackendError;
use crate::net::{Graph, Node, NodeId, Op, Shape};

/// Bytes of a value, and of an index.
const VALUE: u64 = 4;
const INDEX: u64 = 8;

/// Bytes of a pass over so many items with the gradient of it, and of what is kept for others as large.
pub(super) fn learning(graph: &Graph, items: usize) -> Result<u64, BackendError> {
    let mut count = Count::new(graph, items, true)?;
    count.walk();
    count.backward();
    // The parameters' gradients, and the copies that are taken of them.
    let parameters = 2 * graph.trained_values() as u64 * VALUE;
    Ok(count.bytes() + parameters)
}

/// Bytes of a pass over so many items.
pub(super) fn answering(graph: &Graph, items: usize) -> Result<u64, BackendError> {
    let mut count = Count::new(graph, items, false)?;
    count.walk();
    Ok(count.bytes())
}

/// Place of a stretch of memory in [`Count::stretches`].
type Memory = usize;

/// A tensor: what its gradient is found by, and where its values are.
#[derive(Clone, Copy)]
struct Tensor {
    id: usize,
    memory: Memory,
}

/// Memory that is held so many times.
struct Stretch {
    length: usize,
    holders: usize,
}

/// What the backward pass of an operation needs.
struct Entry {
    held: Vec<Tensor>,
    /// Whose gradients are taken, with their lengths.
    gradients: Vec<(usize, usize)>,
}

enum Taped {
    Operation(Entry),
    /// From here backwards only this one's gradient is needed.
    Waist(usize),
}

struct Count<'a> {
    graph: &'a Graph,
    route: Route,
    items: usize,
    /// Whether there is a tape.
    learns: bool,
    stretches: Vec<Stretch>,
    /// Of each length, how many stretches are in use and how many were at the most: the cache keeps those.
    used: BTreeMap<usize, (usize, usize)>,
    tape: Vec<Taped>,
    ids: usize,
    /// Bytes of index tables and masks, which are kept.
    tables: HashMap<(Shape, usize, usize, usize), u64>,
    values: HashMap<NodeId, Tensor>,
}

impl<'a> Count<'a> {
    fn new(graph: &'a Graph, items: usize, learns: bool) -> Result<Self, BackendError> {
        Ok(Self {
            graph,
            route: Route::new(graph)?,
            items,
            learns,
            stretches: vec![],
            used: BTreeMap::new(),
            tape: vec![],
            ids: 0,
            tables: HashMap::new(),
            values: HashMap::new(),
        })
    }

    /// All that is kept, in use or for what comes.
    fn bytes(&self) -> u64 {
        let values: u64 = self.used.iter().map(|(length, (_, most))| (*length * *most) as u64 * VALUE).sum();
        values + self.tables.values().sum::<u64>()
    }

    fn fresh(&mut self, length: usize) -> Memory {
        let (used, most) = self.used.entry(length).or_default();
        *used += 1;
        *most = (*most).max(*used);
        self.stretches.push(Stretch { length, holders: 1 });
        self.stretches.len() - 1
    }

    fn tensor(&mut self, length: usize) -> Tensor {
        let memory = self.fresh(length);
        self.of(memory)
    }

    fn of(&mut self, memory: Memory) -> Tensor {
        self.ids += 1;
        Tensor { id: self.ids, memory }
    }

    fn hold(&mut self, tensor: Tensor) -> Tensor {
        self.stretches[tensor.memory].holders += 1;
        tensor
    }

    fn release(&mut self, memory: Memory) {
        let Stretch { length, holders } = &mut self.stretches[memory];
        *holders -= 1;
        if *holders == 0
            && let Some((used, _)) = self.used.get_mut(length)
        {
            *used -= 1;
        }
    }

    fn length(&self, tensor: Tensor) -> usize {
        self.stretches[tensor.memory].length
    }

    fn is_shared(&self, tensor: Tensor) -> bool {
        self.stretches[tensor.memory].holders > 1
    }

    /// Notes an operation that keeps some tensors, of which the caller gives one hold each.
    fn record(&mut self, held: &[Tensor], gradients: &[Tensor]) {
        if self.learns {
            let gradients = gradients.iter().map(|tensor| (tensor.id, self.length(*tensor))).collect();
            self.tape.push(Taped::Operation(Entry { held: held.to_vec(), gradients }));
        } else {
            for tensor in held {
                self.release(tensor.memory);
            }
        }
    }

    // Each operation takes one hold of what it is given.

    /// An output of another length, beside which the input is kept, and the output too where the operation reads it.
    fn kept(&mut self, x: Tensor, length: usize, keeps_output: bool) -> Tensor {
        let out = self.tensor(length);
        if keeps_output {
            self.hold(out);
            self.record(&[x, out], &[x, out]);
        } else {
            self.record(&[x], &[x, out]);
        }
        out
    }

    fn gather(&mut self, x: Tensor, length: usize) -> Tensor {
        self.kept(x, length, true)
    }

    fn product(&mut self, x: Tensor, length: usize) -> Tensor {
        self.kept(x, length, false)
    }

    /// Over the input where nobody else holds it.
    fn in_place(&mut self, x: Tensor) -> Tensor {
        if !self.is_shared(x) {
            return self.of(x.memory);
        }
        let out = self.tensor(self.length(x));
        self.release(x.memory);
        out
    }

    /// A function whose slope is the same everywhere, or a sum with a row.
    fn constant(&mut self, x: Tensor) -> Tensor {
        let length = self.length(x);
        let out = self.in_place(x);
        debug_assert_eq!(length, self.length(out));
        self.record(&[], &[Tensor { id: x.id, ..out }, out]);
        out
    }

    /// A function of each value whose slope is found from the value.
    fn each(&mut self, x: Tensor) -> Tensor {
        if self.learns { self.product(x, self.length(x)) } else { self.in_place(x) }
    }

    /// The product with a row, or with a column.
    fn scaled(&mut self, x: Tensor) -> Tensor {
        self.each(x)
    }

    /// Which of two whole tensors is written over.
    fn either(&mut self, a: Tensor, b: Tensor) -> Tensor {
        let (over, other) = if !self.is_shared(b) || self.is_shared(a) { (b, a) } else { (a, b) };
        let out = self.in_place(over);
        self.release(other.memory);
        out
    }

    /// The sum of two whole tensors.
    fn sum(&mut self, a: Tensor, b: Tensor) -> Tensor {
        let out = self.either(a, b);
        self.record(&[], &[Tensor { id: a.id, ..out }, Tensor { id: b.id, ..out }, out]);
        out
    }

    /// The product of two whole tensors, value by value.
    fn multiplied(&mut self, a: Tensor, b: Tensor) -> Tensor {
        if !self.learns {
            return self.either(a, b);
        }
        let out = self.tensor(self.length(a));
        self.record(&[a, b], &[a, b, out]);
        out
    }

    /// The windows of a convolution or pool, whose padded input is made first.
    fn patches(&mut self, x: Tensor, windows: Windows) -> Tensor {
        let Windows { input, output, kernel, padding, .. } = windows;
        let mut x = x;
        if padding > 0 {
            let positions = self.items * (input.h + 2 * padding) * (input.w + 2 * padding);
            self.table((input, padding, 0, 0), positions as u64 * INDEX);
            self.table((Shape { c: 0, ..input }, padding, 0, 0), positions as u64 * VALUE);
            let framed = self.gather(x, positions * input.c);
            x = self.scaled(framed);
        }
        let rows = self.items * output.pixels() * kernel * kernel;
        self.table((input, padding, kernel, windows.stride), rows as u64 * INDEX);
        self.gather(x, rows * input.c)
    }

    fn table(&mut self, key: (Shape, usize, usize, usize), bytes: u64) {
        self.tables.insert(key, bytes);
    }

    fn walk(&mut self) {
        let graph = self.graph;
        let first = self.tensor(self.items * graph.input().len());
        self.values.insert(0, first);
        let mut masks = BTreeSet::new();
        for (id, node) in graph.nodes.iter().enumerate().skip(1) {
            if let Op::Attention { heads, causal } = node.op
                && (causal || node.inputs.len() > 1)
                && masks.insert((node.inputs.get(1).copied(), heads, causal))
            {
                self.fresh(self.items * heads * node.shape.pixels() * node.shape.pixels());
            }
            let x = self.hold(self.values[&node.inputs[0]]);
            let other = node.inputs.get(1).map(|other| self.hold(self.values[other]));
            for input in &node.inputs {
                if self.route.is_last(*input, id)
                    && let Some(value) = self.values.remove(input)
                {
                    self.release(value.memory);
                }
            }
            let out = self.step(node, x, other);
            if self.learns && self.route.is_waist(id) {
                self.tape.push(Taped::Waist(out.id));
            }
            self.values.insert(id, out);
        }
        for value in std::mem::take(&mut self.values).into_values() {
            self.release(value.memory);
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
                self.product(x, items * output.len())
            }
            Op::MaxPool { kernel, stride, padding } => {
                let patches = self.patches(x, windows(kernel, stride, padding));
                self.kept(patches, items * output.len(), true)
            }
            Op::GlobalAveragePool => {
                let out = self.tensor(items * output.len());
                self.record(&[], &[x, out]);
                self.release(x.memory);
                self.constant(out)
            }
            Op::Relu => self.each(x),
            Op::Gelu => self.gelu(x),
            Op::Add => match other.filter(|_| node.inputs[0] != node.inputs[1]) {
                Some(other) => self.sum(x, other),
                None => self.constant(x),
            },
            Op::Linear { .. } => {
                let out = self.product(x, items * output.len());
                self.constant(out)
            }
            Op::Positions { .. } => self.constant(x),
            Op::BatchNorm { .. } => self.batch_norm(x),
            Op::LayerNorm { .. } => self.layer_norm(x),
            Op::Dropout { .. } if self.learns => {
                let mask = self.tensor(items * output.len());
                self.multiplied(x, mask)
            }
            Op::Attention { heads, causal } => self.attention(x, output, heads, causal || other.is_some()),
            Op::Input | Op::Dropout { .. } => x,
        }
    }

    fn batch_norm(&mut self, x: Tensor) -> Tensor {
        if !self.learns {
            let x = self.scaled(x);
            return self.constant(x);
        }
        self.hold(x);
        self.record(&[x], &[x]);
        let centred = self.constant(x);
        self.hold(centred);
        let squares = self.each(centred);
        self.record(&[squares], &[squares]);
        let out = self.scaled(centred);
        self.constant(out)
    }

    fn layer_norm(&mut self, x: Tensor) -> Tensor {
        self.record(&[], &[x]);
        let centred = self.constant(x);
        self.hold(centred);
        let squares = self.each(centred);
        self.record(&[], &[squares]);
        self.release(squares.memory);
        let normal = self.scaled(centred);
        let out = self.scaled(normal);
        self.constant(out)
    }

    fn gelu(&mut self, x: Tensor) -> Tensor {
        if !self.learns {
            return self.in_place(x);
        }
        let length = self.length(x);
        // The value, the normal distribution's two functions of it, and what the line through it has beside its slope.
        let [value, phi, slope] = [self.tensor(length), self.tensor(length), self.tensor(length)];
        self.release(phi.memory);
        let offset = self.tensor(length);
        self.release(value.memory);
        let out = self.multiplied(x, slope);
        self.sum(out, offset)
    }

    fn attention(&mut self, x: Tensor, output: Shape, heads: usize, is_masked: bool) -> Tensor {
        let (positions, length) = (output.pixels(), self.items * output.len());
        let [queries, keys, values] = [(); 3].map(|()| {
            self.hold(x);
            self.gather(x, length)
        });
        let scores = self.tensor(self.items * heads * positions * positions);
        self.record(&[queries, keys], &[queries, keys, scores]);
        let mut scores = self.constant(scores);
        if is_masked {
            scores = self.constant(scores);
        }
        // The exponential is written over the scores and kept.
        let exponential = self.in_place(scores);
        self.hold(exponential);
        self.record(&[exponential], &[Tensor { id: scores.id, ..exponential }, exponential]);
        self.record(&[], &[exponential]);
        let shares = self.scaled(exponential);
        let out = self.tensor(length);
        self.record(&[shares, values], &[shares, values, out]);
        let out = if is_masked { self.scaled(out) } else { out };
        let out = self.gather(out, length);
        self.release(x.memory);
        out
    }

    /// The tape backwards: each operation takes the gradients of what it had and made, and then lets go of what it kept.
    fn backward(&mut self) {
        let (mut gradients, mut kept): (HashMap<usize, Memory>, _) = (HashMap::new(), BTreeSet::new());
        for taped in std::mem::take(&mut self.tape).into_iter().rev() {
            match taped {
                Taped::Operation(Entry { held, gradients: lengths }) => {
                    for (id, length) in lengths {
                        gradients.entry(id).or_insert_with(|| self.fresh(length));
                    }
                    for tensor in &held {
                        self.release(tensor.memory);
                    }
                }
                Taped::Waist(id) => {
                    kept.insert(id);
                    let gone: Vec<usize> =
                        gradients.keys().copied().filter(|id| !kept.contains(id)).collect();
                    for memory in gone.iter().filter_map(|id| gradients.remove(id)) {
                        self.release(memory);
                    }
                }
            }
        }
    }
}
