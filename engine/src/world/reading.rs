//! What comes out.

use std::time::Duration;

use crate::learn::Affect;
use crate::media::{FaceBox, HeadPose, Landmarks, Picture};

/// A face in a frame, and what it shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaceReading {
    /// The frame's number.
    pub frame: u64,
    /// The frame's time in seconds from the first.
    pub seconds: f64,
    /// The person's number, from 1; the same as long as the face is followed.
    pub face: u32,
    /// Where the face is, in the frame's pixels.
    pub face_box: FaceBox,
    /// Its landmarks, where the detector gives them.
    pub landmarks: Option<Landmarks>,
    /// Whether the detector saw it in this frame; else its motion was carried on.
    pub detected: bool,
    /// The detector's score of the last frame in which it saw the face, 0 to 1.
    pub score: f32,
    /// How well the face can be seen, 0 to 1: [`face_quality`](crate::media::face_quality).
    pub quality: f32,
    /// How the head is turned; `None` without landmarks.
    pub pose: Option<HeadPose>,
    /// One a class, summing to 1, calibrated by the model's temperature: of the temporal encoder where there is one, else of
    /// the student.
    pub probabilities: Vec<f32>,
    /// The most probable class by this frame alone.
    pub frame_label: usize,
    /// The most probable class by the temporal encoder; `None` without one.
    pub temporal_label: Option<usize>,
    /// The class after the vote over neighbouring frames.
    pub voted_label: usize,
    /// Share of the frames that voted for it, 0 to 1: 1 where they agree.
    pub vote_share: f32,
    /// Probability of the voted class.
    pub confidence: f32,
    /// Whether that is too low to go by: below [`LiveSettings::unsure_below`](super::live::LiveSettings::unsure_below).
    pub unsure: bool,
    /// How pleasant and how aroused it looks by this frame alone, where the model says: an ONNX file's may.
    pub affect: Option<Affect>,
    /// The face cut out, where thumbnails are asked for and this frame has one.
    pub thumbnail: Option<Picture>,
    /// What tells its person from others, of length 1: of a few frames of each track, where an embedding model was given.
    pub embedding: Option<Vec<f32>>,
}

/// A frame that is through all stages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameReading {
    /// Its number.
    pub frame: u64,
    /// Its time in seconds from the first.
    pub seconds: f64,
    /// The shot it belongs to, from 0: how many hard cuts were found before it.
    pub cut: u64,
    /// Its faces, by number; empty where none was found.
    pub faces: Vec<FaceReading>,
    /// From the frame's coming in to this reading, by the run's clock.
    pub latency: Duration,
    /// The frame itself, where it is asked for.
    pub picture: Option<Picture>,
}
