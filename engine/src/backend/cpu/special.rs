//! Exponential and error function in plain arithmetic that compilers turn into vector instructions.
//!
//! They have no branches and no calls, so a loop over them runs on whole registers where the enclosing kernel's
//! instruction set has any.

/// `e^x` for `x <= 0` down to -87 (below it, 0), within 2 units in the last place.
#[inline(always)]
pub(super) fn exp_negative(x: f32) -> f32 {
    // x = n ln 2 + r with |r| <= ln 2 / 2; adding and taking away 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts, the first with few enough bits for an exact product.
    let r = x - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let e = p * r * r + r + 1.0;
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    if x <= -87.0 { 0.0 } else { e * power }
}

/// The normal distribution function `Phi(x)` and its density, `Phi` within 2e-7.
///
/// Abramowitz and Stegun 7.1.26 for the error function of `|x| / sqrt 2`.
#[inline(always)]
pub(super) fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp_negative(-z * z);
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152_1;
    let p = p * t + 1.421_413_8;
    let p = p * t - 0.284_496_72;
    let p = p * t + 0.254_829_6;
    let tail = 0.5 * p * t * bell;
    let phi = if x < 0.0 { tail } else { 1.0 - tail };
    (phi, bell * 0.398_942_3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_the_libraries() {
        for i in 0..=87_000 {
            let x = -(i as f32) / 1000.0;
            let (ours, exact) = (f64::from(exp_negative(x)), f64::from(x).exp());
            assert!((ours / exact - 1.0).abs() < 3e-7 || x <= -87.0, "{x}: {ours} {exact}");
        }
        assert_eq!((exp_negative(0.0), exp_negative(-1e9), exp_negative(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp_negative(f32::NAN).is_nan());
    }

    #[test]
    fn phi_is_the_integral_of_its_density() {
        // Simpson's rule in f64 from 0, where Phi is one half.
        let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (step, mut sum) = (1e-3, 0.5);
        for i in 0..6000 {
            let x = i as f64 * step;
            for sign in [1.0, -1.0] {
                let exact = if sign > 0.0 { sum } else { 1.0 - sum };
                let (phi, bell) = normal((sign * x) as f32);
                assert!((f64::from(phi) - exact).abs() < 4e-7, "{x}: {phi} {exact}");
                assert!((f64::from(bell) - density(x)).abs() < 2e-7);
            }
            sum += step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
        }
        assert!(normal(f32::NAN).0.is_nan());
    }
}
