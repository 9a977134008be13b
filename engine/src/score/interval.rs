//! Intervals of a statistic from its values on resampled data.

use serde::{Deserialize, Serialize};
use statrs::function::erf::{erfc, erfc_inv};

/// How the ends of an interval are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalKind {
    /// Quantiles of the resampled values.
    #[default]
    Percentile,
    /// Quantiles that are corrected for bias and skewness (bias-corrected and accelerated; Efron 1987).
    Bca,
}

/// Its ends.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Standard normal distribution function.
fn normal_below(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// Its inverse; infinite at 0 and 1.
fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        f64::NEG_INFINITY
    } else if p >= 1.0 {
        f64::INFINITY
    } else {
        -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
    }
}

/// The quantile of sorted values, between two of them by proportion (numpy's `linear`).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The middle `level` (0 to 1) of the resampled values; values that are no number are left out. Nothing where none is left.
pub fn percentile_interval(values: &[f64], level: f64) -> Option<Interval> {
    let values = sorted(values);
    let tail = (1.0 - level) / 2.0;
    (!values.is_empty())
        .then(|| Interval { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) })
}

/// The bias-corrected and accelerated interval: `observed` is the statistic of the data, `left_out` what it is without each
/// unit in turn. Where all values are the same, or resampling never comes to either side of what was observed, the correction
/// is not defined and the percentile interval is given.
pub fn bca_interval(values: &[f64], observed: f64, left_out: &[f64], level: f64) -> Option<Interval> {
    let values_sorted = sorted(values);
    if values_sorted.is_empty() {
        return None;
    }
    let b = values_sorted.len() as f64;
    let below = values_sorted.iter().filter(|&&value| value < observed).count() as f64;
    let up_to = values_sorted.iter().filter(|&&value| value <= observed).count() as f64;
    let bias = normal_quantile((below + up_to) / (2.0 * b));
    let n = left_out.len() as f64;
    let mean = left_out.iter().sum::<f64>() / n;
    let parts = left_out.iter().map(|value| (n - 1.0) * (mean - value));
    let (cubes, squares) = parts.fold((0.0, 0.0), |(c, s), u| (c + u * u * u, s + u * u));
    let (cubes, squares) = (cubes / n.powi(3), squares / n.powi(2));
    let acceleration = cubes / squares.powf(1.5) / 6.0;
    let tail = (1.0 - level) / 2.0;
    let share = |z: f64| normal_below(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    let (low, high) = (share(normal_quantile(tail)), share(normal_quantile(1.0 - tail)));
    if !(low.is_finite() && high.is_finite()) {
        return percentile_interval(values, level);
    }
    Some(Interval { low: quantile(&values_sorted, low), high: quantile(&values_sorted, high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_hundred_values_is_where_it_is_counted() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let interval = percentile_interval(&values, 0.9).expect("values");
        assert!((interval.low - 5.0).abs() < 1e-9 && (interval.high - 95.0).abs() < 1e-9, "{interval:?}");
        assert_eq!(percentile_interval(&[f64::NAN], 0.9), None);
    }

    #[test]
    fn without_bias_and_skew_both_are_the_same_and_without_spread_nothing_is_corrected() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let bca = bca_interval(&values, 50.0, &[49.0, 50.0, 51.0], 0.9).expect("values");
        assert!((bca.low - 5.0).abs() < 1e-6 && (bca.high - 95.0).abs() < 1e-6, "{bca:?}");
        let same = bca_interval(&[1.0; 9], 1.0, &[1.0; 4], 0.9).expect("values");
        assert_eq!(same, Interval { low: 1.0, high: 1.0 });
        let outside = bca_interval(&values, 1000.0, &[1.0, 2.0, 3.0], 0.9).expect("values");
        assert_eq!(outside, percentile_interval(&values, 0.9).expect("values"));
    }

    #[test]
    fn the_quantile_undoes_the_distribution_function() {
        for z in [-6.0, -1.96, -0.3, 0.0, 0.5, 2.5] {
            assert!((normal_quantile(normal_below(z)) - z).abs() < 1e-9, "{z}");
        }
    }
}
