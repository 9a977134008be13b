//! Sampling eight pixels of a colour view at a time, on x86-64 with AVX2. Every number goes through the operations of the way pixel by
//! pixel in the same order, products are not fused with sums, so the bytes are the same.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_GE_OQ, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps,
    _mm256_and_si256, _mm256_andnot_ps, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cmpgt_epi32,
    _mm256_cvtepi32_ps, _mm256_cvttps_epi32, _mm256_floor_ps, _mm256_i32gather_epi32, _mm256_max_ps,
    _mm256_min_epi32, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_ps, _mm256_mullo_epi32, _mm256_or_si256,
    _mm256_permutevar8x32_epi32, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi8, _mm256_setr_epi32,
    _mm256_setr_ps, _mm256_setzero_ps, _mm256_shuffle_epi8, _mm256_slli_epi32, _mm256_srli_epi32,
    _mm256_srlv_epi32, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_sub_ps,
};

/// Pixels at a time.
const LANES: usize = 8;

/// A picture of three channels, and what its view does to it.
pub(super) struct WideView<'a> {
    pub pixels: &'a [u8],
    pub width: usize,
    pub height: usize,
    /// Whether what lies outside is the nearest pixel inside.
    pub clamps: bool,
    /// Coordinates in the picture of the view's.
    pub map: [[f32; 3]; 2],
    /// Rows of the colour transform.
    pub colour: [[f32; 4]; 3],
}

impl WideView<'_> {
    /// Writes a view of `size x size` pixels; `alone(column, row, bytes)` writes a pixel that does not lie in a group of eight, or in one
    /// that reaches outside the picture where the view does not clamp. Gives `false`, and does nothing, where this processor or
    /// the picture is not fit for it.
    pub fn sample(
        &self,
        size: usize,
        out: &mut [u8],
        alone: &mut dyn FnMut(usize, usize, &mut [u8]),
    ) -> bool {
        let Self { pixels, width, height, .. } = *self;
        assert!(
            pixels.len() == width * height * 3 && out.len() == size * size * 3,
            "whole pictures of three channels"
        );
        let fits = width >= 2 && height >= 2 && i32::try_from(pixels.len()).is_ok();
        if !fits || !std::arch::is_x86_feature_detected!("avx2") {
            return false;
        }
        // SAFETY: the instruction set was just found, the lengths are as asserted.
        unsafe { self.sample_wide(size, out, alone) };
        true
    }

    #[target_feature(enable = "avx2")]
    unsafe fn sample_wide(
        &self,
        size: usize,
        out: &mut [u8],
        alone: &mut dyn FnMut(usize, usize, &mut [u8]),
    ) {
        let [[a, b, c], [d, e, f]] = self.map;
        let steps = _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0);
        let corners = Corners::of(self);
        let grouped = size / LANES * LANES;
        for v in 0..size {
            let y = v as f32 + 0.5;
            let (row_x, row_y) = (b * y + c - 0.5, e * y + f - 0.5);
            for u in (0..grouped).step_by(LANES) {
                let x = _mm256_add_ps(_mm256_add_ps(_mm256_set1_ps(u as f32), steps), _mm256_set1_ps(0.5));
                let x_in = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(a), x), _mm256_set1_ps(row_x));
                let y_in = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(d), x), _mm256_set1_ps(row_y));
                let start = 3 * (v * size + u);
                // SAFETY: the corners' places lie in the pixels.
                match unsafe { corners.gather(x_in, y_in) } {
                    Some(four) => store(&mut out[start..], self.coloured(&four)),
                    None => {
                        for (lane, pixel) in out[start..start + 3 * LANES].chunks_exact_mut(3).enumerate() {
                            alone(u + lane, v, pixel);
                        }
                    }
                }
            }
            for u in grouped..size {
                let start = 3 * (v * size + u);
                alone(u, v, &mut out[start..start + 3]);
            }
        }
    }

    /// Blends four neighbours and transforms the colours; three bytes of each lane are the pixel.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn coloured(&self, four: &Four) -> __m256i {
        let channels = (four.channel::<0>(), four.channel::<8>(), four.channel::<16>());
        let red = levels(self.colour[0], channels);
        let green = levels(self.colour[1], channels);
        let blue = levels(self.colour[2], channels);
        _mm256_or_si256(red, _mm256_or_si256(_mm256_slli_epi32::<8>(green), _mm256_slli_epi32::<16>(blue)))
    }
}

