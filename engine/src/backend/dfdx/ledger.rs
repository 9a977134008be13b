//! The memory of a pass as dfdx 0.13 takes it: tensors that are lengths only, who holds them, the tape that keeps some of them for
//! the backward pass, and the cache, which gives what is freed to tensors of the same length alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::net::Shape;

/// Bytes of a value.
pub(super) const VALUE: u64 = 4;

/// Place of a stretch of memory in [`Ledger::stretches`].
pub(super) type Memory = usize;

/// A tensor: what its gradient is found by, and where its values are.
#[derive(Clone, Copy)]
pub(super) struct Tensor {
    pub id: usize,
    pub memory: Memory,
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

/// What is in use, and what the cache keeps.
pub(super) struct Ledger {
    /// Whether there is a tape.
    pub learns: bool,
    /// Whether what is gathered is put together beside its tensor, next to a copy of what it is gathered from.
    gathers_beside: bool,
    stretches: Vec<Stretch>,
    /// Of each length, how many stretches are in use and how many were at the most: the cache keeps those.
    used: BTreeMap<usize, (usize, usize)>,
    tape: Vec<Taped>,
    ids: usize,
    /// Bytes of index tables and masks, which are kept.
    tables: HashMap<TableKey, u64>,
    /// The most bytes beside.
    beside: u64,
}

/// What tells tables apart: the input, its padding, the kernel and the stride.
pub(super) type TableKey = (Shape, usize, usize, usize);

impl Ledger {
    pub fn new(learns: bool, gathers_beside: bool) -> Self {
        Self {
            learns,
            gathers_beside,
            stretches: vec![],
            used: BTreeMap::new(),
            tape: vec![],
            ids: 0,
            tables: HashMap::new(),
            beside: 0,
        }
    }

    /// All that is kept, in use or for what comes, and what the next pass puts together beside it.
    pub fn bytes(&self) -> u64 {
        let values: u64 = self.used.iter().map(|(length, (_, most))| (*length * *most) as u64 * VALUE).sum();
        values + self.tables.values().sum::<u64>() + self.beside
    }

    /// Tables of so many bytes, of which there is one of a kind.
    pub fn table(&mut self, key: TableKey, bytes: u64) {
        self.tables.insert(key, bytes);
    }

    /// From this value backwards only its gradient is needed.
    pub fn waist(&mut self, value: Tensor) {
        self.tape.push(Taped::Waist(value.id));
    }

    pub fn fresh(&mut self, length: usize) -> Memory {
        let (used, most) = self.used.entry(length).or_default();
        *used += 1;
        *most = (*most).max(*used);
        self.stretches.push(Stretch { length, holders: 1 });
        self.stretches.len() - 1
    }

    pub fn tensor(&mut self, length: usize) -> Tensor {
        let memory = self.fresh(length);
        self.of(memory)
    }

    fn of(&mut self, memory: Memory) -> Tensor {
        self.ids += 1;
        Tensor { id: self.ids, memory }
    }

    pub fn hold(&mut self, tensor: Tensor) -> Tensor {
        self.stretches[tensor.memory].holders += 1;
        tensor
    }

    pub fn release(&mut self, memory: Memory) {
        let Stretch { length, holders } = &mut self.stretches[memory];
        *holders -= 1;
        if *holders == 0
            && let Some((used, _)) = self.used.get_mut(length)
        {
            *used -= 1;
        }
    }

    pub fn length(&self, tensor: Tensor) -> usize {
        self.stretches[tensor.memory].length
    }

    fn is_shared(&self, tensor: Tensor) -> bool {
        self.stretches[tensor.memory].holders > 1
    }

    /// Notes an operation that keeps some tensors, of which the caller gives one hold each.
    pub fn record(&mut self, held: &[Tensor], gradients: &[Tensor]) {
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
    pub fn kept(&mut self, x: Tensor, length: usize, keeps_output: bool) -> Tensor {
        let out = self.tensor(length);
        if keeps_output {
            self.hold(out);
            self.record(&[x, out], &[x, out]);
        } else {
            self.record(&[x], &[x, out]);
        }
        out
    }

    pub fn gather(&mut self, x: Tensor, length: usize) -> Tensor {
        let from = self.length(x);
        let out = self.kept(x, length, true);
        if self.gathers_beside {
            self.beside = self.beside.max((from + length) as u64 * VALUE);
        }
        out
    }

    pub fn product(&mut self, x: Tensor, length: usize) -> Tensor {
        self.kept(x, length, false)
    }

    /// Over the input where nobody else holds it.
    pub fn in_place(&mut self, x: Tensor) -> Tensor {
        if !self.is_shared(x) {
            return self.of(x.memory);
        }
        let out = self.tensor(self.length(x));
        self.release(x.memory);
        out
    }

    /// A function whose slope is the same everywhere, or a sum with a row.
    pub fn constant(&mut self, x: Tensor) -> Tensor {
        let length = self.length(x);
        let out = self.in_place(x);
        debug_assert_eq!(length, self.length(out));
        self.record(&[], &[Tensor { id: x.id, ..out }, out]);
        out
    }

    /// A function of each value whose slope is found from the value.
    pub fn each(&mut self, x: Tensor) -> Tensor {
        if self.learns { self.product(x, self.length(x)) } else { self.in_place(x) }
    }

    /// The product with a row, or with a column.
    pub fn scaled(&mut self, x: Tensor) -> Tensor {
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
    pub fn sum(&mut self, a: Tensor, b: Tensor) -> Tensor {
        let out = self.either(a, b);
        self.record(&[], &[Tensor { id: a.id, ..out }, Tensor { id: b.id, ..out }, out]);
        out
    }

    /// The product of two whole tensors, value by value.
    pub fn multiplied(&mut self, a: Tensor, b: Tensor) -> Tensor {
        if !self.learns {
            return self.either(a, b);
        }
        let out = self.tensor(self.length(a));
        self.record(&[a, b], &[a, b, out]);
        out
    }

    /// The tape backwards: each operation takes the gradients of what it had and made, and then lets go of what it kept.
    pub fn backward(&mut self) {
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
