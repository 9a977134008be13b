//! `affekt eval` on tables of predictions that were written before: their scores, two compared, several as folds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use affekt_engine::learn::{Confusion, FrameReport};
use affekt_engine::score::{
    FoldScores, McNemar, PairedComparison, PairedDifference, Predictions, Spread, compare, over_folds,
};
use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::eval_scores::{ScoreArgs, Trust, ends, explained, named};
use super::say;
use crate::failure::Failure;
use crate::table::Table;

/// Tables instead of a model.
#[derive(Debug, Args)]
#[command(next_help_heading = "Predictions of before")]
pub struct TableArgs {
    /// Score a table of predictions that was written by --predictions FILE.csv (or has its columns item, truth and answer).
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["model", "data", "ablation"])]
    from: Option<PathBuf>,
    /// Compare two tables of predictions of the same items: McNemar's test, and the paired bootstrap of the scores.
    #[arg(long, value_names = ["A.csv", "B.csv"], num_args = 2, conflicts_with_all = ["model", "data", "ablation", "from"])]
    compare: Vec<PathBuf>,
    /// Mean of the scores over folds, a table of predictions each.
    #[arg(long, value_name = "FILE.csv", num_args = 1.., conflicts_with_all = ["model", "data", "ablation", "from", "compare"])]
    folds: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Scored<'a> {
    #[serde(flatten)]
    report: &'a FrameReport,
    /// UAR; WAR is `accuracy`.
    balanced_accuracy: f64,
    #[serde(flatten)]
    trust: &'a Trust,
}

#[derive(Serialize)]
struct Compared<'a> {
    a: &'a Path,
    b: &'a Path,
    cluster: &'a str,
    #[serde(flatten)]
    found: &'a PairedComparison,
}

impl TableArgs {
    /// Whether a table is to be looked at.
    pub fn is_asked(&self) -> bool {
        self.from.is_some() || !self.compare.is_empty() || !self.folds.is_empty()
    }

    /// Runs the command.
    ///
    /// # Errors
    /// A table or the groups cannot be used.
    pub fn run(&self, scores: &ScoreArgs, json: bool) -> Result<(), Failure> {
        let columns = scores.columns()?;
        if let Some(path) = &self.from {
            let table = Predictions::read(path)?;
            let mut counts = Confusion::new(table.classes.len());
            table.labelled().try_for_each(|(_, row, truth)| counts.add(truth as i64, row.answer))?;
            if counts.items() == 0 {
                return Err(Failure::Run(anyhow!(
                    "{}: no item has a truth, so there is no score",
                    path.display()
                )));
            }
            let trust = scores.trust(&table, columns.as_ref())?;
            let report = FrameReport::new(&counts, &table.classes);
            let scored =
                Scored { report: &report, balanced_accuracy: counts.balanced_accuracy(), trust: &trust };
            return if json { say(&serde_json::to_string(&scored)?) } else { say(&scored.text()) };
        }
        if let [a, b] = &self.compare[..] {
            let tables = [Predictions::read(a)?, Predictions::read(b)?];
            let cluster = scores.cluster(&tables[0], columns.as_ref())?;
            let found = compare(&tables[0], &tables[1], |row| cluster.unit(row), &scores.resampling()?)?;
            let compared = Compared { a, b, cluster: &cluster.name, found: &found };
            return if json { say(&serde_json::to_string(&compared)?) } else { say(&compared.text()) };
        }
        let tables = self.folds.iter().map(|path| Predictions::read(path)).collect::<Result<Vec<_>, _>>()?;
        let found = over_folds(&tables)?;
        if json { say(&serde_json::to_string(&found)?) } else { say(&folds_text(&self.folds, &found)) }
    }
}

impl Scored<'_> {
    fn text(&self) -> String {
        let FrameReport { n, macro_f1, accuracy, .. } = self.report;
        let mut out = format!(
            "n {n}   macro F1 {macro_f1:.4}   accuracy (WAR) {accuracy:.4}   balanced accuracy (UAR) {:.4}\n\n",
            self.balanced_accuracy
        );
        let mut table = Table::new(["class", "F1", "items"]);
        for (class, row) in self.report.classes.iter().zip(&self.report.confusion) {
            let f1 = self.report.per_class_f1.get(class).copied().unwrap_or(0.0);
            table.row([class.clone(), format!("{f1:.4}"), row.iter().sum::<u64>().to_string()]);
        }
        out.push_str(&table.render());
        out + &self.trust.text()
    }
}

impl Compared<'_> {
    fn text(&self) -> String {
        let found = self.found;
        let mut out = format!("A: {}\nB: {}\n{} items", self.a.display(), self.b.display(), found.n);
        if found.only_in_a + found.only_in_b > 0 {
            let _ = write!(
                out,
                "; left out, because the other table lacks them: {} of A, {} of B",
                found.only_in_a, found.only_in_b
            );
        }
        let McNemar { only_a, only_b, exact_p, corrected_chi_squared, corrected_p } = found.mcnemar;
        let _ = write!(
            out,
            "\n\nMcNemar: only A right {only_a}, only B right {only_b}\n  exact (binomial, two-sided)         p = {exact_p:.6}\n  \
             chi-squared with continuity {corrected_chi_squared:.4}  p = {corrected_p:.6}\n\n"
        );
        let mut table = Table::new(["score", "A", "B", "A - B", "interval", "A ahead"]);
        for (name, difference) in named(&found.scores) {
            let PairedDifference { a, b, difference, interval, a_ahead } = difference;
            table.row([
                name.to_owned(),
                format!("{a:.4}"),
                format!("{b:.4}"),
                format!("{difference:+.4}"),
                ends(Some(interval)),
                format!("{:.1} %", a_ahead * 100.0),
            ]);
        }
        out.push_str(&table.render());
        let _ = writeln!(
            out,
            "{}, the same for A and B; A ahead: share of the resamples in which A scores higher",
            explained(&found.resampling, self.cluster, found.units)
        );
        out
    }
}

/// One of a spread's figures.
type Figure = fn(&Spread) -> f64;

fn folds_text(files: &[PathBuf], found: &FoldScores) -> String {
    let mut table = Table::new(["fold", "UAR", "WAR", "macro F1", "items"]);
    let cells = |uar: f64, war: f64, macro_f1: f64| [uar, war, macro_f1].map(|figure| format!("{figure:.4}"));
    for ((file, fold), n) in files.iter().zip(&found.folds).zip(&found.n) {
        let cells = cells(fold.balanced_accuracy, fold.accuracy, fold.macro_f1);
        table.row([vec![file.display().to_string()], cells.to_vec(), vec![n.to_string()]].concat());
    }
    let all: u64 = found.n.iter().sum();
    let of = |figure: Figure| {
        let over = &found.over;
        cells(figure(&over.balanced_accuracy), figure(&over.accuracy), figure(&over.macro_f1))
    };
    let rows: [(&str, Figure); 3] = [
        ("mean over folds", |over| over.mean),
        ("standard deviation", |over| over.deviation),
        ("all folds' items together", |over| over.pooled),
    ];
    for (name, figure) in rows {
        table.row([vec![name.to_owned()], of(figure).to_vec(), vec![all.to_string()]].concat());
    }
    table.render() + "UAR: mean recall over classes; WAR: share of items answered right.\n"
}
