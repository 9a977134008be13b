//! Intervals of a set's scores: the same data drawn again many times.

use rayon::prelude::*;
use serde::Serialize;

use super::error::ScoreError;
use super::interval::{Interval, IntervalKind, bca_interval, percentile_interval};
use super::measure::{Figures, Measure};
use super::units::Units;
use crate::learn::Confusion;
use crate::random::{Address, Purpose};

/// How data are drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resampling {
    /// Percentile or BCa.
    pub kind: IntervalKind,
    /// Part of the resampled values inside an interval, between 0 and 1.
    pub level: f64,
    /// How often the data are drawn, from 100 to 1,000,000.
    pub resamples: u32,
    /// Another seed draws otherwise; the same one gives the same interval on any machine.
    pub seed: u64,
}

impl Default for Resampling {
    /// 95 % percentile intervals of 2,000 resamples.
    fn default() -> Self {
        Self { kind: IntervalKind::Percentile, level: 0.95, resamples: 2000, seed: 0 }
    }
}

impl Resampling {
    /// Whether it can be done.
    ///
    /// # Errors
    /// A value is out of its range, or there are fewer than two units.
    pub fn check(&self, units: &Units) -> Result<(), ScoreError> {
        let wrong = |reason: String| Err(ScoreError::Request(reason));
        if !(self.level > 0.0 && self.level < 1.0) {
            return wrong(format!("an interval's level is {}, but must lie between 0 and 1", self.level));
        }
        if !(100..=1_000_000).contains(&self.resamples) {
            return wrong(format!("{} resamples: give from 100 to 1000000", self.resamples));
        }
        if units.len() < 2 {
            return wrong(format!(
                "an interval needs two or more independent items, people or videos; there is {}",
                units.len()
            ));
        }
        Ok(())
    }

    /// What `statistics` gives on every resample, in their order: `statistics` takes the counts of every table.
    pub(super) fn drawn<T: Send>(
        &self,
        units: &Units,
        statistics: impl Fn(&[Confusion]) -> T + Sync,
    ) -> Vec<T> {
        let draw = |step: u32| {
            let address =
                Address { seed: self.seed, purpose: Purpose::Bootstrap, step: u64::from(step), item: 0 };
            let mut rng = address.rng();
            let n = units.len();
            statistics(&units.counts((0..n).map(|_| rng.below(n))))
        };
        (0..self.resamples).into_par_iter().map(draw).collect()
    }

    /// The interval of a statistic with these resampled values.
    pub(super) fn interval(
        &self,
        values: &[f64],
        units: &Units,
        statistic: impl Fn(&[Confusion]) -> f64,
    ) -> Option<Interval> {
        match self.kind {
            IntervalKind::Percentile => percentile_interval(values, self.level),
            IntervalKind::Bca => {
                let observed = statistic(&units.all());
                bca_interval(values, observed, &units.without_each(statistic), self.level)
            }
        }
    }
}

/// Scores with their intervals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// How they were made.
    #[serde(flatten)]
    pub resampling: Resampling,
    /// What was drawn as one: items, or people and videos; how many there are.
    pub units: usize,
    /// The intervals.
    pub of: Figures<Interval>,
}

/// Intervals of the scores of a set, whose units have one table.
///
/// # Errors
/// As [`Resampling::check`].
pub fn intervals(units: &Units, resampling: &Resampling) -> Result<Intervals, ScoreError> {
    resampling.check(units)?;
    let drawn = resampling.drawn(units, |tables| Figures::of_counts(&tables[0], false));
    let of = Figures::each(|measure: Measure| {
        let values: Vec<f64> = drawn.iter().map(|figures| *figures.of(measure)).collect();
        let statistic = |tables: &[Confusion]| *Figures::of_counts(&tables[0], false).of(measure);
        resampling.interval(&values, units, statistic).unwrap_or_default()
    });
    Ok(Intervals { resampling: *resampling, units: units.len(), of })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `right` of `n` items of two classes are answered right; every `together` items are of one person.
    fn units(n: usize, right: usize, together: usize) -> Units {
        Units::new(2, 1, (0..n).map(|at| (at / together, 0, at % 2, (at % 2 + usize::from(at >= right)) % 2)))
    }

    #[test]
    fn an_interval_of_a_share_is_about_what_the_binomial_says() {
        let set = units(400, 300, 1);
        let found = intervals(&set, &Resampling::default()).expect("an interval").of.accuracy;
        // 0.75 +- 1.96 sqrt(0.75 x 0.25 / 400).
        assert!((found.low - 0.7076).abs() < 0.012 && (found.high - 0.7924).abs() < 0.012, "{found:?}");
        let again = intervals(&set, &Resampling::default()).expect("an interval").of.accuracy;
        assert_eq!(found, again, "the seed decides");
        let other = intervals(&set, &Resampling { seed: 1, ..Resampling::default() }).expect("an interval");
        assert_ne!(found, other.of.accuracy);
        let bca = Resampling { kind: IntervalKind::Bca, ..Resampling::default() };
        let bca = intervals(&set, &bca).expect("an interval").of.accuracy;
        assert!((bca.low - found.low).abs() < 0.02 && bca != found, "{bca:?}");
    }

    #[test]
    fn items_of_one_person_are_no_independent_ones() {
        let width = |set: &Units| {
            let found = intervals(set, &Resampling::default()).expect("an interval").of.accuracy;
            found.high - found.low
        };
        let (alone, together) = (width(&units(400, 300, 1)), width(&units(400, 300, 20)));
        assert!(together > 3.0 * alone, "{together} against {alone}");
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let plain = Resampling::default();
        assert!(intervals(&units(9, 9, 9), &plain).is_err(), "one person alone");
        for wrong in [Resampling { level: 1.0, ..plain }, Resampling { resamples: 9, ..plain }] {
            assert!(intervals(&units(9, 9, 1), &wrong).is_err());
        }
    }
}
