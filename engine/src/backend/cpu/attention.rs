//! Multi-head attention between the positions of an item, forward and backward.
//!
//! With `q`, `k`, `v` one head of an item (`T x d`): `P = softmax(q k^T / sqrt d)` over the keys that are present (and,
//! where it is causal, not later), `out = P v`. Backward: `dv = P^T dout`, `dP = dout v^T`,
//! `dS = P (dP - sum(dP P))`, `dq = dS k / sqrt d`, `dk = dS^T q / sqrt d`. One task a head of an item.

use std::cell::Cell;

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use super::gemm::{Left, PAD, TILE, product};
use super::simd::{Isa, Kernel, Vector};
use super::special::exp_negative;
use crate::net::Shape;

/// An attention over items of `positions` positions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attention {
    /// Positions of an item.
    positions: usize,
    /// Channels of the output; the input has three times as many.
    width: usize,
    heads: usize,
    causal: bool,
    /// Channels of the value whose last says which positions are present.
    presence_channels: usize,
}

thread_local! {
    static SCRATCH: Cell<Buffer> = Cell::new(Buffer::default());
}

impl Attention {
    pub(super) fn new(output: Shape, presence: Shape, heads: usize, causal: bool) -> Self {
        let (positions, width) = (output.pixels(), output.c);
        Self { positions, width, heads, causal, presence_channels: presence.c }
    }

    /// `out` from `qkv`; the probabilities go to `kept` where it is given (`items x heads x positions x positions`).
    pub(super) fn forward(
        &self,
        isa: Isa,
        (qkv, presence): (&[f32], &[f32]),
        out: &mut [f32],
        kept: Option<&mut [f32]>,
    ) {
        let items = out.len() / (self.positions * self.width);
        let (out, kept) = (Shared::of(out), kept.map(Shared::of));
        (0..items * self.heads).into_par_iter().for_each(|task| {
            // SAFETY: the set was detected; each task writes the columns of its own head of its own item.
            unsafe { isa.run(Forward { plan: self, task, qkv, presence, out, kept }) };
        });
    }

    /// Gradient of `qkv` from that of the output, put or added.
    pub(super) fn backward(
        &self,
        isa: Isa,
        (qkv, kept): (&[f32], &[f32]),
        d_out: &[f32],
        d_qkv: &mut [f32],
        add: bool,
    ) {
        let items = d_out.len() / (self.positions * self.width);
        let d_qkv = Shared::of(d_qkv);
        (0..items * self.heads).into_par_iter().for_each(|task| {
            // SAFETY: as above.
            unsafe { isa.run(Backward { plan: self, task, qkv, kept, d_out, d_qkv, add }) };
        });
    }

    fn depth(&self) -> usize {
        self.width / self.heads
    }

    fn sizes(&self) -> Sizes {
        let (t, d) = (self.positions.next_multiple_of(PAD), self.depth().next_multiple_of(PAD));
        debug_assert!(t.is_multiple_of(TILE));
        Sizes { t, d }
    }
}

/// Padded extents of a head.
#[derive(Clone, Copy)]
struct Sizes {
    /// Positions.
    t: usize,
    /// Channels.
    d: usize,
}

/// A head's columns in a matrix of a row a position.
#[derive(Clone, Copy)]
struct Columns {
    /// Values in a row of the matrix.
    stride: usize,
    /// First of the head's columns.
    first: usize,
    /// How many.
    depth: usize,
}

/// Copies a head's columns to padded rows, times `factor`.
#[inline(always)]
fn gather(from: &[f32], columns: Columns, factor: f32, d: usize, to: &mut [f32]) {
    to.fill(0.0);
    for (from, to) in from.chunks_exact(columns.stride).zip(to.chunks_exact_mut(d)) {
        for (to, from) in to.iter_mut().zip(&from[columns.first..columns.first + columns.depth]) {
            *to = from * factor;
        }
    }
}

