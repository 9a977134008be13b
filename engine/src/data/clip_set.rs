//! Clips of one or more datasets under a run's vocabulary, numbered through.

use std::sync::Arc;

use super::{Clips, DataError, Mapping, Spec, Target, Vocabulary};
use crate::media::Picture;

/// Open clips with their labels mapped to the run's classes.
#[derive(Clone)]
pub struct ClipSet {
    sources: Vec<Source>,
    /// Source and number in the source of each clip.
    places: Vec<(usize, usize)>,
}

#[derive(Clone)]
struct Source {
    clips: Arc<dyn Clips>,
    mapping: Mapping,
}

impl ClipSet {
    /// Maps the labels of open datasets by name; `specs` say how, one for each.
    ///
    /// # Errors
    /// A class maps nowhere, or there is no clip at all.
    pub fn new(vocabulary: &Vocabulary, open: Vec<(Spec, Arc<dyn Clips>)>) -> Result<Self, DataError> {
        let mut set = Self { sources: vec![], places: vec![] };
        for (spec, clips) in open {
            let mapping = if spec.unlabelled {
                Mapping::new()
            } else {
                vocabulary.mapping(clips.name(), clips.classes(), &spec.map, spec.ambiguous)?
            };
            let source = set.sources.len();
            set.places.extend((0..clips.len()).map(|clip| (source, clip)));
            set.sources.push(Source { clips, mapping });
        }
        if set.places.is_empty() {
            let names: Vec<&str> = set.sources.iter().map(|source| source.clips.name()).collect();
            return Err(DataError::TooFew(format!("{}: no clip in it", names.join(", "))));
        }
        Ok(set)
    }

    /// Number of clips, at least 1.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never true.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn at(&self, clip: usize) -> (&Source, usize) {
        let (source, inner) = self.places[clip];
        (&self.sources[source], inner)
    }

    /// The dataset that a clip is of, the clip's number in it, and which of the set's datasets it is.
    pub fn source(&self, clip: usize) -> (&dyn Clips, usize, usize) {
        let (source, inner) = self.places[clip];
        (&*self.sources[source].clips, inner, source)
    }

    /// A clip's name in its dataset.
    pub fn clip_name(&self, clip: usize) -> &str {
        let (source, inner) = self.at(clip);
        source.clips.clip_name(inner)
    }

    /// Number of frames of a clip.
    pub fn frames(&self, clip: usize) -> usize {
        let (source, inner) = self.at(clip);
        source.clips.frames(inner)
    }

    /// Frames of all clips.
    pub fn total_frames(&self) -> usize {
        (0..self.len()).map(|clip| self.frames(clip)).sum()
    }

    /// A frame's class in the run's vocabulary, or -1: not annotated, annotated as to be ignored, or of a class that the
    /// run leaves out.
    pub fn label(&self, clip: usize, frame: usize) -> i64 {
        let (source, inner) = self.at(clip);
        let own = source.clips.label(inner, frame);
        match own.and_then(|class| source.mapping.get(class)) {
            Some(Target::Class(class)) => *class as i64,
            _ => -1,
        }
    }

    /// Whether a face was found in the frame.
    pub fn has_face(&self, clip: usize, frame: usize) -> bool {
        let (source, inner) = self.at(clip);
        source.clips.has_face(inner, frame)
    }

    /// The face of a frame.
    ///
    /// # Errors
    /// As [`Clips::picture`].
    pub fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError> {
        let (source, inner) = self.at(clip);
        source.clips.picture(inner, frame)
    }

    /// Labelled frames with a face of each class.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for clip in 0..self.len() {
            for frame in 0..self.frames(clip) {
                let label = usize::try_from(self.label(clip, frame)).ok();
                if let Some(class) = label.filter(|&class| class < classes && self.has_face(clip, frame)) {
                    counts[class] += 1;
                }
            }
        }
        counts
    }

    /// A hash over names, lengths, faces and labels: two runs with the same one learn from the same clips.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for clip in 0..self.len() {
            hasher.update(self.clip_name(clip).as_bytes());
            hasher.update(&(self.frames(clip) as u64).to_le_bytes());
            for frame in 0..self.frames(clip) {
                hasher.update(&[u8::from(self.has_face(clip, frame))]);
                hasher.update(&self.label(clip, frame).to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two clips of 10 and 3 frames; the label of frame `f` is `f % 3`, -1 from 2 on where 3 is the class count; frame 1
    /// has no face.
    pub struct Few;

    impl Clips for Few {
        fn name(&self) -> &'static str {
            "few"
        }

        fn classes(&self) -> &[String] {
            static CLASSES: std::sync::LazyLock<Vec<String>> =
                std::sync::LazyLock::new(|| ["Sadness", "Happiness"].map(String::from).to_vec());
            &CLASSES
        }

        fn len(&self) -> usize {
            2
        }

        fn clip_name(&self, clip: usize) -> &str {
            ["long", "short"][clip]
        }

        fn frames(&self, clip: usize) -> usize {
            [10, 3][clip]
        }

        fn label(&self, _: usize, frame: usize) -> Option<usize> {
            Some(frame % 3).filter(|&class| class < 2)
        }

        fn has_face(&self, _: usize, frame: usize) -> bool {
            frame != 1
        }

        fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError> {
            Ok([(clip * 16 + frame) as u8; 32])
        }

        fn picture(&self, _: usize, frame: usize) -> Result<Picture, DataError> {
            Ok(Picture::filled(1, 1, 1, frame as u8))
        }
    }

    pub fn few() -> ClipSet {
        let vocabulary = Vocabulary::new(["happiness", "sadness"].map(String::from).to_vec()).expect("two");
        ClipSet::new(&vocabulary, vec![(Spec::new("few", "x"), Arc::new(Few))]).expect("two clips")
    }

    #[test]
    fn labels_are_mapped_by_name_and_counted_where_there_is_a_face() {
        let set = few();
        assert_eq!((set.len(), set.total_frames(), set.clip_name(1)), (2, 13, "short"));
        let labels: Vec<i64> = (0..4).map(|frame| set.label(0, frame)).collect();
        assert_eq!(labels, [1, 0, -1, 1]);
        // Happiness stands at frames 1, 4 and 7 of the long clip and 1 of the short; frame 1 has no face.
        assert_eq!(set.class_counts(2), [2, 5]);
    }

    #[test]
    fn a_set_without_clips_is_refused() {
        let vocabulary = Vocabulary::new(["a", "b"].map(String::from).to_vec()).expect("two");
        assert!(ClipSet::new(&vocabulary, vec![]).is_err());
    }
}
