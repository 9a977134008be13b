//! `affekt eval --corruptions`: a model's score on pictures as bad cameras, codecs and boxes show them.

use std::fmt::Write as _;
use std::sync::Arc;

use affekt_engine::backend::Backend;
use affekt_engine::data::{Formats, SkipLog, Source, Spec};
use affekt_engine::learn::{EvalReport, RiskCoverage};
use affekt_engine::media::Corruption;
use affekt_engine::world::live::UNSURE_BELOW;
use affekt_engine::world::{EvaluationConfig, Model, evaluate_sources};
use serde::Serialize;

use super::say;
use super::training::Counting;
use crate::failure::Failure;

/// A score under one corruption, or under none.
#[derive(Serialize)]
struct Row {
    /// `none` for pictures as they are.
    corruption: &'static str,
    accuracy: f64,
    /// Points of accuracy, in percent, below that of pictures as they are.
    lost: f64,
    macro_f1: f64,
    ece: f64,
    /// Answers that are at least as sure as `analyze` asks for, and how many of those are right.
    sure: f64,
    accuracy_of_sure: f64,
    accuracy_of_unsure: f64,
}

impl Row {
    fn new(corruption: Option<Corruption>, report: &EvalReport, plain: f64) -> Self {
        let asked = |at: &&RiskCoverage| at.confidence <= f64::from(UNSURE_BELOW) + 1e-6;
        let sure = report.sure.iter().rev().find(asked);
        Self {
            corruption: corruption.map_or("none", Corruption::name),
            accuracy: report.accuracy,
            lost: 100.0 * (plain - report.accuracy),
            macro_f1: report.macro_f1,
            ece: report.ece,
            sure: sure.map_or(1.0, |at| at.coverage),
            accuracy_of_sure: sure.map_or(report.accuracy, |at| at.accuracy),
            accuracy_of_unsure: sure.map_or(0.0, |at| at.accuracy_of_rest),
        }
    }
}

/// What is measured, and how it is said.
pub struct Spoiled<'a> {
    /// The model.
    pub model: &'a Model,
    /// Labelled pictures.
    pub specs: &'a [Spec],
    /// Pictures a pass, mirrored views.
    pub settings: &'a EvaluationConfig,
    /// End at the first picture that cannot be read.
    pub strict: bool,
    /// One JSON object.
    pub json: bool,
    /// No progress.
    pub quiet: bool,
}

impl Spoiled<'_> {
    /// Measures the pictures as they are and under every corruption.
    ///
    /// # Errors
    /// The data cannot be used, or Ctrl-C.
    pub fn run(&self, formats: &Formats, backend: &dyn Backend) -> Result<(), Failure> {
        let skips = Arc::new(SkipLog::new(self.strict));
        let open = |spec: &Spec| Source::open(spec, formats, &skips);
        let sources: Vec<Source> =
            self.specs.iter().map(open).collect::<Result<_, _>>().map_err(|e| super::classify(e.into()))?;
        let leads = backend.team().leads();
        let mut rows: Vec<Row> = vec![];
        for corruption in std::iter::once(None).chain(Corruption::ALL.map(Some)) {
            let name = corruption.map_or("as they are", Corruption::name);
            let mut counting = Counting::new(name, self.quiet || !leads);
            let shown = |done: usize, total: usize| counting.tell(done, total);
            let subject = (self.model, corruption);
            let measured = evaluate_sources(subject, &sources, self.settings, &skips, backend, shown);
            let report = measured.map_err(super::classify)?.report;
            counting.finish();
            let plain = rows.first().map_or(report.accuracy, |row| row.accuracy);
            rows.push(Row::new(corruption, &report, plain));
        }
        if !leads {
            return Ok(());
        }
        if self.json {
            return say(&serde_json::to_string(&serde_json::json!({ "corruptions": rows }))?);
        }
        say(&table(&rows))
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<16}{:>9}{:>7}{:>10}{:>7}{:>8}{:>15}{:>17}\n",
        "pictures", "accuracy", "lost", "macro F1", "ECE", "sure", "right if sure", "right if unsure"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "{:<16}{:>9.4}{:>7.1}{:>10.4}{:>7.3}{:>8.3}{:>15.4}{:>17.4}",
            row.corruption,
            row.accuracy,
            row.lost,
            row.macro_f1,
            row.ece,
            row.sure,
            row.accuracy_of_sure,
            row.accuracy_of_unsure
        );
    }
    let _ = write!(
        text,
        "\nlost: percent points of accuracy. Sure: a confidence of at least {UNSURE_BELOW}, as analyze asks for it."
    );
    text
}
