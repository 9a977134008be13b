//! Clips whose frames are numbered JPEG files in a folder each.

use std::fs;
use std::path::{Path, PathBuf};

use super::bitmap::Bitmap;
use super::frame_labels::{FrameLabels, MAX_FRAMES};
use super::lines::read_picture;
use super::quote::quoted;
use super::{Clips, DataError, SkipLog, Stamp, decode};
use crate::media::Picture;

/// One clip: a folder of frames, and labels where there are any.
#[derive(Debug, Clone)]
pub(super) struct ClipFiles {
    pub name: String,
    folder: PathBuf,
    /// Frames, counted from 0, that have a file.
    present: Bitmap,
    /// Number of the first frame's file: 1, or 0 where labels tell so.
    first: usize,
    labels: Option<FrameLabels>,
    /// Frames it has, whatever files and labels say.
    frames: Option<usize>,
    /// Frames that count; `None`: all.
    valid: Option<Bitmap>,
    /// The set's class for each class of the file.
    classes: Vec<usize>,
}

impl ClipFiles {
    /// Lists the folder once, without opening a picture, and joins it with the labels by number: the label of line n
    /// (the header is line 0) belongs to file n. A count that is one off is noted.
    ///
    /// Files may count from 0 where nothing contradicts it: with labels for all of them, line n belongs to file n - 1.
    ///
    /// # Errors
    /// The folder cannot be listed or holds no frame; its files count from 0 and the labels do not fit that.
    pub fn list(
        name: &str,
        folder: PathBuf,
        labels: Option<FrameLabels>,
        skips: &SkipLog,
    ) -> Result<Self, DataError> {
        let (present, first) = list_frames(&folder, skips)?;
        if present.count() == 0 {
            return Err(DataError::format(
                &folder,
                "",
                "no frame in it; expected 00001.jpg, 00002.jpg and so on",
            ));
        }
        if let Some(labels) = &labels {
            let (frames, labels) = (present.end(), labels.len());
            if first == 0 && frames > labels {
                let reason = format!(
                    "the frames are numbered from 00000 to {:05}, but there are {labels} labels: line n belongs to file \
                     n, so rename the frames to count from 00001",
                    frames - 1
                );
                return Err(DataError::format(&folder, "", reason));
            }
            if first == 0 {
                skips.note(&format!(
                    "{}: frames are numbered from 0, labels joined accordingly",
                    folder.display()
                ));
            }
            note_lengths(&folder, labels, frames, skips);
        }
        Ok(Self {
            name: name.to_owned(),
            folder,
            present,
            first,
            labels,
            frames: None,
            valid: None,
            classes: Vec::new(),
        })
    }

    /// Notes where the files and a list of `count` lines do not end together, as [`ClipFiles::list`] does for labels.
    pub fn note_length(&self, count: usize, skips: &SkipLog) {
        note_lengths(&self.folder, count, self.present.end(), skips);
    }

    /// A clip without any face; there need not be a folder.
    pub fn without_faces(name: &str, folder: PathBuf, frames: usize) -> Self {
        let clip = Self {
            name: name.to_owned(),
            folder,
            present: Bitmap::default(),
            first: 1,
            labels: None,
            frames: None,
            valid: None,
            classes: Vec::new(),
        };
        clip.limited(frames, None)
    }

    /// Says that the clip has so many frames, whatever files there are, and which of them count: the others are as
    /// frames without a face.
    pub fn limited(mut self, frames: usize, valid: Option<Bitmap>) -> Self {
        (self.frames, self.valid) = (Some(frames), valid);
        self
    }

    /// The class names of its label file, where it has one.
    pub fn own_classes(&self) -> Option<&[String]> {
        self.labels.as_ref().map(|labels| labels.classes.as_slice())
    }

    fn frames(&self) -> usize {
        let found = || self.present.end().max(self.labels.as_ref().map_or(0, FrameLabels::len));
        self.frames.unwrap_or_else(found)
    }

    fn has_face(&self, frame: usize) -> bool {
        let counts = self.valid.as_ref().is_none_or(|valid| valid.get(frame));
        counts && frame < self.frames() && self.present.get(frame)
    }

    fn path(&self, frame: usize) -> PathBuf {
        self.folder.join(file_name(frame + self.first))
    }

    fn read(&self, frame: usize) -> Result<Vec<u8>, DataError> {
        let path = self.path(frame);
        if !self.has_face(frame) {
            return Err(DataError::format(&path, "", "no face was found in this frame"));
        }
        read_picture(&path)
    }
}

/// Notes that labels and frames differ where that may be more than missing faces.
fn note_lengths(folder: &Path, labels: usize, frames: usize, skips: &SkipLog) {
    // Fewer frames than labels are missing faces, except that exactly one may be the known slip.
    if frames > labels || frames + 1 == labels {
        skips.note(&format!(
            "{}: {labels} labels, but the last frame is {frames}: joined by number, which may be off by one",
            folder.display()
        ));
    }
}

/// File name of a frame counted from 0: files count from 1, with five digits up to 99999 and six from there on.
pub(super) fn frame_name(frame: usize) -> String {
    file_name(frame + 1)
}

/// File name of a number.
fn file_name(number: usize) -> String {
    format!("{number:05}.jpg")
}

/// How lists of predictions call a frame, counted from 0: `video_1/00001.jpg` for the first.
pub fn image_location(clip: &str, frame: usize) -> String {
    format!("{clip}/{}", frame_name(frame))
}

