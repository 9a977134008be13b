//! Vector instruction sets, chosen once at run time from one binary.
//!
//! A kernel is written once, generic over [`Vector`], as an `#[inline(always)]` [`Kernel::run`]; [`Isa::run`] calls it
//! inside a function that enables the instruction set, so that the whole kernel is compiled for it.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instruction set"
)]

mod pairs;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_pairs;

pub(crate) use pairs::{PIECE, PairKernel, Pairs};

/// A register of `LANES` single-precision numbers and the few operations the kernels need.
///
/// # Safety
/// Every method may only run where the instruction set is available, which [`Isa::run`] guarantees; the pointers must
/// be valid for `LANES` values.
pub(crate) trait Vector: Copy {
    /// Numbers in a register.
    const LANES: usize;
    /// Rows of the register tile of the matrix kernels.
    const ROWS: usize;

    unsafe fn zero() -> Self;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    /// `self` where the gate is above zero, else zero.
    unsafe fn where_positive(self, gate: Self) -> Self;
    /// `self * factor + addend`; fused where the instruction set fuses.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
}

/// Asks for the cache line of a value that will be read or written soon; does nothing where there is no such hint.
#[inline(always)]
pub(crate) fn prefetch(from: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Work compiled once for every instruction set.
pub(crate) trait Kernel {
    /// What it gives back.
    type Output;
    /// Does the work with registers of type `V`. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The instruction set of `V` is available; everything the kernel points to is valid.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}

/// An instruction set that this program has kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust; what every processor runs.
    Portable,
    /// x86-64 with AVX2 and FMA: 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512F: 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 64-bit Arm: 4 lanes.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// WebAssembly's 128 bits: 4 lanes.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
}

impl Isa {
    /// The widest set that this processor has.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// The set that the environment's `AFFEKT_ISA` names, for comparison; [`Isa::detect`] where it is not set or empty.
    ///
    /// # Errors
    /// This processor has no set of that name; the message lists those it has.
    pub fn from_environment() -> Result<Self, String> {
        Self::named(&std::env::var("AFFEKT_ISA").unwrap_or_default())
    }

    fn named(name: &str) -> Result<Self, String> {
        let available = Self::available();
        if name.is_empty() {
            return Ok(available[0]);
        }
        available.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
            format!("AFFEKT_ISA is `{name}`, but this processor has: {}", names.join(", "))
        })
    }

    /// Every set that this processor has, widest first; the last is [`Isa::Portable`].
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                sets.push(Isa::Avx512);
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                sets.push(Isa::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            sets.push(Isa::Neon);
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        sets.push(Isa::Simd128);
        sets.push(Isa::Portable);
        sets
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => "simd128",
        }
    }

    /// Columns of the register tile, which is also the width of a packed panel: `PANEL_VECTORS` registers.
    pub(crate) fn panel(self) -> usize {
        match self {
            Isa::Portable => Portable::LANES * PANEL_VECTORS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::LANES * PANEL_VECTORS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::LANES * PANEL_VECTORS,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Neon::LANES * PANEL_VECTORS,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => simd128::Simd128::LANES * PANEL_VECTORS,
        }
    }

    /// Rows of the register tile.
    pub(crate) fn rows(self) -> usize {
        match self {
            Isa::Portable => Portable::ROWS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::ROWS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::ROWS,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Neon::ROWS,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Simd128 => simd128::Simd128::ROWS,
        }
    }

    /// Runs a kernel with this instruction set.
    ///
    /// # Safety
    /// `self` came from [`Isa::detect`] or [`Isa::available`], and the kernel's own conditions hold.
    #[inline]
    pub(crate) unsafe fn run<K: Kernel>(self, kernel: K) -> K::Output {
        unsafe {
            match self {
                Isa::Portable => kernel.run::<Portable>(),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => run_avx2(kernel),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => run_avx512(kernel),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => run_neon(kernel),
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                Isa::Simd128 => kernel.run::<simd128::Simd128>(),
            }
        }
    }
}

/// Calls a method that is generic over the vector and the rows of its register tile with the rows `V` has, which
/// cannot be written as a constant argument of a generic function.
macro_rules! with_rows {
    ($vector:ident, $receiver:ident.$method:ident()) => {
        match $vector::ROWS {
            4 => $receiver.$method::<$vector, 4>(),
            6 => $receiver.$method::<$vector, 6>(),
            8 => $receiver.$method::<$vector, 8>(),
            _ => $receiver.$method::<$vector, { $crate::simd::MOST_ROWS }>(),
        }
    };
}
pub(crate) use with_rows;

