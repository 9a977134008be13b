//! `affekt refine`: the temporal encoder over a frozen student's features.

use std::path::PathBuf;

use affekt_engine::synth::clip_formats;
use affekt_engine::world::{FrameReading, RefineConfig, RefineReport, Refining, RunFolder, WorldError};
use clap::Args;
use toml::Value;

use super::say;
use crate::cli::compute::Compute;
use crate::config::Layers;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::table::Table;

const EXAMPLES: &str = "Examples:
  Aff-Wild2, over the student of an earlier run:
    affekt refine --student runs/ssl --train affwild2:Aff-Wild2#Train_Set --valid affwild2:Aff-Wild2#Validation_Set \\
      --out runs/temporal
  Your own clips, folders of 00001.jpg, 00002.jpg, ... with labels in CLIP.txt beside them:
    affekt refine --student runs/ssl --train clips:my/train --valid clips:my/valid --out runs/temporal
  Generated clips, a small encoder:
    affekt refine --preset tiny --student runs/ssl --train synth-clips:20?seed=1 --valid synth-clips:5?seed=2 \\
      --out runs/temporal
  Going on after Ctrl-C, a crash or a power cut:
    affekt refine --resume runs/temporal

The student's features are extracted once and kept in RUN/features (or --features FOLDER); they are checked against
the student's hash. Settings come in layers as for affekt pretrain. A run's folder holds config.toml, log.jsonl,
checkpoint/, model.safetensors (the encoder) and report.json.";

/// Train the temporal encoder on clips of a frozen student's features.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub struct RefineArgs {
    /// Built-in settings to start from: tiny or paper [default: the paper's].
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// TOML file of settings, over the preset's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting by its path, as in --set model.causal=true. Repeatable.
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    set: Vec<String>,
    /// The frozen student: a weights file with a card, or a finished run's folder.
    #[arg(long, value_name = "MODEL")]
    student: Option<PathBuf>,
    /// Clips with labels. Repeatable.
    #[arg(long, value_name = "SPEC")]
    train: Vec<String>,
    /// Validation clips. Repeatable.
    #[arg(long, value_name = "SPEC")]
    valid: Vec<String>,
    /// Steps, from 1 up [default: 2000].
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Clips a step [default: 32].
    #[arg(long, value_name = "N")]
    batch: Option<u32>,
    /// Highest learning rate [default: 0.0001].
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,
    /// A frame sees only itself and earlier frames, as live use does.
    #[arg(long)]
    causal: bool,
    /// Frames of the vote's window [default: 30].
    #[arg(long, value_name = "FRAMES")]
    window: Option<u32>,
    /// Everything random follows from it, 0 to 2^63 - 1 [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    seed: Option<i64>,
    /// Where features are kept [default: RUN/features].
    #[arg(long, value_name = "FOLDER")]
    features: Option<PathBuf>,
    /// Extract features again, whatever is kept.
    #[arg(long)]
    recompute: bool,
    /// End at the first face that cannot be read, instead of counting it as missing.
    #[arg(long)]
    strict: bool,
    /// Folder of the run; must be new or empty.
    #[arg(long, value_name = "RUN", required_unless_present = "resume")]
    out: Option<PathBuf>,
    /// Start over in a folder that is not empty; an earlier run's files in it are removed.
    #[arg(long)]
    force: bool,
    /// Go on with the run in this folder, bit for bit, from its last checkpoint. Its settings are its own.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["preset", "config", "set", "student", "train", "valid", "steps",
        "batch", "lr", "causal", "window", "seed", "features", "strict", "out", "force"])]
    resume: Option<PathBuf>,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

impl RefineArgs {
    fn settings(&self) -> anyhow::Result<RefineConfig> {
        let mut layers = Layers::<RefineConfig>::default();
        if let Some(name) = &self.preset {
            layers.preset(name)?;
        }
        if let Some(path) = &self.config {
            layers.file(path)?;
        }
        self.set.iter().try_for_each(|assignment| layers.assignment(assignment))?;
        let path = |path: &PathBuf| Value::from(path.display().to_string());
        let list = |specs: &[String]| -> Option<Value> {
            (!specs.is_empty()).then(|| specs.iter().cloned().map(Value::from).collect::<Vec<_>>().into())
        };
        let whole = |number: Option<u32>| number.map(|n| Value::from(i64::from(n)));
        let flags: [(&str, &str, Option<Value>); 11] = [
            ("--student", "student", self.student.as_ref().map(path)),
            ("--train", "data.train", list(&self.train)),
            ("--valid", "data.valid", list(&self.valid)),
            ("--steps", "training.steps", whole(self.steps)),
            ("--batch", "training.batch", whole(self.batch)),
            ("--lr", "training.learning_rate", self.lr.map(Value::from)),
            ("--causal", "model.causal", self.causal.then_some(Value::from(true))),
            ("--window", "post.vote.window", whole(self.window)),
            ("--seed", "seed", self.seed.map(Value::from)),
            ("--features", "features", self.features.as_ref().map(path)),
            ("--strict", "strict", self.strict.then_some(Value::from(true))),
        ];
        for (flag, key, value) in flags {
            if let Some(value) = value {
                layers.flag(flag, key, value)?;
            }
        }
        layers.resolve()
    }

