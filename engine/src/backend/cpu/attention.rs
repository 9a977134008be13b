//! Attention among the positions of an item, forward and backward; one task is one head of one item, so nothing
//! depends on the number of threads.
//!
//! Of `Q`, `K` and `V` (`positions x d` each, side by side in the input): `S = Q K^T`, `P = softmax(S / sqrt(d))` over
//! the keys that take part, `out = P V`. Backward: `dP = d_out V^T`, `dS = P (dP - rowsum(dP P)) / sqrt(d)`,
//! `dQ = dS K`, `dK = dS^T Q`, `dV = P^T d_out`.

use std::cell::Cell;

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use super::maths::exp;
use super::small::{Rows, pack, pack_transposed, packed_len, product};
use crate::net::{Shape, ValueId};
use crate::simd::{Isa, Kernel, PANEL_VECTORS, Vector, WIDEST_PANEL, with_rows};

/// An attention step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attention {
    positions: usize,
    heads: usize,
    /// Channels of a head.
    depth: usize,
    causal: bool,
    /// Which value masks keys, and its channels.
    presence: Option<(ValueId, usize)>,
}

thread_local! {
    static SCRATCH: Cell<[Buffer; 3]> = Cell::default();
}

impl Attention {
    pub(super) fn new(output: Shape, heads: usize, causal: bool, presence: Option<(ValueId, usize)>) -> Self {
        Self { positions: output.pixels(), heads, depth: output.c / heads, causal, presence }
    }

    pub(super) fn presence(&self) -> Option<ValueId> {
        self.presence.map(|(value, _)| value)
    }

    fn width(&self) -> usize {
        self.heads * self.depth
    }

    /// Values of one item's attention weights.
    fn weights_len(&self) -> usize {
        self.heads * self.positions * self.positions
    }

    /// `out` from `qkv`; the weights `P` are written to `kept`. `presence` is the value of that name.
    pub(super) fn forward(
        &self,
        isa: Isa,
        qkv: &[f32],
        presence: Option<&[f32]>,
        out: &mut [f32],
        kept: Option<Shared>,
    ) {
        let items = out.len() / (self.positions * self.width());
        assert_eq!(qkv.len(), 3 * out.len(), "queries, keys and values");
        let out = Shared::of(out);
        (0..items * self.heads).into_par_iter().for_each(|task| {
            let (item, head) = (task / self.heads, task % self.heads);
            let task = Forward { attention: self, item, head, qkv, presence, out, kept };
            // SAFETY: each task writes its head's channels and weights; the set was detected.
            unsafe { isa.run(task) };
        });
    }

    /// Writes the gradient of `qkv`, or adds it.
    pub(super) fn backward(
        &self,
        isa: Isa,
        qkv: &[f32],
        kept: &[f32],
        d_out: &[f32],
        d_qkv: &mut [f32],
        add: bool,
    ) {
        let items = d_out.len() / (self.positions * self.width());
        assert_eq!((qkv.len(), d_qkv.len()), (3 * d_out.len(), 3 * d_out.len()), "queries, keys and values");
        assert_eq!(kept.len(), items * self.weights_len(), "attention weights");
        let d_qkv = Shared::of(d_qkv);
        (0..items * self.heads).into_par_iter().for_each(|task| {
            let (item, head) = (task / self.heads, task % self.heads);
            let task = Backward { attention: self, item, head, qkv, kept, d_out, d_qkv, add };
            // SAFETY: each task writes its head's channels; the set was detected.
            unsafe { isa.run(task) };
        });
    }

    /// Offset of a head in an item's `positions x 3 width` values: `part` 0 is Q, 1 is K, 2 is V.
    fn part(&self, item: usize, head: usize, part: usize) -> usize {
        (item * self.positions * 3 + part) * self.width() + head * self.depth
    }

    /// Length of a row of scores, padded to whole panels.
    fn padded(&self) -> usize {
        self.positions.next_multiple_of(WIDEST_PANEL)
    }

    fn panels_len(&self) -> usize {
        packed_len(self.positions, self.depth).max(packed_len(self.depth, self.positions))
    }
}

