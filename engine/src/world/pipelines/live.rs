//! `live`: frames in, readings out, the same for a camera, a video and a picture. One run takes the frames at hand; all
//! their faces go through the student as one batch. Memory is that of the frames at hand and of the people in view.

use crate::world::schedule::stages;
use crate::world::stages::{align, capture, detect, embed, neutral, present, student, temporal, track, vote};

stages! {
    /// The frames at hand.
    Live, LiveStage {
        /// Frames.
        Capture => [capture::capture],
        /// Where faces are.
        Detect => [detect::detect],
        /// Whose they are.
        Track => [track::track],
        /// Faces as input; embeddings where they are asked for, the last that need a frame's pixels.
        Align => [align::align, embed::embed, align::release],
        /// The student's answers.
        Student => [student::student],
        /// The encoder's answers, with each person's resting face taken off.
        Temporal => [temporal::temporal, neutral::take_off_rest],
        /// The vote.
        Vote => [vote::vote],
        /// Readings.
        Present => [present::present],
    }
}
