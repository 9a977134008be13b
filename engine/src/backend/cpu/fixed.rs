//! Convolutions in 16-bit fixed point, for inference: each row of activations and each column of weights has a scale of
//! its own, products are added in 32-bit integers, and only a block's sum becomes a single-precision number again.
//!
//! A row's largest magnitude becomes [`LARGEST`]; a column's scale is the largest that can overflow no sum, whatever the
//! activations are, so no clipping and no calibration are needed. Both then keep 10 to 13 bits, as TF32 does.
//! Everything up to a block's sum is exact, so results are the same on every processor that takes this path.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use crate::simd::{Isa, PANEL_VECTORS, PIECE, Pairs, WIDEST_PANEL};

/// The magnitude that the largest activation of a row gets.
const LARGEST: f32 = 8191.0;
/// Rows whose magnitudes are no larger are taken as zeros: their scale would be infinite.
const LEAST: f32 = 1e-30;

/// How inference computes convolutions on the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// Single precision, as in training.
    #[default]
    Single,
    /// 16-bit fixed point where the processor gains from it, else single precision. Logits differ by about a thousandth of
    /// their range from single precision's.
    Fixed,
}

/// Weights in fixed point: panels of pairs of rows, and what one unit of each column is worth.
pub(super) struct FixedWeights {
    words: Buffer,
    units: Vec<f32>,
}

impl FixedWeights {
    /// Of `packed` panels of `rows x panel width`. The products of each of `blocks`, some ranges of rows each, are added
    /// up in integers; ranges start at even rows.
    pub(super) fn new(isa: Isa, packed: &[f32], rows: usize, blocks: &[Vec<Range<usize>>]) -> Self {
        let width = isa.panel();
        assert!(rows.is_multiple_of(2), "rows in pairs");
        let mut words = Buffer::zeroed(packed.len().div_ceil(2));
        let mut units = vec![0.0; packed.len() / rows];
        let to = words.pointer();
        let panels = packed.par_chunks_exact(rows * width).zip(units.par_chunks_exact_mut(width));
        panels.enumerate().for_each(|(panel, (packed, units))| {
            // SAFETY: each task writes its own panel, half a number a value.
            let to = unsafe {
                std::slice::from_raw_parts_mut(to.at(0).cast::<i16>().add(panel * rows * width), packed.len())
            };
            let mut scales = [0.0; WIDEST_PANEL];
            let scales = &mut scales[..width];
            find_scales(packed, blocks, scales);
            for (unit, scale) in units.iter_mut().zip(&*scales) {
                *unit = 1.0 / scale;
            }
            for (row, values) in packed.chunks_exact(width).enumerate() {
                let pairs = to[row / 2 * 2 * width..][..2 * width].as_chunks_mut::<2>().0;
                for ((pair, value), scale) in pairs.iter_mut().zip(values).zip(&*scales) {
                    pair[row % 2] = rounded(value * scale);
                }
            }
        });
        Self { words, units }
    }

    /// Whether they are of `values` values.
    pub(super) fn holds(&self, values: usize) -> bool {
        2 * self.words.as_slice().len() >= values
    }

    /// The integers from `value` on, which starts a pair of rows.
    #[inline(always)]
    pub(super) fn at(&self, value: usize) -> *const i16 {
        self.words.as_slice()[value / 2..].as_ptr().cast()
    }

    /// Units of the columns from `column` on, counted over all panels.
    #[inline(always)]
    pub(super) fn units(&self, column: usize) -> *const f32 {
        self.units[column..].as_ptr()
    }
}

/// The nearest integer, ties to even, of a value that fits: the sum's last bits, where its unit is 1.
fn rounded(value: f32) -> i16 {
    (value + 12_582_912.0).to_bits() as i16
}

/// The largest scale of each column of a panel with which no block's sum can overflow and every weight fits.
fn find_scales(panel: &[f32], blocks: &[Vec<Range<usize>>], scales: &mut [f32]) {
    let width = scales.len();
    scales.fill(f32::INFINITY);
    for block in blocks {
        let (mut totals, mut most) = ([0.0f64; WIDEST_PANEL], [0.0f32; WIDEST_PANEL]);
        let mut count = 0;
        for row in block.iter().cloned().flatten() {
            let values = &panel[row * width..][..width];
            for ((value, total), most) in values.iter().zip(&mut totals).zip(&mut most) {
                *total += f64::from(value.abs());
                *most = most.max(value.abs());
            }
            count += 1;
        }
        // Rounding may add half to each weight.
        let room = f64::from(i32::MAX) / f64::from(LARGEST) - f64::from(count);
        for ((scale, total), most) in scales.iter_mut().zip(totals).zip(most) {
            let fits = (room / total).min(f64::from(i16::MAX) / f64::from(most));
            *scale = if total.is_finite() && !scale.is_nan() { scale.min(fits as f32) } else { f32::NAN };
        }
    }
    for scale in scales {
        // A column of zeros, as padding is, takes any scale.
        if *scale == f32::INFINITY {
            *scale = 1.0;
        }
    }
}