struct Forward<'a> {
    attention: &'a Attention,
    item: usize,
    head: usize,
    qkv: &'a [f32],
    presence: Option<&'a [f32]>,
    out: Shared,
    kept: Option<Shared>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        unsafe { with_rows!(V, self.rows_of()) }
    }
}

impl Forward<'_> {
    #[inline(always)]
    unsafe fn rows_of<V: Vector, const R: usize>(self) {
        let a = self.attention;
        let (n, d, padded, panel) = (a.positions, a.depth, a.padded(), V::LANES * PANEL_VECTORS);
        let [mut panels, mut scores, mut gate] = SCRATCH.take();
        panels.ensure(a.panels_len());
        scores.ensure(n * padded);
        gate.ensure(2 * padded);
        let rows = |part| Rows {
            at: self.qkv[a.part(self.item, self.head, part)..].as_ptr(),
            stride: 3 * a.width(),
        };
        unsafe {
            pack_transposed(rows(1), n, d, panel, panels.as_mut_slice());
            let columns = n.next_multiple_of(panel);
            let out = (scores.as_mut_slice().as_mut_ptr(), padded);
            product::<V, R>(rows(0), (n, d, columns), panels.as_slice(), out, false);
        }
        let (keys, gate_now) = gate.as_mut_slice()[..2 * padded].split_at_mut(padded);
        keys.fill(0.0);
        keys[..n].fill(1.0);
        if let (Some(presence), Some((_, channels))) = (self.presence, a.presence) {
            for (j, key) in keys[..n].iter_mut().enumerate() {
                let present = presence[(self.item * n + j) * channels + channels - 1];
                *key = if present > 0.5 { 1.0 } else { 0.0 };
            }
        }
        gate_now.fill(0.0);
        if !a.causal {
            gate_now.copy_from_slice(keys);
        }
        let scale = 1.0 / (d as f32).sqrt();
        for (i, row) in scores.as_mut_slice().chunks_exact_mut(padded).take(n).enumerate() {
            // With causal attention one more key takes part with every position.
            gate_now[i] = keys[i];
            softmax(row, gate_now, scale);
            if let Some(kept) = self.kept {
                let at = self.item * a.weights_len() + (self.head * n + i) * n;
                unsafe { kept.slice(at, n) }.copy_from_slice(&row[..n]);
            }
        }
        unsafe {
            pack(rows(2), n, d, panel, panels.as_mut_slice());
            let weights = Rows { at: scores.as_slice().as_ptr(), stride: padded };
            let out = self.out.at(self.item * n * a.width() + self.head * d);
            product::<V, R>(weights, (n, n, d), panels.as_slice(), (out, a.width()), false);
        }
        SCRATCH.set([panels, scores, gate]);
    }
}

/// Lanes of the reductions below, whatever the register: long enough for every instruction set.
const LANES: usize = 16;

/// Softmax of `scale * row` where the gate is open, zeros elsewhere and where it is open nowhere. Both are padded to a
/// multiple of [`LANES`].
#[inline(always)]
fn softmax(row: &mut [f32], gate: &[f32], scale: f32) {
    let mut top = [f32::NEG_INFINITY; LANES];
    for (row, gate) in row.chunks_exact(LANES).zip(gate.chunks_exact(LANES)) {
        for l in 0..LANES {
            let score = if gate[l] > 0.0 { row[l] } else { f32::NEG_INFINITY };
            top[l] = if score > top[l] { score } else { top[l] };
        }
    }
    let mut highest = f32::NEG_INFINITY;
    for lane in top {
        highest = if lane > highest { lane } else { highest };
    }
    let mut sums = [0.0f32; LANES];
    for (row, gate) in row.chunks_exact_mut(LANES).zip(gate.chunks_exact(LANES)) {
        for l in 0..LANES {
            let e = exp((row[l] - highest) * scale);
            row[l] = if gate[l] > 0.0 { e } else { 0.0 };
            sums[l] += row[l];
        }
    }
    let mut sum = 0.0;
    for lane in sums {
        sum += lane;
    }
    let factor = if sum == 0.0 { 0.0 } else { 1.0 / sum };
    for value in row {
        *value *= factor;
    }
}

