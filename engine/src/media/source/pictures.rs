//! Image files, alone and in folders.

use std::path::{Path, PathBuf};

use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
use crate::media::{Picture, decode};

/// Largest image file that is read, in bytes.
const LARGEST: u64 = 256 << 20;

fn read(path: &Path) -> Result<Picture, SourceError> {
    let size = std::fs::metadata(path).map_err(|e| SourceError::io(path, e))?.len();
    if size > LARGEST {
        return Err(SourceError::file(path, format!("{size} bytes are too large for a picture")));
    }
    let bytes = std::fs::read(path).map_err(|e| SourceError::io(path, e))?;
    decode(&bytes).map_err(|e| SourceError::file(path, e.to_string()))
}

/// One image file: one frame at 0 seconds.
#[derive(Debug)]
pub(super) struct Still {
    info: SourceInfo,
    picture: Option<Picture>,
}

impl Still {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read or decoded.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let info = SourceInfo {
            name: path.display().to_string(),
            frames: Some(1),
            still: true,
            reader: "picture".into(),
        };
        Ok(Self { info, picture: Some(read(path)?) })
    }
}

impl FrameSource for Still {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        Ok(self.picture.take().map(|picture| Frame { index: 0, seconds: 0.0, picture }))
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

/// The images of a folder in the order of their names, numbers by value, at a fixed rate.
#[derive(Debug)]
pub(super) struct Folder {
    info: SourceInfo,
    files: Vec<PathBuf>,
    next: usize,
    rate: f64,
    skipped: Skipped,
}

impl Folder {
    /// Lists the folder; pictures are read one by one later.
    ///
    /// # Errors
    /// It cannot be listed, or holds no image file.
    pub fn open(path: &Path, rate: f64) -> Result<Self, SourceError> {
        let mut files = vec![];
        for entry in std::fs::read_dir(path).map_err(|e| SourceError::io(path, e))? {
            let file = entry.map_err(|e| SourceError::io(path, e))?.path();
            let kind = file.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
            if matches!(kind.as_str(), "jpg" | "jpeg" | "png") && file.is_file() {
                files.push(file);
            }
        }
        if files.is_empty() {
            let problem = "the folder holds no .jpg, .jpeg or .png file; give the folder of a video's frames";
            return Err(SourceError::file(path, problem));
        }
        files.sort_by_cached_key(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (by_number(&name), name)
        });
        let info = SourceInfo {
            name: path.display().to_string(),
            frames: Some(files.len() as u64),
            still: false,
            reader: format!("folder of pictures at {rate} a second"),
        };
        Ok(Self { info, files, next: 0, rate, skipped: Skipped::default() })
    }
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
}
