//! The detector that is built into the program: a small network of the same outputs as a `YuNet`'s, trained from such a one's
//! answers by `assets/models/train_detector.py`. It looks at grey values alone.

use std::path::Path;

use super::yunet::{YuNet, YuNetSettings};
use super::{DetectError, Detector};
use crate::media::Picture;
use crate::media::face::Detection;

/// The model's file.
pub(super) const MODEL: &[u8] = include_bytes!(concat!(env!("AFFEKT_ASSETS"), "/models/face-detector.onnx"));
/// What messages call it.
const NAME: &str = "the built-in face detector";
/// Score from which a cell is a face: one false face in 50 scenes that were held back (bench/RESULTS.md).
const THRESHOLD: f32 = 0.6;

/// The built-in detector.
pub struct BuiltIn(YuNet);

impl BuiltIn {
    /// Reads the built-in model.
    ///
    /// # Errors
    /// The model that is built in is damaged.
    pub fn new() -> Result<Self, DetectError> {
        let settings = YuNetSettings { threshold: THRESHOLD, ..YuNetSettings::default() };
        let read = YuNet::of(Path::new(NAME), MODEL, settings);
        read.map(Self).map_err(|problem| DetectError::Run(format!("{NAME}: {problem}")))
    }
}

impl Detector for BuiltIn {
    fn describe(&self) -> String {
        format!("built in, five landmarks, {} pixels on the longer side", YuNetSettings::default().longest)
    }

    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError> {
        picture.check()?;
        self.0.detect(picture)
    }
}
