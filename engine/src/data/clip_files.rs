//! Clips whose frames are numbered JPEG files in a folder each.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::bitmap::Bitmap;
use super::frame_labels::{FrameLabels, MAX_FRAMES};
use super::{Clips, DataError, SkipLog, decode};
use crate::media::Picture;

/// Largest picture file read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// One clip: a folder of frames, and labels where there are any.
#[derive(Debug, Clone)]
pub(super) struct ClipFiles {
    pub name: String,
    folder: PathBuf,
    /// Frames, counted from 0, that have a file.
    present: Bitmap,
    labels: Option<FrameLabels>,
    /// The set's class for each class of the file.
    classes: Vec<usize>,
}

impl ClipFiles {
    /// Lists the folder once, without opening a picture, and joins it with the labels by number: the label of line n
    /// (the header is line 0) belongs to file n. A count that is one off is noted.
    ///
    /// # Errors
    /// The folder cannot be listed or holds no frame.
    pub fn list(
        name: &str,
        folder: PathBuf,
        labels: Option<FrameLabels>,
        skips: &SkipLog,
    ) -> Result<Self, DataError> {
        let present = list_frames(&folder, skips)?;
        if present.count() == 0 {
            return Err(DataError::format(
                &folder,
                "",
                "no frame in it; expected 00001.jpg, 00002.jpg and so on",
            ));
        }
        if let Some(labels) = &labels {
            let (frames, labels) = (present.end(), labels.len());
            // Fewer frames than labels are missing faces, except that exactly one may be the known slip.
            if frames > labels || frames + 1 == labels {
                skips.note(&format!(
                    "{}: {labels} labels, but the last frame is {frames}: joined by number, which may be off by one",
                    folder.display()
                ));
            }
        }
        Ok(Self { name: name.to_owned(), folder, present, labels, classes: Vec::new() })
    }

    /// The class names of its label file, where it has one.
    pub fn own_classes(&self) -> Option<&[String]> {
        self.labels.as_ref().map(|labels| labels.classes.as_slice())
    }

    fn frames(&self) -> usize {
        self.present.end().max(self.labels.as_ref().map_or(0, FrameLabels::len))
    }

    fn path(&self, frame: usize) -> PathBuf {
        self.folder.join(frame_name(frame))
    }

    fn read(&self, frame: usize) -> Result<Vec<u8>, DataError> {
        let path = self.path(frame);
        if !self.present.get(frame) {
            return Err(DataError::format(&path, "", "no face was found in this frame"));
        }
        let read = || {
            let mut bytes = Vec::new();
            File::open(&path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes: Vec<u8> = read().map_err(|e| DataError::io(&path, e))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(DataError::format(&path, "", format!("more than {MAX_FILE} bytes, as no frame has")));
        }
        Ok(bytes)
    }
}

/// File name of a frame counted from 0: files count from 1, with five digits up to 99999 and six from there on.
pub(super) fn frame_name(frame: usize) -> String {
    format!("{:05}.jpg", frame + 1)
}

/// The frame, counted from 0, of a file name that [`frame_name`] gives; `None` for any other name.
pub(super) fn frame_of(name: &str) -> Option<usize> {
    let digits = name.strip_suffix(".jpg")?;
    let plain = digits.len() >= 5 && digits.bytes().all(|b| b.is_ascii_digit());
    let frame = plain.then(|| digits.parse::<usize>().ok())??.checked_sub(1)?;
    (frame < MAX_FRAMES && frame_name(frame) == name).then_some(frame)
}

/// Whether a name can stand for a clip in paths and in lists with commas: it leads nowhere but into its own folder.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':', ','])
        && !name.contains(char::is_control)
}

/// Which frames a folder has. A JPEG whose name is no frame number is a bad item; other files are not looked at.
fn list_frames(folder: &Path, skips: &SkipLog) -> Result<Bitmap, DataError> {
    let mut present = Bitmap::default();
    for entry in fs::read_dir(folder).map_err(|e| DataError::io(folder, e))? {
        let name = entry.map_err(|e| DataError::io(folder, e))?.file_name();
        let name = name.to_string_lossy();
        if let Some(frame) = frame_of(&name) {
            present.set(frame);
        } else if name.to_ascii_lowercase().ends_with(".jpg") && !name.starts_with('.') {
            let path = folder.join(name.as_ref());
            let reason = format!(
                "the name is no frame number from 00001.jpg to {MAX_FRAMES}.jpg (five digits, six from 100000 on)"
            );
            skips.skip(&path.display().to_string(), DataError::format(&path, "", reason))?;
        }
    }
    Ok(present)
}

/// A set of such clips.
pub(super) struct ClipFileSet {
    name: String,
    classes: Vec<String>,
    clips: Vec<ClipFiles>,
}

impl ClipFileSet {
    /// Puts clips together under the class list that `class_of` maps each file's names to.
    ///
    /// # Errors
    /// `class_of` refuses a name.
    pub fn new(
        name: String,
        classes: Vec<String>,
        mut clips: Vec<ClipFiles>,
        class_of: impl Fn(&ClipFiles, &str) -> Result<usize, DataError>,
    ) -> Result<Self, DataError> {
        for clip in &mut clips {
            let names = clip.own_classes().unwrap_or_default();
            clip.classes = names.iter().map(|name| class_of(clip, name)).collect::<Result<_, _>>()?;
        }
        Ok(Self { name, classes, clips })
    }
}

impl Clips for ClipFileSet {
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
        self.clips[clip].frames()
    }

    fn label(&self, clip: usize, frame: usize) -> Option<usize> {
        let clip = &self.clips[clip];
        let label = clip.labels.as_ref().and_then(|labels| labels.label(frame))?;
        Some(clip.classes[label])
    }

    fn has_face(&self, clip: usize, frame: usize) -> bool {
        self.clips[clip].present.get(frame)
    }

    fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError> {
        let clip = &self.clips[clip];
        let bytes = clip.read(frame)?;
        decode::check_signature(&bytes).map_err(|reason| DataError::format(&clip.path(frame), "", reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError> {
        let clip = &self.clips[clip];
        decode::decode(&clip.read(frame)?).map_err(|reason| DataError::format(&clip.path(frame), "", reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_from_one_with_five_digits_and_six_from_100000_on() {
        for (frame, name) in [(0, "00001.jpg"), (99_998, "99999.jpg"), (99_999, "100000.jpg")] {
            assert_eq!((frame_name(frame).as_str(), frame_of(name)), (name, Some(frame)));
        }
        for name in ["00000.jpg", "1.jpg", "000001.jpg", "0000a.jpg", "00001.png", "99999999999999999999.jpg"]
        {
            assert_eq!(frame_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_plain() {
        assert!(is_plain_name("135-24-1920x1080_left") && is_plain_name("video 1.cut"));
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "C:x", "a,b", "a\nb"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
