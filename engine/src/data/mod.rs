//! Datasets: readers that stream, class vocabularies mapped by name, de-duplication by content, samplers addressed
//! by step, and a loader that prefetches through a bounded channel.
//!
//! The way of an item: a [`Spec`] names a dataset, [`Formats::open`] indexes it, [`Pool::build`] hashes its items and
//! maps their labels to the run's [`Vocabulary`], [`training_pools`] removes duplicates and whatever the evaluation
//! set holds too, a sampler says which samples a step takes, and a [`Loader`] prepares steps ahead of time.
//! One file per format; nothing here knows networks or training.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::media::Picture;

mod abaw;
mod affwild2;
mod annotation;
mod bitmap;
mod cache;
mod clip;
mod clip_files;
mod clip_folder;
mod clip_format;
mod clip_frames;
mod clip_sampler;
mod clip_set;
mod clip_window;
mod decode;
mod dedup;
mod feature_cache;
mod feature_file;
mod fer2013;
mod ferplus;
mod format;
mod image_folder;
mod label;
mod labels_per_class;
mod loader;
mod pool;
pub mod recordio;
mod sampler;
mod skip;
mod spec;
mod subset;
mod tree;
mod vocabulary;

pub use abaw::{PredictionsReport, PredictionsWriter, check_predictions, image_location};
pub use cache::PictureCache;
pub use clip::Clips;
pub use clip_format::{ClipFormat, ClipFormats, OpenClips};
pub use clip_frames::ClipFrames;
pub use clip_sampler::{ClipSampler, Stretch};
pub use clip_set::ClipSet;
pub use clip_window::append_stretch;
pub use dedup::DedupReport;
pub use feature_cache::FeatureCache;
pub use feature_file::{FeatureFile, FeatureWriter};
pub use format::{Format, Formats, OpenDataset, open};
pub use labels_per_class::LabelsPerClass;
pub use loader::Loader;
pub use pool::{Pool, Sample, Source};
pub use sampler::{BalancedSampler, UniformSampler};
pub use skip::SkipLog;
pub use spec::{Ambiguous, Spec};
pub use subset::{TrainingPools, training_pools};
pub use vocabulary::{Mapping, Target, Vocabulary};

/// What a dataset says of an item's expression, in the dataset's own vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub enum Annotation {
    /// No label: the item goes to the unlabelled pool.
    None,
    /// One class, an index into [`Dataset::classes`].
    Class(usize),
    /// Annotators' votes, one count per entry of [`Dataset::classes`].
    Votes(Vec<f32>),
}

/// A set of face pictures that is read item by item. Opening it reads the index, never the pictures.
pub trait Dataset: Send + Sync {
    /// How messages call it: the SPEC it was opened with.
    fn name(&self) -> &str;

    /// Its own class names; empty where it has no labels.
    fn classes(&self) -> &[String];

    /// Number of items.
    fn len(&self) -> usize;

    /// Whether it has no item.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What messages call an item: a path, an archive entry, a record key.
    fn key(&self, index: usize) -> String;

    /// The item's label.
    fn annotation(&self, index: usize) -> Annotation;

    /// Hash of the item's stored bytes (or pixels, where the format stores pixels), for de-duplication.
    ///
    /// # Errors
    /// The item cannot be read.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError>;

    /// Reads and decodes the item, cropped to its face box where the dataset has one.
    ///
    /// # Errors
    /// The item cannot be read or decoded; the error names the file and place.
    fn picture(&self, index: usize) -> Result<Picture, DataError>;
}

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
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    fn format(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Format { path: path.to_path_buf(), place: place.into(), reason: reason.into() }
    }
}
