//! Folders of pictures: a film whose frames lie in files, or photos that have nothing to do with each other.

use std::path::{Path, PathBuf};

use super::pictures::read;
use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
use crate::media::PICTURE_ENDINGS;
use crate::media::cut::{CutDetector, Signature};

/// Folders that systems and programs leave behind.
const LEFT_BEHIND: [&str; 6] =
    ["__macosx", "system volume information", "$recycle.bin", "lost+found", "thumbs.db", "@eadir"];

/// Neighbours that are compared, and pictures that this takes at most.
const PAIRS: usize = 6;
/// The part of the steps between numbers in names that are alike in a film.
const ALIKE: f64 = 0.6;

/// What the pictures of a folder are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderKind {
    /// Frames of a film, in the order of their names.
    Film,
    /// Photos, each of its own moment.
    Photos,
}

/// What a folder of pictures looks like, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderGuess {
    /// What its pictures are.
    pub kind: FolderKind,
    /// What speaks for it, for people: `pictures of different sizes`.
    pub reason: String,
}

impl FolderKind {
    /// Looks at a folder's names and at some of its pictures: it holds photos where names do not count, sizes differ, or most
    /// pictures have nothing in common with their neighbour. At most twelve pictures are read.
    ///
    /// # Errors
    /// The folder cannot be listed, or holds no picture.
    pub fn guess(folder: &Path) -> Result<FolderGuess, SourceError> {
        Ok(guess(&list(folder)?))
    }

    /// Its name for people and for command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Film => "film",
            Self::Photos => "photos",
        }
    }
}

fn guess(files: &[PathBuf]) -> FolderGuess {
    let photos = |reason: String| FolderGuess { kind: FolderKind::Photos, reason };
    if files.len() == 1 {
        return photos("a single picture".into());
    }
    if !names_count(files) {
        return photos("names that do not count".into());
    }
    let last = files.len() - 2;
    let pairs = (files.len() - 1).min(PAIRS);
    let (mut size, mut apart, mut compared) = (None, 0, 0);
    for pair in 0..pairs {
        let first = if pairs == 1 { 0 } else { pair * last / (pairs - 1) };
        // What cannot be read is told when its turn comes.
        let pictures = [&files[first], &files[first + 1]].map(|file| read(file).ok());
        for picture in pictures.iter().flatten() {
            let this = (picture.width, picture.height);
            let (w, h) = *size.get_or_insert(this);
            if (w, h) != this {
                return photos(format!("pictures of different sizes ({w}x{h} and {}x{})", this.0, this.1));
            }
        }
        if let [Some(a), Some(b)] = &pictures {
            compared += 1;
            let difference = Signature::of(a).difference(&Signature::of(b));
            apart += usize::from(difference >= CutDetector::THRESHOLD);
        }
    }
    if apart > compared / 2 {
        return photos(format!("{apart} of {compared} pictures have nothing in common with the next one"));
    }
    FolderGuess {
        kind: FolderKind::Film,
        reason: "names that count and pictures that follow each other".into(),
    }
}

/// Whether names differ by a number that goes up by the same step most of the time.
fn names_count(files: &[PathBuf]) -> bool {
    let numbers: Option<Vec<(String, u64)>> = files
        .iter()
        .map(|file| {
            let stem = file.file_stem()?.to_str()?;
            let end = stem.trim_end_matches(|c: char| !c.is_ascii_digit());
            let start = end.trim_end_matches(|c: char| c.is_ascii_digit());
            Some((format!("{start}#{}", &stem[end.len()..]), end[start.len()..].parse().ok()?))
        })
        .collect();
    let Some(numbers) = numbers else { return false };
    if numbers.iter().any(|(frame, _)| *frame != numbers[0].0) {
        return false;
    }
    let mut steps: Vec<u64> = numbers.windows(2).map(|pair| pair[1].1.saturating_sub(pair[0].1)).collect();
    steps.sort_unstable();
    let most = steps.chunk_by(|a, b| a == b).filter(|run| run[0] > 0).map(<[u64]>::len).max().unwrap_or(0);
    most as f64 >= ALIKE * steps.len() as f64
}

/// The image files of a folder in the order of their names, numbers by value; hidden ones are left out.
///
/// # Errors
/// It cannot be listed, or holds no image file.
fn list(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = vec![];
    for entry in std::fs::read_dir(path).map_err(|e| SourceError::io(path, e))? {
        let file = entry.map_err(|e| SourceError::io(path, e))?.path();
        if ends_as(&file, &PICTURE_ENDINGS) && !is_hidden(&file) && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        let problem =
            "the folder holds no .jpg, .jpeg, .png, .webp or .bmp file; give the folder of a video's frames";
        return Err(SourceError::file(path, problem));
    }
    sort(&mut files);
    Ok(files)
}

