//! Finding faces: `yunet` runs a `YuNet` model from an ONNX file, `builtin` the one that comes with the program, `guide` looks
//! at a fixed box; `refine` takes a second look at what the built-in one found; `network` runs the graphs. Each of the first three is a
//! [`Detector`]; [`open`] and [`find`] choose one.

mod builtin;
mod choice;
mod guide;
mod network;
mod refine;
mod yunet;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

use super::face::Detection;
use super::{MediaError, Picture};

pub use builtin::BuiltIn;
pub use choice::DetectorChoice;
pub use guide::GuideBox;
pub use yunet::{YuNet, YuNetSettings};

/// Environment variable that names a folder of models.
pub const MODELS_VARIABLE: &str = "AFFEKT_MODELS";

/// Finds faces in pictures.
pub trait Detector: Send + Sync {
    /// One line for people: which model, from where.
    fn describe(&self) -> String;

    /// The faces of a picture, grey or RGB, the surest first.
    ///
    /// # Errors
    /// The model fails, or the picture is none ([`Picture::check`]).
    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError>;

    /// The faces of several pictures, on as many threads as there are.
    ///
    /// # Errors
    /// The model fails on one, or one is no picture.
    fn detect_all(&self, pictures: &[&Picture]) -> Result<Vec<Vec<Detection>>, DetectError> {
        pictures.iter().try_for_each(|picture| picture.check())?;
        pictures.par_iter().map(|picture| self.detect(picture)).collect()
    }
}

/// Why a detector cannot be used.
#[derive(Debug, Error)]
pub enum DetectError {
    /// Its file is not what it should be.
    #[error("{path}: {problem}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// It failed while running.
    #[error("face detector: {0}")]
    Run(String),
    /// What it is to look at is no picture.
    #[error(transparent)]
    Picture(#[from] MediaError),
}

/// The model of the file, where the caller names one; else the first `*yunet*.onnx` of [`folders`]; else the built-in one.
///
/// # Errors
/// The file is missing, or holds another model.
pub fn open(file: Option<&Path>) -> Result<Box<dyn Detector>, DetectError> {
    match file.map(Path::to_path_buf).or_else(|| find(&folders())) {
        Some(file) => Ok(Box::new(YuNet::open(&file, YuNetSettings::default())?)),
        None => Ok(Box::new(BuiltIn::new()?)),
    }
}

/// Folders that are searched for a detector, in order: `$AFFEKT_MODELS`, `assets/models` below the current folder, then
/// `models` beside the program and the program's own folder.
pub fn folders() -> Vec<PathBuf> {
    let named = std::env::var_os(MODELS_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
    let program = std::env::current_exe().ok().and_then(|p| p.parent().map(Path::to_path_buf));
    let beside = program.map(|folder| [folder.join("models"), folder]).into_iter().flatten();
    named.into_iter().chain([PathBuf::from("assets/models")]).chain(beside).collect()
}

/// The first file named `*yunet*.onnx` in the folders. Within a folder a model for any size (`*dynamic*`) comes first, then
/// the order of names counts.
pub fn find(folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().find_map(|folder| {
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                name.contains("yunet") && Path::new(&name).extension().is_some_and(|e| e == "onnx")
            })
            .collect();
        found.sort_by_cached_key(|path| (!path.to_string_lossy().contains("dynamic"), path.clone()));
        found.into_iter().next()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_frame_of_four_or_two_channels_is_an_error_and_no_panic() {
        let detectors: [Box<dyn Detector>; 2] = [Box::new(BuiltIn::new().unwrap()), Box::new(GuideBox)];
        for detector in detectors {
            for channels in [2, 4] {
                let picture = Picture::filled(64, 48, channels, 90);
                let words = format!("{channels} channels");
                let one = detector.detect(&picture).unwrap_err().to_string();
                let all = detector.detect_all(&[&picture]).unwrap_err().to_string();
                assert!(one.contains(&words) && all.contains(&words), "{one}, {all}");
            }
        }
    }

    #[test]
    fn the_first_folder_with_a_model_wins_and_in_it_the_one_for_any_size() {
        let folders =
            [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let paths: Vec<PathBuf> = folders.iter().map(|f| f.path().to_path_buf()).collect();
        assert_eq!(find(&paths), None);
        std::fs::write(paths[0].join("other.onnx"), "").unwrap();
        for name in ["yunet_n_320.onnx", "YuNet_dynamic.onnx", "yunet.txt"] {
            std::fs::write(paths[1].join(name), "").unwrap();
        }
        std::fs::write(paths[2].join("a_yunet.onnx"), "").unwrap();
        assert_eq!(find(&paths), Some(paths[1].join("YuNet_dynamic.onnx")));
    }
}
