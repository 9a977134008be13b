//! Two models on the same items.

use std::collections::HashMap;

use serde::Serialize;
use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::erfc;

use super::bootstrap::Resampling;
use super::error::ScoreError;
use super::interval::Interval;
use super::measure::{Figures, Measure};
use super::predictions::{Predicted, Predictions};
use super::units::Units;
use crate::files::quoted;
use crate::learn::Confusion;

/// McNemar's test: whether two models are right equally often, by the items on which only one of them is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Items that only the first has right.
    pub only_a: u64,
    /// Items that only the second has right.
    pub only_b: u64,
    /// Two-sided probability by the binomial distribution (the exact test).
    pub exact_p: f64,
    /// `(max(|a - b| - 1, 0))^2 / (a + b)`: chi-squared with the correction of continuity, one degree of freedom.
    pub corrected_chi_squared: f64,
    /// Its probability; an approximation that holds from some 25 such items on.
    pub corrected_p: f64,
}

/// The test on counts of items that one model alone has right.
pub fn mcnemar(only_a: u64, only_b: u64) -> McNemar {
    let n = only_a + only_b;
    let least = only_a.min(only_b);
    // P(X <= k) of n fair throws is I_{1/2}(n - k, k + 1).
    let up_to = |k: u64| checked_beta_reg((n - k) as f64, (k + 1) as f64, 0.5).unwrap_or(1.0);
    let exact_p = if n == 0 { 1.0 } else { (2.0 * up_to(least)).min(1.0) };
    let distance = (only_a.abs_diff(only_b) as f64 - 1.0).max(0.0);
    let corrected_chi_squared = if n == 0 { 0.0 } else { distance * distance / n as f64 };
    let corrected_p = erfc((corrected_chi_squared / 2.0).sqrt());
    McNemar { only_a, only_b, exact_p, corrected_chi_squared, corrected_p }
}

/// A score's difference, the first model's less the second's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedDifference {
    /// The first model's score.
    pub a: f64,
    /// The second model's.
    pub b: f64,
    /// `a - b`.
    pub difference: f64,
    /// Its interval over resamples that both models share.
    pub interval: Interval,
    /// Share of the resamples in which the first model is ahead; ties count half.
    pub a_ahead: f64,
}

/// Two models compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairedComparison {
    /// Items with a label that both have answered.
    pub n: usize,
    /// Labelled items that only one of the tables has, and that are left out.
    pub only_in_a: usize,
    /// The same of the second table.
    pub only_in_b: usize,
    /// What was drawn as one; how many there are.
    pub units: usize,
    /// How the data were drawn again.
    #[serde(flatten)]
    pub resampling: Resampling,
    /// McNemar's test.
    pub mcnemar: McNemar,
    /// The scores' differences.
    pub scores: Figures<PairedDifference>,
}

/// Compares two tables item by item; `unit` names what an item is drawn with.
///
/// # Errors
/// The tables speak of other classes or other truths, have no item in common, or as [`Resampling::check`].
pub fn compare(
    a: &Predictions,
    b: &Predictions,
    unit: impl Fn(&Predicted) -> String,
    resampling: &Resampling,
) -> Result<PairedComparison, ScoreError> {
    let mut classes = a.classes.clone();
    classes.extend(b.classes.iter().filter(|class| !a.classes.contains(class)).cloned());
    let class_of_b: Vec<usize> =
        b.classes.iter().filter_map(|class| classes.iter().position(|known| known == class)).collect();
    let of_b: HashMap<&str, (usize, usize)> = b
        .labelled()
        .map(|(_, row, truth)| (row.item.as_str(), (class_of_b[truth], class_of_b[row.answer])))
        .collect();
    let (mut both, mut only_in_a) = (vec![], 0);
    for (_, row, truth) in a.labelled() {
        let Some(&(other_truth, other)) = of_b.get(row.item.as_str()) else {
            only_in_a += 1;
            continue;
        };
        if truth != other_truth {
            return Err(ScoreError::Request(format!(
                "the item {} is {} in one table and {} in the other: they were not measured on the same data",
                quoted(&row.item),
                quoted(&classes[truth]),
                quoted(&classes[other_truth])
            )));
        }
        both.push((row, truth, other));
    }
    if both.is_empty() {
        return Err(ScoreError::Request(
            "the tables have no labelled item in common: they name their items otherwise, or are of other data".to_owned(),
        ));
    }
    let only_in_b = of_b.len() - both.len();
    let rights = |first: bool| {
        let right = both.iter().filter(|(row, truth, other)| {
            let (a, b) = (row.answer == *truth, other == truth);
            if first { a && !b } else { b && !a }
        });
        right.count() as u64
    };
    let items = both.iter().flat_map(|(row, truth, other)| {
        let unit = unit(row);
        [(unit.clone(), 0, *truth, row.answer), (unit, 1, *truth, *other)]
    });
    let units = Units::new(classes.len(), 2, items);
    resampling.check(&units)?;
    let figures = |tables: &[Confusion]| [0, 1].map(|at| Figures::of_counts(&tables[at], false));
    let [first, second] = figures(&units.all());
    let drawn = resampling.drawn(&units, figures);
    let scores = Figures::each(|measure: Measure| {
        let difference = |[a, b]: &[Figures; 2]| a.of(measure) - b.of(measure);
        let values: Vec<f64> = drawn.iter().map(difference).collect();
        let ahead = |value: &f64| if *value > 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(*value == 0.0)) };
        let (a, b) = (*first.of(measure), *second.of(measure));
        let interval = resampling.interval(&values, &units, |tables| difference(&figures(tables)));
        PairedDifference {
            a,
            b,
            difference: a - b,
            interval: interval.unwrap_or_default(),
            a_ahead: values.iter().map(ahead).sum::<f64>() / values.len() as f64,
        }
    });
    let mcnemar = mcnemar(rights(true), rights(false));
    Ok(PairedComparison {
        n: both.len(),
        only_in_a,
        only_in_b,
        units: units.len(),
        resampling: *resampling,
        mcnemar,
        scores,
    })
}

