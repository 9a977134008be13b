//! What can be wrong with data.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why data cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file is not what its format says.
    #[error("{path}{place}: {reason}", path = .path.display())]
    Format {
        /// File.
        path: PathBuf,
        /// Line, offset, entry or record, with its leading separator, e.g. `, line 12`.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A dataset SPEC cannot be understood.
    #[error("dataset `{spec}`: {reason}")]
    Spec {
        /// The SPEC as it was written.
        spec: String,
        /// What is wrong and what is possible.
        reason: String,
    },
    /// Class names do not fit the run's vocabulary.
    #[error("{dataset}: {reason}")]
    Vocabulary {
        /// The dataset or vocabulary that does not fit.
        dataset: String,
        /// Both lists and what to do.
        reason: String,
    },
    /// A set has too few samples or labels for what was asked.
    #[error("{0}")]
    TooFew(String),
    /// Whoever was told how far reading is stopped it.
    #[error("stopped; content hashes made so far are kept")]
    Stopped,
    /// Processes that read a dataset together.
    #[error("the processes that hash together: {0}")]
    Processes(String),
    /// Preparing a training step panicked.
    #[error("preparing step {step} failed: {reason}")]
    Worker {
        /// Training step.
        step: u64,
        /// The panic's message.
        reason: String,
    },
}

impl DataError {
    /// A file that cannot be read, for readers of formats of one's own too.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    /// A file that is not what its format says. `place` comes with its leading separator, e.g. `, line 12`, or is empty.
    /// `reason` says what is wrong and what to do; text of the file in it goes through [`quoted`](super::quoted) first.
    pub fn format(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Format { path: path.to_path_buf(), place: place.into(), reason: reason.into() }
    }
}
