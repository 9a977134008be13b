//! Which files of a folder can be read.

use std::path::{Path, PathBuf};

use super::SourceError;
use super::folder::{ends_as, is_hidden, sort};
use crate::media::PICTURE_ENDINGS;

/// Endings of the names of videos, in small letters. What is behind the name decides when it is opened.
const VIDEOS: [&str; 17] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "mpg", "mpeg", "ts", "mts", "m2ts", "flv", "3gp",
    "ogv", "mxf", "qt",
];
/// Kinds of pictures that ffmpeg reads.
const OTHER_PICTURES: [&str; 5] = ["heic", "heif", "avif", "tif", "tiff"];
/// Folders in folders that are entered.
const DEEPEST: usize = 32;

/// What a folder holds, and what lies below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Video files, folder by folder in the order of names, numbers by value.
    pub videos: Vec<PathBuf>,
    /// Image files, in the same order.
    pub pictures: Vec<PathBuf>,
    /// Hidden and system folders that were left out.
    pub left_out: Vec<PathBuf>,
    /// Other files: none of a video's or a picture's name.
    pub others: usize,
}

/// Lists the videos and pictures of a folder and of all folders below it, by their names. Hidden and system folders
/// (`.ipynb_checkpoints`, `__MACOSX`) are left out and named. Links to folders are not followed, so that no circle is walked;
/// links to files are read.
///
/// # Errors
/// A folder cannot be listed.
pub fn inputs(folder: &Path) -> Result<Inputs, SourceError> {
    let mut found = Inputs::default();
    // The folders that are still to be listed, the next one last.
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let (mut files, mut folders) = (vec![], vec![]);
        for entry in std::fs::read_dir(&folder).map_err(|e| SourceError::io(&folder, e))? {
            let entry = entry.map_err(|e| SourceError::io(&folder, e))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|e| SourceError::io(&folder, e))?);
            if kind.is_dir() {
                folders.push(path);
            } else if !is_hidden(&path) && path.is_file() {
                files.push(path);
            }
        }
        sort(&mut files);
        sort(&mut folders);
        for file in files {
            if ends_as(&file, &VIDEOS) {
                found.videos.push(file);
            } else if ends_as(&file, &PICTURE_ENDINGS) || ends_as(&file, &OTHER_PICTURES) {
                found.pictures.push(file);
            } else {
                found.others += 1;
            }
        }
        for folder in folders.into_iter().rev() {
            if is_hidden(&folder) || depth == DEEPEST {
                found.left_out.push(folder);
            } else {
                open.push((folder, depth + 1));
            }
        }
    }
    sort(&mut found.left_out);
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_folder_is_listed_with_all_below_it_but_what_systems_leave_behind() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in [
            "b/v10.MP4",
            "b/v9.mov",
            "a.webm",
            "a.JPG",
            "b/deep/er/x.heic",
            "notes.txt",
            "b/.hidden.mp4",
            ".cache/c.mp4",
            "__MACOSX/b/._v9.mov",
            "b/.ipynb_checkpoints/v9.mp4",
        ] {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = inputs(root).unwrap();
        let under = |files: &[PathBuf]| -> Vec<String> {
            files.iter().map(|f| f.strip_prefix(root).unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(under(&found.videos), ["a.webm", "b/v9.mov", "b/v10.MP4"]);
        assert_eq!(under(&found.pictures), ["a.JPG", "b/deep/er/x.heic"]);
        assert_eq!(under(&found.left_out), [".cache", "b/.ipynb_checkpoints", "__MACOSX"]);
        assert_eq!(found.others, 1);
        assert!(inputs(&root.join("nowhere")).is_err());
    }
}