/// A row of the colour transform for eight pixels: the nearest of 0..=255, halves up.
#[inline]
#[target_feature(enable = "avx2")]
fn levels(row: [f32; 4], (red, green, blue): (__m256, __m256, __m256)) -> __m256i {
    let sum = _mm256_add_ps(
        _mm256_mul_ps(_mm256_set1_ps(row[0]), red),
        _mm256_mul_ps(_mm256_set1_ps(row[1]), green),
    );
    let sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(row[2]), blue));
    let up = _mm256_add_ps(_mm256_add_ps(sum, _mm256_set1_ps(row[3])), _mm256_set1_ps(0.5));
    // In this order a value that is no number becomes 0, as a cast makes it.
    let held = _mm256_min_ps(_mm256_max_ps(up, _mm256_setzero_ps()), _mm256_set1_ps(255.0));
    _mm256_cvttps_epi32(held)
}

/// The way from one value to another, a part of it.
#[inline]
#[target_feature(enable = "avx2")]
fn mixed(from: __m256, to: __m256, part: __m256) -> __m256 {
    _mm256_add_ps(from, _mm256_mul_ps(part, _mm256_sub_ps(to, from)))
}

/// A byte of each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn byte<const SHIFT: i32>(pixels: __m256i) -> __m256 {
    _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32::<SHIFT>(pixels), _mm256_set1_epi32(0xff)))
}

/// Four neighbours of each of eight places, a pixel in the lower three bytes of each lane, and where the place lies between them.
struct Four {
    upper: (__m256i, __m256i),
    lower: (__m256i, __m256i),
    fx: __m256,
    fy: __m256,
}

impl Four {
    /// The blend of one channel, which begins at this bit of a pixel.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn channel<const SHIFT: i32>(&self) -> __m256 {
        let upper = mixed(byte::<SHIFT>(self.upper.0), byte::<SHIFT>(self.upper.1), self.fx);
        let lower = mixed(byte::<SHIFT>(self.lower.0), byte::<SHIFT>(self.lower.1), self.fx);
        mixed(upper, lower, self.fy)
    }
}

/// Finds neighbours.
struct Corners<'a> {
    view: &'a WideView<'a>,
    limit_x: __m256,
    limit_y: __m256,
    width: __m256i,
    /// The last place that four bytes can be read from.
    last: __m256i,
}

