//! Why a run cannot start or go on.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::backend::BackendError;
use crate::data::DataError;
use crate::learn::LearnError;
use crate::media::MediaError;
use crate::media::detect::DetectError;
use crate::media::source::SourceError;
use crate::net::{GraphError, WeightsError};

/// Why a run cannot start or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A setting is out of range or contradicts another.
    #[error("setting `{name}`: {problem}")]
    Setting {
        /// Its path in the config file, e.g. `data.labelled`.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The output folder cannot be used.
    #[error("output folder {path}: {problem}", path = .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A file cannot be written or read.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {problem}", path = .path.display())]
    File {
        /// File.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The caller stopped it.
    #[error("interrupted")]
    Interrupted,
    /// A schedule cannot be built: a mistake in the program.
    #[error("schedule: {0}")]
    Schedule(String),
    /// A dataset, sampler or loader.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training, measuring or a checkpoint.
    #[error(transparent)]
    Learn(LearnError),
    /// The network on its device.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A graph that cannot be built.
    #[error("setting `model`: {0}")]
    Graph(#[from] GraphError),
    /// A weights file.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A video, a picture or a camera.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A frame that is no picture.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A face detector.
    #[error(transparent)]
    Detect(#[from] DetectError),
}

impl WorldError {
    pub(super) fn setting(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), problem: problem.into() }
    }

    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into() }
    }

    /// Whether the request itself is at fault, not what happened while it was done.
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::Setting { .. }
                | Self::Graph(_)
                | Self::Data(DataError::Spec { .. })
                | Self::Backend(BackendError::Memory { .. })
        )
    }
}

impl From<LearnError> for WorldError {
    /// A setting of learning stands in a run's settings under `training`.
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::Setting { name, problem } => Self::setting(format!("training.{name}"), problem),
            other => Self::Learn(other),
        }
    }
}
