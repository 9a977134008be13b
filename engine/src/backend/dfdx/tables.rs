//! What a geometry needs on the device for a number of items, made once: index tables of patches and the like.

use std::collections::{HashMap, VecDeque};

use super::rows::{Machine, Outcome, Rows, upload};
use crate::net::Shape;

/// Numbers of items whose tables are kept: teacher's and student's batches, those of evaluation and their rests.
const KEPT: usize = 6;

/// Windows of a convolution or pool over an input without padding of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Windows {
    /// Of an item.
    pub input: Shape,
    /// Of an item.
    pub output: Shape,
    pub kernel: usize,
    pub stride: usize,
    /// Rows and columns of zeros on each side.
    pub padding: usize,
}

/// How attention's rows are put in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reorder {
    /// Rows of (item, position, which, head) to (item, head, position), for queries, keys or values.
    Split(usize),
    /// Rows of (item, head, position) to (item, position, head).
    Join,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Windows(Windows),
    Frame(Shape, usize),
    Reorder(Reorder, usize, usize),
}

/// The tables, of the last few numbers of items.
pub(super) struct Tables<D: Machine> {
    pub device: D,
    items: VecDeque<usize>,
    indices: HashMap<(Key, usize), D::Index>,
    masks: HashMap<(Shape, usize, usize), Rows<D>>,
    means: HashMap<usize, Rows<D>>,
}

impl<D: Machine> Tables<D> {
    pub(super) fn new(device: D) -> Self {
        Self {
            device,
            items: VecDeque::new(),
            indices: HashMap::new(),
            masks: HashMap::new(),
            means: HashMap::new(),
        }
    }

    /// Says how many items come. Where that is a new number beyond those that are kept, the device lets go of everything that
    /// it keeps for others: the allocation cache hands out memory of equal size only.
    pub(super) fn expect(&mut self, items: usize) -> Outcome<(), D> {
        if self.items.contains(&items) {
            return Ok(());
        }
        if self.items.len() == KEPT {
            (self.indices, self.masks, self.means) = (HashMap::new(), HashMap::new(), HashMap::new());
            self.items.clear();
            self.device.try_empty_cache()?;
        }
        self.items.push_back(items);
        Ok(())
    }

    /// Rows of the (padded) input under every window, window by window.
    pub(super) fn windows(&mut self, windows: Windows, items: usize) -> Outcome<D::Index, D> {
        self.index(Key::Windows(windows), items, || {
            let Windows { input, output, kernel, stride, padding } = windows;
            let (h, w) = (input.h + 2 * padding, input.w + 2 * padding);
            let mut rows = Vec::with_capacity(items * output.pixels() * kernel * kernel);
            for item in 0..items {
                for (y, x) in positions(output.h, output.w) {
                    for (ky, kx) in positions(kernel, kernel) {
                        rows.push((item * h + y * stride + ky) * w + x * stride + kx);
                    }
                }
            }
            rows
        })
    }

    /// Rows of the input at every position of the padded one; the nearest where there is none, for
    /// [`Tables::inside`] to remove.
    pub(super) fn frame(&mut self, input: Shape, padding: usize, items: usize) -> Outcome<D::Index, D> {
        self.index(Key::Frame(input, padding), items, || {
            let clamped = |at: usize, len: usize| at.saturating_sub(padding).min(len - 1);
            let mut rows = Vec::with_capacity(items * (input.h + 2 * padding) * (input.w + 2 * padding));
            for item in 0..items {
                for (y, x) in positions(input.h + 2 * padding, input.w + 2 * padding) {
                    rows.push((item * input.h + clamped(y, input.h)) * input.w + clamped(x, input.w));
                }
            }
            rows
        })
    }

    /// 1 where a position of the padded input has a row, 0 where it is padding: `items x positions` by 1.
    pub(super) fn inside(&mut self, input: Shape, padding: usize, items: usize) -> Outcome<Rows<D>, D> {
        // The same for any number of channels.
        let key = (Shape { c: 1, ..input }, padding, items);
        if let Some(mask) = self.masks.get(&key) {
            return Ok(mask.clone());
        }
        let inside = |at: usize, len: usize| (padding..padding + len).contains(&at);
        let item: Vec<f32> = positions(input.h + 2 * padding, input.w + 2 * padding)
            .map(|(y, x)| if inside(y, input.h) && inside(x, input.w) { 1.0 } else { 0.0 })
            .collect();
        let mask = upload(&self.device, (items * item.len(), 1), &item.repeat(items))?;
        self.masks.insert(key, mask.clone());
        Ok(mask)
    }

    /// A row that takes the mean of so many rows when it is multiplied with them.
    pub(super) fn mean_of(&mut self, rows: usize) -> Outcome<Rows<D>, D> {
        if let Some(row) = self.means.get(&rows) {
            return Ok(row.clone());
        }
        let row = upload(&self.device, (1, rows), &vec![1.0 / rows as f32; rows])?;
        self.means.insert(rows, row.clone());
        Ok(row)
    }

    /// Rows of attention in another order, for `positions` positions of `heads` heads.
    pub(super) fn reorder(
        &mut self,
        reorder: Reorder,
        (count, heads): (usize, usize),
        items: usize,
    ) -> Outcome<D::Index, D> {
        self.index(Key::Reorder(reorder, count, heads), items, || {
            let mut rows = Vec::with_capacity(items * count * heads);
            for item in 0..items {
                match reorder {
                    Reorder::Split(which) => {
                        for (head, at) in positions(heads, count) {
                            rows.push(((item * count + at) * 3 + which) * heads + head);
                        }
                    }
                    Reorder::Join => {
                        for (at, head) in positions(count, heads) {
                            rows.push((item * heads + head) * count + at);
                        }
                    }
                }
            }
            rows
        })
    }

    fn index(&mut self, key: Key, items: usize, rows: impl FnOnce() -> Vec<usize>) -> Outcome<D::Index, D> {
        let key = (key, items);
        if let Some(index) = self.indices.get(&key) {
            return Ok(index.clone());
        }
        let index = self.device.index(rows())?;
        self.indices.insert(key, index.clone());
        Ok(index)
    }
}

/// Places of a grid, row by row.
fn positions(h: usize, w: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..h).flat_map(move |y| (0..w).map(move |x| (y, x)))
}
