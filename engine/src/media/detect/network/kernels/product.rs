//! Pixels' channels through a matrix, the one product of a `YuNet`.

use super::map::{GROUP, Matrix};
use crate::simd::Vector;

/// Pixels that a product computes together.
const PIXELS: usize = 6;

#[inline(always)]
pub(super) unsafe fn ended<V: Vector>(value: V, relu: bool) -> V {
    unsafe { if relu { V::zero().max(value) } else { value } }
}

/// Rows of `inner` values, one after the other, through a matrix.
#[inline(always)]
pub(super) unsafe fn product<V: Vector>(
    values: &[f32],
    inner: usize,
    rows: usize,
    matrix: &Matrix<'_>,
    out: &mut [f32],
) {
    let outputs = matrix.bias.len();
    for first in (0..rows).step_by(PIXELS) {
        // The last block goes over rows before it again; a map with fewer rows than a block repeats its last one.
        let first = first.min(rows.saturating_sub(PIXELS));
        for channel in (0..outputs).step_by(GROUP) {
            unsafe {
                let mut done = 0;
                while done < GROUP {
                    let (from, to) = (values.as_ptr(), out.as_mut_ptr());
                    let place = Block { first, rows, inner, channel: channel + done };
                    if V::LANES == GROUP {
                        block::<V, 1>(from, &place, matrix, to);
                        done += V::LANES;
                    } else {
                        block::<V, 2>(from, &place, matrix, to);
                        done += 2 * V::LANES;
                    }
                }
            }
        }
    }
}

/// What a block of a product covers.
struct Block {
    first: usize,
    rows: usize,
    inner: usize,
    channel: usize,
}

/// `N` registers of outputs of [`PIXELS`] rows.
#[inline(always)]
unsafe fn block<V: Vector, const N: usize>(
    values: *const f32,
    place: &Block,
    matrix: &Matrix<'_>,
    out: *mut f32,
) {
    let outputs = matrix.bias.len();
    let Block { first, rows, inner, channel } = *place;
    unsafe {
        let mut sums = [[V::zero(); N]; PIXELS];
        for n in 0..N {
            let bias = V::load(matrix.bias.as_ptr().add(channel + n * V::LANES));
            for p in 0..PIXELS {
                sums[p][n] = bias;
            }
        }
        let mut from = [values; PIXELS];
        for p in 0..PIXELS {
            from[p] = values.add((first + p).min(rows - 1) * inner);
        }
        for k in 0..inner {
            let mut weights = [V::zero(); N];
            for n in 0..N {
                weights[n] = V::load(matrix.weights.as_ptr().add(k * outputs + channel + n * V::LANES));
            }
            for p in 0..PIXELS {
                let x = V::splat(*from[p].add(k));
                for n in 0..N {
                    sums[p][n] = x.mul_add(weights[n], sums[p][n]);
                }
            }
        }
        for p in 0..PIXELS {
            for n in 0..N {
                let row = (first + p).min(rows - 1);
                let to = out.add(row * outputs + channel + n * V::LANES);
                ended(sums[p][n], matrix.relu).store(to);
            }
        }
    }
}
