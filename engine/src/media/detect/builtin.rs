//! The detector that is built into the program: a small network of the same outputs as a `YuNet`'s, trained from such a one's
//! answers by `assets/models/train_detector.py`, and a second one that looks at each face it finds once more ([`super::refine`]). They look at grey values alone.

use std::path::Path;

use rayon::prelude::*;

use super::refine::Refiner;
use super::yunet::{YuNet, YuNetSettings};
use super::{DetectError, Detector};
use crate::media::Picture;
use crate::media::face::Detection;

/// The model's file.
pub(super) const MODEL: &[u8] = include_bytes!(concat!(env!("AFFEKT_ASSETS"), "/models/face-detector.onnx"));
/// What messages call it.
const NAME: &str = "the built-in face detector";
/// Score from which the first network's face is looked at once more.
const CANDIDATE: f32 = 0.4;
/// Score of both networks from which it is a face: at most one false face in 50 of the pictures that were held back
/// (assets/models/README.md).
const THRESHOLD: f32 = 0.6;

/// The built-in detector.
pub struct BuiltIn {
    faces: YuNet,
    refiner: Refiner,
}

impl BuiltIn {
    /// Reads the built-in networks.
    ///
    /// # Errors
    /// One that is built in is damaged.
    pub fn new() -> Result<Self, DetectError> {
        let settings = YuNetSettings { threshold: CANDIDATE, ..YuNetSettings::default() };
        let damaged = |problem| DetectError::Run(format!("{NAME}: {problem}"));
        let faces = YuNet::of(Path::new(NAME), MODEL, settings).map_err(damaged)?;
        Ok(Self { faces, refiner: Refiner::new().map_err(damaged)? })
    }
}

impl Detector for BuiltIn {
    fn describe(&self) -> String {
        format!("built in, five landmarks, {} pixels on the longer side", YuNetSettings::default().longest)
    }

    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, DetectError> {
        picture.check()?;
        let mut found = self.faces.detect(picture)?;
        found.par_iter_mut().for_each(|face| {
            let refined = self.refiner.look(picture, &face.face_box);
            face.landmarks = Some(refined.landmarks);
            face.score = (face.score * refined.probability).sqrt();
        });
        found.retain(|face| face.score >= THRESHOLD);
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(without_parts(found))
    }
}

/// Most of a face that may lie in a surer one: what lies in it whole is an eye or a mouth.
const MOST_INSIDE: f32 = 0.8;

/// Without what lies in a surer face; the surest come first.
fn without_parts(found: Vec<Detection>) -> Vec<Detection> {
    let mut kept: Vec<Detection> = vec![];
    for face in found {
        let inside =
            |other: &Detection| other.face_box.shared(&face.face_box) > MOST_INSIDE * face.face_box.area();
        if !kept.iter().any(inside) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::face::FaceBox;

    #[test]
    fn an_eye_in_a_face_is_no_face_but_a_neighbour_is() {
        let face = |x: f32, y: f32, side: f32, score: f32| Detection {
            face_box: FaceBox { x, y, w: side, h: side },
            landmarks: None,
            score,
        };
        let all = vec![face(0.0, 0.0, 100.0, 0.9), face(20.0, 30.0, 20.0, 0.8), face(90.0, 30.0, 20.0, 0.7)];
        let kept: Vec<f32> = without_parts(all.clone()).iter().map(|f| f.score).collect();
        assert_eq!(kept, [0.9, 0.7]);
        let surer_inside = vec![face(20.0, 30.0, 20.0, 0.95), face(0.0, 0.0, 100.0, 0.9)];
        assert_eq!(without_parts(surer_inside).len(), 2, "what holds a surer face may be a face");
    }
}
