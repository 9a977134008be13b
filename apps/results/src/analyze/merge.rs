//! Results of several folders in one: what a job array's tasks have finished, each in a folder of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use affekt_engine::files::{open_regular, stream_atomically};
use affekt_engine::output::Summary;
use anyhow::{Context as _, bail};

use super::outputs::ENDINGS;
use super::results::{Results, path_of};

/// What became of the results of some folders.
#[derive(Debug, Default)]
pub struct Merged {
    /// Names of what was taken over.
    pub taken: Vec<String>,
    /// Inputs whose results were there already, and the same.
    pub there: usize,
    /// What could not be taken over, and why.
    pub problems: Vec<String>,
}

/// Takes the finished results of a folder over into another. Nothing is lost: what has begun and is not finished is a problem, and so
/// is an input whose results in `out` are others. Nothing is doubled: an input has one name.
///
/// # Errors
/// A folder cannot be listed.
pub fn merge(from: &Path, out: &Path, merged: &mut Merged) -> anyhow::Result<()> {
    let results = Results::read(from)?;
    for name in results.unfinished(from) {
        let path = path_of(from, &name, "json");
        merged.problems.push(format!("{}: not finished; start its shard again", path.display()));
    }
    for (name, summary) in results.finished(from) {
        // Anew each time, because names are taken on the way.
        let there = Results::read(out)?;
        match there.of(&summary.state.path) {
            Some((_, same)) if is_same(same, &summary) => merged.there += 1,
            Some((other, _)) => merged.problems.push(format!(
                "{}: {} holds other results of this input; remove one of them, or merge into another folder",
                path_of(from, &name, "json").display(),
                path_of(out, other, "json").display()
            )),
            None => {
                let numbered = (2u64..).map(|number| format!("{name}-{number}"));
                let free = std::iter::once(name.clone()).chain(numbered).find(|name| there.is_free(name));
                let free = free.unwrap_or_default();
                take_over((from, &name), (out, &free))?;
                merged.taken.push(free);
            }
        }
    }
    Ok(())
}

/// Whether two summaries are of one reading of an input, corrections included.
fn is_same(a: &Summary, b: &Summary) -> bool {
    (&a.state, &a.settings, &a.edits, a.finished) == (&b.state, &b.settings, &b.edits, b.finished)
        && a.read_by.unsure_below == b.read_by.unsure_below
}

/// Copies an input's files; the summary comes last, so it stands for a whole result.
fn take_over((from, name): (&Path, &str), (out, free): (&Path, &str)) -> anyhow::Result<()> {
    for ending in ENDINGS.iter().skip(1).chain(&ENDINGS[..1]) {
        let (source, target) = (path_of(from, name, ending), path_of(out, free, ending));
        if source.is_file() {
            let mut file: File =
                open_regular(&source, "a result").with_context(|| source.display().to_string())?;
            let copied = stream_atomically(&target, |to| io::copy(&mut file, to).map(drop));
            copied.with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

/// Refuses folders that would be merged into themselves, or twice.
///
/// # Errors
/// One is the other, or is not there.
pub fn check(folders: &[PathBuf], out: &Path) -> anyhow::Result<()> {
    let real = |path: &Path| path.canonicalize().with_context(|| path.display().to_string());
    let mut seen = vec![real(out)?];
    for folder in folders {
        let place = real(folder)?;
        if seen.contains(&place) {
            bail!("{}: this folder comes twice, or is the one to merge into", folder.display());
        }
        seen.push(place);
    }
    Ok(())
}
