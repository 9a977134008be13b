//! A comparison that was stopped goes on: what it compares is kept in its folder, and so is where its runs part.

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::files::{LARGEST_SETTINGS, printable, read_limited, write_atomically};
use affekt_engine::learn::{Checkpoints, LearnError, RunIdentity, TrainingState};
use affekt_engine::world::RunFolder;
use anyhow::{Context as _, anyhow};
use serde::Serialize;

use crate::failure::Failure;

/// What the comparison compares: a file in its folder.
const PLAN: &str = "plan.json";
/// Where a seed's runs part: a folder of checkpoints beside theirs.
const SHARED: &str = "shared";
/// Folders of the runs of a seed.
const RUNS: [&str; 4] = ["supervised", "ssl", "ssl_more", "refine"];
/// Most characters of a command that is shown.
const LONGEST_COMMAND: usize = 4000;

/// Keeps the comparison's folder to this program: of a new comparison, or of the same one, which then goes on. With `force`
/// it starts over whatever there is.
///
/// # Errors
/// The folder is not empty and holds no comparison, or one of other data or settings; it cannot be used, or somebody is at
/// work in it.
pub fn begin(
    plan: &impl Serialize,
    out: &Path,
    force: bool,
    say: impl Fn(&str),
) -> Result<RunFolder, Failure> {
    let path = out.join(PLAN);
    let shown = path.display();
    let plan = RunIdentity::new(plan)?;
    if !force && path.is_file() {
        let folder = RunFolder::keep(out)?;
        let text = read_limited(&path, LARGEST_SETTINGS, "a plan").with_context(|| shown.to_string())?;
        let before: RunIdentity = serde_json::from_slice(&text)
            .with_context(|| format!("{shown}: is no comparison's plan; start over by --force"))?;
        if let Some(differences) = plan.differences(&before) {
            return Err(Failure::usage(anyhow!(
                "{}: holds another comparison ({differences}); give what it was begun with to go on, --force to start \
                 over, or another --out",
                out.display()
            )));
        }
        say(&format!("going on with the comparison in {}", out.display()));
        return Ok(folder);
    }
    let folder = RunFolder::create(out, force)?;
    if force {
        forget(out).with_context(|| out.display().to_string())?;
    }
    let text = serde_json::to_vec_pretty(&plan)?;
    write_atomically(&path, &text).with_context(|| shown.to_string())?;
    Ok(folder)
}

/// Removes what an earlier comparison in the folder would be known by, for every seed it had.
fn forget(out: &Path) -> anyhow::Result<()> {
    // First of all: were we killed meanwhile, nobody would take what is left for a comparison's.
    let missing_is_fine = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    missing_is_fine(std::fs::remove_file(out.join(PLAN)))?;
    let mut seeds = vec![out.to_owned()];
    for entry in std::fs::read_dir(out)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("seed-") && entry.file_type()?.is_dir() {
            seeds.push(entry.path());
        }
    }
    for out in seeds {
        for run in RUNS.map(|run| out.join(run)).into_iter().filter(|run| run.is_dir()) {
            RunFolder::create(&run, true)?;
        }
        missing_is_fine(std::fs::remove_dir_all(out.join(SHARED)))?;
    }
    Ok(())
}

/// The folder of a row's run, and whether there is a checkpoint in it to go on from.
///
/// # Errors
/// The folder cannot be used.
pub fn run_folder(path: &Path) -> Result<(RunFolder, bool), Failure> {
    if !RunFolder::is_begun(path) {
        return Ok((RunFolder::create(path, true)?, false));
    }
    let folder = RunFolder::open(path)?;
    let entries = std::fs::read_dir(folder.checkpoints()).into_iter().flatten().flatten();
    let begun = entries.into_iter().any(|entry| entry.path().extension().is_some_and(|e| e == "safetensors"));
    Ok((folder, begun))
}

/// The state that the runs of a seed share, on disk.
pub struct Shared(Checkpoints);

impl Shared {
    /// Of the seed whose runs lie in `out`; `run` is the settings of the run that makes the steps they share.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(out: &Path, run: &impl Serialize) -> Result<Self, Failure> {
        Ok(Self(Checkpoints::open(&out.join(SHARED), RunIdentity::new(run)?)?))
    }

    /// What was kept, if it is whole.
    ///
    /// # Errors
    /// It is of other settings, or the disk fails.
    pub fn read(&self) -> Result<Option<TrainingState>, Failure> {
        match self.0.latest() {
            // What is damaged was logged; the steps are made again.
            Err(LearnError::Format { .. }) => Ok(None),
            other => Ok(other?),
        }
    }

    /// Keeps a state.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, state: &TrainingState) -> Result<(), Failure> {
        self.0.save(state)?;
        Ok(())
    }
}

/// The command that goes on with what this one began in `out`: the same without `--force`, which would start over.
pub fn same_command(out: &Path) -> String {
    command_of(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()), out)
}

fn command_of(words: impl Iterator<Item = String>, out: &Path) -> String {
    let mut words: Vec<String> = words.filter(|word| word != "--force").collect();
    if !words.iter().any(|word| word == "--out" || word.starts_with("--out=") || word.starts_with("-o")) {
        words.extend(["--out".to_owned(), out.display().to_string()]);
    }
    let mut command = String::from("affekt");
    for word in words {
        let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
        let _ = if !word.is_empty() && word.chars().all(plain) {
            write!(command, " {word}")
        } else {
            write!(command, " '{}'", word.replace('\'', r"'\''"))
        };
    }
    printable(&command, LONGEST_COMMAND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_goes_on_can_be_pasted_and_does_not_start_over() {
        let of = |words: &[&str]| command_of(words.iter().map(|&w| w.to_owned()), Path::new("runs/demo"));
        let shown = of(&["eval", "--ablation", "--labelled", "synth:4?a=1&b=2", "--force", "--out", "it's"]);
        assert_eq!(shown, r"affekt eval --ablation --labelled 'synth:4?a=1&b=2' --out 'it'\''s'");
        assert_eq!(of(&["demo", "--seed", "2"]), "affekt demo --seed 2 --out runs/demo");
        assert_eq!(of(&["demo", "--out=a", ""]), "affekt demo --out=a ''");
    }
}