struct Backward<'a> {
    attention: &'a Attention,
    item: usize,
    head: usize,
    qkv: &'a [f32],
    kept: &'a [f32],
    d_out: &'a [f32],
    d_qkv: Shared,
    add: bool,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        unsafe { with_rows!(V, self.rows_of()) }
    }
}

impl Backward<'_> {
    #[inline(always)]
    unsafe fn rows_of<V: Vector, const R: usize>(self) {
        let a = self.attention;
        let (n, d, padded, panel) = (a.positions, a.depth, a.padded(), V::LANES * PANEL_VECTORS);
        let [mut panels, mut scores, mut turned] = SCRATCH.take();
        panels.ensure(a.panels_len());
        scores.ensure(n * padded);
        turned.ensure(n * padded);
        let stride = 3 * a.width();
        let part = |part| a.part(self.item, self.head, part);
        let rows = |p| Rows { at: self.qkv[part(p)..].as_ptr(), stride };
        let d_out =
            Rows { at: self.d_out[self.item * n * a.width() + self.head * d..].as_ptr(), stride: a.width() };
        let at = self.item * a.weights_len() + self.head * n * n;
        let weights = &self.kept[at..at + n * n];
        unsafe {
            pack_transposed(rows(2), n, d, panel, panels.as_mut_slice());
            let out = (scores.as_mut_slice().as_mut_ptr(), padded);
            product::<V, R>(d_out, (n, d, n.next_multiple_of(panel)), panels.as_slice(), out, false);
        }
        let scale = 1.0 / (d as f32).sqrt();
        for (row, weights) in scores.as_mut_slice().chunks_exact_mut(padded).zip(weights.chunks_exact(n)) {
            through_softmax(&mut row[..n], weights, scale);
        }
        let d_scores = Rows { at: scores.as_slice().as_ptr(), stride: padded };
        let square = Rows { at: turned.as_slice().as_ptr(), stride: padded };
        unsafe {
            let to = |p| (self.d_qkv.at(part(p)), stride);
            pack(rows(1), n, d, panel, panels.as_mut_slice());
            product::<V, R>(d_scores, (n, n, d), panels.as_slice(), to(0), self.add);

            transpose(d_scores, n, padded, turned.as_mut_slice());
            pack(rows(0), n, d, panel, panels.as_mut_slice());
            product::<V, R>(square, (n, n, d), panels.as_slice(), to(1), self.add);

            transpose(Rows { at: weights.as_ptr(), stride: n }, n, padded, turned.as_mut_slice());
            pack(d_out, n, d, panel, panels.as_mut_slice());
            product::<V, R>(square, (n, n, d), panels.as_slice(), to(2), self.add);
        }
        SCRATCH.set([panels, scores, turned]);
    }
}

/// `row = weights (row - sum(row weights)) scale`
#[inline(always)]
fn through_softmax(row: &mut [f32], weights: &[f32], scale: f32) {
    let mut sums = [0.0f32; LANES];
    let whole = row.len() / LANES * LANES;
    for (row, weights) in row.chunks_exact(LANES).zip(weights.chunks_exact(LANES)) {
        for l in 0..LANES {
            sums[l] += row[l] * weights[l];
        }
    }
    let mut sum = 0.0;
    for lane in sums {
        sum += lane;
    }
    for (value, weight) in row[whole..].iter().zip(&weights[whole..]) {
        sum += value * weight;
    }
    for (value, weight) in row.iter_mut().zip(weights) {
        *value = weight * (*value - sum) * scale;
    }
}

/// `to = from^T`, `n x n`, rows of `to` being `stride` apart.
///
/// # Safety
/// `from` lies within memory.
#[inline(always)]
unsafe fn transpose(from: Rows, n: usize, stride: usize, to: &mut [f32]) {
    for i in 0..n {
        // SAFETY: inside the matrix.
        let row = unsafe { std::slice::from_raw_parts(from.at.add(i * from.stride), n) };
        for (j, value) in row.iter().enumerate() {
            to[j * stride + i] = *value;
        }
    }
}
