//! The encoder's kernels write what is theirs and nothing beside it, at odd sizes and on every instruction set.

use super::attention::Attention;
use super::buffer::{Buffer, Shared};
use super::epilogue::{EpilogueRun, Mask, accumulate};
use super::layer_norm::LayerNorm;
use super::{columns, epilogue};
use crate::net::{Dropout, Shape};
use crate::simd::Isa;

const GUARD: usize = 37;
/// A pattern no kernel computes.
const UNTOUCHED: f32 = -123.456;

/// Runs `write` on `len` values between guards and fails where a guard changed or a value was left.
fn guarded(what: &str, len: usize, write: impl FnOnce(&mut [f32])) {
    let mut memory = vec![UNTOUCHED; len + 2 * GUARD];
    write(&mut memory[GUARD..GUARD + len]);
    let (before, rest) = memory.split_at(GUARD);
    let (inside, after) = rest.split_at(len);
    assert!(before.iter().chain(after).all(|&v| v == UNTOUCHED), "{what}: written beside its place");
    assert!(inside.iter().all(|&v| v != UNTOUCHED), "{what}: not all written");
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect()
}

#[test]
#[should_panic(expected = "written beside its place")]
fn a_planted_write_past_the_end_is_seen() {
    guarded("planted", 5, |out| {
        let out = Shared::of(out);
        // SAFETY: inside the guarded memory.
        unsafe { out.slice(0, 6) }.fill(1.0);
    });
}

#[test]
fn attention_keeps_to_its_place() {
    for isa in Isa::available() {
        for (n, heads, depth, causal) in
            [(1, 1, 1, false), (7, 3, 5, true), (33, 2, 17, false), (16, 2, 16, true)]
        {
            let (items, width) = (2, heads * depth);
            let attention = Attention::new(Shape { h: n, w: 1, c: width }, heads, causal, None);
            let (qkv, mut kept) = (values(items * n * 3 * width), vec![0.0; items * heads * n * n]);
            let mut out = vec![0.0; items * n * width];
            guarded("weights", kept.len(), |kept| {
                attention.forward(isa, &qkv, None, &mut out, Some(Shared::of(kept)));
            });
            guarded("output", out.len(), |out| {
                attention.forward(isa, &qkv, None, out, Some(Shared::of(&mut kept)));
            });
            guarded("gradient", qkv.len(), |d_qkv| {
                attention.backward(isa, &qkv, &kept, &values(out.len()), d_qkv, false);
            });
        }
    }
}

#[test]
fn layer_norm_keeps_to_its_place() {
    for isa in Isa::available() {
        for (rows, channels) in [(1, 1), (65, 19), (130, 32)] {
            let (scale, shift) = (values(channels), values(channels));
            let norm = LayerNorm { isa, scale: &scale, shift: &shift, epsilon: 1e-5 };
            let x = values(rows * channels);
            let (mut out, mut kept) = (vec![0.0; x.len()], vec![0.0; 2 * rows]);
            guarded("statistics", kept.len(), |kept| norm.forward(&x, &mut out, Some(Shared::of(kept))));
            guarded("output", x.len(), |out| norm.forward(&x, out, Some(Shared::of(&mut kept))));
            let mut sums = (vec![0.0; channels], vec![0.0; channels]);
            guarded("gradient", x.len(), |d_x| {
                let sums = (&mut sums.0[..], &mut sums.1[..]);
                norm.backward(&x, &kept, &out, Some((d_x, false)), sums, &mut Buffer::default());
            });
        }
    }
}

#[test]
fn endings_and_sums_keep_to_their_place() {
    for isa in Isa::available() {
        for (items, positions, channels) in [(1, 1, 1), (3, 5, 19), (3, 40, 77)] {
            let len = items * positions * channels;
            let (x, table, residual) = (values(len), values(positions * channels), values(len));
            let mask = Some(Mask::new(7, Dropout { rate: 0.4, index: 1 }));
            let run = EpilogueRun { isa, table: Some(&table), gelu: true, mask, residual: Some(&residual) };
            let mut out = vec![0.0; len];
            guarded("before the GELU", len, |kept| run.apply(Some(&x), &mut out, Some(Shared::of(kept))));
            guarded("output", len, |out| run.apply(Some(&x), out, None));
            guarded("residual", len, |to| {
                run.backward(&x, &mut values(len), Some((Shared::of(to), false)));
            });
            guarded("gradient", len, |to| {
                accumulate(&x, to, false);
                run.backward(&x, to, None);
            });
            guarded("bias", channels, |to| columns::over_rows(isa, &x, to, &mut Buffer::default()));
            guarded("table", positions * channels, |to| columns::over_items(isa, &x, to));
        }
    }
    guarded("accumulated", 9, |to| epilogue::accumulate(&values(9), to, false));
}