/// Copies a head's columns to padded columns: the transpose of [`gather`].
#[inline(always)]
fn gather_transposed(from: &[f32], columns: Columns, t: usize, to: &mut [f32]) {
    to.fill(0.0);
    for (position, from) in from.chunks_exact(columns.stride).enumerate() {
        for (channel, from) in from[columns.first..columns.first + columns.depth].iter().enumerate() {
            to[channel * t + position] = *from;
        }
    }
}

struct Forward<'a> {
    plan: &'a Attention,
    task: usize,
    qkv: &'a [f32],
    presence: &'a [f32],
    out: Shared,
    kept: Option<Shared>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let plan = self.plan;
        let (item, head) = (self.task / plan.heads, self.task % plan.heads);
        let (positions, width, depth) = (plan.positions, plan.width, plan.depth());
        let Sizes { t, d } = plan.sizes();
        // Taken rather than borrowed: a closure might be compiled outside the instruction set.
        let mut buffer = SCRATCH.take();
        buffer.ensure(3 * t * d + t * t);
        let (q, rest) = buffer.as_mut_slice().split_at_mut(t * d);
        let (k, rest) = rest.split_at_mut(t * d);
        let (v, rest) = rest.split_at_mut(t * d);
        let p = &mut rest[..t * t];
        let qkv = &self.qkv[item * positions * 3 * width..][..positions * 3 * width];
        let columns = |part: usize| Columns { stride: 3 * width, first: part * width + head * depth, depth };
        gather(qkv, columns(0), 1.0 / (depth as f32).sqrt(), d, q);
        gather_transposed(qkv, columns(1), t, k);
        gather(qkv, columns(2), 1.0, d, v);
        let presence = &self.presence[item * positions * plan.presence_channels..];
        unsafe {
            let left = Left { at: q.as_ptr(), row: d, column: 1 };
            product::<V>(left, k.as_ptr(), p.as_mut_ptr(), (t, depth, t));
            for (i, row) in p.chunks_exact_mut(t).take(positions).enumerate() {
                let keys = if plan.causal { i + 1 } else { positions };
                softmax(row, keys, presence, plan.presence_channels);
            }
            p[positions * t..].fill(0.0);
            if let Some(kept) = self.kept {
                let kept = kept.slice(self.task * positions * positions, positions * positions);
                for (to, from) in kept.chunks_exact_mut(positions).zip(p.chunks_exact(t)) {
                    to.copy_from_slice(&from[..positions]);
                }
            }
            let left = Left { at: p.as_ptr(), row: t, column: 1 };
            product::<V>(left, v.as_ptr(), q.as_mut_ptr(), (t, positions, d));
            for (i, row) in q.chunks_exact(d).take(positions).enumerate() {
                let to = self.out.slice((item * positions + i) * width + head * depth, depth);
                to.copy_from_slice(&row[..depth]);
            }
        }
        SCRATCH.set(buffer);
    }
}

/// Softmax over the first `keys` values whose position is present; all others become 0.
#[inline(always)]
fn softmax(row: &mut [f32], keys: usize, presence: &[f32], channels: usize) {
    let mut top = f32::NEG_INFINITY;
    for (key, value) in row.iter_mut().enumerate() {
        if key >= keys || presence[key * channels + channels - 1] <= 0.5 {
            *value = f32::NEG_INFINITY;
        }
        // Written so that a value that is not a number stays and shows.
        top = if *value <= top { top } else { *value };
    }
    if top == f32::NEG_INFINITY {
        row.fill(0.0);
        return;
    }
    for value in row.iter_mut() {
        *value = exp_negative(*value - top);
    }
    let mut lanes = [0.0f32; PAD];
    for values in row.chunks_exact(PAD) {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane += value;
        }
    }
    let mut sum = 0.0;
    for lane in lanes {
        sum += lane;
    }
    let factor = 1.0 / sum;
    for value in row.iter_mut() {
        *value *= factor;
    }
}