#[cfg(test)]
mod tests {
    use super::super::predictions::tests::table;
    use super::*;

    #[test]
    fn the_exact_test_is_the_one_worked_by_hand() {
        // 10 throws with at most 2 heads: (1 + 10 + 45) / 1024, twice.
        let test = mcnemar(8, 2);
        assert!((test.exact_p - 112.0 / 1024.0).abs() < 1e-12, "{test:?}");
        assert!((test.corrected_chi_squared - 2.5).abs() < 1e-12);
        assert_eq!((mcnemar(0, 0).exact_p, mcnemar(5, 5).exact_p), (1.0, 1.0));
        assert_eq!(mcnemar(3, 2).corrected_p, 1.0);
    }

    #[test]
    fn models_are_compared_on_the_items_that_both_have() {
        let rows: Vec<(&str, usize, usize)> = (0..60).map(|at| ("", at % 2, at % 2)).collect();
        let mut worse = rows.clone();
        worse.iter_mut().take(20).for_each(|row| row.2 = 1 - row.2);
        worse.push(("", 0, 0));
        let (a, mut b) = (table(2, &rows), table(2, &worse));
        b.classes.reverse();
        for row in &mut b.rows {
            row.answer = 1 - row.answer;
            row.truth = row.truth.map(|truth| 1 - truth);
        }
        let item = |row: &Predicted| row.item.clone();
        let found = compare(&a, &b, item, &Resampling::default()).expect("comparable");
        assert_eq!((found.n, found.only_in_a, found.only_in_b, found.units), (60, 0, 1, 60));
        assert_eq!((found.mcnemar.only_a, found.mcnemar.only_b), (20, 0), "by name, whatever the order");
        let accuracy = found.scores.accuracy;
        assert!(
            (accuracy.difference - 1.0 / 3.0).abs() < 1e-12 && accuracy.interval.low > 0.2,
            "{accuracy:?}"
        );
        assert_eq!(accuracy.a_ahead, 1.0);
        let same = compare(&a, &a, item, &Resampling::default()).expect("comparable").scores.macro_f1;
        assert_eq!((same.difference, same.a_ahead, same.interval), (0.0, 0.5, Interval::default()));
    }

    #[test]
    fn tables_of_other_data_are_refused() {
        let item = |row: &Predicted| row.item.clone();
        let (a, b) = (table(2, &[("", 0, 0), ("", 1, 1)]), table(2, &[("", 0, 0), ("", 0, 1)]));
        let message = compare(&a, &b, item, &Resampling::default()).expect_err("truths").to_string();
        assert!(message.contains("`1` is `c1`") && message.contains("`c0`"), "{message}");
        let mut other = a.clone();
        other.rows.iter_mut().for_each(|row| row.item.push('x'));
        assert!(compare(&a, &other, item, &Resampling::default()).is_err());
    }
}
