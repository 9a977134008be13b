//! A run from its first step to its report, as a person sees it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use affekt_engine::backend::Backend;
use affekt_engine::data::SkipLog;
use affekt_engine::learn::{EvalReport, StepRecord};
use affekt_engine::synth::formats;
use affekt_engine::world::{Advance, Pretraining, Run, RunConfig, RunFolder, RunReport, Start, TrainingData};

use super::classify;
use super::cost::{self, Cost};
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::table::Table;

/// How a run is shown.
pub struct Shown<'a> {
    /// The command that resumes it; of a part of something longer nothing, since that says how to go on.
    pub command: Option<&'static str>,
    /// Its folder.
    pub folder: &'a RunFolder,
    /// What it learns from, in a line or two.
    pub data: String,
    /// Show no progress.
    pub quiet: bool,
    /// Work of runs like it that follow in the same command; see [`Run::work`].
    pub after: u64,
    /// What makes it shorter.
    pub shorter: &'static str,
}

/// What makes a pre-training run shorter.
const SHORTER: &str = "a GPU (--backend wgpu), a smaller network (--model resnet18, --size 112, --set model.width=0.5), fewer --steps, a \
                       smaller --batch; in a cluster, jobs of a few hours each (docs/cluster.md)";

/// Shows how far a count has come: features extracted, items measured. Ctrl-C stops it.
pub struct Counting {
    noun: &'static str,
    quiet: bool,
    bar: Option<Progress>,
    before: usize,
    total: usize,
}

impl Counting {
    /// Of nothing yet.
    pub fn new(noun: &'static str, quiet: bool) -> Self {
        Self { noun, quiet, bar: None, before: 0, total: 0 }
    }

    /// Takes the count; `false` where it is to stop. Another total begins a new count.
    pub fn tell(&mut self, done: usize, total: usize) -> bool {
        if total != self.total || done < self.before {
            self.finish();
            (self.before, self.total) = (0, total);
        }
        let bar = self.bar.get_or_insert_with(|| Progress::start(self.noun, 0, total as u64, self.quiet));
        if done > 0 {
            bar.update(done as u64, done - self.before, "");
        }
        self.before = done;
        !interrupt::asked()
    }

