//! Scores by group, and how far each group is from the rest.

use serde::Serialize;

use super::bootstrap::Resampling;
use super::columns::Columns;
use super::error::ScoreError;
use super::interval::Interval;
use super::measure::{Figures, Measure};
use super::predictions::{Predicted, Predictions};
use super::units::Units;
use crate::learn::Confusion;

/// A column's groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grouped {
    /// The column.
    pub column: String,
    /// Labelled items of which the column says nothing; they are in no group.
    pub without: usize,
    /// Its groups, in order.
    pub groups: Vec<GroupScore>,
}

/// A group's scores. Macro F1 is over the classes that occur or are answered among its items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupScore {
    /// The column's value.
    pub name: String,
    /// Labelled items.
    pub n: u64,
    /// Its scores.
    pub scores: Figures,
    /// Their intervals; nothing where the group is never drawn.
    pub intervals: Figures<Option<Interval>>,
    /// The scores less those of all other groups together; nothing where there is no other one.
    pub gaps: Option<Figures>,
    /// Their intervals.
    pub gap_intervals: Figures<Option<Interval>>,
}

/// Scores by every column of a table; `unit` names what an item is drawn with.
///
/// # Errors
/// A column has too many values, none of its values is of an item here, or as [`Resampling::check`].
pub fn by_group(
    table: &Predictions,
    columns: &Columns,
    unit: impl Fn(&Predicted) -> String,
    resampling: &Resampling,
) -> Result<Vec<Grouped>, ScoreError> {
    columns.names().iter().map(|column| grouped(table, columns, column, &unit, resampling)).collect()
}

fn grouped(
    table: &Predictions,
    columns: &Columns,
    column: &str,
    unit: impl Fn(&Predicted) -> String,
    resampling: &Resampling,
) -> Result<Grouped, ScoreError> {
    let valued = columns.valued(column, table.labelled().map(|(_, row, _)| row))?;
    let items: Vec<(String, usize, usize, usize)> = table
        .labelled()
        .zip(&valued.of)
        .filter_map(|((_, row, truth), group)| Some((unit(row), (*group)?, truth, row.answer)))
        .collect();
    let without = valued.of.iter().filter(|value| value.is_none()).count();
    if items.is_empty() {
        return Err(ScoreError::Request(format!(
            "column `{column}` says nothing of any labelled item: are its items called as in the predictions?"
        )));
    }
    let groups = valued.names.len();
    let units = Units::new(table.classes.len(), groups, items);
    resampling.check(&units)?;
    let drawn = resampling.drawn(&units, |tables| {
        (0..groups).map(|group| (scores(tables, group), gaps(tables, group))).collect::<Vec<_>>()
    });
    let all = units.all();
    let interval = |values: Vec<f64>, statistic: &dyn Fn(&[Confusion]) -> f64| {
        resampling.interval(&values, &units, statistic)
    };
    let group = |(group, name): (usize, &String)| GroupScore {
        name: name.clone(),
        n: all[group].items(),
        scores: scores(&all, group),
        intervals: Figures::each(|measure: Measure| {
            let values = drawn.iter().map(|each| *each[group].0.of(measure)).collect();
            interval(values, &|tables| *scores(tables, group).of(measure))
        }),
        gaps: (groups > 1).then(|| gaps(&all, group)),
        gap_intervals: Figures::each(|measure: Measure| {
            let values = drawn.iter().map(|each| *each[group].1.of(measure)).collect();
            if groups == 1 { None } else { interval(values, &|tables| *gaps(tables, group).of(measure)) }
        }),
    };
    Ok(Grouped {
        column: column.to_owned(),
        without,
        groups: valued.names.iter().enumerate().map(group).collect(),
    })
}

/// No number where a resample holds nothing of the group.
fn scores(tables: &[Confusion], group: usize) -> Figures {
    if tables[group].items() == 0 {
        return Figures { macro_f1: f64::NAN, accuracy: f64::NAN, balanced_accuracy: f64::NAN };
    }
    Figures::of_counts(&tables[group], true)
}

/// A group's scores less those of all other groups' items together.
fn gaps(tables: &[Confusion], group: usize) -> Figures {
    let mut rest = Confusion::new(tables[group].classes());
    tables.iter().enumerate().filter(|(other, _)| *other != group).for_each(|(_, counts)| rest.merge(counts));
    let (own, rest) = (scores(tables, group), scores(&[rest], 0));
    Figures::each(|measure| own.of(measure) - rest.of(measure))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::predictions::tests::table;
    use super::*;

    #[test]
    fn groups_have_their_scores_and_their_distance_from_the_rest() {
        // 40 items of site a, 3 in 4 right; 40 of site b, all right; two of which nothing is known.
        let rows: Vec<(&str, usize, usize)> =
            (0..82).map(|at| ("", at % 2, if at < 40 && at % 8 < 2 { 1 - at % 2 } else { at % 2 })).collect();
        let sites: Vec<String> =
            (0..80).map(|at| format!("{at},{}", if at < 40 { "a" } else { "b" })).collect();
        let text = format!("item,site\n{}\n", sites.join("\n"));
        let columns = Columns::from_csv(text.as_bytes(), Path::new("g.csv")).expect("read");
        let found = by_group(&table(2, &rows), &columns, |row| row.item.clone(), &Resampling::default());
        let [site] = &found.expect("groups")[..] else { panic!("one column") };
        assert_eq!((site.column.as_str(), site.without), ("site", 2));
        let [a, b] = &site.groups[..] else { panic!("two groups") };
        assert_eq!((a.n, b.n, a.scores.accuracy, b.scores.macro_f1), (40, 40, 0.75, 1.0));
        let gap = a.gaps.expect("another group");
        assert!((gap.accuracy + 0.25).abs() < 1e-12 && (gap.macro_f1 + 0.25).abs() < 1e-12, "{gap:?}");
        let interval = a.gap_intervals.accuracy.expect("drawn");
        assert!(interval.low < -0.3 && interval.high < -0.05, "{interval:?}");
        assert_eq!(b.intervals.accuracy.expect("drawn"), Interval { low: 1.0, high: 1.0 });
    }

    #[test]
    fn one_group_alone_has_no_gap_and_foreign_items_are_told() {
        let rows = [("", 0, 0), ("", 1, 1)];
        let read = |text: &str| Columns::from_csv(text.as_bytes(), Path::new("g.csv")).expect("read");
        let found = by_group(
            &table(2, &rows),
            &read("item,s\n0,x\n1,x\n"),
            |r| r.item.clone(),
            &Resampling::default(),
        );
        assert_eq!(found.expect("groups")[0].groups[0].gaps, None);
        let foreign =
            by_group(&table(2, &rows), &read("item,s\nz,x\n"), |r| r.item.clone(), &Resampling::default());
        assert!(foreign.expect_err("foreign").to_string().contains("`s` says nothing"));
    }
}
