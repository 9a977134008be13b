//! `affekt demo`: the whole method on a small generated world, from a few labelled faces to a clip read frame by frame.

use std::path::{Path, PathBuf};
use std::time::Instant;

use affekt_engine::data::{LabelsPerClass, Spec};
use affekt_engine::files::{LARGEST_RESULTS, read_limited};
use affekt_engine::world::{RefineConfig, RunConfig};
use anyhow::{Context as _, anyhow};
use clap::Args;
use serde::Deserialize;

use super::say;
use crate::ablation::Ablation;
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::clock;
use crate::report::write_report;
use affekt_engine::world::config::Layers;

const EXAMPLES: &str = "Examples:
  affekt demo
  affekt demo --seed 2 --out runs/demo-2

The faces are drawn by this program (see affekt synth): the figures show that each part of the method works, and \
nothing about real faces. The folder then holds report.html, ablation.json, the models and their logs.";

/// Train, measure and report every part of the method on generated faces, in minutes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Folder for everything that is made: new or empty, or of the same demo, which then goes on [default: runs/demo, started
    /// over each time].
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Start over where the folder holds an earlier demo.
    #[arg(long, requires = "out")]
    force: bool,
    /// Training steps of each student; must exceed the warm-up of preset tiny [default: the preset's].
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Everything random follows from it: the people, the clips and the training.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(0..1_000_000_000))]
    seed: i64,
    /// One JSON object (as in ablation.json) instead of a table.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    pub compute: Compute,
}

/// Labels of each class that the students learn from.
const LABELS_PER_CLASS: &str = "100";
/// How faces are drawn, the same everywhere.
const STYLE: &str = "size=48&channels=1&variation=0.4&intensity=0.6..1&blend=0.1&occlusion=0.05&camera=0.3";
/// How faces to learn from are taken out of films: three frames each, so that what they show differs.
const FILMED: &str = "frames=140&every=47";

/// Runs the command.
///
/// # Errors
/// The folder or the disk; or Ctrl-C.
pub fn run(args: &DemoArgs, compute: &Compute) -> Result<(), Failure> {
    interrupt::watch()?;
    // What stands in the demo's own folder is an earlier demo; a folder that somebody named may hold anything.
    let (out, force) = match &args.out {
        Some(out) => (out.clone(), args.force),
        None => (PathBuf::from("runs/demo"), true),
    };
    let start = Instant::now();
    let ablation = args.ablation(&out, compute).map_err(Failure::Usage)?;
    let _folder = ablation.begin(force)?;
    let report = ablation.run()?;
    let page = out.join("report.html");
    write_report(&out, &page)?;
    if args.json {
        return say(&serde_json::to_string(&report)?);
    }
    say(&report.table())?;
    say(&described_clip(&out)?)?;
    say(&format!(
        "{}; generated faces, 8 classes, chance is about 0.125. Look at {}",
        clock(start.elapsed()),
        page.display()
    ))
}

impl DemoArgs {
    fn ablation(&self, out: &Path, compute: &Compute) -> anyhow::Result<Ablation> {
        let mut students = Layers::<RunConfig>::default();
        students.preset("tiny")?;
        if let Some(steps) = self.steps {
            students.flag("--steps", "training.steps", i64::from(steps))?;
        }
        let mut encoder = Layers::<RefineConfig>::default();
        encoder.preset("tiny")?;
        let mut pretrain = students.resolve()?;
        let labels: LabelsPerClass = LABELS_PER_CLASS.parse().map_err(|e: String| anyhow!(e))?;
        pretrain.data.labels_per_class = Some(labels);
        pretrain.data.unlabelled_rest = false;
        // One population; who stands in which set is decided by numbers of people.
        let people = 1000 * self.seed;
        let clips = |count: u32, part: i64, rest: &str| -> anyhow::Result<Vec<Spec>> {
            let seed = people + part;
            Ok(vec![format!("synth-clips:{count}?seed={seed}&people={people}&{STYLE}&{rest}").parse()?])
        };
        // Unlabelled films show some expressions far more often than others, and other people than those who were labelled.
        let bias =
            "balance=neutral:4,happiness:4,sadness:1.5,surprise:1.5,anger:1,disgust:0.5,fear:0.5,other:1";
        Ok(Ablation {
            out: out.to_path_buf(),
            pretrain,
            refine: encoder.resolve()?,
            baseline_labelled: vec![],
            labelled: clips(2400, 1, &format!("identities=0..25&{FILMED}"))?,
            unlabelled: clips(500, 2, &format!("identities=100..200&{FILMED}&{bias}"))?,
            more_unlabelled: clips(3200, 3, &format!("identities=200..700&{FILMED}&{bias}"))?,
            clips: clips(96, 4, "identities=700..796&frames=200")?,
            valid: clips(120, 5, "identities=800..920&frames=75")?,
            seeds: vec![u64::try_from(self.seed)?],
            about: format!(
                "Everything here is drawn by this program. Labelled: {LABELS_PER_CLASS} frames of each class, out of \
                 films of 25 people. Unlabelled: 1,500 frames of films of 100 other people, then 9,600 of 500 more, in which \
                 happiness is shown eight times as often as fear and disgust. The encoder learns from 96 clips of 96 \
                 other people, 7 seconds each. Every row is measured on 120 clips of 120 people who stand in no other \
                 set, 2.5 seconds each, frame by frame. A frame's label is the expression whose intensity is at or \
                 above the threshold, so frames near onset and offset are ambiguous; people blink, speak and turn their heads, 3 % of frames \
                 have no face and 3 % no label."
            ),
            compute: compute.clone(),
            side_by_side: true,
            quiet: self.quiet,
        })
    }
}

#[derive(Deserialize)]
struct Timeline {
    clip: String,
    fps: f64,
    classes: Vec<String>,
    truth: Vec<i64>,
    voted: Vec<i64>,
}

/// What the vote says of the first held-out clip, in a line or two.
fn described_clip(out: &Path) -> anyhow::Result<String> {
    let path = out.join("timeline.json");
    let text =
        read_limited(&path, LARGEST_RESULTS, "a timeline").with_context(|| path.display().to_string())?;
    let timeline: Timeline = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    let shares = |labels: &[i64]| {
        let known = labels.iter().filter(|&&label| label >= 0).count().max(1);
        let mut shares: Vec<(usize, &String)> = (timeline.classes.iter().enumerate())
            .map(|(class, name)| (labels.iter().filter(|&&label| label == class as i64).count(), name))
            .filter(|(count, _)| *count > 0)
            .collect();
        shares.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let share =
            |(count, name): &(usize, &String)| format!("{name} {} %", (100 * count + known / 2) / known);
        shares.iter().map(share).collect::<Vec<_>>().join(", ")
    };
    Ok(format!(
        "held-out clip {}, {:.0} s, read:  {}\n{:>width$}  {}",
        timeline.clip,
        timeline.voted.len() as f64 / timeline.fps,
        shares(&timeline.voted),
        "truth:",
        shares(&timeline.truth),
        width = format!(
            "held-out clip {}, {:.0} s, read:",
            timeline.clip,
            timeline.voted.len() as f64 / timeline.fps
        )
        .len(),
    ))
}
