//! What stands in the folder of results: whose each name is, and which files are affekt's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use affekt_engine::files::{LARGEST_RESULTS, read_limited, write_atomically};
use affekt_engine::output::{InputState, SUMMARY_VERSION, Summary};
use anyhow::{Context as _, bail};

use super::outputs::ENDINGS;

/// The path of an input's file.
pub fn path_of(out: &Path, name: &str, ending: &str) -> PathBuf {
    out.join(format!("{name}.{ending}"))
}

/// Writes a summary to its place.
///
/// # Errors
/// It cannot be written.
pub fn save(summary: &Summary, out: &Path, name: &str) -> anyhow::Result<()> {
    let path = path_of(out, name, "json");
    write_atomically(&path, &serde_json::to_vec(summary)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a summary. `None` where there is none that could be trusted: another JSON file, a broken one, or one whose
/// labels are none of its classes.
fn read(path: &Path) -> Option<Summary> {
    let bytes = read_limited(path, LARGEST_RESULTS, "a summary").ok()?;
    let summary: Summary = serde_json::from_slice(&bytes).ok()?;
    summary.is_consistent().then_some(summary)
}

/// The folder, the name and the summary of finished results, given as `DIR/NAME` or as one of their files.
///
/// # Errors
/// There are none, or they are of an older version.
pub fn result_of(given: &Path) -> anyhow::Result<(PathBuf, String, Summary)> {
    let file = given.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let out = given.parent().filter(|out| !out.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let stems = ENDINGS.iter().filter_map(|ending| file.strip_suffix(ending)?.strip_suffix('.'));
    let names: Vec<&str> = std::iter::once(file.as_str()).chain(stems).collect();
    let Some(name) = names.into_iter().find(|name| path_of(&out, name, "json").is_file()) else {
        bail!("{}: no results of affekt analyze; give DIR/NAME, as results/interview", given.display());
    };
    let path = path_of(&out, name, "json");
    let Some(summary) = read(&path) else {
        bail!("{}: no summary of affekt analyze", path.display());
    };
    if summary.version != SUMMARY_VERSION || !summary.finished {
        bail!("{}: results of another version, or unfinished ones; analyse the input again", path.display());
    }
    let name = name.to_owned();
    Ok((out, name, summary))
}

/// Files and summaries of a folder.
#[derive(Debug, Default)]
pub struct Results {
    /// Names of all files in small letters, because some file systems do not tell `A` from `a`.
    files: BTreeSet<String>,
    /// Summaries by name.
    summaries: BTreeMap<String, Summary>,
}

impl Results {
    /// Reads a folder.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn read(out: &Path) -> anyhow::Result<Self> {
        let mut results = Self::default();
        for entry in std::fs::read_dir(out).with_context(|| out.display().to_string())? {
            let path = entry.with_context(|| out.display().to_string())?.path();
            let Some(file) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            if let Some(name) = file.strip_suffix(".json")
                && let Some(summary) = read(&path)
            {
                results.summaries.insert(name.to_owned(), summary);
            }
            results.files.insert(file.to_lowercase());
        }
        Ok(results)
    }

    /// The name that an input's results have, with their summary.
    pub fn of(&self, real: &str) -> Option<(&str, &Summary)> {
        let same = |summary: &Summary| {
            if summary.state.path.is_empty() {
                // Before version 3 the path stood there as it was given.
                return InputState::of(Path::new(&summary.input)).is_ok_and(|state| state.path == real);
            }
            summary.state.path == real
        };
        self.summaries.iter().find(|(_, summary)| same(summary)).map(|(name, s)| (name.as_str(), s))
    }

    /// The folder of the input whose results have a name, in whatever letters.
    pub fn folder_of(&self, name: &str) -> Option<PathBuf> {
        let (_, summary) =
            self.summaries.iter().find(|(known, _)| known.to_lowercase() == name.to_lowercase())?;
        Path::new(&summary.state.path).parent().map(Path::to_path_buf)
    }

    /// Whether no file has the name of one that an input of this name could write.
    pub fn is_free(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        ENDINGS.iter().all(|ending| !self.files.contains(&format!("{name}.{ending}")))
    }

    /// Names of inputs that were begun and are not finished.
    pub fn unfinished(&self, out: &Path) -> Vec<String> {
        let begun = self.summaries.iter().filter(|(name, summary)| !is_finished(out, name, summary));
        begun.map(|(name, _)| name.clone()).collect()
    }

    /// Every input that is finished, with its name, by name.
    pub fn finished(self, out: &Path) -> Vec<(String, Summary)> {
        self.summaries.into_iter().filter(|(name, summary)| is_finished(out, name, summary)).collect()
    }
}

/// Whether all of an input's results are there.
fn is_finished(out: &Path, name: &str, summary: &Summary) -> bool {
    summary.version == SUMMARY_VERSION && summary.finished && path_of(out, name, "csv").is_file()
}
