//! What every set of face pictures is to the rest of the engine.

use super::{DataError, FaceScene, Stamp};
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

    /// Who or what the item shows, where the format tells: a person's number, a video's name. Items of one group belong
    /// on one side when a set is split; the name means nothing beside that.
    ///
    /// # Errors
    /// The item cannot be read.
    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        let _ = index;
        Ok(None)
    }

    /// What tells, without reading the item, whether its stored content has changed; `None` where the format cannot tell.
    /// Hashes of items with a stamp may be kept from one run to the next.
    fn stamp(&self, index: usize) -> Option<Stamp> {
        let _ = index;
        None
    }

    /// Hash of the item's stored bytes (or pixels, where the format stores pixels), for de-duplication.
    ///
    /// # Errors
    /// The item cannot be read.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError>;

    /// The bytes of the item's picture file (JPEG or PNG) as they are stored; nothing where the item is a part of a picture, or
    /// its format stores pixels.
    ///
    /// # Errors
    /// The item cannot be read.
    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        let _ = index;
        Ok(None)
    }

    /// Reads and decodes the item, cropped to its face box where the dataset has one.
    ///
    /// # Errors
    /// The item cannot be read or decoded; the error names the file and place.
    fn picture(&self, index: usize) -> Result<Picture, DataError>;

    /// The item's whole picture and where its face lies, for whoever cuts it out otherwise than [`Dataset::picture`].
    ///
    /// # Errors
    /// As there.
    fn scene(&self, index: usize) -> Result<FaceScene, DataError> {
        Ok(FaceScene { picture: self.picture(index)?, face_box: None, landmarks: None })
    }
}
