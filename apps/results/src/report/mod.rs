//! One self-contained HTML page about a run's folder (curves, scores, the ablation, a clip, mistakes), about a dataset (`dataset`), or about analysed videos
//! (`people`: `seen`, `shares`, `who`).
//!
//! Here: reading the files of a run (`log`, `results`, `clip`), bounding their size (`grid`), drawing (`axis`, `path`,
//! `chart`, `curve`, `curves`, `timeline`, `scores`, `errors`), what figures of people can bear (`doubt`) and putting together (`run`,
//! `ablation`, `page`). Not here: anything of the engine but
//! its way of writing files and its colours. What a folder lacks, the page lacks; nothing is made up.

mod ablation;
mod axis;
mod chart;
mod clip;
mod curve;
mod curves;
mod dataset;
mod doubt;
mod errors;
mod grid;
mod html;
mod log;
mod page;
mod path;
mod people;
mod results;
mod run;
mod scores;
mod seen;
mod shares;
mod timeline;
mod who;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use affekt_engine::files::{open_regular, write_atomically};
use anyhow::{Context as _, bail};

use clip::Clip;
pub use dataset::write_dataset;
pub use errors::{ERRORS_FILE, ERRORS_PICTURE};
use page::{Page, TITLE_END};
pub use people::write_people;
use results::Ablation;
use run::Run;

/// Most runs that one page shows.
const MOST_RUNS: usize = 24;
/// Columns of all runs' curves together, and the most of one run: more runs get coarser curves, so that the page stays
/// small.
const ALL_COLUMNS: usize = 1200;
const MOST_COLUMNS: usize = 400;
const FEWEST_COLUMNS: usize = 80;
/// Bytes of a page that are searched for affekt's name in its title.
const HEAD: u64 = 64 << 10;

/// Writes the page about `folder` to `out`, whole or not at all, and gives back what a reader should be told: lines
/// and pictures that were left out.
///
/// Reads, of those that are there: `log.jsonl`, `report.json`, `ablation.json`, `timeline.json`, `errors.json`, and the logs and
/// reports in folders up to two levels below.
///
/// # Errors
/// There is no such folder, it holds no file of a run, one of them is broken (named, with its place), or `out` cannot
/// be written or is a file that affekt has not made.
pub fn write_report(folder: &Path, out: &Path) -> anyhow::Result<Vec<String>> {
    let metadata =
        std::fs::metadata(folder).with_context(|| format!("{}: no folder of a run", folder.display()))?;
    if !metadata.is_dir() {
        bail!("{}: a file; give the folder of a run", folder.display());
    }
    let mut places = run_places(folder)?;
    let left_out = places.len().saturating_sub(MOST_RUNS);
    places.truncate(MOST_RUNS);
    let columns = (ALL_COLUMNS / places.len().max(1)).clamp(FEWEST_COLUMNS, MOST_COLUMNS);
    let mut runs = vec![];
    for (name, path) in &places {
        runs.extend(Run::read(path, name, columns)?);
    }
    let ablation: Option<Ablation> = results::read(&folder.join("ablation.json"))?;
    let ablation = ablation.filter(|a| !a.rows.is_empty());
    let clip = Clip::read(&folder.join("timeline.json"))?;
    let errors_section = errors::section(folder)?;
    if runs.is_empty() && ablation.is_none() && clip.is_none() && errors_section.is_empty() {
        bail!(
            "{}: nothing to report; a run's folder holds log.jsonl, report.json, ablation.json, timeline.json or \
             errors.json",
            folder.display()
        );
    }

    let mut notes = vec![];
    if left_out > 0 {
        notes.push(format!("The folder holds {left_out} more runs than a page shows."));
    }
    let clip_section = clip.as_ref().map(|c| timeline::section(c, folder)).transpose()?.unwrap_or_default();
    let page = Page {
        name: name_of(folder),
        ablation: ablation.as_ref(),
        ablation_section: ablation.as_ref().map(ablation::section).unwrap_or_default(),
        clip_section,
        errors_section,
        runs: &runs,
        notes: notes.clone(),
    };
    check_page(out)?;
    write_atomically(out, page.render().as_bytes())
        .with_context(|| format!("cannot write {}", out.display()))?;
    for run in &runs {
        let of_run = run.log.iter().flat_map(|log| &log.notes);
        notes.extend(
            of_run.map(|n| if run.name.is_empty() { n.clone() } else { format!("{}: {n}", run.name) }),
        );
    }
    Ok(notes)
}

