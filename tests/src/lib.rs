//! What the integration tests share: graphs to try, the slow reference, the golden numbers, and how arrays are compared.

pub mod agreement;
pub mod cases;
pub mod compare;
pub mod contract;
pub mod golden;
pub mod gpu;
pub mod learner;
pub mod reference;
pub mod rust_source;
pub mod ten_steps;

/// Largest difference of two arrays relative to the largest expected magnitude; NaN anywhere gives NaN.
///
/// Compare as `!(difference <= tolerance)`, so that NaN fails.
pub fn relative_difference(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len(), "arrays of different lengths");
    let scale = expected.iter().fold(1e-12, |m: f64, v| m.max(v.abs()));
    got.iter().zip(expected).fold(0.0, |m: f64, (g, e)| {
        let difference = (f64::from(*g) - e).abs() / scale;
        if difference.is_nan() || m.is_nan() { f64::NAN } else { m.max(difference) }
    })
}

/// The library example of `docs/engineers.md` compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/engineers.md")]
pub struct Engineers;
