//! `affekt refine`: the temporal encoder over a frozen student's features.

use affekt_engine::learn::{ChallengeScore, FrameReport};
use affekt_engine::synth::clip_formats;
use affekt_engine::world::{ClipScores, RefineConfig, RefineReport, Refining, RunFolder, ScoreSink};
use clap::Args;

use super::compute::Compute;
use super::processes;
use super::reading::VoteArg;
use super::run_args::Kind::{Number, OneOf, Switch, Text, Texts, Whole};
use super::run_args::{
    BATCH_NORM, Begun, Flagged, KEEP_EVERY, REPLICAS, RunArgs, SEED, SettingFlag, TENSORBOARD, flag, names,
};
use super::say;
use super::training::{Counting, Shown, drive};
use crate::failure::Failure;
use crate::interrupt;
use crate::table::Table;

const EXAMPLES: &str = "Examples:
  Aff-Wild2, over the student of an earlier run:
    affekt refine --student runs/ssl --out runs/temporal \\
      --train affwild2:Aff-Wild2#Train_Set \\
      --valid affwild2:Aff-Wild2#Validation_Set
  Your own clips, folders of 00001.jpg, ... with CLIP.txt beside them:
    affekt refine --student runs/ssl --out runs/temporal \\
      --train clips:my/train --valid clips:my/valid
  Generated clips, a small encoder:
    affekt refine --preset tiny --student runs/ssl --out runs/temporal \\
      --train 'synth-clips:20?seed=1' --valid 'synth-clips:5?seed=2'
  Going on after Ctrl-C, a crash or a power cut:
    affekt refine --resume runs/temporal
  On a cluster, the same line however often it is started (docs/cluster.md):
    affekt refine --auto-resume --student runs/ssl --out runs/temporal ...

The student's features are extracted once and kept in RUN/features (or --features FOLDER); they are checked against \
the student's hash. Settings come in layers as for affekt pretrain. A run's folder holds config.toml, log.jsonl, \
checkpoint/, model.safetensors (the encoder) and report.json.";

/// Train the temporal encoder on clips of a frozen student's features.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub struct RefineArgs {
    #[command(flatten)]
    run: RunArgs<RefineConfig>,
    /// Extract features again, whatever is kept.
    #[arg(long, conflicts_with = "auto-resume")]
    recompute: bool,
    #[command(flatten)]
    pub compute: Compute,
}

impl Flagged for RefineConfig {
    const HELP: [&str; 2] = [
        "Built-in settings to start from: tiny or paper [default: the paper's]",
        "One setting by its path, as in --set model.causal=true. Repeatable",
    ];
    const ONWARDS: &str = "affekt refine --student MODEL --features RUN/features --out NEW ...";
    // A flag a line, and its help beneath where that is long.
    #[rustfmt::skip]
    const FLAGS: &[(Option<&str>, &[SettingFlag])] = &[
        (None, &[
            flag("student", "student", Text("MODEL"),
                "The frozen student: a weights file with a card, or a finished run's folder"),
            flag("train", "data.train", Texts("SPEC"), "Clips with labels. Repeatable"),
            flag("valid", "data.valid", Texts("SPEC"), "Validation clips. Repeatable"),
            flag("steps", "training.steps", Whole("N"), "Steps, from 1 up [default: 2000]"),
            flag("batch", "training.batch", Whole("N"), "Clips a step [default: 32]"),
            flag("micro-batch", "training.micro_batch", Whole("N"),
                "Clips of a pass at the most, 1 to 4096: a larger batch goes in slices whose gradients are added up, in \
                 the memory of a slice and a third more time; dropout draws masks for each slice. Default: whole batches"),
            flag("lr", "training.learning_rate", Number("RATE"), "Highest learning rate [default: 0.0001]"),
            flag("causal", "model.causal", Switch,
                "A frame sees only itself and earlier frames, as live use does"),
            flag("window", "post.vote.window", Whole("FRAMES"), "Frames of the vote's window [default: 30]"),
            flag("vote", "post.vote.kind", OneOf("KIND", names::<VoteArg>), "Which frames vote [default: centred]"),
            flag("stride", "post.stride", Whole("FRAMES"),
                "Frames between two windows of the encoder when it is used [default: half of its frames]"),
            SEED,
            flag("features", "features", Text("FOLDER"), "Where features are kept [default: RUN/features]"),
            flag("strict", "strict", Switch,
                "End at the first face that cannot be read, instead of counting it as missing"),
        ]),
        (None, &[
            flag("checkpoint-every", "checkpoint_every", Whole("STEPS"),
                "Steps between checkpoints; 0 writes one at the end alone [default: 500]"),
            KEEP_EVERY,
            TENSORBOARD,
            REPLICAS,
            BATCH_NORM,
        ]),
    ];

