//! Clips as a set of single pictures, so that pictures of video are trained on as any others.

use std::sync::Arc;

use super::clip_files::image_location;
use super::{Annotation, Clips, DataError, Dataset, Spec, Stamp};
use crate::media::Picture;

/// The frames of clips that have a face, in the clips' order. A frame labelled -1 has no label and serves as unlabelled.
pub struct ClipFrames {
    clips: Arc<dyn Clips>,
    /// Clip and frame.
    items: Vec<(u32, u32)>,
}

impl ClipFrames {
    /// Takes every `every`-th frame of each clip, from its first on, where it has a face. Neighbouring frames are nearly
    /// equal, so that a few a second hold most of what there is to learn.
    ///
    /// # Errors
    /// `every` is 0, or there are more clips or frames than `u32` counts.
    pub fn new(clips: Arc<dyn Clips>, every: usize) -> Result<Self, DataError> {
        let error =
            |reason: &str| DataError::Spec { spec: clips.name().to_owned(), reason: reason.to_owned() };
        if every == 0 {
            return Err(error("every takes a number from 1 up: every N-th frame is used"));
        }
        let mut items = Vec::new();
        for clip in 0..clips.len() {
            for frame in (0..clips.frames(clip)).step_by(every).filter(|&frame| clips.has_face(clip, frame)) {
                let item = u32::try_from(clip).ok().zip(u32::try_from(frame).ok());
                items.push(item.ok_or_else(|| error("more clips or frames than can be counted"))?);
            }
        }
        Ok(Self { clips, items })
    }

    /// The SPEC's option `every`, 1 where it has none.
    ///
    /// # Errors
    /// It is no number.
    pub fn every(spec: &Spec) -> Result<usize, DataError> {
        let Some(text) = spec.options.get("every") else { return Ok(1) };
        text.parse().map_err(|_| spec.error(format!("every takes a number from 1 up, not `{text}`")))
    }

    /// An item's clip and frame, the frame counted from 0.
    pub fn place(&self, index: usize) -> (usize, usize) {
        let (clip, frame) = self.items[index];
        (clip as usize, frame as usize)
    }
}

impl Dataset for ClipFrames {
    fn name(&self) -> &str {
        self.clips.name()
    }

    fn classes(&self) -> &[String] {
        self.clips.classes()
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn key(&self, index: usize) -> String {
        let (clip, frame) = self.place(index);
        format!("{}, {}", self.clips.name(), image_location(self.clips.clip_name(clip), frame))
    }

    fn annotation(&self, index: usize) -> Annotation {
        let (clip, frame) = self.place(index);
        self.clips.label(clip, frame).map_or(Annotation::None, Annotation::Class)
    }

    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        Ok(Some(self.clips.clip_name(self.place(index).0).to_owned()))
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        let (clip, frame) = self.place(index);
        self.clips.stamp(clip, frame)
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let (clip, frame) = self.place(index);
        self.clips.content_hash(clip, frame)
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        let (clip, frame) = self.place(index);
        self.clips.stored(clip, frame)
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let (clip, frame) = self.place(index);
        self.clips.picture(clip, frame)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::super::formats::affwild2::tests::{write_frames, write_labels};
    use super::super::{Pool, SkipLog, Source, Vocabulary};
    use super::*;
    use crate::data::Formats;

    #[test]
    fn frames_with_a_face_are_pictures_and_minus_one_is_unlabelled() {
        let dir = tempfile::tempdir().unwrap();
        write_labels(dir.path(), "v", &[4, -1, 4, 4, 0, 0, 0]);
        write_frames(&dir.path().join("cropped_aligned/v"), [1, 2, 3, 5, 7]);
        let skips = SkipLog::new(true);
        let pool = |rest: &str| {
            let spec: Spec =
                format!("affwild2:{}#Validation_Set{rest}", dir.path().display()).parse().unwrap();
            let source = Source::open(&spec, &Formats::files(), &skips)?;
            Pool::build(&Vocabulary::open("affwild2-8").unwrap(), &[source], &skips)
        };
        assert_eq!(pool("").unwrap().labels(), [Some(4), None, Some(4), Some(0), Some(0)]);
        let thinned = pool("?every=2").unwrap();
        assert_eq!(thinned.labels(), [Some(4), Some(4), Some(0), Some(0)], "frames 1, 3, 5, 7");
        assert!(thinned.key(3).ends_with("v/00007.jpg"), "{}", thinned.key(3));
        assert_eq!(pool("?unlabelled=true").unwrap().labels(), [None; 5]);
        for (rest, part) in [("?every=0", "from 1 up"), ("?every=x", "`x`")] {
            assert!(pool(rest).err().unwrap().to_string().contains(part));
        }
    }

    #[test]
    fn a_bad_frame_is_skipped_and_named_and_fatal_when_strict() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("a"), [1, 2, 3]);
        fs::write(dir.path().join("a/00002.jpg"), b"text").unwrap();
        let spec = Spec::new("clips", dir.path());
        let build = |strict| {
            let skips = SkipLog::new(strict);
            let source = Source::open(&spec, &Formats::files(), &skips).unwrap();
            Pool::build(
                &Vocabulary::open("basic7").unwrap(),
                &[Source { unlabelled: true, ..source }],
                &skips,
            )
            .map(|pool| (pool.len(), skips.first().join("")))
        };
        let (len, named) = build(false).unwrap();
        assert!(len == 2 && named.contains("00002.jpg"), "{named}");
        assert!(build(true).err().unwrap().to_string().contains("00002.jpg"));
    }
}
