//! `affekt eval`: a model's score on labelled datasets.

use std::fmt::Write as _;
use std::path::PathBuf;

use affekt_engine::backend::BatchNorm;
use affekt_engine::data::Spec;
use affekt_engine::learn::EvalReport;
use affekt_engine::score::PredictionsFile;
use affekt_engine::synth::formats;
use affekt_engine::world::{EvaluationConfig, Model, evaluate_model};
use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::ablation::AblationArgs;
use super::eval_clips::{ClipArgs, Measured};
use super::eval_corruptions::Spoiled;
use super::eval_errors::ErrorArgs;
use super::eval_scores::{ScoreArgs, Trust};
use super::eval_tables::TableArgs;
use super::training::Counting;
use super::{processes, say};
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;

const EXAMPLES: &str = "Examples:
  affekt eval --model runs/a --data ferplus:faces/ferplus.tar#Valid
  affekt eval --model model.safetensors --data folder:my_faces --json
  affekt eval --model runs/a --data folder:my_faces --corruptions
  affekt eval --model runs/a --temporal runs/t --predictions list.txt \\
    --data affwild2:Aff-Wild2#Validation_Set
  affekt eval --model runs/a --vote block --predictions student-alone.txt \\
    --data affwild2:Aff-Wild2#Validation_Set
  affekt eval --model runs/a --data folder:my_faces --predictions a.csv \\
    --interval --by people.csv --errors runs/a
  affekt eval --from a.csv --interval bca --cluster group
  affekt eval --compare a.csv b.csv
  affekt eval --model runs/a --per-clip --data dfew:DFEW#test1 \\
    --predictions fold1.csv
  affekt eval --folds fold1.csv fold2.csv fold3.csv fold4.csv fold5.csv
  affekt eval --ablation --labelled folder:faces --unlabelled recordio:more \\
    --clips clips:train --valid clips:valid --out runs/ablation --seeds 3

The dataset's classes are mapped to the model's by name. JSON keys: n, macro_f1, accuracy, per_class_f1, confusion \
(rows are the truth, in the order of classes), ece, and more; of clips the same for per_frame (the student alone), temporal (the \
encoder), vote (the chosen one), each of votes, and smoothed (the mean of probabilities), with challenge (every labelled frame) in \
each; intervals, groups.";

/// Options that do without a model and data.
const NO_MODEL: [&str; 4] = ["ablation", "from", "compare", "folds"];

/// Measure a model on labelled faces.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EvalArgs {
    /// Weights file with a card, or the folder of a finished run.
    #[arg(long, value_name = "MODEL", required_unless_present_any = NO_MODEL)]
    model: Option<PathBuf>,
    /// Labelled dataset, of pictures or, with --by-frame, of clips. Repeatable: all are measured as one.
    #[arg(long, value_name = "SPEC", required_unless_present_any = NO_MODEL)]
    data: Vec<String>,
    /// Print one JSON object instead of a table.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print a CSV header and one row instead of a table.
    #[arg(long)]
    csv: bool,
    /// Pictures a pass, 1 to 4096.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Average each picture's probabilities with its mirror image's.
    #[arg(long)]
    flip: bool,
    /// Measure pictures as they are, then blurred, stored as JPEG 20, in half and double light, with the box shifted and
    /// scaled by a tenth, turned by 15 degrees, and with half the pixels.
    #[arg(long, conflicts_with_all = ["csv", "errors", "predictions", "ablation", "from", "compare", "folds"])]
    corruptions: bool,
    /// End at the first picture that cannot be read, instead of leaving it out and counting it.
    #[arg(long)]
    strict: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    trusted: ScoreArgs,
    #[command(flatten)]
    errors: ErrorArgs,
    #[command(flatten)]
    tables: TableArgs,
    #[command(flatten)]
    clips: ClipArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    #[command(flatten)]
    pub compute: Compute,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: &'a EvalReport,
    /// Items that could not be read and were left out.
    skipped: usize,
    #[serde(flatten)]
    trust: &'a Trust,
}

/// Runs the command.
///
/// # Errors
/// The model or the data cannot be used, or Ctrl-C.
pub fn run(args: &EvalArgs, compute: &Compute) -> Result<(), Failure> {
    if args.ablation.ablation {
        processes::alone("--ablation")?;
        return args.ablation.run(compute, args.json, args.quiet);
    }
    if !args.ablation.valid.is_empty() {
        return Err(Failure::usage(anyhow!(
            "--valid belongs to --ablation; what a model is measured on is --data SPEC"
        )));
    }
    if args.tables.is_asked() {
        return args.tables.run(&args.trusted, args.json);
    }
    let path = args.model.as_deref().ok_or_else(|| Failure::usage(anyhow!("--model MODEL is missing")))?;
    let specs: Vec<Spec> =
        args.data.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(Failure::usage)?;
    let batch = args.batch as usize;
    if args.clips.is_asked() {
        if args.errors.is_asked() {
            return Err(Failure::usage(anyhow!(
                "--errors is for pictures; measure the clips' frames as pictures"
            )));
        }
        let model = Model::load(path)?;
        let (strict, json, quiet) = (args.strict, args.json, args.quiet);
        let measured = Measured { model: &model, specs: &specs, batch, strict, json, quiet };
        return args.clips.run(&measured, &args.trusted, compute);
    }
    let formats = formats();
    specs.iter().try_for_each(|spec| formats.check(spec).map(drop)).map_err(Failure::usage)?;
    let columns = args.trusted.columns()?;
    let model = Model::load(path)?;
    let backend = processes::open(&compute.spec(), (0, BatchNorm::Sync))?;
    let leads = backend.team().leads();
    if let Some(path) = args.clips.predictions().filter(|_| leads) {
        // A table that cannot be written is found out before the work.
        drop(PredictionsFile::create(path, &model.card.classes)?);
    }
    interrupt::watch()?;
    let settings = EvaluationConfig { batch, flip: args.flip, ..EvaluationConfig::default() };
    if args.corruptions {
        let (strict, json, quiet) = (args.strict, args.json, args.quiet);
        let spoiled = Spoiled { model: &model, specs: &specs, settings: &settings, strict, json, quiet };
        return spoiled.run(&formats, &*backend);
    }
    let mut counting = Counting::new("item", args.quiet || !leads);
    let shown = |done: usize, total: usize| counting.tell(done, total);
    let evaluation = evaluate_model(&model, &specs, &settings, args.strict, &formats, &*backend, shown)
        .map_err(super::classify)?;
    counting.finish();
    if !leads {
        return Ok(());
    }
    if let Some(path) = args.clips.predictions() {
        evaluation.answers.write(path)?;
    }
    let sheet = args.errors.write(&evaluation)?;
    let trust = args.trusted.trust(&evaluation.answers, columns.as_ref())?;
    let (report, skipped) = (&evaluation.report, evaluation.skipped);
    if args.json {
        return say(&serde_json::to_string(&Output { report, skipped, trust: &trust })?);
    }
    if args.csv {
        return say(&report.csv());
    }
    if skipped > 0 {
        note!("{skipped} items could not be used and were left out");
    }
    let mut text = report.table() + &trust.text();
    if let Some(sheet) = sheet {
        let _ = writeln!(text, "\nmistakes: {}", sheet.display());
    }
    say(&text)
}