    fn take_over(&mut self, begun: &Self) {
        self.set_compute(begun.compute());
        self.workers = begun.workers;
        if self.replicas == 0 {
            self.replicas = begun.replicas;
        }
        // What is kept has been brought to the encoder's frames.
        self.post = self.post.for_frames(self.model.frames);
    }
}

/// What makes a temporal run shorter.
const SHORTER: &str = "a GPU (--backend wgpu), fewer --steps, a smaller --batch, a smaller encoder (--set model.width=256, --set model.layers=2); \
                       in a cluster, jobs of a few hours each (docs/cluster.md)";

/// Judges settings, and makes them independent of the folder we are in.
fn check(config: &mut RefineConfig) -> Result<(), Failure> {
    let valid = config.validate().map_err(Failure::usage);
    let formats = clip_formats();
    let specs = config.data.train.iter().chain(&config.data.valid);
    let specs = specs.map(|spec| formats.check(spec).map(drop).map_err(Failure::usage));
    specs.fold(valid, Failure::and)?;
    config.make_paths_absolute();
    Ok(())
}

/// Runs the command.
///
/// # Errors
/// Settings, data, networks or the disk; or a signal, after saving.
pub fn run(args: &RefineArgs, compute: &Compute) -> Result<(), Failure> {
    interrupt::watch()?;
    let Begun { settings: config, folder, resumes } = args.run.begin_together(check)?;
    let how = (resumes, args.recompute);
    let report = train(config, &folder, how, compute, args.run.quiet, (None, Some("refine")))?;
    if processes::rank().is_some_and(|rank| rank > 0) {
        return Ok(());
    }
    match &report.scores {
        Some(measured) => say(&scores(measured))?,
        None => say("nothing was measured: no --valid SPEC was given")?,
    }
    say(&format!("encoder: {}", folder.model().display()))
}

/// A temporal run from its features to its report; `sink` sees every frame that is measured in the end, and
/// then no process shares them out; `command` resumes it.
///
/// # Errors
/// As [`run`].
pub fn train(
    config: RefineConfig,
    folder: &RunFolder,
    how: (bool, bool),
    compute: &Compute,
    quiet: bool,
    (sink, command): (Option<ScoreSink>, Option<&'static str>),
) -> Result<RefineReport, Failure> {
    let replication = (config.replicas, config.batch_norm);
    let backend = processes::open(&compute.over_config(&config.compute()), replication)?;
    let mut counting = Counting::new("feature", quiet || !backend.team().leads());
    let begun = Refining::begin(config, folder.clone(), backend, &clip_formats(), how, |done, total| {
        counting.tell(done, total)
    });
    counting.finish();
    let mut run = begun.map_err(super::classify)?;
    if let Some(sink) = sink {
        run.set_sink(sink);
    }
    let [clips, frames, valid_clips, valid_frames] = run.data();
    let data = format!(
        "{clips} clips of {frames} frames for training, {valid_clips} of {valid_frames} for validation"
    );
    let shown = Shown { command, folder, data, quiet, after: 0, shorter: SHORTER };
    drive(&mut run, &shown, |_, advance| {
        let record = &advance.record;
        let figure =
            |name: &str, value: Option<f64>| value.map_or(String::new(), |v| format!("{name} {v:.3} "));
        let figures = format!("{}{}", figure("loss", record.loss), figure("train accuracy", record.accuracy));
        Ok((record.frames, figures.trim_end().to_owned()))
    })
}

/// The scores stage after stage, as a table.
pub fn scores(scores: &ClipScores) -> String {
    let mut table =
        Table::new(["frames answered by", "macro F1", "accuracy", "n", "challenge F1", "accuracy", "n"]);
    let mut row = |name: String, report: &FrameReport| {
        let figures = |macro_f1: f64, accuracy: f64, n: u64| {
            [format!("{macro_f1:.4}"), format!("{accuracy:.4}"), n.to_string()]
        };
        let seen = figures(report.macro_f1, report.accuracy, report.n);
        let all = report.challenge.as_ref().map(|all| figures(all.macro_f1, all.accuracy, all.n));
        table.row([name].into_iter().chain(seen).chain(all.into_iter().flatten()));
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
    let explained = scores.vote.challenge.as_ref().map(challenge).unwrap_or_default();
    table.render() + &explained
}

/// What the two scores of a table count.
pub fn challenge(score: &ChallengeScore) -> String {
    let ChallengeScore { n, without_face, .. } = score;
    format!(
        "The first score is over labelled frames with a face; the challenge's is over all {n} labelled frames, of which \
         {without_face} have no face and hold the nearest answer.\n"
    )
}
