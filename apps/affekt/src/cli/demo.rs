//! `affekt demo`: the whole way on generated faces: few labels alone against few labels and many unlabelled faces.

use std::path::PathBuf;
use std::time::Instant;

use affekt_engine::learn::Method;
use affekt_engine::world::{Pretraining, RunConfig, RunFolder, formats};
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::say;
use super::training::train;
use crate::config::Layers;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::clock;
use crate::table::Table;

const EXAMPLES: &str = "Examples:
  affekt demo
  affekt demo --steps 800 --out runs/demo --force

The faces are drawn by this program: the figures show that learning works, and nothing about real faces.";

/// Train and evaluate on generated faces: labels alone, then with unlabelled faces beside them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Folder for the two runs; must be new or empty [default: runs/demo, started over each time].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Start over where the folder holds earlier runs.
    #[arg(long, requires = "out")]
    force: bool,
    /// Training steps of each run; must exceed the warm-up of preset tiny [default: the preset's].
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Everything random follows from it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(0..))]
    seed: i64,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    method: &'static str,
    network: String,
    macro_f1: f64,
    accuracy: f64,
    seconds: f64,
}

/// Runs the command.
///
/// # Errors
/// The folder or the disk; or Ctrl-C.
pub fn run(args: &DemoArgs, threads: Option<usize>) -> Result<(), Failure> {
    interrupt::watch()?;
    let mut rows = vec![];
    // What stands in the demo's own folder is an earlier demo; a folder that somebody named may hold anything.
    let (out, force) = match &args.out {
        Some(out) => (out.clone(), args.force),
        None => (PathBuf::from("runs/demo"), true),
    };
    for (method, name) in [(Method::Supervised, "supervised"), (Method::Ssl, "ssl")] {
        let config = args.config(method).map_err(Failure::Usage)?;
        let folder = RunFolder::create(&out.join(name), force)?;
        let start = Instant::now();
        let backend = super::backend(threads)?;
        let run = Pretraining::begin(config, folder.clone(), backend, &formats(), false)
            .map_err(super::classify)?;
        if !args.quiet {
            eprintln!("{name}:");
        }
        let report = train(run, &folder, args.quiet)?;
        let score = report.scores.get(&report.model).context("the demo's run was not measured")?;
        rows.push(Row {
            method: name,
            network: report.model.clone(),
            macro_f1: score.macro_f1,
            accuracy: score.accuracy,
            seconds: start.elapsed().as_secs_f64(),
        });
    }
    if args.json {
        return say(&serde_json::to_string(&rows)?);
    }
    let mut table = Table::new(["method", "macro F1", "accuracy", "time"]);
    for row in &rows {
        let time = clock(std::time::Duration::from_secs_f64(row.seconds));
        table.row([row.method.into(), format!("{:.4}", row.macro_f1), format!("{:.4}", row.accuracy), time]);
    }
    say(&table.render())?;
    say(&format!("generated faces, 8 classes, chance 0.125; models in {}", out.display()))
}

impl DemoArgs {
    fn config(&self, method: Method) -> anyhow::Result<RunConfig> {
        let mut layers = Layers::default();
        layers.preset("tiny")?;
        layers.flag("--seed", "seed", self.seed)?;
        if let Some(steps) = self.steps {
            layers.flag("--steps", "training.steps", i64::from(steps))?;
        }
        let mut config = layers.resolve()?;
        config.training.method = method;
        if method == Method::Supervised {
            config.data.unlabelled.clear();
        }
        Ok(config)
    }
}
