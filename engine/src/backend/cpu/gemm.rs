//! Products of small dense matrices inside a kernel: the heads of attention.

use super::simd::Vector;

/// Columns of every matrix here are padded to a multiple of this: two of the widest registers.
pub(super) const PAD: usize = 32;
/// Rows of the register tile; row counts are padded to it.
pub(super) const TILE: usize = 4;

/// A left matrix by its steps in memory, so that it may be read transposed.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub at: *const f32,
    pub row: usize,
    pub column: usize,
}

/// `out = a b` with `a` of `rows x inner`, `b` row-major `inner x columns` and `out` row-major `rows x columns`.
///
/// # Safety
/// The instruction set of `V` is available; `columns` is a multiple of [`PAD`] and `rows` of [`TILE`]; the pointers are
/// valid for the sizes, and `out` overlaps neither.
#[inline(always)]
pub(super) unsafe fn product<V: Vector>(
    a: Left,
    b: *const f32,
    out: *mut f32,
    (rows, inner, columns): (usize, usize, usize),
) {
    unsafe {
        let mut i = 0;
        while i < rows {
            let mut j = 0;
            while j < columns {
                let mut sums = [[V::zero(); 2]; TILE];
                for k in 0..inner {
                    let from = b.add(k * columns + j);
                    let (left, right) = (V::load(from), V::load(from.add(V::LANES)));
                    for (r, sum) in sums.iter_mut().enumerate() {
                        let factor = V::splat(*a.at.add((i + r) * a.row + k * a.column));
                        sum[0] = factor.mul_add(left, sum[0]);
                        sum[1] = factor.mul_add(right, sum[1]);
                    }
                }
                for (r, sum) in sums.iter().enumerate() {
                    let to = out.add((i + r) * columns + j);
                    sum[0].store(to);
                    sum[1].store(to.add(V::LANES));
                }
                j += 2 * V::LANES;
            }
            i += TILE;
        }
    }
}
