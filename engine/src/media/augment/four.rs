//! Four numbers that are computed together: the channels of a pixel. Each operation is the one on single numbers, so that results
//! do not depend on the processor.

#![expect(clippy::inline_always, reason = "a call an operation costs more than the operation")]

use std::ops::{Add, Mul, Sub};

#[cfg(target_arch = "x86_64")]
pub(super) use sse2::Four;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::Four;

/// Plain Rust. Tests hold the other form to it.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::{Add, Mul, Sub};

    /// Four numbers.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::media::augment) struct Four([f32; 4]);

    impl Four {
        /// Of four numbers.
        #[inline(always)]
        pub fn of(values: [f32; 4]) -> Self {
            Self(values)
        }

        /// One number four times.
        #[inline(always)]
        pub fn all(value: f32) -> Self {
            Self([value; 4])
        }

        /// Of four bytes.
        #[inline(always)]
        pub fn of_bytes(bytes: [u8; 4]) -> Self {
            Self(bytes.map(f32::from))
        }

        /// Each of the four, four times.
        #[inline(always)]
        pub fn spread(self) -> [Self; 4] {
            self.0.map(Self::all)
        }

        /// The nearest of 0..=255, halves up.
        #[inline(always)]
        pub fn levels(self) -> [u8; 4] {
            self.0.map(|value| (value + 0.5) as u8)
        }
    }

    impl Add for Four {
        type Output = Self;

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(std::array::from_fn(|k| self.0[k] + other.0[k]))
        }
    }

    impl Sub for Four {
        type Output = Self;

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(std::array::from_fn(|k| self.0[k] - other.0[k]))
        }
    }

    impl Mul for Four {
        type Output = Self;

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(std::array::from_fn(|k| self.0[k] * other.0[k]))
        }
    }
}

/// SSE2, which every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128, _mm_add_ps, _mm_cvtepi32_ps, _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_cvttps_epi32,
        _mm_max_ps, _mm_min_ps, _mm_mul_ps, _mm_packs_epi32, _mm_packus_epi16, _mm_set1_ps, _mm_setr_ps,
        _mm_setzero_ps, _mm_setzero_si128, _mm_shuffle_ps, _mm_sub_ps, _mm_unpacklo_epi8, _mm_unpacklo_epi16,
    };

    use super::{Add, Mul, Sub};

    /// Four numbers.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::media::augment) struct Four(__m128);

    impl Four {
        /// Of four numbers.
        #[inline(always)]
        pub fn of([a, b, c, d]: [f32; 4]) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Self(unsafe { _mm_setr_ps(a, b, c, d) })
        }

        /// One number four times.
        #[inline(always)]
        pub fn all(value: f32) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Self(unsafe { _mm_set1_ps(value) })
        }

        /// Of four bytes.
        #[inline(always)]
        pub fn of_bytes(bytes: [u8; 4]) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Self(unsafe {
                let (zero, bytes) = (_mm_setzero_si128(), _mm_cvtsi32_si128(i32::from_le_bytes(bytes)));
                _mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_unpacklo_epi8(bytes, zero), zero))
            })
        }

        /// Each of the four, four times.
        #[inline(always)]
        pub fn spread(self) -> [Self; 4] {
            let v = self.0;
            // SAFETY: SSE2 is part of x86-64.
            unsafe {
                [
                    Self(_mm_shuffle_ps::<0x00>(v, v)),
                    Self(_mm_shuffle_ps::<0x55>(v, v)),
                    Self(_mm_shuffle_ps::<0xAA>(v, v)),
                    Self(_mm_shuffle_ps::<0xFF>(v, v)),
                ]
            }
        }

        /// The nearest of 0..=255, halves up.
        #[inline(always)]
        pub fn levels(self) -> [u8; 4] {
            // SAFETY: SSE2 is part of x86-64.
            let packed = unsafe {
                let up = _mm_add_ps(self.0, _mm_set1_ps(0.5));
                // In this order a value that is no number becomes 0, as a cast makes it.
                let held = _mm_min_ps(_mm_max_ps(up, _mm_setzero_ps()), _mm_set1_ps(255.0));
                let whole = _mm_cvttps_epi32(held);
                let halves = _mm_packs_epi32(whole, whole);
                _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves))
            };
            packed.to_le_bytes()
        }
    }

    impl Add for Four {
        type Output = Self;

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Self(unsafe { _mm_add_ps(self.0, other.0) })
        }
    }

    impl Sub for Four {
        type Output = Self;

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Self(unsafe { _mm_sub_ps(self.0, other.0) })
        }
    }

    impl Mul for Four {
        type Output = Self;

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Self(unsafe { _mm_mul_ps(self.0, other.0) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Four, portable};
    use crate::random::{Address, Purpose};

    #[test]
    fn four_at_once_are_each_as_one_alone() {
        let mut rng = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
        for round in 0..2000 {
            let mut four = || std::array::from_fn(|_| rng.between(-300.0, 600.0));
            let (mut a, b, c): ([f32; 4], [f32; 4], [f32; 4]) = (four(), four(), four());
            if round % 50 == 0 {
                a[round / 50 % 4] = [f32::NAN, f32::INFINITY, -0.5, 254.5][round / 200 % 4];
            }
            let bytes = b.map(|v| v as u8);
            let here = (Four::of(a) - Four::of(b)) * Four::all(0.37) + Four::of(c) + Four::of_bytes(bytes);
            let (a, b, c) = (portable::Four::of(a), portable::Four::of(b), portable::Four::of(c));
            let there = (a - b) * portable::Four::all(0.37) + c + portable::Four::of_bytes(bytes);
            assert_eq!(here.levels(), there.levels());
            let spread = |all: [[u8; 4]; 4]| all.map(|four| four[0]);
            assert_eq!(spread(here.spread().map(Four::levels)), here.levels());
            assert_eq!(spread(there.spread().map(portable::Four::levels)), there.levels());
        }
    }
}