/// The frame, counted from 0, of a file name that [`frame_name`] gives; `None` for any other name.
pub(super) fn frame_of(name: &str) -> Option<usize> {
    number_of(name)?.checked_sub(1)
}

/// The number of a file name, 0 included.
fn number_of(name: &str) -> Option<usize> {
    let digits = name.strip_suffix(".jpg")?;
    let plain = digits.len() >= 5 && digits.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| digits.parse::<usize>().ok())??;
    (number <= MAX_FRAMES && file_name(number) == name).then_some(number)
}

/// Whether a name can stand for a clip in paths and in lists with commas: it leads nowhere but into its own folder.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':', ','])
        && !name.contains(char::is_control)
}

/// Which frames a folder has, counted from 0, and the number of the first one's file. A JPEG whose name is no frame
/// number, and what is no regular file, is a bad item; other files are not looked at.
fn list_frames(folder: &Path, skips: &SkipLog) -> Result<(Bitmap, usize), DataError> {
    let mut numbers = Bitmap::default();
    for entry in fs::read_dir(folder).map_err(|e| DataError::io(folder, e))? {
        let entry = entry.map_err(|e| DataError::io(folder, e))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let bad = |reason: String| {
            let path = folder.join(quoted(&name));
            skips
                .skip(&folder.join(name.as_ref()).display().to_string(), DataError::format(&path, "", reason))
        };
        if let Some(number) = number_of(&name) {
            let kind = entry.file_type().map_err(|e| DataError::io(folder, e))?;
            if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
                numbers.set(number);
            } else {
                bad("a folder, pipe or device, not a picture: it is not opened".to_owned())?;
            }
        } else if name.to_ascii_lowercase().ends_with(".jpg") && !name.starts_with('.') {
            bad(format!(
                "the name is no frame number from 00001.jpg to {MAX_FRAMES}.jpg (five digits, six from 100000 on)"
            ))?;
        }
    }
    let first = usize::from(!numbers.get(0));
    let mut present = Bitmap::default();
    for number in (first..numbers.end()).filter(|&number| numbers.get(number)) {
        present.set(number - first);
    }
    Ok((present, first))
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
        self.clips[clip].has_face(frame)
    }

    fn stamp(&self, clip: usize, frame: usize) -> Option<Stamp> {
        let path = self.clips[clip].path(frame);
        Stamp::of(&fs::metadata(&path).ok()?, Stamp::place_of(path.as_os_str().as_encoded_bytes()))
    }

    fn content_hash(&self, clip: usize, frame: usize) -> Result<[u8; 32], DataError> {
        let clip = &self.clips[clip];
        let bytes = clip.read(frame)?;
        decode::check_signature(&bytes).map_err(|reason| DataError::format(&clip.path(frame), "", reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn stored(&self, clip: usize, frame: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.clips[clip].read(frame).map(Some)
    }

    fn picture(&self, clip: usize, frame: usize) -> Result<Picture, DataError> {
        let clip = &self.clips[clip];
        decode::decode(&clip.read(frame)?).map_err(|reason| DataError::format(&clip.path(frame), "", reason))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
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

    fn listed(names: &[&str], labels: Option<&str>, skips: &SkipLog) -> Result<ClipFiles, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("v");
        fs::create_dir(&folder).unwrap();
        for name in names {
            fs::write(folder.join(name), b"x").unwrap();
        }
        let file = dir.path().join("v.txt");
        let labels = labels.map(|text| {
            fs::write(&file, format!("sad,happy\n{text}")).unwrap();
            super::super::frame_labels::read(&file).unwrap()
        });
        ClipFiles::list("v", folder, labels, skips)
    }

    #[test]
    fn frames_that_count_from_0_are_joined_where_the_labels_fit_and_refused_where_not() {
        let skips = SkipLog::new(true);
        let clip = listed(&["00000.jpg", "00002.jpg"], Some("0\n1\n1\n"), &skips).unwrap();
        assert_eq!((clip.frames(), clip.first), (3, 0));
        assert_eq!([clip.has_face(0), clip.has_face(1), clip.has_face(2)], [true, false, true]);
        assert!(clip.path(2).ends_with("00002.jpg"));
        assert!(skips.noted()[0].contains("numbered from 0"), "{:?}", skips.noted());
        let refused = listed(&["00000.jpg", "00001.jpg", "00002.jpg"], Some("0\n1\n"), &skips);
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("from 00000 to 00002") && message.contains("rename"), "{message}");
        let plain = listed(&["00001.jpg", "00002.jpg"], Some("0\n1\n"), &skips).unwrap();
        assert!(plain.path(0).ends_with("00001.jpg"));
        assert_eq!(
            listed(&["00000.jpg", "00001.jpg"], None, &skips).unwrap().frames(),
            2,
            "nothing to shift"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_among_the_frames_is_named_and_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("00001.jpg"), b"x").unwrap();
        let pipe = dir.path().join("00002.jpg");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let skips = SkipLog::new(false);
        let clip = ClipFiles::list("v", dir.path().to_path_buf(), None, &skips).unwrap();
        assert_eq!((clip.frames(), skips.count()), (1, 1));
        assert!(skips.first()[0].contains("00002.jpg: a folder, pipe"), "{:?}", skips.first());
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_plain() {
        assert!(is_plain_name("135-24-1920x1080_left") && is_plain_name("video 1.cut"));
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "C:x", "a,b", "a\nb"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