    /// The settings, and the folder they are for.
    fn begin(&self) -> Result<(RefineConfig, RunFolder), Failure> {
        if let Some(path) = &self.resume {
            let folder = RunFolder::open(path)?;
            return Ok((folder.load_config()?, folder));
        }
        let mut config = self.settings().map_err(Failure::Usage)?;
        config.validate().map_err(Failure::usage)?;
        let formats = clip_formats();
        for spec in config.data.train.iter().chain(&config.data.valid) {
            formats.check(spec).map_err(Failure::usage)?;
        }
        config.make_paths_absolute();
        let out = self.out.clone().unwrap_or_else(|| ".".into());
        Ok((config, RunFolder::create(&out, self.force)?))
    }
}

/// Runs the command.
///
/// # Errors
/// Settings, data, networks or the disk; or Ctrl-C, after saving.
pub fn run(args: &RefineArgs, compute: &Compute) -> Result<(), Failure> {
    let (config, folder) = args.begin()?;
    interrupt::watch()?;
    let how = (args.resume.is_some(), args.recompute);
    let report = train(config, &folder, how, compute, args.quiet, |_| Ok(()))?;
    say(&scores(&report))?;
    say(&format!("encoder: {}", folder.model().display()))
}

/// A temporal run from its features to its report; `sink` sees every frame that is measured in the end.
///
/// # Errors
/// As [`run`].
pub fn train(
    config: RefineConfig,
    folder: &RunFolder,
    how: (bool, bool),
    compute: &Compute,
    quiet: bool,
    sink: impl FnMut(&FrameReading) -> Result<(), WorldError> + Send + Sync + 'static,
) -> Result<RefineReport, Failure> {
    let mut bar: Option<Progress> = None;
    let (mut before, mut of) = (0, 0);
    let extracting = |done: usize, total: usize| {
        if total != of {
            (before, of) = (0, total);
            bar = Some(Progress::start("feature", 0, total as u64, quiet));
        }
        if let Some(bar) = bar.as_mut() {
            bar.update(done as u64, done.saturating_sub(before), "");
        }
        before = done;
        !interrupt::asked()
    };
    let backend = compute.open()?;
    let begun = Refining::begin(config, folder.clone(), backend, &clip_formats(), how, extracting);
    let mut run = begun.map_err(super::classify)?;
    if let Some(bar) = bar {
        bar.finish();
    }
    let total = run.config().training.steps;
    let mut progress = Progress::start("step", run.steps_done(), total, quiet);
    if !quiet {
        let [clips, frames, valid_clips, valid_frames] = run.data();
        progress.note(&format!(
            "{clips} clips of {frames} frames to learn from, {valid_clips} of {valid_frames} for validation"
        ));
    }
    while !run.is_done() {
        if interrupt::asked() {
            run.save()?;
            progress.finish();
            note!(
                "interrupted after step {} of {total}; saved. Go on with: affekt refine --resume {}",
                run.steps_done(),
                folder.path().display()
            );
            return Err(Failure::Interrupted);
        }
        let record = run.advance().map_err(super::classify)?.record;
        let figure =
            |name: &str, value: Option<f64>| value.map_or(String::new(), |v| format!("{name} {v:.3} "));
        let figures = format!("{}{}", figure("loss", record.loss), figure("train accuracy", record.accuracy));
        progress.update(record.step, record.frames, figures.trim_end());
    }
    progress.finish();
    run.finish(sink).map_err(super::classify)
}

/// The scores stage after stage, as a table.
pub fn scores(report: &RefineReport) -> String {
    let Some(scores) = &report.scores else {
        return "nothing was measured: no --valid SPEC was given\n".to_owned();
    };
    let mut table = Table::new(["frames answered by", "macro F1", "accuracy", "n"]);
    let mut row = |name: String, report: &affekt_engine::learn::FrameReport| {
        let figures = [format!("{:.4}", report.macro_f1), format!("{:.4}", report.accuracy)];
        table.row([vec![name], figures.to_vec(), vec![report.n.to_string()]].concat());
    };
    row("student alone".into(), &scores.per_frame);
    if let Some(temporal) = &scores.temporal {
        row("temporal encoder".into(), temporal);
    }
    for (kind, vote) in &scores.votes {
        row(format!("{kind} vote"), vote);
    }
    if let Some(smoothed) = &scores.smoothed {
        row("mean of probabilities".into(), smoothed);
    }
    table.render()
}
