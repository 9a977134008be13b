//! What inference hands to the window.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use affekt_engine::FaceReading;
use affekt_engine::media::Picture;
use affekt_engine::signal::{SmoothKind, SmoothSettings, Smoother};
use affekt_engine::world::live::NeutralState;
use eframe::egui::ColorImage;

/// A face as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What was read.
    pub reading: FaceReading,
    /// Its probabilities averaged over the last frames, one a class.
    pub smoothed: Vec<f32>,
    /// What is known of the face at rest.
    pub neutral: NeutralState,
}

/// A frame that is ready to be drawn.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Which start of a source it belongs to.
    pub run: u64,
    /// Which recognizer has read it, counted from 1; 0 where there was none.
    pub reader: u64,
    /// Its number in the source.
    pub frame: u64,
    /// Its time in seconds from the first.
    pub seconds: f64,
    /// When it was captured, by the pipeline's clock.
    pub captured: Duration,
    /// Its faces by number; `None` where there was no recognizer to look.
    pub faces: Option<Vec<Seen>>,
    /// The frame as it came.
    pub picture: Arc<Picture>,
    /// The frame at a size worth drawing.
    pub image: Arc<ColorImage>,
}

/// A picture as the window takes it, at most `most` (columns, rows) large and never enlarged.
pub fn image(picture: &Picture, most: (usize, usize)) -> ColorImage {
    let scale = (most.0 as f64 / picture.width as f64).min(most.1 as f64 / picture.height as f64);
    // A little too large is drawn as it is: reducing costs more than it saves.
    let reduced = (scale < 0.8)
        .then(|| {
            let side = |length: usize| ((length as f64 * scale).round() as usize).max(1);
            picture.resized(side(picture.width), side(picture.height)).ok()
        })
        .flatten();
    let picture = reduced.as_ref().unwrap_or(picture);
    let size = [picture.width, picture.height];
    if picture.channels == 1 {
        ColorImage::from_gray(size, &picture.pixels)
    } else {
        ColorImage::from_rgb(size, &picture.pixels)
    }
}

/// Averages each face's probabilities over its last frames.
#[derive(Debug, Default)]
pub(super) struct Smoothing {
    window: usize,
    /// Of each face, and the frame it was last seen in.
    faces: BTreeMap<u32, (Smoother, u64)>,
}

impl Smoothing {
    /// Frames after which a face that is out of sight is forgotten.
    const KEPT: u64 = 300;

    /// The averages of a frame's faces over `window` frames.
    pub fn take(&mut self, frame: u64, faces: &[FaceReading], window: usize) -> Vec<Vec<f32>> {
        if window != self.window {
            self.faces.clear();
            self.window = window;
        }
        self.faces.retain(|_, (_, last)| frame.saturating_sub(*last) < Self::KEPT);
        let mean = |face: &FaceReading| {
            let settings = SmoothSettings { kind: SmoothKind::Causal, window };
            let classes = face.probabilities.len();
            let new = || Smoother::new(settings, classes).ok().map(|smoother| (smoother, frame));
            if window > 1 && !self.faces.contains_key(&face.face) {
                self.faces.extend(new().map(|new| (face.face, new)));
            }
            let Some((smoother, last)) = self.faces.get_mut(&face.face) else {
                return face.probabilities.clone();
            };
            *last = frame;
            let mean = smoother.push(Some(&face.probabilities)).and_then(|s| s.probabilities);
            mean.map_or_else(|| face.probabilities.clone(), <[f32]>::to_vec)
        };
        faces.iter().map(mean).collect()
    }

    /// Forgets all faces.
    pub fn clear(&mut self) {
        self.faces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::media::FaceBox;

    #[test]
    fn a_4k_picture_is_reduced_and_a_small_one_is_not_enlarged() {
        let large = image(&Picture::filled(3840, 2160, 3, 7), (800, 800));
        assert_eq!(large.size, [800, 450]);
        assert!(large.pixels.iter().all(|p| p.to_array() == [7, 7, 7, 255]));
        assert_eq!(image(&Picture::filled(64, 48, 1, 9), (800, 600)).size, [64, 48]);
        assert_eq!(image(&Picture::filled(5000, 2, 3, 9), (100, 100)).size, [100, 1]);
    }

    fn face(face: u32, first: f32) -> FaceReading {
        FaceReading {
            frame: 0,
            seconds: 0.0,
            face,
            face_box: FaceBox::default(),
            landmarks: None,
            detected: true,
            probabilities: vec![first, 1.0 - first],
            frame_label: 0,
            temporal_label: None,
            voted_label: 0,
            confidence: first,
            ..FaceReading::default()
        }
    }

    #[test]
    fn each_face_is_averaged_by_itself_and_over_its_window_only() {
        let mut smoothing = Smoothing::default();
        let take = |smoothing: &mut Smoothing, frame, faces: &[FaceReading], window| -> Vec<f32> {
            smoothing.take(frame, faces, window).iter().map(|row| (row[0] * 100.0).round()).collect()
        };
        assert_eq!(take(&mut smoothing, 0, &[face(1, 0.2), face(2, 1.0)], 2), [20.0, 100.0]);
        assert_eq!(take(&mut smoothing, 1, &[face(1, 0.4), face(2, 0.0)], 2), [30.0, 50.0]);
        assert_eq!(take(&mut smoothing, 2, &[face(1, 0.8)], 2), [60.0]);
        assert_eq!(take(&mut smoothing, 3, &[face(1, 0.5)], 1), [50.0], "1 means none");
        assert_eq!(take(&mut smoothing, 4, &[face(1, 0.1)], 3), [10.0], "another window begins anew");
        assert_eq!(smoothing.faces.len(), 1);
        take(&mut smoothing, 4 + Smoothing::KEPT, &[face(7, 0.1)], 3);
        assert_eq!(smoothing.faces.keys().collect::<Vec<_>>(), [&7], "who is gone is forgotten");
    }
}
