//! `affekt report`: a page about what a run did.

use std::path::PathBuf;

use clap::Args;

use super::say;
use crate::failure::Failure;
use crate::report::write_report;

const EXAMPLES: &str = "Examples:
  affekt report runs/demo
  affekt report runs/ssl-100 --out ssl-100.html

The page is one file without a network; it shows what the folder holds and leaves out the rest.";

/// Write one HTML page about a run: curves, scores, ablation, a clip.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Folder of a run, finished or not, or a folder of runs.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The page [default: report.html in the folder].
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// The folder, a file in it, or the page's place.
pub fn run(args: &ReportArgs) -> Result<(), Failure> {
    let out = args.out.clone().unwrap_or_else(|| args.run.join("report.html"));
    for note in write_report(&args.run, &out)? {
        note!("note: {note}");
    }
    say(&out.display().to_string())
}