impl<'a> Corners<'a> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(view: &'a WideView<'a>) -> Self {
        Self {
            view,
            limit_x: _mm256_set1_ps((view.width - 1) as f32),
            limit_y: _mm256_set1_ps((view.height - 1) as f32),
            width: _mm256_set1_epi32(view.width as i32),
            last: _mm256_set1_epi32(view.pixels.len() as i32 - 4),
        }
    }

    /// Where in the pixels columns and rows lie.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn place(&self, column: __m256i, row: __m256i) -> __m256i {
        let pixel = _mm256_add_epi32(_mm256_mullo_epi32(row, self.width), column);
        _mm256_add_epi32(pixel, _mm256_add_epi32(pixel, pixel))
    }

    /// The neighbours of eight places; nothing where one of them is not among the pixels and the view does not clamp.
    ///
    /// # Safety
    /// The view's pixels are as many as its sides say, and below 2^31.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn gather(&self, x: __m256, y: __m256) -> Option<Four> {
        let from = self.view.pixels.as_ptr();
        let zero = _mm256_setzero_ps();
        let (left, top) = (_mm256_cvttps_epi32(x), _mm256_cvttps_epi32(y));
        let inside = _mm256_and_ps(
            _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(x, zero), _mm256_cmp_ps::<_CMP_GE_OQ>(y, zero)),
            _mm256_and_ps(
                _mm256_cmp_ps::<_CMP_LT_OQ>(x, self.limit_x),
                _mm256_cmp_ps::<_CMP_LT_OQ>(y, self.limit_y),
            ),
        );
        let stride = 3 * self.view.width;
        let at = self.place(left, top);
        // The right lower one is a row and a pixel further on.
        let lower_right = _mm256_add_epi32(at, _mm256_set1_epi32(stride as i32 + 3));
        let beyond = _mm256_castsi256_ps(_mm256_cmpgt_epi32(lower_right, self.last));
        if _mm256_movemask_ps(_mm256_andnot_ps(beyond, inside)) == 0xff {
            // SAFETY: all places are in the pixels, four bytes before their end or more.
            let (upper, lower) = unsafe {
                let (below, right) = (from.add(stride), from.add(stride + 3));
                let upper = (
                    _mm256_i32gather_epi32::<1>(from.cast(), at),
                    _mm256_i32gather_epi32::<1>(from.add(3).cast(), at),
                );
                let lower = (
                    _mm256_i32gather_epi32::<1>(below.cast(), at),
                    _mm256_i32gather_epi32::<1>(right.cast(), at),
                );
                (upper, lower)
            };
            let fx = _mm256_sub_ps(x, _mm256_cvtepi32_ps(left));
            let fy = _mm256_sub_ps(y, _mm256_cvtepi32_ps(top));
            return Some(Four { upper, lower, fx, fy });
        }
        if !self.view.clamps {
            return None;
        }
        let (left, top) = (_mm256_floor_ps(x), _mm256_floor_ps(y));
        let one = _mm256_set1_ps(1.0);
        let (right, below) = (_mm256_add_ps(left, one), _mm256_add_ps(top, one));
        let columns = (held(left, self.limit_x), held(right, self.limit_x));
        let rows = (held(top, self.limit_y), held(below, self.limit_y));
        // SAFETY: columns and rows are held.
        let (upper, lower) = unsafe {
            let upper = (self.pixels(columns.0, rows.0), self.pixels(columns.1, rows.0));
            (upper, (self.pixels(columns.0, rows.1), self.pixels(columns.1, rows.1)))
        };
        Some(Four { upper, lower, fx: _mm256_sub_ps(x, left), fy: _mm256_sub_ps(y, top) })
    }

    /// The pixels at columns and rows.
    ///
    /// # Safety
    /// These lie in the picture.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn pixels(&self, columns: __m256i, rows: __m256i) -> __m256i {
        let at = self.place(columns, rows);
        // The very last pixel is read with the byte before it, which is shifted out.
        let start = _mm256_min_epi32(at, self.last);
        // SAFETY: four bytes are left from there.
        let bytes = unsafe { _mm256_i32gather_epi32::<1>(self.view.pixels.as_ptr().cast(), start) };
        _mm256_srlv_epi32(bytes, _mm256_slli_epi32::<3>(_mm256_sub_epi32(at, start)))
    }
}

/// Whole coordinates, held between 0 and a limit.
#[inline]
#[target_feature(enable = "avx2")]
fn held(value: __m256, limit: __m256) -> __m256i {
    _mm256_cvttps_epi32(_mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), limit))
}

/// Writes eight pixels to the start of `out`; behind them eight bytes may be written that the next pixels write again.
#[inline]
#[target_feature(enable = "avx2")]
fn store(out: &mut [u8], pixels: __m256i) {
    #[rustfmt::skip]
    let three_of_four = _mm256_setr_epi8(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
    );
    let packed = _mm256_shuffle_epi8(pixels, three_of_four);
    let packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
    let mut bytes = [0u8; 32];
    // SAFETY: there are 32 bytes to write to.
    unsafe {
        match out.first_chunk_mut::<32>() {
            Some(out) => _mm256_storeu_si256(out.as_mut_ptr().cast(), packed),
            None => _mm256_storeu_si256(bytes.as_mut_ptr().cast(), packed),
        }
    }
    if out.len() < bytes.len() {
        out[..3 * LANES].copy_from_slice(&bytes[..3 * LANES]);
    }
}
