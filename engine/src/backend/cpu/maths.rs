//! Elementary functions as plain arithmetic, so that loops over them become vector code of whatever instruction set
//! their kernel is compiled for. A NaN stays one.

/// `e^x`, within 2e-7 of the value; the smallest normal number stands for everything below.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding and taking away this rounds to an integer, which then stands in the lowest bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > 88.7 { 88.7 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts: n times the first is exact.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.0 / 720.0 + r * (1.0 / 5040.0);
    let p = 1.0 / 24.0 + r * (1.0 / 120.0 + r * p);
    let p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * p)));
    let power = (shifted.to_bits() << 23).wrapping_add(0x3F80_0000);
    p * f32::from_bits(power)
}

/// `Phi(x)`, the normal distribution function, within 1e-7, and its density: by Abramowitz and Stegun 7.1.26, which
/// keeps the relative error of the lower tail small too.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let e = exp(-0.5 * x * x);
    let p = 1.421_413_7 + t * (-1.453_152_1 + t * 1.061_405_4);
    let tail = 0.5 * e * t * (0.254_829_6 + t * (-0.284_496_74 + t * p));
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    (phi, e * 0.398_942_3)
}

/// `x Phi(x)`.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    x * normal(x).0
}

/// Derivative of [`gelu`].
#[inline(always)]
pub(super) fn gelu_slope(x: f32) -> f32 {
    let (phi, density) = normal(x);
    phi + x * density
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_rounding() {
        for i in -8700..8800 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error <= 2e-7, "{x}: {error}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1.3e-38 && exp(f32::NAN).is_nan());
    }

    /// `erf` by its Taylor series in `f64`, which converges everywhere.
    fn erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn gelu_and_its_slope_are_exact_to_single_precision() {
        for i in -500..=500 {
            let x = i as f32 * 0.01;
            let wide = f64::from(x);
            let phi = 0.5 * (1.0 + erf(wide * std::f64::consts::FRAC_1_SQRT_2));
            let density = (-0.5 * wide * wide).exp() / std::f64::consts::TAU.sqrt();
            let error = (f64::from(gelu(x)) - wide * phi).abs();
            assert!(error <= 3e-7 * wide.abs().max(1.0), "gelu({x}): {error}");
            let error = (f64::from(gelu_slope(x)) - phi - wide * density).abs();
            assert!(error <= 3e-7, "slope at {x}: {error}");
        }
        assert!(gelu(f32::NAN).is_nan() && gelu_slope(f32::NAN).is_nan());
    }
}