    /// Removes the bar.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

/// Makes all steps that are left, then writes what is left of the run; a signal saves and ends it. `step` says of each step
/// what it worked on and what to show, and may look at the run.
///
/// # Errors
/// The data, the networks or the disk; or a signal, after saving.
pub fn drive<R: Run>(
    run: &mut R,
    shown: &Shown<'_>,
    mut step: impl FnMut(&mut R, &Advance<R::Record, R::Scores>) -> Result<(usize, String), Failure>,
) -> Result<R::Report, Failure> {
    let total = run.steps();
    let team = run.team();
    let quiet = shown.quiet || !team.leads();
    let mut progress = Progress::start("step", run.steps_done(), total, quiet);
    if !quiet && !run.is_done() {
        progress.note(&shown.data);
        progress.note(&cost::before(&run.needs()));
    }
    let mut cost = Cost::new(shown.after, shown.shorter);
    while !run.is_done() {
        // A signal may have come to some of the processes only; they stop at the same step.
        let code = team.highest(interrupt::code()).map_err(|error| Failure::Run(error.into()))?;
        if code != 0 {
            interrupt::agree(code);
            run.save()?;
            progress.finish();
            let (done, folder) = (run.steps_done(), shown.folder.path().display());
            if let Some(command) = shown.command.filter(|_| team.leads()) {
                note!(
                    "{} after step {done} of {total}; saved. Go on with: affekt {command} --resume {folder}",
                    interrupt::in_words()
                );
            }
            return Err(Failure::Interrupted);
        }
        let advance = run.advance().map_err(classify)?;
        let (worked, figures) = step(run, &advance)?;
        progress.update(run.steps_done(), worked, &figures);
        if let Some(text) = cost.after_step(run).filter(|_| !quiet) {
            progress.note(&text);
        }
    }
    progress.finish();
    run.finish().map_err(classify)
}

/// Items from which it is shown how far their hashing is; fewer take no time.
const SHOWN_FROM: u64 = 20_000;

/// Opens a pre-training run's data, with a bar while large sets are hashed, and begins the run.
///
/// # Errors
/// As [`Pretraining::begin`]; or Ctrl-C while hashing.
pub fn begin(
    config: RunConfig,
    folder: RunFolder,
    backend: Arc<dyn Backend>,
    start: Start<'_>,
    quiet: bool,
) -> Result<Pretraining, Failure> {
    config.validate().map_err(classify)?;
    let skips = Arc::new(SkipLog::new(config.strict));
    let mut data = TrainingData::open(&config, &formats(), &skips).map_err(classify)?;
    let counting = Mutex::new((String::new(), Counting::new("item hashed", quiet)));
    data.progress = Some(Arc::new(move |set: &str, done, total| {
        if total < SHOWN_FROM {
            return !interrupt::asked();
        }
        let mut counting = counting.lock().unwrap_or_else(PoisonError::into_inner);
        if counting.0 != set {
            *counting = (set.to_owned(), Counting::new("item hashed", quiet));
        }
        let go_on = counting.1.tell(done as usize, total as usize);
        if done == total {
            counting.1.finish();
        }
        go_on
    }));
    Pretraining::begin_with(config, folder, backend, (data, skips), start).map_err(classify)
}

/// A pre-training run to its end; `command` resumes it, `follow` is the work of runs like it that follow, `after` looks at it after
/// each step.
///
/// # Errors
/// As [`drive`].
pub fn train(
    mut run: Pretraining,
    folder: &RunFolder,
    quiet: bool,
    (command, follow): (Option<&'static str>, u64),
    mut after: impl FnMut(&mut Pretraining) -> Result<(), Failure>,
) -> Result<RunReport, Failure> {
    let shown = Shown { command, folder, data: described(&run), quiet, after: follow, shorter: SHORTER };
    let mut score = String::new();
    drive(&mut run, &shown, |run, advance| {
        let record = &advance.record;
        if let Some(report) = &advance.evaluation {
            score = format!(", valid F1 {:.3} accuracy {:.3}", report.macro_f1, report.accuracy);
        }
        after(run)?;
        Ok((record.images, format!("{}{score}", figures(record))))
    })
}

/// What a run learns from, in a line or two.
pub fn described(run: &Pretraining) -> String {
    let data = run.data();
    let counts: Vec<String> = data.labelled.iter().map(|(class, n)| format!("{class} {n}")).collect();
    let d = &data.dedup;
    let sizes = format!(
        "{} labelled ({}), {} unlabelled, {} validation",
        data.labelled_total,
        counts.join(", "),
        data.unlabelled_total,
        data.valid_total,
    );
    if !data.hashed {
        return format!(
            "{sizes}; content was not hashed, so copies were not looked for, and nothing keeps what is measured on out of \
             training but the choice of the sets"
        );
    }
    let near = match d.near_duplicates + d.near_evaluation {
        0 => String::new(),
        _ => format!(
            "; removed for their look: {} like another one, {} like one of the validation set",
            d.near_duplicates, d.near_evaluation
        ),
    };
    format!(
        "{sizes}; duplicates removed: {} labelled, {} unlabelled; also in the validation set, so removed: {} labelled, {} \
         unlabelled{near}",
        d.labelled_duplicates, d.unlabelled_duplicates, d.labelled_in_evaluation, d.unlabelled_in_evaluation
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
    let mut table = Table::new(["network", "macro F1", "accuracy", "ECE", "ECE, calibrated", "n"]);
    for (name, score) in &report.scores {
        let EvalReport { macro_f1, accuracy, ece, calibrated_ece, n, .. } = score;
        let mark = if *name == report.model { " *" } else { "" };
        table.row([
            format!("{name}{mark}"),
            format!("{macro_f1:.4}"),
            format!("{accuracy:.4}"),
            format!("{ece:.4}"),
            format!("{calibrated_ece:.4}"),
            n.to_string(),
        ]);
    }
    let mut text = if report.scores.is_empty() {
        "nothing was measured: no --valid SPEC was given\n".to_owned()
    } else {
        format!(
            "{}(* in model.safetensors)\nECE is that of the network as it was trained; calibrated: with a temperature fitted on the \
             other half of the items. The model file keeps one that was fitted on all of them.\n",
            table.render()
        )
    };
    if report.skipped.count > 0 {
        let _ = writeln!(text, "{} items could not be used and were skipped", report.skipped.count);
    }
    text
}