/// Refuses to replace a page that affekt has not made.
///
/// # Errors
/// It is not affekt's, or cannot be read.
pub fn check_page(page: &Path) -> anyhow::Result<()> {
    let shown = page.display();
    let metadata = match std::fs::metadata(page) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.with_context(|| shown.to_string())?,
    };
    let mut head = vec![];
    if metadata.is_file() {
        let file = open_regular(page, "a page").with_context(|| shown.to_string())?;
        file.take(HEAD).read_to_end(&mut head).with_context(|| shown.to_string())?;
    }
    if !String::from_utf8_lossy(&head).contains(TITLE_END) {
        bail!(
            "{shown} was not made by affekt and would be overwritten; move it or choose another place by --out"
        );
    }
    Ok(())
}

/// The folder's own name, also where it was given as `.`.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.into());
    whole.file_name().map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// Folders with a log or a report, each with its name below `folder`: in the order of the ablation's rows where the
/// name is one of those, else by name.
fn run_places(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = vec![];
    collect(folder, "", 2, &mut found)?;
    let rank = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or_default();
        let known = ["", "supervised", "baseline", "ssl", "ssl_more", "ssl-more", "temporal", "refine"];
        known.iter().position(|k| *k == last).unwrap_or(known.len())
    };
    let above = |name: &str| name.rsplit_once('/').map_or_else(String::new, |(above, _)| above.into());
    found.sort_by_cached_key(|(name, _)| (above(name), rank(name), name.clone()));
    Ok(found)
}

fn collect(folder: &Path, name: &str, deeper: u32, found: &mut Vec<(String, PathBuf)>) -> anyhow::Result<()> {
    if ["log.jsonl", "report.json"].iter().any(|file| folder.join(file).is_file()) {
        found.push((name.into(), folder.into()));
    }
    if deeper == 0 {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry.with_context(|| folder.display().to_string())?;
        // Links are not followed: they may lead around in a circle.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let below = entry.file_name().to_string_lossy().into_owned();
        if below.starts_with('.') {
            continue;
        }
        let below = if name.is_empty() { below } else { format!("{name}/{below}") };
        collect(&entry.path(), &below, deeper - 1, found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_in_the_order_of_the_method() {
        let folder = tempfile::tempdir().unwrap();
        for run in ["ssl", "refine", "zebra", "supervised", "ssl_more", "seed-2/ssl", "a/b/too-deep"] {
            std::fs::create_dir_all(folder.path().join(run)).unwrap();
            std::fs::write(folder.path().join(run).join("log.jsonl"), "").unwrap();
        }
        let names: Vec<String> = run_places(folder.path()).unwrap().into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["supervised", "ssl", "ssl_more", "refine", "zebra", "seed-2/ssl"]);
    }

    #[test]
    fn the_page_is_one_file_without_a_network() {
        let folder = tempfile::tempdir().unwrap();
        let log =
            "{\"kind\":\"step\",\"step\":1,\"loss\":1.0}\n{\"kind\":\"step\",\"step\":2,\"loss\":0.5}\n{\"k";
        std::fs::write(folder.path().join("log.jsonl"), log).unwrap();
        let out = folder.path().join("page.html");
        let notes = write_report(folder.path(), &out).unwrap();
        assert_eq!(notes.len(), 1, "{notes:?}");
        let page = std::fs::read_to_string(out).unwrap();
        for outside in ["http:", "https:", "src=\"/", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    }
}
