//! Products of 16-bit integers in WebAssembly's registers.

use std::arch::wasm32::{
    f32x4_convert_i32x4, f32x4_mul, f32x4_nearest, i16x8_narrow_i32x4, i32x4_add, i32x4_dot_i16x8,
    i32x4_splat, i32x4_trunc_sat_f32x4, u32x4_max, v128, v128_and, v128_load, v128_load32_splat, v128_store,
};

use super::pairs::{PIECE, Pairs, larger};
use super::simd128::Simd128;

impl Pairs for Simd128 {
    type Sums = v128;
    type Words = v128;

    #[inline(always)]
    unsafe fn no_sums() -> v128 {
        i32x4_splat(0)
    }
    #[inline(always)]
    unsafe fn load_words(from: *const i16) -> v128 {
        unsafe { v128_load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn splat_pair(from: *const i16) -> v128 {
        unsafe { v128_load32_splat(from.cast()) }
    }
    #[inline(always)]
    unsafe fn add_products(sums: v128, a: v128, b: v128) -> v128 {
        i32x4_add(sums, i32x4_dot_i16x8(a, b))
    }
    #[inline(always)]
    unsafe fn from_sums(sums: v128) -> Self {
        Self(f32x4_convert_i32x4(sums))
    }
    #[inline(always)]
    unsafe fn larger_magnitudes(self, piece: *const f32) -> Self {
        let mut most = self.0;
        for i in (0..PIECE).step_by(4) {
            // Without their sign, magnitudes are ordered as their bits are.
            let bits = unsafe { v128_and(v128_load(piece.add(i).cast()), i32x4_splat(i32::MAX)) };
            most = u32x4_max(most, bits);
        }
        Self(most)
    }
    #[inline(always)]
    unsafe fn largest_magnitude(self) -> f32 {
        let mut lanes = [0.0; 4];
        unsafe { v128_store(lanes.as_mut_ptr().cast(), self.0) };
        lanes.into_iter().fold(0.0, larger)
    }
    #[inline(always)]
    unsafe fn store_rounded(piece: *const f32, scale: Self, to: *mut i16) {
        for i in (0..PIECE).step_by(8) {
            unsafe {
                let low = f32x4_nearest(f32x4_mul(v128_load(piece.add(i).cast()), scale.0));
                let high = f32x4_nearest(f32x4_mul(v128_load(piece.add(i + 4).cast()), scale.0));
                let packed = i16x8_narrow_i32x4(i32x4_trunc_sat_f32x4(low), i32x4_trunc_sat_f32x4(high));
                v128_store(to.add(i).cast(), packed);
            }
        }
    }
}