/// Registers side by side in a panel.
pub(crate) const PANEL_VECTORS: usize = 2;
/// The most rows of any register tile.
pub(crate) const MOST_ROWS: usize = 12;
/// The widest panel of any instruction set.
pub(crate) const WIDEST_PANEL: usize = 32;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    unsafe { kernel.run::<Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    unsafe { kernel.run::<Avx512>() }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
unsafe fn run_neon<K: Kernel>(kernel: K) -> K::Output {
    unsafe { kernel.run::<Neon>() }
}

/// Eight numbers that the compiler vectorises as it can.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 8]);

/// A method of [`Portable`] lane by lane: a loop, since functions over arrays are not always compiled into their caller.
macro_rules! lanes {
    ($of:expr, |$i:ident| $value:expr) => {{
        let mut out = $of;
        for $i in 0..8 {
            out[$i] = $value;
        }
        Self(out)
    }};
}
use lanes;

impl Vector for Portable {
    const LANES: usize = 8;
    const ROWS: usize = 4;
    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 8])
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(from.cast::<[f32; 8]>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        lanes!(self.0, |i| self.0[i] + other.0[i])
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        lanes!(self.0, |i| self.0[i] - other.0[i])
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        lanes!(self.0, |i| if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] })
    }
    #[inline(always)]
    unsafe fn where_positive(self, gate: Self) -> Self {
        lanes!(self.0, |i| if gate.0[i] > 0.0 { self.0[i] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        lanes!(self.0, |i| self.0[i] * factor.0[i] + addend.0[i])
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vector {
    ($(#[$doc:meta])* $name:ident($register:ident), lanes $lanes:literal, rows $rows:literal, $arch:ident,
     $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $max:ident,
     fma($a:ident, $b:ident, $c:ident) $fma:expr, gate($x:ident, $g:ident) $gate:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name(std::arch::$arch::$register);
        impl Vector for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = $rows;
            #[inline(always)]
            unsafe fn zero() -> Self {
                unsafe { Self::splat(0.0) }
            }
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                unsafe { Self(std::arch::$arch::$splat(value)) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                unsafe { Self(std::arch::$arch::$load(from)) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                unsafe { std::arch::$arch::$store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                unsafe { Self(std::arch::$arch::$add(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                unsafe { Self(std::arch::$arch::$sub(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                unsafe { Self(std::arch::$arch::$max(self.0, other.0)) }
            }
            #[inline(always)]
            unsafe fn where_positive(self, gate: Self) -> Self {
                let ($x, $g) = (self.0, gate.0);
                unsafe { Self($gate) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
                let ($a, $b, $c) = (self.0, factor.0, addend.0);
                unsafe { Self($fma) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector!(
    /// AVX2 and FMA.
    Avx2(__m256), lanes 8, rows 6, x86_64,
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_sub_ps,
    _mm256_max_ps, fma(a, b, c) std::arch::x86_64::_mm256_fmadd_ps(a, b, c),
    gate(x, g) {
        use std::arch::x86_64::{_CMP_GT_OQ, _mm256_and_ps, _mm256_cmp_ps, _mm256_setzero_ps};
        _mm256_and_ps(x, _mm256_cmp_ps::<_CMP_GT_OQ>(g, _mm256_setzero_ps()))
    }
);
#[cfg(target_arch = "x86_64")]
vector!(
    /// AVX-512F.
    Avx512(__m512), lanes 16, rows 12, x86_64,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_sub_ps,
    _mm512_max_ps, fma(a, b, c) std::arch::x86_64::_mm512_fmadd_ps(a, b, c),
    gate(x, g) {
        use std::arch::x86_64::{_CMP_GT_OQ, _mm512_cmp_ps_mask, _mm512_maskz_mov_ps, _mm512_setzero_ps};
        _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(g, _mm512_setzero_ps()), x)
    }
);
#[cfg(target_arch = "aarch64")]
vector!(
    /// NEON; its fused multiply-add takes the addend first.
    Neon(float32x4_t), lanes 4, rows 8, aarch64,
    vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32, vsubq_f32, vmaxq_f32,
    fma(a, b, c) std::arch::aarch64::vfmaq_f32(c, a, b),
    gate(x, g) {
        use std::arch::aarch64::{vandq_u32, vcgtq_f32, vdupq_n_f32, vreinterpretq_f32_u32, vreinterpretq_u32_f32};
        vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vcgtq_f32(g, vdupq_n_f32(0.0))))
    }
);

#[cfg(test)]
mod tests {
    use super::Isa;

    #[test]
    fn a_set_is_taken_by_name_and_a_name_that_is_none_is_refused_with_those_there_are() {
        assert_eq!(Isa::named(""), Ok(Isa::detect()));
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.name()), Ok(isa));
        }
        let error = Isa::named("bogus").expect_err("no such set");
        assert!(error.contains("`bogus`") && error.ends_with("portable"), "{error}");
    }
}
