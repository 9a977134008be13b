//! WebAssembly's registers of 128 bits. A module either was compiled for them and cannot be loaded without, or has none, so
//! nothing is asked at run time.

use std::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_gt, f32x4_mul, f32x4_nearest, f32x4_pmax, f32x4_splat, f32x4_sub,
    i16x8_narrow_i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_splat, i32x4_trunc_sat_f32x4, u32x4_max, v128,
    v128_and, v128_load, v128_load32_splat, v128_store,
};

use super::Vector;
use super::pairs::{PIECE, Pairs, larger};

/// Four numbers.
#[derive(Clone, Copy)]
pub(crate) struct Simd128(v128);

impl Vector for Simd128 {
    const LANES: usize = 4;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self(f32x4_splat(0.0))
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(v128_load(from.cast())) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { v128_store(to.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(f32x4_sub(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // The second where the first is smaller, as the other sets do it.
        Self(f32x4_pmax(other.0, self.0))
    }
    #[inline(always)]
    unsafe fn where_positive(self, gate: Self) -> Self {
        Self(v128_and(self.0, f32x4_gt(gate.0, f32x4_splat(0.0))))
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(f32x4_add(f32x4_mul(self.0, factor.0), addend.0))
    }
}

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
