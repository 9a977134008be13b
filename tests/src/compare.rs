//! Comparison with golden numbers. Written so that a NaN on either side is a difference.

use std::fmt::Write as _;

use crate::golden::{PROJECTIONS, SUMMARY};
use crate::relative_difference;

/// The largest of some errors; NaN where any is, which `f64::max` would drop.
fn worst(errors: impl Iterator<Item = f64>) -> f64 {
    errors.fold(0.0, |worst, error| if worst.is_nan() || error <= worst { worst } else { error })
}

/// Fails unless `got` equals `expected` within `tolerance` of the largest expected magnitude.
///
/// # Panics
/// It does not, the lengths differ, or one side holds a NaN.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], expected: &[f64], tolerance: f64) {
    let error = relative_difference(got, expected);
    assert!(
        error <= tolerance,
        "{what}: off by {error:.2e} of the largest value, {tolerance:.0e} is allowed\n  \
         got      {:?}\n  expected {:?}",
        &got[..got.len().min(8)],
        &expected[..expected.len().min(8)],
    );
}

/// Estimated norm of the difference of two tensors, relative to the second's norm, from their summaries.
///
/// For a difference `d`, the mean square of its dot products with random sign vectors is `|d|^2` in expectation, so
/// the estimate is within a factor of two of the truth nearly always. The stored norm and first values are bounds.
pub fn summary_distance(got: &[f64; SUMMARY], expected: &[f64; SUMMARY]) -> f64 {
    let differences: Vec<f64> = got.iter().zip(expected).map(|(g, e)| (g - e).abs()).collect();
    let squares: f64 = differences[1..=PROJECTIONS].iter().map(|d| d * d).sum();
    let estimate = (squares / PROJECTIONS as f64).sqrt();
    let bounds = differences[..1].iter().chain(&differences[1 + PROJECTIONS..]).copied();
    worst(bounds.chain([estimate])) / expected[0]
}

/// Fails, naming every tensor that is off, unless each summary is within `tolerance` of its golden one, norm-wise.
///
/// # Panics
/// One is not, or their counts differ.
#[track_caller]
pub fn assert_summaries(
    what: &str,
    names: &[&str],
    got: &[[f64; SUMMARY]],
    expected: &[[f64; SUMMARY]],
    tolerance: f64,
) {
    assert_eq!(got.len(), expected.len(), "{what}: number of tensors");
    assert_eq!(names.len(), expected.len(), "{what}: number of names");
    let mut wrong = String::new();
    for ((name, g), e) in names.iter().zip(got).zip(expected) {
        let distance = summary_distance(g, e);
        if distance.is_nan() || distance > tolerance {
            let _ = write!(wrong, "\n  {name}: {distance:.2e}; norm {:.6e}, golden {:.6e}", g[0], e[0]);
        }
    }
    assert!(wrong.is_empty(), "{what}: off by more than {tolerance:.0e} of the norm:{wrong}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Kind, summary, tensor};

    #[test]
    fn a_planted_error_in_one_value_is_seen() {
        let expected: Vec<f64> = (1..=100).map(f64::from).collect();
        let mut got: Vec<f32> = expected.iter().map(|&e| e as f32).collect();
        assert_eq!(relative_difference(&got, &expected), 0.0);
        got[3] += 0.05;
        assert!(relative_difference(&got, &expected) > 4e-4);
        got[3] = f32::NAN;
        assert!(relative_difference(&got, &expected).is_nan());
    }

    #[test]
    fn a_planted_error_anywhere_in_a_tensor_moves_its_summary() {
        let values = tensor("planted.weight", &[16, 64], Kind::Weight);
        let exact = summary("planted.weight", &values);
        let norm = exact[0];
        for place in [0, 500, 1023] {
            let mut wrong = values.clone();
            wrong[place] += (0.01 * norm) as f32;
            let distance = summary_distance(&summary("planted.weight", &wrong), &exact);
            assert!((0.009..0.011).contains(&distance), "{place}: {distance}");
        }
        let mut swapped = values.clone();
        swapped.swap(500, 900);
        assert!(summary_distance(&summary("planted.weight", &swapped), &exact) > 1e-3);
        let mut broken = values;
        broken[700] = f32::NAN;
        assert!(summary_distance(&summary("planted.weight", &broken), &exact).is_nan());
    }
}