struct Backward<'a> {
    plan: &'a Attention,
    task: usize,
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
        let plan = self.plan;
        let (item, head) = (self.task / plan.heads, self.task % plan.heads);
        let (positions, width, depth) = (plan.positions, plan.width, plan.depth());
        let Sizes { t, d } = plan.sizes();
        let mut buffer = SCRATCH.take();
        buffer.ensure(4 * t * d + 2 * t * t);
        let (left, rest) = buffer.as_mut_slice().split_at_mut(t * d);
        let (right, rest) = rest.split_at_mut(t * d);
        let (d_out, rest) = rest.split_at_mut(t * d);
        let (result, rest) = rest.split_at_mut(t * d);
        let (p, rest) = rest.split_at_mut(t * t);
        let ds = &mut rest[..t * t];
        let qkv = &self.qkv[item * positions * 3 * width..][..positions * 3 * width];
        let columns = |part: usize| Columns { stride: 3 * width, first: part * width + head * depth, depth };
        let scale = 1.0 / (depth as f32).sqrt();
        let out_columns = Columns { stride: width, first: head * depth, depth };
        gather(&self.d_out[item * positions * width..][..positions * width], out_columns, 1.0, d, d_out);
        p.fill(0.0);
        let kept = &self.kept[self.task * positions * positions..][..positions * positions];
        for (to, from) in p.chunks_exact_mut(t).zip(kept.chunks_exact(positions)) {
            to[..positions].copy_from_slice(from);
        }
        unsafe {
            // dv = P^T dout
            let transposed = Left { at: p.as_ptr(), row: 1, column: t };
            product::<V>(transposed, d_out.as_ptr(), result.as_mut_ptr(), (t, positions, d));
            self.scatter(result, d, columns(2), item);
            // dS = P (dout v^T - row sums)
            gather_transposed(qkv, columns(2), t, right);
            let d_left = Left { at: d_out.as_ptr(), row: d, column: 1 };
            product::<V>(d_left, right.as_ptr(), ds.as_mut_ptr(), (t, depth, t));
            for (ds, p) in ds.chunks_exact_mut(t).zip(p.chunks_exact(t)) {
                let mut lanes = [0.0f32; PAD];
                for (ds, p) in ds.chunks_exact(PAD).zip(p.chunks_exact(PAD)) {
                    for (lane, (ds, p)) in lanes.iter_mut().zip(ds.iter().zip(p)) {
                        *lane += ds * p;
                    }
                }
                let mut sum = 0.0;
                for lane in lanes {
                    sum += lane;
                }
                for (ds, p) in ds.iter_mut().zip(p) {
                    *ds = p * (*ds - sum) * scale;
                }
            }
            // dq = dS k, dk = dS^T q
            gather(qkv, columns(1), 1.0, d, right);
            let rows = Left { at: ds.as_ptr(), row: t, column: 1 };
            product::<V>(rows, right.as_ptr(), result.as_mut_ptr(), (t, positions, d));
            self.scatter(result, d, columns(0), item);
            gather(qkv, columns(0), 1.0, d, left);
            let transposed = Left { at: ds.as_ptr(), row: 1, column: t };
            product::<V>(transposed, left.as_ptr(), result.as_mut_ptr(), (t, positions, d));
            self.scatter(result, d, columns(1), item);
        }
        SCRATCH.set(buffer);
    }
}

impl Backward<'_> {
    /// Puts or adds a head's padded rows into its columns of the input's gradient.
    ///
    /// # Safety
    /// No other task touches this head of this item.
    #[inline(always)]
    unsafe fn scatter(&self, rows: &[f32], d: usize, columns: Columns, item: usize) {
        let positions = self.plan.positions;
        for (i, row) in rows.chunks_exact(d).take(positions).enumerate() {
            let at = (item * positions + i) * columns.stride + columns.first;
            let to = unsafe { self.d_qkv.slice(at, columns.depth) };
            if self.add {
                for (to, from) in to.iter_mut().zip(row) {
                    *to += from;
                }
            } else {
                to.copy_from_slice(&row[..columns.depth]);
            }
        }
    }
}
