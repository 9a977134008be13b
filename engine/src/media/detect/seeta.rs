//! The frontal face model of `rustface` (`SeetaFace`), which is built into the program: no landmarks, no file to look for.

use super::{DetectError, Detector};
use crate::media::Picture;
use crate::media::face::{Detection, FaceBox};

/// The model's file, as the crate `rustface` ships it.
const MODEL: &[u8] = include_bytes!(concat!(env!("AFFEKT_ASSETS"), "/models/seeta_fd_frontal_v1.0.bin"));
/// Pictures are reduced to this longer side, in pixels.
const LONGEST: usize = 320;
/// Smallest face in pixels of the reduced picture; the model knows none below 20.
const SMALLEST: u32 = 24;
/// Score from which a window is a face, as its authors recommend it.
const THRESHOLD: f64 = 2.0;
/// A score that leaves no doubt.
const SURE: f64 = 20.0;
/// Its boxes are squares; a tight box from hair line to chin has this multiple of their width and of their height (the
/// median over faces that `YuNet` finds too).
const TIGHT: (f32, f32) = (0.88, 1.13);

/// The built-in detector.
pub struct Seeta {
    model: rustface::Model,
}

impl Seeta {
    /// Reads the built-in model.
    ///
    /// # Errors
    /// The model that is built in is damaged.
    pub fn new() -> Result<Self, DetectError> {
        let model =
            rustface::read_model(MODEL).map_err(|e| DetectError::Run(format!("built-in model: {e}")))?;
        Ok(Self { model })
    }
}

impl Detector for Seeta {
    fn describe(&self) -> String {
        "SeetaFace by rustface, built in (no landmarks; a YuNet model finds more faces)".into()
    }

    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError> {
        picture.check()?;
        let longest = picture.width.max(picture.height).max(1);
        let factor = (LONGEST as f32 / longest as f32).min(1.0);
        let side = |length: usize| ((length as f32 * factor).round() as usize).max(1);
        let grey = picture.with_channels(1);
        let small = grey
            .resized(side(picture.width), side(picture.height))
            .map_err(|e| DetectError::Run(e.to_string()))?;
        let mut detector = rustface::create_detector_with_model(self.model.clone());
        detector.set_min_face_size(SMALLEST);
        detector.set_score_thresh(THRESHOLD);
        detector.set_pyramid_scale_factor(0.8);
        detector.set_slide_window_step(4, 4);
        if small.width.min(small.height) < SMALLEST as usize {
            return Ok(vec![]);
        }
        let image = rustface::ImageData::new(&small.pixels, small.width as u32, small.height as u32);
        let found = detector.detect(&image).into_iter().map(|face| {
            let b = face.bbox();
            let (w, h) = (b.width() as f32, b.height() as f32);
            let middle = (b.x() as f32 + w / 2.0, b.y() as f32 + h / 2.0);
            let face_box = FaceBox::around(middle, w * TIGHT.0, h * TIGHT.1).scaled(1.0 / factor);
            Detection { face_box, landmarks: None, score: (face.score() / SURE).clamp(0.0, 1.0) as f32 }
        });
        let mut found: Vec<Detection> = found.filter(|d| d.face_box.is_valid()).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(found)
    }
}
