//! A row of the table, typed: what was read of a face in a frame, and what people said of it afterwards. Everything that is
//! written of frames (CSV, JSON Lines, Parquet) is made of rows.

use crate::media::HeadPose;
use crate::world::live::{FaceReading, FrameReading};

/// A face in a frame, or a frame without one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableRow {
    /// The frame's number, from 0.
    pub frame: u64,
    /// Its time in seconds from the first frame.
    pub seconds: f64,
    /// The shot it belongs to, from 0.
    pub cut: u64,
    /// The face; `None` in the row of a frame without one.
    pub face: Option<FaceRow>,
    /// Whether a person has taken it out of all counts.
    pub excluded: bool,
    /// Who speaks, where a file of speakers was joined.
    pub speaker: Option<String>,
}

/// A face.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaceRow {
    /// The number by which it was followed, from 1.
    pub face: u32,
    /// Left, top, width, height in pixels.
    pub face_box: [f64; 4],
    /// Five points in pixels, where the detector gives them.
    pub landmarks: Option<[[f64; 2]; 5]>,
    /// One a class, summing to 1.
    pub probabilities: Vec<f64>,
    /// The class of the frame alone.
    pub frame_label: usize,
    /// The class of the temporal encoder; `None` without one.
    pub temporal_label: Option<usize>,
    /// The class after the vote.
    pub voted_label: usize,
    /// Its probability in this frame.
    pub confidence: f64,
    /// Whether that is too low to go by.
    pub unsure: bool,
    /// Whether the detector saw the face in this frame.
    pub detected: bool,
    /// The detector's score, 0 to 1; `None` in tables of older versions, as all that follows.
    pub score: Option<f64>,
    /// How well it can be seen, 0 to 1.
    pub quality: Option<f64>,
    /// Yaw, pitch and roll in degrees; `None` without landmarks.
    pub pose: Option<[f64; 3]>,
    /// Whether the head is turned so little that the model knows the like; `None` without landmarks.
    pub frontal: Option<bool>,
    /// Valence and arousal, -1 to 1; `None` where the model does not say.
    pub affect: Option<[f64; 2]>,
    /// The person, by number: `face`, unless a person has merged faces.
    pub person: u32,
    /// The name that a person gave them; empty without one.
    pub name: String,
    /// The class to report: `voted_label`, unless a person has corrected it.
    pub label: usize,
    /// Whether a person has set `label`.
    pub by_hand: bool,
}

impl TableRow {
    /// The rows of a frame that nobody has corrected: one a face, or one for none.
    pub fn of(reading: &FrameReading) -> Vec<Self> {
        let row = |face| Self {
            frame: reading.frame,
            // As it is written, so that what comes of a table is what came of the readings.
            seconds: (reading.seconds * 1e6).round() / 1e6,
            cut: reading.cut,
            face,
            ..Self::default()
        };
        if reading.faces.is_empty() {
            return vec![row(None)];
        }
        reading.faces.iter().map(|face| row(Some(FaceRow::of(face)))).collect()
    }
}

impl FaceRow {
    fn of(face: &FaceReading) -> Self {
        let b = face.face_box;
        Self {
            face: face.face,
            face_box: [b.x, b.y, b.w, b.h].map(f64::from),
            landmarks: face.landmarks.map(|points| points.map(|point| point.map(f64::from))),
            probabilities: face.probabilities.iter().map(|&p| as_written(p, 6)).collect(),
            frame_label: face.frame_label,
            temporal_label: face.temporal_label,
            voted_label: face.voted_label,
            confidence: as_written(face.confidence, 6),
            unsure: face.unsure,
            detected: face.detected,
            score: Some(f64::from(face.score)),
            quality: Some(as_written(face.quality, 3)),
            pose: face.pose.map(|pose| [pose.yaw, pose.pitch, pose.roll].map(f64::from)),
            frontal: face.pose.as_ref().map(HeadPose::is_frontal),
            affect: face.affect.map(|affect| [affect.valence, affect.arousal].map(f64::from)),
            person: face.face,
            name: String::new(),
            label: face.voted_label,
            by_hand: false,
        }
    }

    /// Says anew whether the confidence is too low to go by, from what the table has of it: so a table that is made again with another
    /// threshold is the one that reading again would give.
    pub fn judge(&mut self, unsure_below: f32) {
        self.unsure = (self.confidence as f32) < unsure_below;
    }

    /// What the person is called: their name, else their number.
    pub fn called(&self) -> String {
        person_called(self.person, &self.name)
    }
}

/// A number as the table has it, so that what is counted of a table is what was counted of the readings.
fn as_written(value: f32, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(f64::NAN)
}

/// What a person is called: their name, else `person 3`.
pub fn person_called(person: u32, name: &str) -> String {
    if name.is_empty() { format!("person {person}") } else { name.to_owned() }
}
