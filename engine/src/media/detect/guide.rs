//! No model at all: a person holds the face into a fixed box.

use super::{DetectError, Detector};
use crate::media::Picture;
use crate::media::face::{Detection, FaceBox};

/// Height of the box as a part of the picture's shorter side, and its width as a part of its height.
const HEIGHT: f32 = 0.6;
const ASPECT: f32 = 0.8;

/// Says of every picture that its middle holds one face.
#[derive(Debug, Clone, Copy, Default)]
pub struct GuideBox;

impl Detector for GuideBox {
    fn describe(&self) -> String {
        "a fixed box in the middle of the picture (no detector)".into()
    }

    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError> {
        picture.check()?;
        let (w, h) = (picture.width as f32, picture.height as f32);
        let height = HEIGHT * w.min(h);
        let face_box = FaceBox::around((w / 2.0, h / 2.0), ASPECT * height, height);
        Ok(vec![Detection { face_box, landmarks: None, score: 1.0 }])
    }
}
