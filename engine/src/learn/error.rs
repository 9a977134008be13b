//! What can go wrong while learning, in words for the person who runs it.

use std::path::PathBuf;

use thiserror::Error;

use crate::backend::BackendError;

/// Why learning, measuring or resuming cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LearnError {
    /// A setting is out of range or contradicts another one.
    #[error("setting `{name}`: {problem}")]
    Setting {
        /// The setting as the config file calls it, e.g. `pseudo_labels.threshold`.
        name: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Several settings are wrong, each a [`LearnError::Setting`].
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<LearnError>),
    /// A batch does not have the shape that the settings and the network ask for.
    #[error("training batch: {0}")]
    Batch(String),
    /// A stage was called before the one it depends on.
    #[error("{stage} was called out of order: call {first} first")]
    Order {
        /// The stage.
        stage: &'static str,
        /// What must come first.
        first: &'static str,
    },
    /// Too many steps in a row had a loss or gradient that is not a number.
    #[error(
        "step {step}: {in_a_row} steps in a row had a loss or gradient that is infinite or not a number; \
         lower the learning rate or `optimiser.clip`, or look for broken pictures, and resume from a checkpoint"
    )]
    Diverged {
        /// Step at which it was given up, counted from 1.
        step: u64,
        /// Steps without an update.
        in_a_row: u32,
    },
    /// A network's answer is no number.
    #[error(
        "the network gave logits that are infinite or not a number: its weights are damaged or its training \
         diverged; use another checkpoint or model"
    )]
    NotFinite,
    /// Predictions cannot be measured.
    #[error("evaluation: {0}")]
    Evaluation(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}{place}: {reason}", path = .path.display())]
    Format {
        /// File.
        path: PathBuf,
        /// Line or entry with its leading separator, e.g. `, line 12`.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A checkpoint belongs to another run.
    #[error(
        "{path} was written by another run: {differences}; use the same settings, or another --out folder",
        path = .path.display()
    )]
    OtherRun {
        /// Checkpoint.
        path: PathBuf,
        /// What differs: name, its value and ours.
        differences: String,
    },
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Settings that are wrong, collected so that all are told at once.
#[cfg(feature = "training")]
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<LearnError>);

#[cfg(feature = "training")]
impl Faults {
    /// Notes a setting that does not hold what is required of it.
    pub fn require(&mut self, holds: bool, name: &'static str, problem: impl FnOnce() -> String) {
        if !holds {
            self.0.push(LearnError::Setting { name, problem: problem() });
        }
    }

    /// All that were noted.
    ///
    /// # Errors
    /// There are some.
    pub fn end(mut self) -> Result<(), LearnError> {
        match (self.0.len(), self.0.pop()) {
            (_, None) => Ok(()),
            (1, Some(one)) => Err(one),
            (_, Some(last)) => {
                self.0.push(last);
                Err(LearnError::Several(self.0))
            }
        }
    }
}
