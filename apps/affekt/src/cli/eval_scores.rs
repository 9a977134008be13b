//! Options of `affekt eval` that say how far a score can be trusted: intervals, groups.

use std::fmt::Write as _;
use std::path::PathBuf;

use affekt_engine::score::{
    Columns, Figures, GroupScore, Grouped, Interval, IntervalKind, Intervals, Predicted, Predictions,
    Resampling, Units, by_group, intervals,
};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::failure::Failure;
use crate::table::Table;

/// Intervals and groups.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scores that stand up")]
pub struct ScoreArgs {
    /// Give every score a bootstrap interval: percentile, or bca (bias-corrected and accelerated) [default kind: percentile].
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "percentile")]
    interval: Option<KindArg>,
    /// What is drawn as one: item, group (the person or video of the data), or a column of --by [default: group where the data
    /// tell it of every item, else item].
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Part of the resamples inside an interval, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    level: f64,
    /// How often the data are drawn again, 100 to 1000000.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    resamples: u32,
    /// Another seed draws otherwise.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    resample_seed: u64,
    /// Scores, sizes and gaps of groups: a CSV file whose first column, item, names pictures (or people, or videos) and whose
    /// other columns are ways of grouping, such as age, sex or site.
    #[arg(long, value_name = "FILE")]
    by: Option<PathBuf>,
}

/// Kinds of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// Quantiles of the resampled scores.
    Percentile,
    /// Corrected for bias and skewness.
    Bca,
}

/// What is known beside the scores; as JSON, the keys `intervals` and `groups`.
#[derive(Debug, Default, Serialize)]
pub struct Trust {
    /// What was drawn as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals: Option<Intervals>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Grouped>,
}

impl ScoreArgs {
    /// Whether there is anything to do.
    pub fn is_asked(&self) -> bool {
        self.interval.is_some() || self.by.is_some()
    }

    /// How data are drawn again.
    ///
    /// # Errors
    /// A value is out of its range.
    pub fn resampling(&self) -> Result<Resampling, Failure> {
        if !(self.level > 0.0 && self.level < 100.0) {
            return Err(Failure::usage(anyhow!("--level is {}, but must lie between 0 and 100", self.level)));
        }
        if !(100..=1_000_000).contains(&self.resamples) {
            return Err(Failure::usage(anyhow!(
                "--resamples is {}, but must be from 100 to 1000000",
                self.resamples
            )));
        }
        let kind = match self.interval {
            Some(KindArg::Bca) => IntervalKind::Bca,
            _ => IntervalKind::Percentile,
        };
        Ok(Resampling {
            kind,
            level: self.level / 100.0,
            resamples: self.resamples,
            seed: self.resample_seed,
        })
    }

    /// The columns of --by, where it is given. To be called before the work, so that a broken file is known early.
    ///
    /// # Errors
    /// The file cannot be used, or --cluster names none of its columns.
    pub fn columns(&self) -> Result<Option<Columns>, Failure> {
        self.resampling()?;
        let columns = self.by.as_deref().map(Columns::read).transpose()?;
        let known =
            |name: &str| columns.as_ref().is_some_and(|c| c.names().iter().any(|column| column == name));
        match self.cluster.as_deref() {
            None | Some("item" | "group") => {}
            Some(name) if known(name) => {}
            Some(name) => {
                return Err(Failure::usage(anyhow!(
                    "--cluster {name} is neither item nor group nor a column of --by FILE"
                )));
            }
        }
        Ok(columns)
    }

    /// What is drawn as one, and what names it for an item.
    ///
    /// # Errors
    /// Items lack what --cluster names.
    pub fn cluster(&self, table: &Predictions, columns: Option<&Columns>) -> Result<Cluster, Failure> {
        let grouped = table.labelled().all(|(_, row, _)| !row.group.is_empty());
        let default = if grouped { "group" } else { "item" };
        let name = self.cluster.as_deref().unwrap_or(default);
        let lacking = |what: &str, row: &Predicted| {
            Failure::Run(anyhow!("--cluster {name}: nothing tells the {what} of `{}`", row.item))
        };
        let of_item = match name {
            "item" => None,
            "group" => {
                if let Some((_, row, _)) = table.labelled().find(|(_, row, _)| row.group.is_empty()) {
                    return Err(lacking("person or video", row));
                }
                Some(table.labelled().map(|(_, row, _)| (row.item.clone(), row.group.clone())).collect())
            }
            column => {
                let cell = |(_, row, _): (usize, &Predicted, usize)| {
                    let cell = columns.map(|columns| columns.cell(row, column)).transpose()?.flatten();
                    let cell = cell.ok_or_else(|| lacking(column, row))?;
                    Ok((row.item.clone(), cell.to_owned()))
                };
                Some(table.labelled().map(cell).collect::<Result<_, Failure>>()?)
            }
        };
        Ok(Cluster { name: name.to_owned(), of_item })
    }

