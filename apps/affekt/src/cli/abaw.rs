//! `affekt abaw`: lists of predictions as the ABAW challenges take them.

use std::path::{Path, PathBuf};

use affekt_engine::data::{PredictionsReport, SkipLog, Spec, check_predictions};
use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::say;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  affekt abaw check predictions.txt --data 'affwild2:Aff-Wild2#Validation_Set'
  affekt abaw check predictions.txt --data clips:my_clips --json

JSON keys: rows, missing, duplicate, unknown, malformed, problems (the first ones, with their lines).";

/// Lists of predictions for the ABAW challenges.
#[derive(Debug, Args)]
pub struct AbawArgs {
    #[command(subcommand)]
    command: AbawCommand,
}

#[derive(Debug, Subcommand)]
enum AbawCommand {
    Check(CheckArgs),
}

/// Check that a list has exactly one row for every frame; exit code 1 where it has not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct CheckArgs {
    /// The list, `predictions.txt`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Clips whose frames the list must have.
    #[arg(long, value_name = "SPEC")]
    data: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// End at the first clip that cannot be used, instead of leaving it out and counting it.
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
///
/// # Errors
/// The list or the data cannot be read, or the list is not complete.
pub fn run(args: &AbawArgs) -> Result<(), Failure> {
    let AbawCommand::Check(args) = &args.command;
    let spec: Spec = args.data.parse().map_err(Failure::usage)?;
    let formats = affekt_engine::synth::clip_formats();
    formats.check(&spec).map_err(Failure::usage)?;
    let clips = formats.open(&spec, &SkipLog::new(args.strict))?;
    let report = check_predictions(&args.file, &*clips)?;
    if args.json {
        say(&serde_json::to_string(&report)?)?;
    } else {
        say(&described(&args.file, &report))?;
    }
    if report.is_complete() { Ok(()) } else { Err(Failure::Run(anyhow!(verdict(&args.file, &report)))) }
}

fn described(file: &Path, report: &PredictionsReport) -> String {
    if report.is_complete() {
        return format!("{}: complete, {} frames", file.display(), report.rows);
    }
    let found = report.missing + report.duplicate + report.unknown + report.malformed;
    let mut lines = report.problems.clone();
    if found > lines.len() as u64 {
        lines.push(format!("and {} more", found - lines.len() as u64));
    }
    lines.join("\n")
}

fn verdict(file: &Path, report: &PredictionsReport) -> String {
    format!(
        "{}: frames without a row: {}; repeated rows: {}; rows of no frame: {}; malformed rows: {}",
        file.display(),
        report.missing,
        report.duplicate,
        report.unknown,
        report.malformed
    )
}
