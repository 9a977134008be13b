//! Datasets: readers that stream, class vocabularies mapped by name, de-duplication by content, samplers addressed
//! by step, and a loader that prefetches through a bounded channel.

use std::path::PathBuf;

use thiserror::Error;

use crate::media::Picture;

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
}