    /// Intervals and groups of a table, as far as they are asked for.
    ///
    /// # Errors
    /// There are too few independent items, or a column does not fit the table.
    pub fn trust(&self, table: &Predictions, columns: Option<&Columns>) -> Result<Trust, Failure> {
        if !self.is_asked() {
            return Ok(Trust::default());
        }
        let resampling = self.resampling()?;
        let cluster = self.cluster(table, columns)?;
        let found = if self.interval.is_some() {
            let items = table.labelled().map(|(_, row, truth)| (cluster.unit(row), 0, truth, row.answer));
            Some(intervals(&Units::new(table.classes.len(), 1, items), &resampling)?)
        } else {
            None
        };
        let groups = columns.map(|columns| by_group(table, columns, |row| cluster.unit(row), &resampling));
        Ok(Trust {
            cluster: Some(cluster.name.clone()),
            intervals: found,
            groups: groups.transpose()?.unwrap_or_default(),
        })
    }
}

/// What is drawn as one.
pub struct Cluster {
    /// `item`, `group` or a column.
    pub name: String,
    of_item: Option<std::collections::HashMap<String, String>>,
}

impl Cluster {
    /// The name of the unit that an item is drawn with.
    pub fn unit(&self, row: &Predicted) -> String {
        let units = self.of_item.as_ref();
        units.and_then(|units| units.get(&row.item)).unwrap_or(&row.item).clone()
    }
}

/// How intervals were made, for people.
pub fn explained(resampling: &Resampling, cluster: &str, units: usize) -> String {
    let kind = match resampling.kind {
        IntervalKind::Percentile => "percentile",
        IntervalKind::Bca => "BCa",
    };
    let drawn = if cluster == "item" { "items".to_owned() } else { format!("clusters by {cluster}") };
    format!(
        "{} % {kind} bootstrap intervals: {} resamples of {units} {drawn}, seed {}",
        resampling.level * 100.0,
        resampling.resamples,
        resampling.seed
    )
}

/// An interval for people.
pub fn ends(interval: Option<Interval>) -> String {
    interval.map_or_else(|| "-".to_owned(), |Interval { low, high }| format!("{low:.4} to {high:.4}"))
}

/// Scores with their names, as people read them.
pub fn named<T: Copy>(figures: &Figures<T>) -> [(&'static str, T); 3] {
    let Figures { macro_f1, accuracy, balanced_accuracy } = *figures;
    [("macro F1", macro_f1), ("accuracy (WAR)", accuracy), ("balanced accuracy (UAR)", balanced_accuracy)]
}

impl Trust {
    /// For a terminal; empty where nothing was asked.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let cluster = self.cluster.as_deref().unwrap_or("item");
        if let Some(found) = &self.intervals {
            let _ = writeln!(out, "\n{}", explained(&found.resampling, cluster, found.units));
            for (name, interval) in named(&found.of) {
                let _ = writeln!(out, "  {name:<24} {}", ends(Some(interval)));
            }
        }
        for column in &self.groups {
            let _ = write!(out, "\n{}", group_table(column));
        }
        if !self.groups.is_empty() {
            out.push_str(
                "Macro F1 of a group is over the classes that occur or are answered in it; the gap is its score less that of \
                 all other groups together.\n",
            );
        }
        out
    }
}

fn group_table(column: &Grouped) -> String {
    let heads =
        ["items", "macro F1", "interval", "gap", "interval", "accuracy", "interval", "gap", "interval"];
    let mut table = Table::new([column.column.as_str()].into_iter().chain(heads));
    for group in &column.groups {
        let GroupScore { name, n, scores, intervals, gaps, gap_intervals } = group;
        let gap = |gap: Option<f64>| gap.map_or_else(|| "-".to_owned(), |gap| format!("{gap:+.4}"));
        table.row([
            name.clone(),
            n.to_string(),
            format!("{:.4}", scores.macro_f1),
            ends(intervals.macro_f1),
            gap(gaps.map(|gaps| gaps.macro_f1)),
            ends(gap_intervals.macro_f1),
            format!("{:.4}", scores.accuracy),
            ends(intervals.accuracy),
            gap(gaps.map(|gaps| gaps.accuracy)),
            ends(gap_intervals.accuracy),
        ]);
    }
    let mut text = table.render();
    if column.without > 0 {
        let _ = writeln!(text, "{} labelled items have no {}", column.without, column.column);
    }
    text
}
