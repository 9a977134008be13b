//! Several folds of one set, each answered by a model that has not seen it.

use serde::Serialize;

use super::error::ScoreError;
use super::measure::{Figures, Measure};
use super::predictions::Predictions;
use crate::learn::Confusion;

/// A figure over folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean over the folds, each counting alike: what DFEW's five folds are reported by.
    pub mean: f64,
    /// Standard deviation over the folds (of the sample); 0 for one.
    pub deviation: f64,
    /// The figure of all folds' answers put together.
    pub pooled: f64,
}

/// Scores of folds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoldScores {
    /// Each fold's labelled items.
    pub n: Vec<u64>,
    /// Each fold's scores.
    pub folds: Vec<Figures>,
    /// Over the folds.
    pub over: Figures<Spread>,
}

/// The scores of folds, each a table of its own; classes are matched by name.
///
/// # Errors
/// There is no fold, or one has no label.
pub fn over_folds(folds: &[Predictions]) -> Result<FoldScores, ScoreError> {
    let mut classes: Vec<&String> = vec![];
    for class in folds.iter().flat_map(|fold| &fold.classes) {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let mut pooled = Confusion::new(classes.len());
    let (mut n, mut scores) = (vec![], vec![]);
    for (at, fold) in folds.iter().enumerate() {
        let place = |class: usize| classes.iter().position(|known| **known == fold.classes[class]);
        let mut counts = Confusion::new(classes.len());
        for (_, row, truth) in fold.labelled() {
            if let (Some(truth), Some(answer)) = (place(truth), place(row.answer)) {
                // Both are places in the list.
                let _ = counts.add(truth as i64, answer);
            }
        }
        if counts.items() == 0 {
            return Err(ScoreError::Request(format!("fold {} has no labelled item", at + 1)));
        }
        pooled.merge(&counts);
        n.push(counts.items());
        scores.push(Figures::of_counts(&counts, false));
    }
    if scores.is_empty() {
        return Err(ScoreError::Request("there is no fold".to_owned()));
    }
    let together = Figures::of_counts(&pooled, false);
    let over = Figures::each(|measure: Measure| {
        let values: Vec<f64> = scores.iter().map(|fold: &Figures| *fold.of(measure)).collect();
        let folds = values.len() as f64;
        let mean = values.iter().sum::<f64>() / folds;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Spread { mean, deviation: (squares / (folds - 1.0).max(1.0)).sqrt(), pooled: *together.of(measure) }
    });
    Ok(FoldScores { n, folds: scores, over })
}

#[cfg(test)]
mod tests {
    use super::super::predictions::tests::table;
    use super::*;

    #[test]
    fn folds_count_alike_in_the_mean_and_by_their_items_when_pooled() {
        let mut second = table(2, &[("", 0, 1), ("", 1, 1), ("", 1, 1), ("", 1, 1), ("", 1, 1), ("", 0, 1)]);
        second.classes.reverse();
        for row in &mut second.rows {
            (row.truth, row.answer) = (row.truth.map(|truth| 1 - truth), 1 - row.answer);
        }
        let found = over_folds(&[table(2, &[("", 0, 0), ("", 1, 1)]), second]).expect("folds");
        assert_eq!(found.n, [2, 6]);
        let over = found.over.accuracy;
        assert!((over.mean - f64::midpoint(1.0, 4.0 / 6.0)).abs() < 1e-12, "{over:?}");
        assert!((over.pooled - 0.75).abs() < 1e-12 && over.deviation > 0.2, "{over:?}");
        assert_eq!(found.folds[1].balanced_accuracy, 0.5, "UAR");
    }

    #[test]
    fn a_fold_without_labels_is_named() {
        let mut empty = table(2, &[("", 0, 0)]);
        empty.rows[0].truth = None;
        assert!(
            over_folds(&[table(2, &[("", 0, 0)]), empty]).expect_err("empty").to_string().contains("fold 2")
        );
        assert!(over_folds(&[]).is_err());
    }
}