/// Whether runs with these starts and lengths can be taken in integers.
pub(super) fn suits(mut starts_and_lengths: impl Iterator<Item = usize>) -> bool {
    starts_and_lengths.all(|value| value.is_multiple_of(PIECE))
}

/// Writes a row, given as runs of multiples of [`PIECE`] values, in integers and says what one unit of them is worth.
///
/// # Safety
/// The runs hold their values and `to` has room for all.
#[inline(always)]
pub(super) unsafe fn quantise<V: Pairs>(runs: &[(*const f32, usize)], to: *mut i16) -> f32 {
    unsafe {
        let mut most = V::zero();
        for &(from, len) in runs {
            for c in (0..len).step_by(PIECE) {
                most = most.larger_magnitudes(from.add(c));
            }
        }
        // What is not a number makes the unit so, and with it every output of the row.
        let largest = most.largest_magnitude();
        let scale = V::splat(if largest > LEAST { LARGEST / largest } else { 0.0 });
        let mut at = 0;
        for &(from, len) in runs {
            for c in (0..len).step_by(PIECE) {
                V::store_rounded(from.add(c), scale, to.add(at + c));
            }
            at += len;
        }
        largest / LARGEST
    }
}

/// Adds the products of `R` rows of `len` integers with a panel to a register tile; `len` is even.
///
/// # Safety
/// Each row holds `len` integers, the panel `len` times the width of the tile.
#[inline(always)]
pub(super) unsafe fn multiply<V: Pairs, const R: usize>(
    acc: &mut [[V::Sums; PANEL_VECTORS]; R],
    rows: &[*const i16; R],
    len: usize,
    panel: *const i16,
) {
    let width = V::LANES * PANEL_VECTORS;
    unsafe {
        for k in (0..len).step_by(2) {
            let w0 = V::load_words(panel.add(k * width));
            let w1 = V::load_words(panel.add(k * width + 2 * V::LANES));
            for r in 0..R {
                let x = V::splat_pair(rows[r].add(k));
                acc[r][0] = V::add_products(acc[r][0], x, w0);
                acc[r][1] = V::add_products(acc[r][1], x, w1);
            }
        }
    }
}

/// The sums of a register tile as numbers, given what a unit of each row and of each column is worth.
///
/// # Safety
/// `columns` holds the width of the tile.
#[inline(always)]
pub(super) unsafe fn numbers<V: Pairs, const R: usize>(
    acc: &[[V::Sums; PANEL_VECTORS]; R],
    rows: &[f32; R],
    columns: *const f32,
) -> [[V; PANEL_VECTORS]; R] {
    unsafe {
        let zero = V::zero();
        let mut out = [[zero; PANEL_VECTORS]; R];
        let columns = [V::load(columns), V::load(columns.add(V::LANES))];
        for r in 0..R {
            for v in 0..PANEL_VECTORS {
                let unit = V::splat(rows[r]).mul_add(columns[v], zero);
                out[r][v] = V::from_sums(acc[r][v]).mul_add(unit, zero);
            }
        }
        out
    }
}

/// Weights as a kernel reads them.
#[derive(Clone, Copy)]
pub(super) enum Panels<'a> {
    Single(&'a [f32]),
    Fixed(&'a FixedWeights),
}

impl Panels<'_> {
    /// Whether they are at least `values` values.
    pub(super) fn holds(&self, values: usize) -> bool {
        match self {
            Panels::Single(weights) => weights.len() >= values,
            Panels::Fixed(weights) => weights.holds(values),
        }
    }
}

/// Room for integers and for the unit of each of their rows.
#[derive(Default)]
pub(super) struct Quantised {
    words: Buffer,
    units: Buffer,
}

impl Quantised {
    pub(super) fn ensure(&mut self, words: usize, units: usize) -> (*mut i16, Shared) {
        self.words.ensure(words.div_ceil(2));
        self.units.ensure(units);
        // SAFETY: the start of the buffer.
        (unsafe { self.words.pointer().at(0) }.cast(), self.units.pointer())
    }
}
