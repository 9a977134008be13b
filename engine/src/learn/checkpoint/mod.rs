//! Checkpoints: one safetensors file each, whole or not there at all, so that a run killed at any moment goes on from
//! the last one, bit for bit. `file` is what stands in one, `identity` what tells runs apart, `kept` which of them stay.

mod file;
mod identity;
mod kept;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::file::{decode, encode, open};
pub use self::identity::RunIdentity;
use self::kept::{BEST, Best, to_remove};
use super::error::LearnError;
use super::state::TrainingState;
use crate::files::{QUOTED, printable, read_limited, sweep_leftovers, write_atomically};

/// Largest file that is read: eight times the largest model, since a state has up to eight copies of its weights.
const LARGEST: u64 = 8 * crate::files::LARGEST_MODEL;
/// Most characters of a reason in an error.
const LONGEST_REASON: usize = 300;

/// A folder of checkpoints named `checkpoint-STEP.safetensors`.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    identity: RunIdentity,
    computed_by: Option<String>,
    keep_every: u64,
    best: Option<Best>,
}

impl Checkpoints {
    /// Makes the folder where it does not exist, and sweeps out what killed runs left half-written.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(folder: &Path, identity: RunIdentity) -> Result<Self, LearnError> {
        let io = |source| LearnError::Io { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        sweep_leftovers(folder).map_err(io)?;
        let checkpoints =
            Self { folder: folder.into(), identity, computed_by: None, keep_every: 0, best: None };
        let best = Best::read(folder).filter(|best| checkpoints.path(best.step).is_file());
        Ok(Self { best, ..checkpoints })
    }

    /// Keeps those of every `steps` steps for good; 0 keeps none of them.
    #[must_use]
    pub fn keeping_every(self, steps: u64) -> Self {
        Self { keep_every: steps, ..self }
    }

    /// Says what computes: the backend and its kernels, in words that stay the same where the last digits of a result do, e.g.
    /// `cpu avx2`. It is written into checkpoints, and going on from one that something else computed is warned of.
    #[must_use]
    pub fn computed_by(self, what: impl Into<String>) -> Self {
        Self { computed_by: Some(what.into()), ..self }
    }

    /// Steps of the checkpoints that are there, newest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>, LearnError> {
        let io = |source| LearnError::Io { path: self.folder.clone(), source };
        let mut steps = vec![];
        for entry in std::fs::read_dir(&self.folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
            let digits = name.strip_prefix("checkpoint-").and_then(|rest| rest.strip_suffix(".safetensors"));
            steps.extend(digits.and_then(|d| d.parse::<u64>().ok()));
        }
        steps.sort_unstable_by(|a, b| b.cmp(a));
        steps.dedup();
        Ok(steps)
    }

    /// Takes the score of an evaluation after `step` steps, higher being better, and says whether it is the best so far. The
    /// checkpoint of that step, which must then be [saved](Self::save), is kept until there is a better one.
    ///
    /// # Errors
    /// The folder cannot be written or the disk is full.
    pub fn is_best(&mut self, step: u64, score: f64) -> Result<bool, LearnError> {
        // What was found beyond this step was before a resume.
        let before = self.best.filter(|best| best.step <= step);
        if !score.is_finite() || before.is_some_and(|best| best.score >= score) {
            return Ok(false);
        }
        let best = Best { step, score };
        let path = self.folder.join(BEST);
        // Before the checkpoint: were we killed between the two, the step is made again and found again.
        let written = serde_json::to_vec(&best).map_err(std::io::Error::from);
        let written = written.and_then(|bytes| write_atomically(&path, &bytes));
        written.map_err(|source| LearnError::Io { path, source })?;
        self.best = Some(best);
        Ok(true)
    }

    /// Writes a checkpoint, then removes all but the last two, the best, and those that are kept for good. Returns its path.
    ///
    /// # Errors
    /// The folder cannot be written or the disk is full; the earlier checkpoints are untouched then.
    pub fn save(&self, state: &TrainingState) -> Result<PathBuf, LearnError> {
        let path = self.path(state.step);
        let bytes = self.pack(state)?;
        write_atomically(&path, &bytes).map_err(|source| LearnError::Io { path: path.clone(), source })?;
        for step in to_remove(&self.steps()?, state.step, self.keep_every, self.best) {
            let old = self.path(step);
            std::fs::remove_file(&old).map_err(|source| LearnError::Io { path: old, source })?;
        }
        Ok(path)
    }

    /// The bytes of a checkpoint.
    ///
    /// # Errors
    /// A tensor does not fit its shape.
    pub fn pack(&self, state: &TrainingState) -> Result<Vec<u8>, LearnError> {
        let path = || self.path(state.step);
        encode(state, &self.identity, self.computed_by.as_deref()).map_err(|reason| LearnError::Format {
            path: path(),
            place: String::new(),
            reason,
        })
    }

    /// The newest checkpoint that can be used; `None` where there is none. A damaged one is passed over with a warning.
    ///
    /// # Errors
    /// It belongs to another run, or every checkpoint is damaged.
    pub fn latest(&self) -> Result<Option<TrainingState>, LearnError> {
        let mut damaged = None;
        for step in self.steps()? {
            match self.read(&self.path(step)) {
                Ok(state) => {
                    if damaged.is_some() {
                        log::warn!("going on from step {step}, by the checkpoint before the damaged one");
                    }
                    return Ok(Some(state));
                }
                Err(error @ LearnError::Format { .. }) => {
                    log::warn!("{error}; trying the checkpoint before it");
                    damaged.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Reads one checkpoint and compares its content with its hash. One of an earlier version, without a hash, is read all
    /// the same, which is logged; one that something else computed is warned of.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or belongs to another run.
    pub fn read(&self, path: &Path) -> Result<TrainingState, LearnError> {
        let io = |source| LearnError::Io { path: path.into(), source };
        self.unpack(path, &read_limited(path, LARGEST, "a checkpoint").map_err(io)?)
    }

    /// The state in the bytes of a checkpoint, as [`Checkpoints::read`] says; `path` is where they come from.
    ///
    /// # Errors
    /// As there.
    pub fn unpack(&self, path: &Path, bytes: &[u8]) -> Result<TrainingState, LearnError> {
        let format = |reason: String| LearnError::Format {
            path: path.into(),
            place: String::new(),
            reason: printable(&reason, LONGEST_REASON),
        };
        let (header, file) = open(bytes).map_err(format)?;
        if let Some(differences) = self.identity.differences(&header.identity) {
            return Err(LearnError::OtherRun { path: path.into(), differences });
        }
        if !header.is_hashed() {
            log::info!(
                "{}: written without a hash by an earlier version, so damage to it cannot be noticed",
                path.display()
            );
        }
        if let Some((there, here)) = self.other_arithmetic(header.computed_by.as_deref()) {
            log::warn!(
                "{}: computed by {there}, and the run goes on by {here}: from here on its numbers differ in their last \
                 digits from those of an uninterrupted run",
                path.display()
            );
        }
        decode(header, &file).map_err(format)
    }

    /// What computed a checkpoint and what computes now, where both are known and differ.
    fn other_arithmetic(&self, there: Option<&str>) -> Option<(String, &str)> {
        let (there, here) = (there?, self.computed_by.as_deref()?);
        (there != here).then(|| (printable(there, QUOTED), here))
    }

    /// What tells this run from others.
    pub fn identity(&self) -> &RunIdentity {
        &self.identity
    }

    fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("checkpoint-{step:010}.safetensors"))
    }
}
