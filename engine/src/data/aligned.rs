//! Faces brought to one template as they are read: `align=true`. MS1MV2 comes aligned so, and sets that stand beside it should.

use std::sync::Arc;

use super::{Annotation, DataError, Dataset, FaceScene, Stamp};
use crate::media::align::{Aligner, TEMPLATE_SIDE};
use crate::media::detect::{self, Detector};
use crate::media::{FaceBox, Landmarks, Picture};
use crate::net::{BoxCrop, InputContract};

/// Side of an aligned picture, as the paper has its faces.
pub const ALIGNED_SIDE: usize = 256;
/// The square around a face without landmarks: a box from hair line to chin lies in it about as the template has such a box.
const AROUND_BOX: BoxCrop = BoxCrop { side: 1.15, up: 0.08 };
/// How much larger than the box the part is in which landmarks are looked for.
const LOOK_AROUND: f32 = 1.8;
/// Overlap from which a found face is the one that the box means.
const SAME_FACE: f32 = 0.3;

/// A dataset's faces, aligned: by the set's own landmarks, else by those that a detector finds at the set's box, else a square
/// around that box. A picture in which nothing is known and nothing found is taken whole.
pub struct AlignedFaces {
    inner: Arc<dyn Dataset>,
    detector: Box<dyn Detector>,
}

impl AlignedFaces {
    /// Over a dataset, with the detector that [`detect::open`] finds.
    ///
    /// # Errors
    /// The detector's file is damaged.
    pub fn new(inner: Arc<dyn Dataset>) -> Result<Self, DataError> {
        let failed = |e| DataError::Spec { spec: inner.name().to_owned(), reason: format!("align: {e}") };
        let detector = detect::open(None).map_err(failed)?;
        Ok(Self { inner, detector })
    }

    /// Box and landmarks of the item's face.
    fn place(&self, scene: &FaceScene) -> Result<(FaceBox, Option<Landmarks>), String> {
        let Picture { width, height, .. } = scene.picture;
        let whole = FaceBox { x: 0.0, y: 0.0, w: width as f32, h: height as f32 };
        let known = scene.face_box.unwrap_or(whole);
        if scene.landmarks.is_some() {
            return Ok((known, scene.landmarks));
        }
        let look = FaceBox::around(known.centre(), known.w * LOOK_AROUND, known.h * LOOK_AROUND);
        let (left, top) = (look.x.floor().max(0.0), look.y.floor().max(0.0));
        let (right, bottom) = ((look.x + look.w).ceil(), (look.y + look.h).ceil());
        let part =
            scene.picture.cropped(left as i64, top as i64, (right - left) as usize, (bottom - top) as usize);
        let part = part.map_err(|e| e.to_string())?;
        let found = self.detector.detect(&part).map_err(|e| e.to_string())?;
        let moved = found.into_iter().map(|mut face| {
            face.face_box.x += left;
            face.face_box.y += top;
            for point in face.landmarks.iter_mut().flatten() {
                *point = [point[0] + left, point[1] + top];
            }
            face
        });
        let best = match scene.face_box {
            Some(known) => moved
                .filter(|face| face.face_box.overlap(&known) >= SAME_FACE)
                .max_by(|a, b| a.face_box.overlap(&known).total_cmp(&b.face_box.overlap(&known))),
            None => moved.max_by(|a, b| a.face_box.area().total_cmp(&b.face_box.area())),
        };
        Ok(match best {
            Some(face) => (face.face_box, face.landmarks),
            None => (known, None),
        })
    }
}

/// A face as the template shows it, [`ALIGNED_SIDE`] pixels a side.
fn aligned(scene: &FaceScene, face_box: &FaceBox, landmarks: Option<&Landmarks>) -> Picture {
    let channels = scene.picture.channels;
    let contract = InputContract {
        size: ALIGNED_SIDE,
        channels,
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
        template: format!("arcface-{TEMPLATE_SIDE}"),
    };
    Aligner::new(&contract, AROUND_BOX, 1.0).picture(&scene.picture, face_box, landmarks)
}

impl Dataset for AlignedFaces {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn classes(&self) -> &[String] {
        self.inner.classes()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn key(&self, index: usize) -> String {
        self.inner.key(index)
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.inner.annotation(index)
    }

    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        self.inner.group(index)
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        self.inner.stamp(index)
    }

    /// Of what is stored: aligning changes nothing about whether two items are copies.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        self.inner.content_hash(index)
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let scene = self.inner.scene(index)?;
        let (face_box, landmarks) = self
            .place(&scene)
            .map_err(|reason| DataError::TooFew(format!("{}: {reason}", self.inner.key(index))))?;
        Ok(aligned(&scene, &face_box, landmarks.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::media::align::ARCFACE;

    /// A dark picture with a bright dot of five pixels at each landmark.
    fn dotted(landmarks: &Landmarks) -> Picture {
        let mut picture = Picture::filled(300, 200, 1, 10);
        for [x, y] in landmarks {
            for (dx, dy) in (-2..=2).flat_map(|dx| (-2..=2).map(move |dy| (dx, dy))) {
                let (x, y) = ((*x as i64 + dx) as usize, (*y as i64 + dy) as usize);
                picture.pixels[y * 300 + x] = 250;
            }
        }
        picture
    }

    #[test]
    fn landmarks_come_to_stand_where_the_template_has_them() {
        let landmarks = ARCFACE.map(|[x, y]| [x * 0.9 + 120.0 + y * 0.1, y * 0.9 + 40.0 - x * 0.1]);
        let scene = FaceScene {
            picture: dotted(&landmarks),
            face_box: Some(FaceBox { x: 130.0, y: 40.0, w: 90.0, h: 110.0 }),
            landmarks: Some(landmarks),
        };
        let face = aligned(&scene, &scene.face_box.unwrap(), scene.landmarks.as_ref());
        assert_eq!((face.width, face.height), (ALIGNED_SIDE, ALIGNED_SIDE));
        let scale = ALIGNED_SIDE as f32 / TEMPLATE_SIDE;
        for [x, y] in ARCFACE {
            let at = face.pixel((x * scale) as usize, (y * scale) as usize)[0];
            assert!(at > 200, "({x}, {y}) is {at}");
        }
        assert!(face.pixel(4, 4)[0] < 60);
    }
}
