//! Sums of probabilities that forget exactly what left the window.
//!
//! A running `f32` sum drifts: adding and then subtracting a value does not give the old sum back. Integers do not
//! drift, so that a streamed result depends on the window's content alone, never on what went before it.

/// Fraction bits. With 100 of them every `f32` from 2^-77 to 1 is exact, and a sum of [`super::MAX_WINDOW`] ones needs
/// 117 of the 128 bits.
const BITS: i32 = 100;

/// A probability in fixed point. What is no probability is made one: NaN counts as 0, the rest is cut to 0..=1.
pub(super) fn fixed(probability: f32) -> u128 {
    let scale = 2f64.powi(BITS);
    (f64::from(probability).clamp(0.0, 1.0) * scale) as u128
}

/// The mean of `count` probabilities with this sum; `count` must be at least 1.
pub(super) fn mean(sum: u128, count: u32) -> f32 {
    let scale = 2f64.powi(BITS);
    (sum as f64 / f64::from(count) / scale) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probability_that_matters_is_exact() {
        for p in [0.0, 1.0, 0.1, 1e-20, 0.333_333_34, f32::from_bits(0x3f7f_ffff)] {
            for count in [1u32, 3, 30, 1 << 16] {
                assert_eq!(mean(fixed(p) * u128::from(count), count), p, "{p} x {count}");
            }
        }
    }

    #[test]
    fn what_is_no_probability_becomes_one() {
        assert_eq!([fixed(f32::NAN), fixed(-1.0)], [0, 0]);
        assert_eq!(fixed(f32::INFINITY), fixed(1.0));
    }
}
