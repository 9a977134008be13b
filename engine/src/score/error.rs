//! What can be wrong with a table of predictions.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why predictions cannot be read or compared.
#[derive(Debug, Error)]
pub enum ScoreError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file is not the table that it should be.
    #[error("{path}{place}: {reason}", path = .path.display())]
    Format {
        /// File.
        path: PathBuf,
        /// Line with its leading separator, e.g. `, line 12`, or empty.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// What is asked cannot be had of these predictions.
    #[error("{0}")]
    Request(String),
}

impl ScoreError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn format(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), place: place.into(), reason: reason.into() }
    }
}
