//! `affekt pretrain`: settings from preset, file and flags; then the run.

use std::path::{Path, PathBuf};

use affekt_engine::synth::formats;
use affekt_engine::world::{Pretraining, RunConfig, RunFolder, Start};
use clap::{Args, ValueEnum};
use toml::Value;

use super::say;
use super::training::{scores, train};
use super::values::{DepthArg, StemArg, toml_name};
use crate::cli::compute::Compute;
use crate::config::Layers;
use crate::failure::Failure;
use crate::interrupt;

const EXAMPLES: &str = "Examples:
  Semi-supervised, 100 labels a class of FER+, the rest of it and news photos unlabelled:
    affekt pretrain --preset ferplus-100 --labelled ferplus:faces/ferplus.tar#Train \\
      --unlabelled recordio:faces/unlabelled_faces --valid ferplus:faces/ferplus.tar#Valid --out runs/a
  The baseline with the same labels and steps:
    affekt pretrain --preset ferplus-100 --method supervised --labelled ferplus:faces/ferplus.tar#Train \\
      --valid ferplus:faces/ferplus.tar#Valid --out runs/b
  Your own folders, one a class, and any tree of pictures without labels:
    affekt pretrain --preset ferplus-100 --labelled folder:my/labelled --unlabelled folder:my/pictures --out runs/c
  Going on after Ctrl-C, a crash or a power cut:
    affekt pretrain --resume runs/a

Settings come in layers, the later wins: built-in defaults (the paper's values), --preset, --config, --set, flags.
Every setting has a path, such as training.losses.feedback: see config.toml in any run's folder for all of them.

A run's folder holds config.toml (all settings), log.jsonl (every step), checkpoint/ (to go on from),
model.safetensors (the student's average, which evaluation uses), teacher.safetensors and report.json.";

/// Which way of learning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MethodArg {
    /// Teacher and student over labelled and unlabelled pictures.
    Ssl,
    /// One network over the labelled pictures alone.
    Supervised,
}

/// Train on faces with few labels and many without.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub struct PretrainArgs {
    /// Built-in settings to start from: tiny, ferplus-100, ferplus-full or paper.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// TOML file of settings, over the preset's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting by its path, as in --set training.losses.feedback=off. Repeatable.
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    set: Vec<String>,

    /// Dataset with labels. Repeatable.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    labelled: Vec<String>,
    /// Dataset whose labels, if any, are not looked at. Repeatable.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    unlabelled: Vec<String>,
    /// Validation dataset; what it holds is removed from training. Repeatable.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    valid: Vec<String>,
    /// Labels kept of each class, from 1 up, or maxN where a class may have fewer; the other pictures become
    /// unlabelled. Default: all.
    #[arg(long, value_name = "N", help_heading = "Data")]
    labels_per_class: Option<String>,
    /// Classes: ferplus8, affwild2-8, basic7, a file of one name a line, or names with commas. Default: the first
    /// labelled dataset's.
    #[arg(long, value_name = "NAMES", help_heading = "Data")]
    vocabulary: Option<String>,
    /// End at the first picture that cannot be read, instead of skipping and counting it.
    #[arg(long, help_heading = "Data")]
    strict: bool,

    /// Teacher and student, or one network on labels alone [default: ssl].
    #[arg(long, value_enum, help_heading = "Learning")]
    method: Option<MethodArg>,
    /// Steps, from 1 up [default: 100000].
    #[arg(long, value_name = "N", help_heading = "Learning")]
    steps: Option<u32>,
    /// Labelled pictures a step, 2 to 65536 [default: 32].
    #[arg(long, value_name = "N", help_heading = "Learning")]
    batch: Option<u32>,
    /// Unlabelled pictures a step, 2 to 65536 [default: 32].
    #[arg(long, value_name = "N", help_heading = "Learning")]
    unlabelled_batch: Option<u32>,
    /// Highest learning rate of the teacher, and of the supervised network, from 0 up [default: 0.01].
    #[arg(long, value_name = "RATE", help_heading = "Learning")]
    lr: Option<f64>,
    /// Highest learning rate of the student, from 0 up [default: 0.001].
    #[arg(long, value_name = "RATE", help_heading = "Learning")]
    student_lr: Option<f64>,
    /// Everything random follows from it, 0 to 2^63 - 1 [default: 1].
    #[arg(long, value_name = "N", help_heading = "Learning", value_parser = clap::value_parser!(i64).range(0..))]
    seed: Option<i64>,

    /// Network [default: resnet50].
    #[arg(long, value_enum, help_heading = "Network")]
    model: Option<DepthArg>,
    /// Side of the square input in pixels, 32 to 1024 [default: 224].
    #[arg(long, value_name = "PIXELS", help_heading = "Network")]
    size: Option<u32>,
    /// Input channels: 1 (grey) or 3 (colour) [default: 3].
    #[arg(long, value_name = "N", help_heading = "Network")]
    channels: Option<u32>,
    /// Factor on every layer's channels, 0.0625 to 8 [default: 1].
    #[arg(long, value_name = "FACTOR", help_heading = "Network")]
    width: Option<f64>,
    /// First layers [default: imagenet].
    #[arg(long, value_enum, help_heading = "Network")]
    stem: Option<StemArg>,
    /// safetensors file to start from, with torchvision's names; a classifier of other classes is replaced.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    init: Option<PathBuf>,

    /// Folder of the run; must be new or empty.
    #[arg(long, value_name = "RUN", required_unless_present = "resume", help_heading = "Run")]
    out: Option<PathBuf>,
    /// Start over in a folder that is not empty; an earlier run's files in it are removed.
    #[arg(long, help_heading = "Run")]
    force: bool,
    /// Go on with the run in this folder, bit for bit, from its last checkpoint. Its settings are its own.
    #[arg(
        long,
        value_name = "RUN",
        help_heading = "Run",
        conflicts_with_all = ["preset", "config", "set", "labelled", "unlabelled", "valid", "labels_per_class",
            "vocabulary", "strict", "method", "steps", "batch", "unlabelled_batch", "lr", "student_lr", "seed",
            "model", "size", "channels", "width", "stem", "init", "out", "force", "eval_every",
            "checkpoint_every", "workers"]
    )]
    resume: Option<PathBuf>,
    /// Steps between evaluations; 0 evaluates at the end alone [default: 1000].
    #[arg(long, value_name = "STEPS", help_heading = "Run")]
    eval_every: Option<u32>,
    /// Steps between checkpoints; 0 writes one at the end alone [default: 500].
    #[arg(long, value_name = "STEPS", help_heading = "Run")]
    checkpoint_every: Option<u32>,
    /// Threads that load and augment ahead, 1 to 64 [default: 1]. The result does not depend on it.
    #[arg(long, value_name = "N", help_heading = "Run")]
    workers: Option<u32>,
    /// Show no progress.
    #[arg(short, long, help_heading = "Run")]
    quiet: bool,
}

