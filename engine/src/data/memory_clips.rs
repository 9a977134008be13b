//! Clips that a program holds in memory.

use std::collections::HashSet;
use std::path::Path;

use super::clip_files::is_plain_name;
use super::memory_faces::{check_class, check_picture, checked_classes, content_hash};
use super::{Clips, DataError, quoted};
use crate::media::Picture;

/// A frame of a clip in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemoryFrame {
    /// The face; `None` where none was found.
    pub face: Option<Picture>,
    /// Its class, an index into the set's classes.
    pub label: Option<usize>,
}

/// A clip in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryClip {
    /// Its name, unlike that of any other clip of the set; features are kept in a file of this name.
    pub name: String,
    /// All its frames, those without a face too.
    pub frames: Vec<MemoryFrame>,
}

/// Clips with a label for each frame.
#[derive(Debug, Clone)]
pub struct MemoryClips {
    name: String,
    classes: Vec<String>,
    clips: Vec<MemoryClip>,
}

impl MemoryClips {
    /// A set of these clips; `name` is what messages call it, `classes` are the names that labels are indices into.
    ///
    /// # Errors
    /// As [`MemoryFaces::new`](super::MemoryFaces::new); a clip's name cannot be a file's or stands there twice. Names
    /// clip and frame.
    pub fn new<C: Into<String>>(
        name: impl Into<String>,
        classes: impl IntoIterator<Item = C>,
        clips: Vec<MemoryClip>,
    ) -> Result<Self, DataError> {
        let name = name.into();
        let error = |place: String, reason: String| DataError::format(Path::new(&name), place, reason);
        let classes = checked_classes(classes).map_err(|reason| error(String::new(), reason))?;
        let mut names = HashSet::new();
        for clip in &clips {
            let place = format!(", clip `{}`", quoted(&clip.name));
            if !is_plain_name(&clip.name) {
                return Err(error(
                    place,
                    "the name cannot be a file's; leave out separators and a first dot".into(),
                ));
            }
            if !names.insert(clip.name.as_str()) {
                return Err(error(place, "two clips have this name".into()));
            }
            for (index, frame) in clip.frames.iter().enumerate() {
                let face = frame.face.as_ref().map_or(Ok(()), check_picture);
                face.and_then(|()| frame.label.map_or(Ok(()), |class| check_class(class, &classes)))
                    .map_err(|reason| error(format!("{place}, frame {index}"), reason))?;
            }
        }
        Ok(Self { name, classes, clips })
    }

    fn face(&self, clip: usize, frame: usize) -> Result<&Picture, DataError> {
        let clip = &self.clips[clip];
        clip.frames.get(frame).and_then(|frame| frame.face.as_ref()).ok_or_else(|| {
            let place = format!(", clip `{}`, frame {frame}", clip.name);
            DataError::format(Path::new(&self.name), place, "no face was found in this frame")
        })
    }
}

impl Clips for MemoryClips {
    fn name(&self) -> &str {
        &self.name
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.clips.len()
    }

    fn clip_name(&self, clip: usize) -> &str {
        &self.clips[clip].name
    }

    fn frames(&self, clip: usize) -> usize {
        self.clips[clip].frames.len()
    }

    fn label(&self, clip: usize, frame: usize) -> Option<usize> {
        self.clips[clip].frames.get(frame)?.label
    }

    fn has_face(&self, clip: usize, frame: usize) -> bool {
        self.face(clip, frame).is_ok()
    }

    fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError> {
        Ok(content_hash(self.face(clip, frame)?))
    }

    fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError> {
        self.face(clip, frame).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use super::*;
    use crate::data::{ClipSet, Spec, Vocabulary};

    fn clip(name: &str) -> MemoryClip {
        let face = Some(Picture::filled(2, 2, 1, 9));
        let frames = vec![
            MemoryFrame { face: face.clone(), label: Some(1) },
            MemoryFrame { face: None, label: Some(0) },
            MemoryFrame { face, label: None },
        ];
        MemoryClip { name: name.to_owned(), frames }
    }

    #[test]
    fn clips_in_memory_are_a_set_as_any_other() {
        let clips = MemoryClips::new("mine", ["sad", "happy"], vec![clip("a"), clip("b")]).unwrap();
        assert!(clips.picture(1, 1).unwrap_err().to_string().contains("clip `b`, frame 1: no face"));
        let vocabulary = Vocabulary::open("happiness,sadness").unwrap();
        let set = ClipSet::new(&vocabulary, vec![(Spec::new("mine", "x"), Arc::new(clips))]).unwrap();
        assert_eq!((set.len(), set.total_frames()), (2, 6));
        assert_eq!([set.label(0, 0), set.label(0, 1), set.label(0, 2)], [0, 1, -1]);
        assert_eq!([set.has_face(1, 0), set.has_face(1, 1), set.has_face(1, 9)], [true, false, false]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_clip_and_frame() {
        let refusal = |clips: Vec<MemoryClip>| {
            MemoryClips::new("mine", ["sad", "happy"], clips).unwrap_err().to_string()
        };
        assert!(refusal(vec![clip("a"), clip("a")]).contains("clip `a`: two clips"));
        assert!(refusal(vec![clip("../a")]).contains("clip `../a`: the name"));
        let mut bad = clip("a");
        bad.frames[2].label = Some(2);
        assert!(refusal(vec![bad]).contains("clip `a`, frame 2: class 2"));
    }
}
