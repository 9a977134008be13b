//! The last seconds of every face, for its timeline. Memory is bounded whatever comes.

use std::collections::{BTreeMap, VecDeque};

use crate::pipeline::Shown;

/// Seconds that are kept.
pub const SECONDS: f64 = 30.0;
/// Most moments of a face, for sources of many frames a second.
const MOST_MOMENTS: usize = 3600;
/// Most faces; those that were seen longest ago go first.
const MOST_FACES: usize = 16;

/// A face at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The frame's time in seconds.
    pub seconds: f64,
    /// Its voted class.
    pub label: usize,
    /// Its probabilities as shown, one a class.
    pub probabilities: Vec<f32>,
    /// Whether the detector saw it.
    pub detected: bool,
}

/// The moments of every face, oldest first.
#[derive(Debug, Default)]
pub struct History {
    faces: BTreeMap<u32, VecDeque<Moment>>,
    now: f64,
}

impl History {
    /// Takes a frame.
    pub fn push(&mut self, shown: &Shown) {
        if shown.seconds < self.now {
            // The source began again.
            self.clear();
        }
        self.now = shown.seconds;
        for seen in shown.faces.iter().flatten() {
            let face = self.faces.entry(seen.reading.face).or_default();
            if face.len() == MOST_MOMENTS {
                face.pop_front();
            }
            face.push_back(Moment {
                seconds: shown.seconds,
                label: seen.reading.voted_label,
                probabilities: seen.smoothed.clone(),
                detected: seen.reading.detected,
            });
        }
        let oldest = self.now - SECONDS;
        for face in self.faces.values_mut() {
            while face.front().is_some_and(|moment| moment.seconds < oldest) {
                face.pop_front();
            }
        }
        self.faces.retain(|_, face| !face.is_empty());
        while self.faces.len() > MOST_FACES {
            let last = |moments: &VecDeque<Moment>| moments.back().map_or(f64::MIN, |m| m.seconds);
            let stale =
                self.faces.iter().min_by(|a, b| last(a.1).total_cmp(&last(b.1))).map(|(face, _)| *face);
            stale.map(|face| self.faces.remove(&face));
        }
    }

    /// The faces by number, each with its moments.
    pub fn faces(&self) -> impl Iterator<Item = (u32, &VecDeque<Moment>)> {
        self.faces.iter().map(|(face, moments)| (*face, moments))
    }

    /// Whether the detector saw a face in one of its last frames. It does not look at each, so one frame tells little.
    pub fn seen_lately(&self, face: u32, frames: usize) -> bool {
        let moments = self.faces.get(&face);
        moments.is_some_and(|moments| moments.iter().rev().take(frames).any(|moment| moment.detected))
    }

    /// Faces there are.
    pub fn len(&self) -> usize {
        self.faces.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    /// The last frame's time in seconds.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::pipeline::Seen;
    use affekt_engine::FaceReading;
    use affekt_engine::media::{FaceBox, Picture};
    use affekt_engine::world::live::NeutralState;

    fn shown(frame: u64, seconds: f64, faces: &[u32]) -> Shown {
        let seen = |&face: &u32| Seen {
            reading: FaceReading {
                frame,
                seconds,
                face,
                face_box: FaceBox::default(),
                landmarks: None,
                detected: true,
                probabilities: vec![1.0],
                frame_label: 0,
                temporal_label: None,
                voted_label: 0,
                confidence: 1.0,
                ..FaceReading::default()
            },
            smoothed: vec![1.0],
            neutral: NeutralState::Unknown,
        };
        Shown {
            run: 1,
            reader: 1,
            frame,
            seconds,
            captured: Duration::ZERO,
            faces: Some(faces.iter().map(seen).collect()),
            picture: Arc::new(Picture::filled(1, 1, 3, 0)),
            image: Arc::default(),
        }
    }

    #[test]
    fn only_the_last_seconds_are_kept_and_who_is_gone_is_forgotten() {
        let mut history = History::default();
        for frame in 0..2000 {
            history.push(&shown(frame, frame as f64 * 0.1, if frame < 1000 { &[1, 2] } else { &[2] }));
        }
        let faces: Vec<_> = history.faces().collect();
        assert_eq!(faces.len(), 1);
        assert_eq!((faces[0].0, faces[0].1.len()), (2, 301));
        history.push(&shown(0, 0.0, &[1]));
        assert_eq!(
            history.faces().map(|(face, moments)| (face, moments.len())).collect::<Vec<_>>(),
            [(1, 1)]
        );
    }

    #[test]
    fn a_face_is_seen_while_the_detector_looks_away_and_no_longer() {
        let mut history = History::default();
        for frame in 0..6 {
            let mut shown = shown(frame, frame as f64, &[1]);
            shown.faces.iter_mut().flatten().for_each(|seen| seen.reading.detected = frame == 2);
            history.push(&shown);
            assert_eq!(history.seen_lately(1, 3), (2..5).contains(&frame), "frame {frame}");
        }
        assert!(!history.seen_lately(2, 3), "nobody");
    }

    #[test]
    fn a_crowd_and_a_fast_camera_do_not_fill_memory() {
        let mut history = History::default();
        for frame in 0..10_000 {
            history.push(&shown(frame, frame as f64 * 1e-3, &[1, 100 + (frame % 200) as u32]));
        }
        assert_eq!(history.len(), MOST_FACES);
        assert!(history.faces().all(|(_, moments)| moments.len() <= MOST_MOMENTS));
        assert!(history.faces().any(|(face, _)| face == 1), "who is still there stays");
    }
}
