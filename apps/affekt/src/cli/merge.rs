//! `affekt merge`: results of several folders in one.

use std::path::{Path, PathBuf};

use affekt_engine::files::{FolderLock, sweep_leftovers};
use affekt_engine::world::probe_folder;
use anyhow::{Context as _, anyhow};
use clap::Args;

use super::{classify, say};
use crate::analyze::{Merged, Results, check_folders, merge};
use crate::failure::Failure;
use crate::report::{check_page, write_people};

const EXAMPLES: &str = "Examples:
  In each of 16 tasks of a job array:
    affekt analyze recordings --shard $((SLURM_ARRAY_TASK_ID + 1))/16 \\
      --out parts/$SLURM_ARRAY_TASK_ID
  And then:
    affekt merge parts/* --out results

Files are copied, and the folders stay as they are. The same line again takes over what has been finished meanwhile.";

/// Put the results of several folders of affekt analyze into one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MergeArgs {
    /// Folder of results.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Folder that they are put into; made where it is missing.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// A folder cannot be used, results contradict each other, or some are not finished; the others are taken over all the same.
pub fn run(args: &MergeArgs) -> Result<(), Failure> {
    let out = &args.out;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    check_folders(&args.folders, out).map_err(Failure::usage)?;
    let _lock = FolderLock::take(out)?;
    let merged = together(&args.folders, out)?;
    say(&format!(
        "{} inputs taken over, {} were there: {}",
        merged.taken.len(),
        merged.there,
        out.join("index.html").display()
    ))?;
    match merged.problems.as_slice() {
        [] => Ok(()),
        problems => Err(Failure::Run(anyhow!(
            "{} inputs were not taken over: {}",
            problems.len(),
            problems.join("; ")
        ))),
    }
}

/// Merges folders into one that is kept to this program, and writes its page.
///
/// # Errors
/// A folder cannot be read or written, or another program works in it.
pub fn together(folders: &[PathBuf], out: &Path) -> Result<Merged, Failure> {
    let page = out.join("index.html");
    check_page(&page)?;
    probe_folder(out).map_err(classify)?;
    sweep_leftovers(out).with_context(|| out.display().to_string())?;
    let mut merged = Merged::default();
    for folder in folders {
        let _lock = FolderLock::take(folder)?;
        merge(folder, out, &mut merged)?;
    }
    let finished = Results::read(out)?.finished(out);
    if !finished.is_empty() {
        write_people(&finished, &page)?;
    }
    Ok(merged)
}
