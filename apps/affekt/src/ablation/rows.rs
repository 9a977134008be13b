//! The table: rows, each with a run for every seed.

use std::collections::BTreeMap;

use affekt_engine::learn::FrameReport;
use serde::Serialize;

use crate::cli::refine::challenge;
use crate::table::Table;

/// What `ablation.json` holds.
#[derive(Debug, Clone, Serialize)]
pub struct AblationReport {
    /// Class names in output order.
    pub classes: Vec<String>,
    /// Seeds that were run.
    pub seeds: Vec<u64>,
    /// What the data are.
    pub data: String,
    /// In the order of the paper's table.
    pub rows: Vec<Row>,
}

/// A row: means over seeds, and each seed's run.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// `baseline`, `ssl`, `ssl_more`, `temporal` or `vote`.
    pub name: String,
    /// The row for people.
    pub title: &'static str,
    /// Mean over seeds.
    pub macro_f1: f64,
    /// Standard deviation over seeds (of the sample); 0 for one seed.
    pub macro_f1_std: f64,
    /// Mean over seeds.
    pub accuracy: f64,
    /// Mean over seeds of the challenge's macro F1, in which labelled frames without a face count too.
    pub challenge_macro_f1: f64,
    /// Mean over seeds, by class.
    pub per_class_f1: BTreeMap<String, f64>,
    /// One a seed.
    pub runs: Vec<SeedRun>,
}

/// A row's score with one seed.
#[derive(Debug, Clone, Serialize)]
pub struct SeedRun {
    /// The seed.
    pub seed: u64,
    /// Its score.
    #[serde(flatten)]
    pub report: FrameReport,
}

fn title(name: &str) -> &'static str {
    match name {
        "baseline" => "Labels alone",
        "ssl" => "+ unlabelled faces",
        "ssl_more" => "+ more unlabelled faces",
        "temporal" => "+ temporal encoder",
        _ => "+ vote",
    }
}

impl AblationReport {
    pub(super) fn new(seeds: &[u64], data: &str) -> Self {
        Self { classes: vec![], seeds: seeds.to_vec(), data: data.to_owned(), rows: vec![] }
    }

    pub(super) fn add(&mut self, name: &str, seed: u64, report: FrameReport) {
        self.classes.clone_from(&report.classes);
        let at = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.rows.push(Row {
                name: name.to_owned(),
                title: title(name),
                macro_f1: 0.0,
                macro_f1_std: 0.0,
                accuracy: 0.0,
                challenge_macro_f1: 0.0,
                per_class_f1: BTreeMap::new(),
                runs: vec![],
            });
            self.rows.len() - 1
        });
        self.rows[at].runs.push(SeedRun { seed, report });
    }

    /// Fills in means and spreads.
    pub(super) fn finish(&mut self) {
        for row in &mut self.rows {
            let of = |figure: &dyn Fn(&FrameReport) -> f64| -> Vec<f64> {
                row.runs.iter().map(|run| figure(&run.report)).collect()
            };
            let scores = of(&|report| report.macro_f1);
            (row.macro_f1, row.macro_f1_std) = mean_and_deviation(&scores);
            row.accuracy = mean_and_deviation(&of(&|report| report.accuracy)).0;
            let challenge =
                of(&|report| report.challenge.as_ref().map_or(report.macro_f1, |all| all.macro_f1));
            row.challenge_macro_f1 = mean_and_deviation(&challenge).0;
            row.per_class_f1 = (self.classes.iter())
                .map(|class| {
                    let f1 = of(&|report| report.per_class_f1.get(class).copied().unwrap_or(0.0));
                    (class.clone(), mean_and_deviation(&f1).0)
                })
                .collect();
        }
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut heads = vec!["row".to_owned(), "macro F1".to_owned()];
        let several = self.seeds.len() > 1;
        if several {
            heads.push("spread".to_owned());
        }
        heads.extend(["accuracy", "challenge F1"].map(String::from));
        heads.extend(self.classes.iter().cloned());
        let mut table = Table::new(heads);
        for row in &self.rows {
            let mut cells = vec![row.title.to_owned(), format!("{:.3}", row.macro_f1)];
            if several {
                cells.push(format!("{:.3}", row.macro_f1_std));
            }
            cells.extend([row.accuracy, row.challenge_macro_f1].map(|figure| format!("{figure:.3}")));
            let f1 = self.classes.iter().filter_map(|class| row.per_class_f1.get(class));
            cells.extend(f1.map(|f1| format!("{f1:.2}")));
            table.row(cells);
        }
        let scored = self.rows.iter().flat_map(|row| &row.runs).find_map(|run| run.report.challenge.as_ref());
        table.render() + &scored.map(challenge).unwrap_or_default()
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::learn::Confusion;

    fn report(hits: usize) -> FrameReport {
        let mut confusion = Confusion::new(2);
        (0..10)
            .for_each(|i| confusion.add(i % 2, if i < hits as i64 { (i % 2) as usize } else { 0 }).unwrap());
        FrameReport::new(&confusion, &["calm", "joy"].map(String::from))
    }

    #[test]
    fn a_row_is_the_mean_of_its_seeds_with_their_spread() {
        let mut ablation = AblationReport::new(&[1, 2], "made up");
        ablation.add("baseline", 1, report(4));
        ablation.add("baseline", 2, report(10));
        ablation.add("vote", 1, report(10));
        ablation.finish();
        let row = &ablation.rows[0];
        let (a, b) = (report(4).macro_f1, report(10).macro_f1);
        assert!((row.macro_f1 - f64::midpoint(a, b)).abs() < 1e-12);
        assert!((row.macro_f1_std - (b - a).abs() / 2.0f64.sqrt()).abs() < 1e-12);
        assert_eq!((ablation.rows[1].macro_f1, ablation.rows[1].macro_f1_std), (1.0, 0.0));
        let table = ablation.table();
        assert!(
            table.contains("Labels alone") && table.contains("spread") && table.contains("1.000"),
            "{table}"
        );
    }
}
