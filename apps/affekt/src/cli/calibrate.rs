//! `affekt calibrate`: a model's confidence fitted to pictures of one's own.

use std::path::PathBuf;

use affekt_engine::data::Spec;
use affekt_engine::learn::EvalReport;
use affekt_engine::synth::formats;
use affekt_engine::world::{EvaluationConfig, Model, calibrate};
use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::compute::Compute;
use super::stored::StoredAs;
use super::training::Counting;
use super::{classify, say};
use crate::failure::Failure;
use crate::interrupt;

const EXAMPLES: &str = "Examples:
  affekt calibrate --model builtin --data folder:my_faces \\
    --out mine.safetensors
  affekt calibrate --model runs/a --data 'ferplus:ferplus.tar#Valid' \\
    --balance 0.4 --flip --out a.safetensors

A temperature changes how sure the model is, never what it answers. --balance changes what it answers: rare classes more \
often, which costs accuracy and gains mean F1 and recall. Choose it on pictures that you do not report scores of.";

/// Fit a model's confidence to labelled pictures, and let it answer rare classes more often.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CalibrateArgs {
    /// Weights file with a card, the folder of a finished run, or `builtin`.
    #[arg(long, value_name = "MODEL")]
    model: PathBuf,
    /// Labelled dataset. Repeatable: all are measured as one.
    #[arg(long, value_name = "SPEC", required = true)]
    data: Vec<String>,
    /// Weights file to write.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// How far to go from classes as frequent as in the data (0) to equally frequent ones (1).
    #[arg(long, value_name = "PART", default_value_t = 0.0)]
    balance: f32,
    /// Average each picture's probabilities with its mirror image's.
    #[arg(long)]
    flip: bool,
    /// Pictures a pass, 1 to 4096.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    #[command(flatten)]
    stored: StoredAs,
    /// End at the first picture that cannot be read, instead of leaving it out and counting it.
    #[arg(long)]
    strict: bool,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    pub compute: Compute,
}

/// Runs the command.
///
/// # Errors
/// The model or the data cannot be used, the file is there or cannot be written, or Ctrl-C.
pub fn run(args: &CalibrateArgs, compute: &Compute) -> Result<(), Failure> {
    super::processes::alone("affekt calibrate")?;
    let specs: Vec<Spec> =
        args.data.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(Failure::usage)?;
    if !(0.0..=1.0).contains(&args.balance) {
        return Err(Failure::usage(anyhow!("--balance is {}, but must be from 0 to 1", args.balance)));
    }
    if args.out.exists() && !args.force {
        let name = args.out.display();
        return Err(Failure::Run(anyhow!(
            "{name} is there already; choose another name, or write over it by --force"
        )));
    }
    let model = Model::load(&args.model).map_err(classify)?;
    let backend = compute.open()?;
    interrupt::watch()?;
    let settings =
        EvaluationConfig { batch: args.batch as usize, flip: args.flip, ..EvaluationConfig::default() };
    let mut counting = Counting::new("item", args.quiet);
    let shown = |done: usize, total: usize| counting.tell(done, total);
    let subject = (&model, args.balance);
    let done = calibrate(subject, &specs, &settings, args.strict, &formats(), &*backend, shown);
    let done = done.map_err(classify)?;
    counting.finish();
    done.model.write(&args.out, args.stored.storage()).map_err(classify)?;
    let temperatures = [model.card.temperature, done.model.card.temperature];
    if args.json {
        let score = |report: &EvalReport| {
            json!({ "accuracy": report.accuracy, "macro_f1": report.macro_f1, "ece": report.ece,
                "calibrated_ece": report.calibrated_ece, "per_class_f1": report.per_class_f1 })
        };
        let [from, to] = temperatures;
        return say(
            &json!({ "out": args.out, "n": done.after.n, "temperature": { "before": from, "after": to },
            "before": score(&done.before), "after": score(&done.after) })
            .to_string(),
        );
    }
    let line = |name: &str, report: &EvalReport, temperature: f32, ece: f64| {
        format!("{name:<8}{:>10.4}{:>10.4}{temperature:>13.3}{ece:>8.4}\n", report.accuracy, report.macro_f1)
    };
    let mut text =
        format!("{:<8}{:>10}{:>10}{:>13}{:>8}\n", "", "accuracy", "macro F1", "temperature", "ECE");
    text += &line("before", &done.before, temperatures[0], done.before.ece);
    // Of the new temperature what can be trusted: each half measured at that of the other.
    text += &line("after", &done.after, temperatures[1], done.after.calibrated_ece);
    say(&format!("{text}\nwritten: {}", args.out.display()))
}
