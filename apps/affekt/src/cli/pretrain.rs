//! `affekt pretrain`: settings from preset, file and flags; then the run.

use affekt_engine::synth::formats;
use affekt_engine::world::{RunConfig, Start};
use clap::{Args, ValueEnum};

use super::compute::Compute;
use super::processes;
use super::run_args::Kind::{Number, NumberOrText, OneOf, Switch, SwitchOff, Text, Texts, Whole};
use super::run_args::{
    BATCH_NORM, Begun, Flagged, KEEP_EVERY, REPLICAS, RunArgs, SEED, SettingFlag, TENSORBOARD, flag, names,
};
use super::say;
use super::training::{begin, described, scores, train};
use super::values::{DepthArg, StemArg};
use crate::failure::Failure;
use crate::interrupt;

const EXAMPLES: &str = "Examples:
  Semi-supervised: 100 labels a class, all else and news photos unlabelled:
    affekt pretrain --preset ferplus-100 --out runs/a \\
      --labelled ferplus:faces/ferplus.tar#Train \\
      --unlabelled recordio:faces/unlabelled_faces \\
      --valid ferplus:faces/ferplus.tar#Valid
  The baseline with the same labels and steps:
    affekt pretrain --preset ferplus-100 --method supervised --out runs/b \\
      --labelled ferplus:faces/ferplus.tar#Train \\
      --valid ferplus:faces/ferplus.tar#Valid
  Your own folders, one a class, and any tree of pictures without labels:
    affekt pretrain --preset ferplus-100 --out runs/c \\
      --labelled folder:my/labelled --unlabelled folder:my/pictures
  Going on after Ctrl-C, a crash or a power cut:
    affekt pretrain --resume runs/a
  On a cluster, the same line however often it is started (docs/cluster.md):
    affekt pretrain --auto-resume --preset ferplus-100 --out runs/a ...

Settings come in layers, the later wins: built-in defaults (the paper's values), --preset, --config, --set, flags. \
Every setting has a path, such as training.losses.feedback: see config.toml in any run's folder for all of them.

A run's folder holds config.toml (all settings), log.jsonl (every step), checkpoint/ (to go on from), \
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
    #[command(flatten)]
    run: RunArgs<RunConfig>,
    /// Open, hash and draw the data, write what became of every item (data.json, manifest.csv.gz), and end there. --resume
    /// goes on with the training.
    #[arg(long, help_heading = "Data")]
    data_only: bool,
    #[command(flatten)]
    pub compute: Compute,
}

