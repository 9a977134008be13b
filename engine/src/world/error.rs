//! Why a run cannot start or go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::backend::BackendError;
#[cfg(feature = "training")]
use crate::data::DataError;
use crate::learn::LearnError;
use crate::media::MediaError;
use crate::media::detect::DetectError;
use crate::media::source::SourceError;
use crate::net::{GraphError, WeightsError};
#[cfg(feature = "training")]
use crate::score::ScoreError;

/// What kind of trouble an error is, for programs in other languages, which tell no more apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was asked for is wrong or contradicts itself.
    Request,
    /// A file or folder cannot be read or written, or is not what it should be.
    File,
    /// The caller stopped it.
    Interrupted,
    /// The computing failed.
    Engine,
    /// A panic that was held.
    Panic,
}

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
    /// Several settings are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<WorldError>),
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
    #[cfg(feature = "training")]
    #[error(transparent)]
    Data(DataError),
    /// Training, measuring or a checkpoint.
    #[error(transparent)]
    Learn(LearnError),
    /// The network on its device.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A graph that cannot be built.
    #[error("setting `model`: {0}")]
    Graph(#[from] GraphError),
    /// A table of predictions.
    #[cfg(feature = "training")]
    #[error(transparent)]
    Score(#[from] ScoreError),
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
    /// A panic that was held: a mistake in the program.
    #[error("a mistake in affekt itself: {0}; please report it")]
    Panicked(String),
}

impl WorldError {
    pub(super) fn setting(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), problem: problem.into() }
    }

    /// Everything that went wrong of several checks, each named once.
    ///
    /// # Errors
    /// Some did.
    #[cfg(feature = "training")]
    pub(super) fn together(checks: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let mut wrong = vec![];
        for error in checks.into_iter().filter_map(Result::err) {
            match error {
                Self::Several(more) => wrong.extend(more),
                one => wrong.push(one),
            }
        }
        match (wrong.len(), wrong.pop()) {
            (_, None) => Ok(()),
            (1, Some(one)) => Err(one),
            (_, Some(last)) => {
                wrong.push(last);
                Err(Self::Several(wrong))
            }
        }
    }

    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into() }
    }

    /// Runs `work`, and gives a panic in it as [`WorldError::Panicked`]: nothing may unwind into a program in another
    /// language. What `work` was changing must not be used again then.
    ///
    /// # Errors
    /// As `work`, or it panics.
    pub fn catch<T>(work: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Self::Panicked(text.unwrap_or_else(|| "it does not say what".into())))
        })
    }

    /// Whether the request itself is at fault, not what happened while it was done.
    pub fn is_request(&self) -> bool {
        if let Self::Several(all) = self {
            return all.iter().all(Self::is_request);
        }
        #[cfg(feature = "training")]
        if matches!(self, Self::Data(DataError::Spec { .. })) {
            return true;
        }
        matches!(
            self,
            Self::Setting { .. }
                | Self::Graph(_)
                | Self::Backend(BackendError::Spec(_) | BackendError::Memory { .. })
        )
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            error if error.is_request() => ErrorKind::Request,
            Self::Media(_) => ErrorKind::Request,
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Panicked(_) => ErrorKind::Panic,
            #[cfg(feature = "training")]
            Self::Learn(LearnError::Io { .. } | LearnError::Format { .. } | LearnError::OtherRun { .. }) => {
                ErrorKind::File
            }
            Self::Schedule(_) | Self::Learn(_) | Self::Backend(_) => ErrorKind::Engine,
            _ => ErrorKind::File,
        }
    }
}

#[cfg(feature = "training")]
impl From<DataError> for WorldError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Stopped => Self::Interrupted,
            other => Self::Data(other),
        }
    }
}

impl From<LearnError> for WorldError {
    /// A setting of learning stands in a run's settings under `training`.
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::Setting { name, problem } => Self::setting(format!("training.{name}"), problem),
            LearnError::Several(all) => Self::Several(all.into_iter().map(Self::from).collect()),
            other => Self::Learn(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        let none: [u8; 0] = [];
        let caught = |work: &dyn Fn() -> u8| WorldError::catch(|| Ok(work())).map_err(|e| e.to_string());
        assert_eq!(caught(&|| 7), Ok(7));
        assert!(caught(&|| none[std::hint::black_box(3)]).is_err_and(|e| e.contains("index out of bounds")));
        assert!(caught(&|| panic!("words")).is_err_and(|e| e.contains("affekt itself: words")));
        assert!(caught(&|| std::panic::panic_any(5)).is_err_and(|e| e.contains("does not say")));
    }
}
