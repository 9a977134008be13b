//! Video as data: clips of numbered frames with a label for each.

use crate::media::Picture;

use super::{DataError, Stamp};

/// A set of clips that is read frame by frame. Opening it reads names and labels, never pictures.
///
/// Frames are counted from 0 and every frame that the clip's video has is counted, whether or not a face was found in
/// it: what is missing is missing in its place.
pub trait Clips: Send + Sync {
    /// How messages call it: the SPEC it was opened with.
    fn name(&self) -> &str;

    /// Its own class names; empty where it has no labels.
    fn classes(&self) -> &[String];

    /// Number of clips.
    fn len(&self) -> usize;

    /// Whether it has no clip.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A clip's name, without a path: `video_12_left`.
    fn clip_name(&self, clip: usize) -> &str;

    /// Number of frames of a clip.
    fn frames(&self, clip: usize) -> usize;

    /// A frame's label, an index into [`Clips::classes`]; `None` where it has none (Aff-Wild2's -1, or past its labels).
    fn label(&self, clip: usize, frame: usize) -> Option<usize>;

    /// Whether a face was found in the frame, so that it has a picture.
    fn has_face(&self, clip: usize, frame: usize) -> bool;

    /// What tells whether a frame's stored content has changed; `None` where the form cannot tell.
    fn stamp(&self, clip: usize, frame: usize) -> Option<Stamp> {
        let _ = (clip, frame);
        None
    }

    /// Hash of what a frame is decoded from.
    ///
    /// # Errors
    /// The frame has no face or cannot be read.
    fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError>;

    /// The bytes of a frame's picture file as they are stored; nothing where frames are no files.
    ///
    /// # Errors
    /// The frame has no face or cannot be read.
    fn stored(&self, clip: usize, frame: usize) -> Result<Option<Vec<u8>>, DataError> {
        let _ = (clip, frame);
        Ok(None)
    }

    /// Reads and decodes the face of a frame.
    ///
    /// # Errors
    /// The frame has no face, or cannot be read or decoded; the error names the file and place.
    fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError>;
}
