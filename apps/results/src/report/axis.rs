//! Round numbers along an axis.

use super::html::figure;

/// A range with round marks inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Lower end.
    pub low: f64,
    /// Upper end, above `low`.
    pub high: f64,
    /// Marks from low to high.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// The range itself, with up to about `marks` round marks in it.
    pub fn exact(low: f64, high: f64, marks: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self::marked(low, high, round_step((high - low) / marks.max(1) as f64))
    }

    /// The range with a mark at each multiple of `step`.
    fn marked(low: f64, high: f64, step: f64) -> Self {
        let first = (low / step - 1e-9).ceil();
        let ticks = (0..200)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|&t| t <= high + step * 1e-9)
            // Not -0.
            .map(|t| t + 0.0)
            .collect();
        Self { low, high, ticks }
    }

    /// The range widened to round marks.
    pub fn round(low: f64, high: f64, marks: usize) -> Self {
        let (low, high) = if high > low {
            (low, high)
        } else {
            let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
            (low - room, high + room)
        };
        let step = round_step((high - low) / marks.max(1) as f64);
        Self::marked((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step, step)
    }

    /// Where a value lies, 0 at the lower end and 1 at the upper one.
    pub fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// A mark's text.
    pub fn label(value: f64) -> String {
        if value != 0.0 && value.abs() >= 10_000.0 && value.abs() < 1e7 && value % 1000.0 == 0.0 {
            return format!("{}k", value / 1000.0);
        }
        figure(value).replace('-', "\u{2212}")
    }
}

/// 1, 2 or 5 times a power of ten, at least as large as `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.max(f64::MIN_POSITIVE).log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    factors.into_iter().map(|f| f * power).find(|&s| s >= rough * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        let axis = Axis::round(0.013, 2.31, 4);
        assert_eq!((axis.low, axis.high), (0.0, 3.0));
        assert_eq!(axis.ticks, [0.0, 1.0, 2.0, 3.0]);
        let axis = Axis::exact(1.0, 700.0, 4);
        assert_eq!(axis.ticks, [200.0, 400.0, 600.0]);
        assert_eq!((axis.place(1.0), axis.place(700.0), axis.place(9e9)), (0.0, 1.0, 1.0));
    }

    #[test]
    fn any_range_gives_an_axis() {
        for (low, high) in [(0.0, 0.0), (3.0, 3.0), (-1e-9, 1e-9), (-5.0, 1e300), (1e-12, 2e-12)] {
            for axis in [Axis::round(low, high, 4), Axis::exact(low, high, 4)] {
                assert!(axis.high > axis.low && axis.ticks.len() < 200, "{axis:?}");
                assert!(axis.place(low).is_finite());
            }
        }
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(Axis::label(20_000.0), "20k");
        assert_eq!(Axis::label(-0.5), "\u{2212}0.5");
    }
}
