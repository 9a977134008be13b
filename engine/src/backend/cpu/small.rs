//! Products of small matrices inside one task, as attention needs them: the right matrix packed into panels, the left
//! read row by row through its stride.

use crate::backend::cpu::matmul::multiply;
use crate::simd::{PANEL_VECTORS, Vector, WIDEST_PANEL};

/// A row-major matrix somewhere in memory.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub at: *const f32,
    /// Values from one row to the next.
    pub stride: usize,
}

/// Values that a packed matrix of `rows x columns` takes.
pub(super) fn packed_len(rows: usize, columns: usize) -> usize {
    rows * columns.next_multiple_of(WIDEST_PANEL)
}

/// Packs `rows x columns` into panels of `width` columns; missing columns are zero.
///
/// # Safety
/// The matrix lies within memory, and `panels` holds [`packed_len`].
#[inline(always)]
pub(super) unsafe fn pack(from: Rows, rows: usize, columns: usize, width: usize, panels: &mut [f32]) {
    for (p, panel) in panels.chunks_exact_mut(rows * width).take(columns.div_ceil(width)).enumerate() {
        let count = (columns - p * width).min(width);
        for (r, to) in panel.chunks_exact_mut(width).enumerate() {
            // SAFETY: inside the matrix.
            let row = unsafe { std::slice::from_raw_parts(from.at.add(r * from.stride + p * width), count) };
            to[..count].copy_from_slice(row);
            to[count..].fill(0.0);
        }
    }
}

/// Packs the transpose of `rows x columns`: a matrix of `columns` rows in panels of `width`.
///
/// # Safety
/// As [`pack`], for the transpose.
#[inline(always)]
pub(super) unsafe fn pack_transposed(
    from: Rows,
    rows: usize,
    columns: usize,
    width: usize,
    panels: &mut [f32],
) {
    for (p, panel) in panels.chunks_exact_mut(columns * width).take(rows.div_ceil(width)).enumerate() {
        let count = (rows - p * width).min(width);
        if count < width {
            panel.fill(0.0);
        }
        for r in 0..count {
            // SAFETY: inside the matrix.
            let row =
                unsafe { std::slice::from_raw_parts(from.at.add((p * width + r) * from.stride), columns) };
            for (c, value) in row.iter().enumerate() {
                panel[c * width + r] = *value;
            }
        }
    }
}

/// `out = left x panels`, or added to it: `count` rows of `inner` values times a packed `inner x columns` matrix.
///
/// # Safety
/// The left matrix, the panels and the output lie within memory; `count` is at least 1.
#[inline(always)]
pub(super) unsafe fn product<V: Vector, const R: usize>(
    left: Rows,
    (count, inner, columns): (usize, usize, usize),
    panels: &[f32],
    (out, stride): (*mut f32, usize),
    add: bool,
) {
    let width = V::LANES * PANEL_VECTORS;
    for panel in 0..columns.div_ceil(width) {
        let narrow = (columns - panel * width).min(width);
        let mut tile = 0;
        while tile < count {
            let mut rows = [std::ptr::null::<f32>(); R];
            let mut acc = [[unsafe { V::zero() }; PANEL_VECTORS]; R];
            unsafe {
                for (r, row) in rows.iter_mut().enumerate() {
                    // Rows past the end repeat the last one and are thrown away.
                    *row = left.at.add((tile + r).min(count - 1) * left.stride);
                }
                multiply::<V, R>(&mut acc, &rows, inner, panels.as_ptr().add(panel * inner * width));
            }
            // A copy, so that the accumulators have no address and stay in registers.
            let mut done = [[unsafe { V::zero() }; PANEL_VECTORS]; R];
            for r in 0..R {
                done[r] = [acc[r][0], acc[r][1]];
            }
            for (r, values) in done.iter().enumerate() {
                if tile + r >= count {
                    break;
                }
                unsafe {
                    let to = out.add((tile + r) * stride + panel * width);
                    if narrow == width {
                        for (v, value) in values.iter().enumerate() {
                            let to = to.add(v * V::LANES);
                            let sum = if add { value.add(V::load(to)) } else { *value };
                            sum.store(to);
                        }
                    } else {
                        let mut row = [0.0f32; WIDEST_PANEL];
                        for (v, value) in values.iter().enumerate() {
                            value.store(row.as_mut_ptr().add(v * V::LANES));
                        }
                        for (c, value) in row[..narrow].iter().enumerate() {
                            *to.add(c) = if add { *to.add(c) + value } else { *value };
                        }
                    }
                }
            }
            tile += R;
        }
    }
}