impl PretrainArgs {
    fn layers(&self) -> anyhow::Result<Layers<RunConfig>> {
        let mut layers = Layers::default();
        if let Some(name) = &self.preset {
            layers.preset(name)?;
        }
        if let Some(path) = &self.config {
            layers.file(path)?;
        }
        self.set.iter().try_for_each(|assignment| layers.assignment(assignment))?;
        let list = |specs: &[String]| -> Option<Value> {
            (!specs.is_empty()).then(|| specs.iter().cloned().map(Value::from).collect::<Vec<_>>().into())
        };
        let whole = |number: Option<u32>| number.map(|n| Value::from(i64::from(n)));
        let flags: [(&str, &str, Option<Value>); 21] = [
            ("--labelled", "data.labelled", list(&self.labelled)),
            ("--unlabelled", "data.unlabelled", list(&self.unlabelled)),
            ("--valid", "data.valid", list(&self.valid)),
            (
                "--labels-per-class",
                "data.labels_per_class",
                self.labels_per_class.as_deref().map(number_or_text),
            ),
            ("--vocabulary", "data.vocabulary", self.vocabulary.clone().map(Value::from)),
            ("--strict", "strict", self.strict.then_some(Value::from(true))),
            ("--method", "training.method", self.method.as_ref().map(|m| toml_name(m).into())),
            ("--steps", "training.steps", whole(self.steps)),
            ("--batch", "training.batch", whole(self.batch)),
            ("--unlabelled-batch", "training.unlabelled_batch", whole(self.unlabelled_batch)),
            ("--lr", "training.optimiser.teacher_learning_rate", self.lr.map(Value::from)),
            ("--student-lr", "training.optimiser.student_learning_rate", self.student_lr.map(Value::from)),
            ("--seed", "seed", self.seed.map(Value::from)),
            ("--model", "model.depth", self.model.as_ref().map(|m| toml_name(m).into())),
            ("--size", "model.size", whole(self.size)),
            ("--channels", "model.channels", whole(self.channels)),
            ("--width", "model.width", self.width.map(Value::from)),
            ("--stem", "model.stem", self.stem.as_ref().map(|s| toml_name(s).into())),
            ("--eval-every", "evaluation.every", whole(self.eval_every)),
            ("--checkpoint-every", "checkpoint_every", whole(self.checkpoint_every)),
            ("--workers", "workers", whole(self.workers)),
        ];
        for (flag, key, value) in flags {
            if let Some(value) = value {
                layers.flag(flag, key, value)?;
            }
        }
        if let Some(path) = &self.init {
            layers.flag("--init", "model.init", path.display().to_string())?;
        }
        Ok(layers)
    }

    /// The settings, and the folder they are for.
    fn begin(&self) -> Result<(RunConfig, RunFolder), Failure> {
        if let Some(path) = &self.resume {
            let folder = RunFolder::open(path)?;
            return Ok((folder.load_config()?, folder));
        }
        let mut config = self.layers().and_then(|layers| layers.resolve()).map_err(Failure::Usage)?;
        config.validate().map_err(Failure::usage)?;
        let formats = formats();
        for spec in config.data.labelled.iter().chain(&config.data.unlabelled).chain(&config.data.valid) {
            formats.check(spec).map_err(Failure::usage)?;
        }
        config.make_paths_absolute();
        let out = self.out.as_deref().unwrap_or(Path::new("."));
        Ok((config, RunFolder::create(out, self.force)?))
    }
}

/// Runs the command.
///
/// # Errors
/// Settings, data, networks or the disk; or Ctrl-C, after saving.
pub fn run(args: &PretrainArgs, compute: &Compute) -> Result<(), Failure> {
    let (config, folder) = args.begin()?;
    interrupt::watch()?;
    let (backend, formats) = (compute.open()?, formats());
    let start = if args.resume.is_some() { Start::Resume } else { Start::New };
    let run =
        Pretraining::begin(config, folder.clone(), backend, &formats, start).map_err(super::classify)?;
    let report = train(run, &folder, args.quiet)?;
    say(&scores(&report))?;
    say(&format!("model: {} ({})", folder.model().display(), report.model))
}

/// A whole number where it is one, else text.
fn number_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}
