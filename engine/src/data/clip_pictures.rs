//! Clips that are folders of pictures in the order of their numbers, or videos, with one label a clip: DFEW, `FERV39k` and the
//! like.

use std::fs;
use std::path::PathBuf;

use super::clip_video::{ClipVideo, Decoders};
use super::decode;
use super::lines::read_picture;
use super::quote::quoted;
use super::{Clips, DataError, Stamp};
use crate::media::{Picture, is_picture_name};

/// Most frames a clip of this kind can have.
const MAX_FRAMES: usize = 1_000_000;

/// One clip. Names of frames are kept as numbers: what stands around them is the same in the whole folder.
#[derive(Debug)]
pub(super) struct ClipPictures {
    pub name: String,
    folder: PathBuf,
    before: String,
    after: String,
    /// Number and written length of each frame, in order.
    numbers: Vec<(u32, u8)>,
    class: Option<u8>,
}

impl ClipPictures {
    /// Lists a folder once, without opening a picture.
    ///
    /// # Errors
    /// It cannot be listed, holds no picture, or names that do not count.
    pub fn list(name: String, folder: PathBuf, class: Option<u8>) -> Result<Self, DataError> {
        let error = |reason: String| DataError::format(&folder, "", reason);
        let mut around: Option<(String, String)> = None;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|e| DataError::io(&folder, e))? {
            let entry = entry.map_err(|e| DataError::io(&folder, e))?;
            let file = entry.file_name();
            let Some(file) = file.to_str().filter(|file| is_picture(file)) else { continue };
            let (before, digits, after) = numbered(file)
                .ok_or_else(|| error(format!("the picture `{}` has no number in its name", quoted(file))))?;
            match &around {
                None => around = Some((before.to_owned(), after.to_owned())),
                Some((b, a)) if b == before && a == after => {}
                Some((b, a)) => {
                    let (one, other) = (quoted(&format!("{b}1{a}")), quoted(file));
                    return Err(error(format!(
                        "pictures of two names, `{one}` and `{other}`: a clip has one"
                    )));
                }
            }
            let number = digits.parse::<u32>().ok().zip(u8::try_from(digits.len()).ok());
            numbers
                .push(number.ok_or_else(|| error(format!("the number of `{}` is too large", quoted(file))))?);
            if numbers.len() > MAX_FRAMES {
                return Err(error(format!("more than {MAX_FRAMES} pictures")));
            }
        }
        let Some((before, after)) = around else {
            return Err(error("no picture (JPEG, PNG, WebP or BMP) in it".to_owned()));
        };
        numbers.sort_unstable();
        Ok(Self { name, folder, before, after, numbers, class })
    }

    fn path(&self, frame: usize) -> PathBuf {
        let (number, width) = self.numbers[frame];
        self.folder.join(format!("{}{number:0width$}{}", self.before, self.after, width = usize::from(width)))
    }

    fn bytes(&self, frame: usize) -> Result<Vec<u8>, DataError> {
        read_picture(&self.path(frame))
    }
}

fn is_picture(file: &str) -> bool {
    !file.starts_with('.') && is_picture_name(file)
}

/// A name around its last number: `clip_007.jpg` is `clip_`, `007`, `.jpg`.
fn numbered(file: &str) -> Option<(&str, &str, &str)> {
    let stem = file.rfind('.').map_or(file.len(), |dot| dot);
    let last = file[..stem].rfind(|c: char| c.is_ascii_digit())? + 1;
    let first = file[..last]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + file[at..].chars().next().map_or(1, char::len_utf8));
    Some((&file[..first], &file[first..last], &file[last..]))
}

/// A clip in either form.
pub(super) enum LabelledClip {
    /// A folder.
    Pictures(ClipPictures),
    /// A file.
    Video(ClipVideo),
}

/// A set of such clips.
pub(super) struct ClipPictureSet {
    pub name: String,
    pub classes: Vec<String>,
    pub clips: Vec<LabelledClip>,
    pub decoders: Decoders,
}

impl Clips for ClipPictureSet {
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
        match &self.clips[clip] {
            LabelledClip::Pictures(clip) => &clip.name,
            LabelledClip::Video(clip) => &clip.name,
        }
    }

    fn frames(&self, clip: usize) -> usize {
        match &self.clips[clip] {
            LabelledClip::Pictures(clip) => clip.numbers.len(),
            LabelledClip::Video(clip) => clip.frames(),
        }
    }

    fn label(&self, clip: usize, frame: usize) -> Option<usize> {
        let class = match &self.clips[clip] {
            LabelledClip::Pictures(clip) => clip.class,
            LabelledClip::Video(clip) => clip.class(),
        };
        class.filter(|_| frame < self.frames(clip)).map(usize::from)
    }

    fn has_face(&self, clip: usize, frame: usize) -> bool {
        frame < self.frames(clip)
    }

    fn stamp(&self, clip: usize, frame: usize) -> Option<Stamp> {
        let LabelledClip::Pictures(clip) = &self.clips[clip] else { return None };
        let path = clip.path(frame);
        Stamp::of(&fs::metadata(&path).ok()?, Stamp::place_of(path.as_os_str().as_encoded_bytes()))
    }

    fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError> {
        let clip = match &self.clips[clip] {
            LabelledClip::Pictures(clip) => clip,
            LabelledClip::Video(clip) => return clip.content_hash(frame),
        };
        let bytes = clip.bytes(frame)?;
        decode::check_signature(&bytes).map_err(|reason| DataError::format(&clip.path(frame), "", reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn stored(&self, clip: usize, frame: usize) -> Result<Option<Vec<u8>>, DataError> {
        match &self.clips[clip] {
            LabelledClip::Pictures(clip) => clip.bytes(frame).map(Some),
            LabelledClip::Video(_) => Ok(None),
        }
    }

    fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError> {
        let number = clip;
        let clip = match &self.clips[clip] {
            LabelledClip::Pictures(clip) => clip,
            LabelledClip::Video(clip) => return self.decoders.picture(number, clip, frame),
        };
        decode::decode(&clip.bytes(frame)?).map_err(|reason| DataError::format(&clip.path(frame), "", reason))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn listed(names: &[&str]) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        let clip =
            ClipPictures::list("a".into(), dir.path().to_path_buf(), None).map_err(|e| e.to_string())?;
        let name = |frame| clip.path(frame).file_name().unwrap().to_string_lossy().into_owned();
        Ok((0..clip.numbers.len()).map(name).collect())
    }

    #[test]
    fn frames_come_in_the_order_of_their_numbers_however_they_are_written() {
        assert_eq!(listed(&["10.jpg", "9.jpg", "1.jpg", "notes.txt"]).unwrap(), ["1.jpg", "9.jpg", "10.jpg"]);
        assert_eq!(
            listed(&["00002_0010.png", "00002_0003.png"]).unwrap(),
            ["00002_0003.png", "00002_0010.png"]
        );
        assert_eq!(numbered("é7ü.jpg"), Some(("é", "7", "ü.jpg")));
    }

    #[test]
    fn a_folder_without_an_order_is_refused() {
        assert!(listed(&["1.jpg", "b2.jpg"]).unwrap_err().contains("pictures of two names"));
        assert!(listed(&["face.jpg"]).unwrap_err().contains("no number"));
        assert!(listed(&["99999999999.jpg"]).unwrap_err().contains("too large"));
        assert!(listed(&["a.txt"]).unwrap_err().contains("no picture"));
    }
}
