//! A run from its first step to its report, as a person sees it.

use std::fmt::Write as _;

use affekt_engine::learn::{EvalReport, StepRecord, TrainingState};
use affekt_engine::world::{Pretraining, RunFolder, RunReport};

use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::table::Table;

/// Makes all steps that are left, then writes what is left of the run. Ctrl-C saves and ends it.
///
/// # Errors
/// The data, the networks or the disk; or Ctrl-C, after saving.
pub fn train(run: Pretraining, folder: &RunFolder, quiet: bool) -> Result<RunReport, Failure> {
    Ok(train_keeping(run, folder, quiet, None)?.0)
}

/// As [`train`]; gives what was learned after `keep` steps as well.
///
/// # Errors
/// As there.
pub fn train_keeping(
    mut run: Pretraining,
    folder: &RunFolder,
    quiet: bool,
    keep: Option<u64>,
) -> Result<(RunReport, Option<TrainingState>), Failure> {
    let mut kept = None;
    let total = run.config().training.steps;
    let mut progress = Progress::start("step", run.steps_done(), total, quiet);
    if !quiet {
        progress.note(&described(&run));
    }
    let mut score = String::new();
    while !run.is_done() {
        if interrupt::asked() {
            run.save()?;
            progress.finish();
            eprintln!(
                "interrupted after step {} of {total}; saved. Go on with: affekt pretrain --resume {}",
                run.steps_done(),
                folder.path().display()
            );
            return Err(Failure::Interrupted);
        }
        let advance = run.advance().map_err(super::classify)?;
        let record = &advance.record;
        if let Some(report) = &advance.evaluation {
            score = format!(", valid F1 {:.3} accuracy {:.3}", report.macro_f1, report.accuracy);
        }
        progress.update(record.step, record.images, &format!("{}{score}", figures(record)));
        if keep == Some(record.step) {
            kept = Some(run.state()?);
        }
    }
    progress.finish();
    Ok((run.finish().map_err(super::classify)?, kept))
}

/// What a run learns from, in a line or two.
fn described(run: &Pretraining) -> String {
    let data = run.data();
    let counts: Vec<String> = data.labelled.iter().map(|(class, n)| format!("{class} {n}")).collect();
    let d = &data.dedup;
    format!(
        "{} labelled ({}), {} unlabelled, {} validation; duplicates removed: {} labelled, {} unlabelled; also in \
         the validation set, so removed: {} labelled, {} unlabelled",
        data.labelled_total,
        counts.join(", "),
        data.unlabelled_total,
        data.valid_total,
        d.labelled_duplicates,
        d.unlabelled_duplicates,
        d.labelled_in_evaluation,
        d.unlabelled_in_evaluation
    )
}

/// A step's figures for the progress line.
fn figures(record: &StepRecord) -> String {
    let shown = [
        ("L_T", record.loss_teacher),
        ("L_u", record.loss_student),
        ("kept", record.pseudo_kept_share),
        ("f>0", record.feedback_positive_share),
        ("train accuracy", record.teacher_accuracy),
    ];
    let texts = shown.iter().filter_map(|(name, value)| Some(format!("{name} {:.3}", (*value)?)));
    texts.collect::<Vec<_>>().join(" ")
}

/// Every network's score as a table.
pub fn scores(report: &RunReport) -> String {
    let mut table = Table::new(["network", "macro F1", "accuracy", "ECE", "n"]);
    for (name, score) in &report.scores {
        let EvalReport { macro_f1, accuracy, ece, n, .. } = score;
        let mark = if *name == report.model { " *" } else { "" };
        table.row([
            format!("{name}{mark}"),
            format!("{macro_f1:.4}"),
            format!("{accuracy:.4}"),
            format!("{ece:.4}"),
            n.to_string(),
        ]);
    }
    let mut text = if report.scores.is_empty() {
        "nothing was measured: no --valid SPEC was given\n".to_owned()
    } else {
        format!("{}(* in model.safetensors)\n", table.render())
    };
    if report.skipped.count > 0 {
        let _ = writeln!(text, "{} items could not be used and were skipped", report.skipped.count);
    }
    text
}