impl Flagged for RunConfig {
    const HELP: [&str; 2] = [
        "Built-in settings to start from: tiny, ferplus-100, ferplus-full, adapt or paper",
        "One setting by its path, as in --set training.losses.feedback=off. Repeatable",
    ];
    const ONWARDS: &str = "affekt pretrain --init RUN/model.safetensors --out NEW ...";
    // A flag a line, and its help beneath where that is long.
    #[rustfmt::skip]
    const FLAGS: &[(Option<&str>, &[SettingFlag])] = &[
        (Some("Data"), &[
            flag("labelled", "data.labelled", Texts("SPEC"), "Dataset with labels. Repeatable").or("labeled"),
            flag("unlabelled", "data.unlabelled", Texts("SPEC"),
                "Dataset whose labels, if any, are not looked at. Repeatable").or("unlabeled"),
            flag("valid", "data.valid", Texts("SPEC"),
                "Validation dataset; what it holds is removed from training. Repeatable"),
            flag("labels-per-class", "data.labels_per_class", NumberOrText("N"),
                "Labels kept of each class, from 1 up, or maxN where a class may have fewer; the other \
                 pictures become unlabelled. Default: all"),
            flag("vocabulary", "data.vocabulary", Text("NAMES"),
                "Classes: ferplus8, affwild2-8, basic7, a file of one name a line, or names with commas. \
                 Default: the labelled datasets' own"),
            flag("near-duplicates", "data.near_duplicates", Whole("BITS"),
                "Count pictures as copies whose look differs in so many bits of 256 at the most, 0 to 64. Default: only \
                 those of equal content"),
            flag("no-hash", "data.hash", SwitchOff,
                "Hash no content: copies are not found, and validation pictures are not kept out of training"),
            flag("strict", "strict", Switch,
                "End at the first picture that cannot be read, instead of skipping and counting it"),
        ]),
        (Some("Learning"), &[
            flag("method", "training.method", OneOf("METHOD", names::<MethodArg>),
                "Teacher and student, or one network on labels alone [default: ssl]"),
            flag("steps", "training.steps", Whole("N"), "Steps, from 1 up [default: 100000]"),
            flag("batch", "training.batch", Whole("N"), "Labelled pictures a step, 2 to 65536 [default: 32]"),
            flag("unlabelled-batch", "training.unlabelled_batch", Whole("N"),
                "Unlabelled pictures a step, 2 to 65536 [default: 32]").or("unlabeled-batch"),
            flag("micro-batch", "training.micro_batch", Whole("N"),
                "Pictures of a pass at the most, 2 to 65536: larger passes go in slices whose gradients are added up, in \
                 the memory of a slice and a third more time; batch-norm takes its statistics over a slice. Default: whole \
                 batches"),
            flag("lr", "training.optimiser.teacher_learning_rate", Number("RATE"),
                "Highest learning rate of the teacher, and of the supervised network, from 0 up [default: \
                 0.01]"),
            flag("student-lr", "training.optimiser.student_learning_rate", Number("RATE"),
                "Highest learning rate of the student, from 0 up [default: 0.001]"),
            SEED,
        ]),
        (Some("Network"), &[
            flag("model", "model.depth", OneOf("MODEL", names::<DepthArg>), "Network [default: resnet50]"),
            flag("size", "model.size", Whole("PIXELS"),
                "Side of the square input in pixels, 32 to 1024 [default: 224]"),
            flag("channels", "model.channels", Whole("N"),
                "Input channels: 1 (grey) or 3 (colour) [default: 3]"),
            flag("width", "model.width", Number("FACTOR"),
                "Factor on every layer's channels, 0.0625 to 8 [default: 1]"),
            flag("stem", "model.stem", OneOf("STEM", names::<StemArg>), "First layers [default: imagenet]"),
            flag("init", "model.init", Text("FILE"),
                "safetensors file to start from, with torchvision's names, or `builtin`; of a classifier the \
                 classes of the same names are kept"),
        ]),
        (Some("Run"), &[
            flag("eval-every", "evaluation.every", Whole("STEPS"),
                "Steps between evaluations; 0 evaluates at the end alone [default: 1000]"),
            flag("checkpoint-every", "checkpoint_every", Whole("STEPS"),
                "Steps between checkpoints; 0 writes one at the end alone [default: 500]"),
            KEEP_EVERY,
            TENSORBOARD,
            REPLICAS,
            BATCH_NORM,
            flag("workers", "workers", Whole("N"),
                "Threads that load and augment ahead, 1 to 64 [default: 1]. The result does not depend on it"),
        ]),
    ];

    fn take_over(&mut self, begun: &Self) {
        self.set_compute(begun.compute());
        self.workers = begun.workers;
        if self.replicas == 0 {
            self.replicas = begun.replicas;
        }
    }
}

/// Judges settings, and makes them independent of the folder we are in.
fn check(config: &mut RunConfig) -> Result<(), Failure> {
    let paths = config.resolve_paths().map_err(Failure::usage);
    let valid = config.validate().map_err(Failure::usage);
    let formats = formats();
    let data = &config.data;
    let specs = data.labelled.iter().chain(&data.unlabelled).chain(&data.valid);
    let specs = specs.map(|spec| formats.check(spec).map(drop).map_err(Failure::usage));
    [paths, valid].into_iter().chain(specs).fold(Ok(()), Failure::and)?;
    config.make_paths_absolute();
    Ok(())
}

/// Runs the command.
///
/// # Errors
/// Settings, data, networks or the disk; or a signal, after saving.
pub fn run(args: &PretrainArgs, compute: &Compute) -> Result<(), Failure> {
    interrupt::watch()?;
    let Begun { settings: config, folder, resumes } = args.run.begin_together(check)?;
    let replication = (config.replicas, config.batch_norm);
    let backend = processes::open(&compute.over_config(&config.compute()), replication)?;
    let leads = backend.team().leads();
    let start = if resumes { Start::Resume } else { Start::New };
    let run = begin(config, folder.clone(), backend, start, args.run.quiet)?;
    if args.data_only {
        if leads {
            say(&described(&run))?;
            say(&format!("data: {}, {}", folder.data().display(), folder.manifest().display()))?;
        }
        return Ok(());
    }
    let report = train(run, &folder, args.run.quiet, (Some("pretrain"), 0), |_| Ok(()))?;
    if !leads {
        return Ok(());
    }
    say(&scores(&report))?;
    say(&format!("model: {} ({})", folder.model().display(), report.model))
}