/// Whether a name is hidden, or that of a folder or file that a system leaves behind.
pub(super) fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.starts_with('.') || LEFT_BEHIND.contains(&name.as_str())
}

/// Whether a name ends as one of these, given in small letters.
pub(super) fn ends_as(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    endings.contains(&ending.as_str())
}

/// Puts files in the order of their names, numbers by value.
pub(super) fn sort(files: &mut [PathBuf]) {
    files.sort_by_cached_key(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (by_number(&name), name)
    });
}

/// The images of a folder, one by one.
#[derive(Debug)]
pub(super) struct Folder {
    info: SourceInfo,
    files: Vec<PathBuf>,
    next: usize,
    rate: f64,
    skipped: Skipped,
}

impl Folder {
    /// Lists the folder; pictures are read one by one later. Without a `kind` it is guessed.
    ///
    /// # Errors
    /// It cannot be listed, or holds no image file.
    pub fn open(path: &Path, rate: f64, kind: Option<FolderKind>) -> Result<Self, SourceError> {
        let files = list(path)?;
        let (kind, reason) = if let Some(kind) = kind {
            (kind, String::new())
        } else {
            let FolderGuess { kind, reason } = guess(&files);
            (kind, format!(" ({reason})"))
        };
        let reader = match kind {
            FolderKind::Film => format!("folder of pictures at {rate} a second"),
            FolderKind::Photos => format!("folder of photos{reason}"),
        };
        let info = SourceInfo {
            name: path.display().to_string(),
            frames: Some(files.len() as u64),
            still: kind == FolderKind::Photos,
            reader,
        };
        Ok(Self { info, files, next: 0, rate, skipped: Skipped::default() })
    }
}

/// Image files that a folder holds.
pub(super) fn count(path: &Path) -> Option<u64> {
    list(path).ok().map(|files| files.len() as u64)
}

impl FrameSource for Folder {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        while let Some(file) = self.files.get(self.next) {
            let index = self.next as u64;
            self.next += 1;
            match read(file) {
                Ok(picture) => return Ok(Some(Frame { index, seconds: index as f64 / self.rate, picture })),
                Err(error) => self.skipped.note(|| error.to_string()),
            }
        }
        if self.skipped.count == self.files.len() as u64 {
            let first = self.skipped.first.clone().unwrap_or_default();
            let path = Path::new(&self.info.name);
            return Err(SourceError::file(path, format!("no picture can be read; the first: {first}")));
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }

    fn seek(&mut self, frame: u64) -> Result<bool, SourceError> {
        self.next = usize::try_from(frame).unwrap_or(usize::MAX);
        Ok(true)
    }

    fn seconds(&self) -> Option<f64> {
        Some(self.files.len().saturating_sub(1) as f64 / self.rate)
    }

    fn frame_at(&self, seconds: f64) -> Option<u64> {
        let last = self.files.len().saturating_sub(1) as f64;
        Some((seconds * self.rate + 1e-6).floor().clamp(0.0, last) as u64)
    }
}

/// Splits a name so that stretches of digits compare by value: `2.png` comes before `10.png`.
fn by_number(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0u64)];
    let mut in_number = false;
    for letter in name.chars() {
        if let Some(digit) = letter.to_digit(10) {
            if let Some((_, number)) = parts.last_mut() {
                *number = number.saturating_mul(10).saturating_add(u64::from(digit));
            }
            in_number = true;
        } else {
            if in_number {
                parts.push((String::new(), 0));
                in_number = false;
            }
            if let Some((text, _)) = parts.last_mut() {
                text.push(letter);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_compare_by_value() {
        let mut names = vec!["f10.png", "f9.png", "e100.png", "f010b.png", "f10.jpg"];
        names.sort_by_key(|name| (by_number(name), (*name).to_owned()));
        assert_eq!(names, ["e100.png", "f9.png", "f10.jpg", "f10.png", "f010b.png"]);
    }

    #[test]
    fn names_that_count_are_told_from_those_that_do_not() {
        let count = |names: &[&str]| {
            let mut files: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
            sort(&mut files);
            names_count(&files)
        };
        assert!(count(&["1.jpg", "2.jpg", "10.jpg", "3.jpg", "4.jpg"]));
        assert!(count(&["f_0000_out.png", "f_0005_out.png", "f_0010_out.png"]), "every fifth frame");
        assert!(!count(&["anna.jpg", "bert.jpg"]));
        assert!(!count(&["IMG_1001.jpg", "IMG_1007.jpg", "IMG_1010.jpg", "IMG_1031.jpg", "IMG_1032.jpg"]));
        assert!(!count(&["a1.jpg", "a2.jpg", "b3.jpg"]));
        assert!(!count(&["1.jpg", "01.jpg"]), "a number that comes twice");
    }
}
