//! The `live` schedule: frames in, verdicts out, the same for a camera and for a file. One run takes the frames at hand.
//!
//! | stage | what it does |
//! |---|---|
//! | `Capture` | an entity for each frame: number, seconds, when it came in |
//! | `Detect` | the detector looks at every n-th frame, at all that are due at once |
//! | `Track` | an entity for each face of a frame: whose it is ([`Face`]), seen or carried on |
//! | `Align` | every face as input, framed as the model's card says |
//! | `Student` | all faces of all frames at hand through the network as one batch: [`StudentAnswer`] |
//! | `Temporal` | each face's own window of features through the encoder, where there is one: [`TemporalAnswer`] |
//! | `Vote` | each face's own votes: [`VotedLabel`] |
//! | `Present` | frames all of whose faces are voted on become [`FrameReading`]s, in order, and leave the world |
//!
//! Memory is that of the frames at hand, and of the windows of the faces under way. Whoever wants neither stages nor
//! entities uses [`Recognizer`].
//!
//! [`Face`]: super::components::Face
//! [`StudentAnswer`]: super::components::StudentAnswer
//! [`TemporalAnswer`]: super::components::TemporalAnswer
//! [`VotedLabel`]: super::components::VotedLabel

mod lines;
mod reading;
mod recognizer;
mod rest;
mod systems;
mod times;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::ScheduleLabel;

use super::schedule::{no_error, stage, strict_schedule};

pub use reading::{FaceReading, FrameReading};
pub use recognizer::{Encoder, LiveSettings, Recognizer, UNSURE_BELOW};
pub use rest::NeutralState;
pub use times::{Clock, StageTimes};

/// Names the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ScheduleLabel)]
pub struct Live;

/// Its stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, SystemSet)]
pub enum LiveStage {
    /// Frames.
    Capture,
    /// Where faces are.
    Detect,
    /// Whose they are.
    Track,
    /// Faces as input.
    Align,
    /// The student's answers.
    Student,
    /// The encoder's answers.
    Temporal,
    /// The vote.
    Vote,
    /// Readings.
    Present,
}

impl LiveStage {
    /// All stages, in order.
    pub const ALL: [Self; 8] = [
        Self::Capture,
        Self::Detect,
        Self::Track,
        Self::Align,
        Self::Student,
        Self::Temporal,
        Self::Vote,
        Self::Present,
    ];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        ["capture", "detect", "track", "align", "student", "temporal", "vote", "present"][self as usize]
    }
}

/// The schedule, unbuilt.
fn schedule() -> Schedule {
    use LiveStage::{Align, Capture, Detect, Present, Student, Temporal, Track, Vote};
    let mut schedule = strict_schedule(Live);
    schedule.configure_sets(
        (
            Capture.run_if(no_error),
            Detect.run_if(no_error),
            Track.run_if(no_error),
            Align.run_if(no_error),
            Student.run_if(no_error),
            Temporal.run_if(no_error),
            Vote.run_if(no_error),
            Present.run_if(no_error),
        )
            .chain(),
    );
    stage!(schedule, Capture, systems::capture);
    stage!(schedule, Detect, systems::detect);
    stage!(schedule, Track, systems::track);
    stage!(schedule, Align, systems::align);
    stage!(schedule, Student, systems::student);
    stage!(schedule, Temporal, systems::temporal);
    stage!(schedule, Vote, systems::vote);
    stage!(schedule, Present, systems::present);
    schedule
}

#[cfg(test)]
mod tests {
    use super::super::schedule::build;
    use super::*;

    #[test]
    fn no_two_systems_conflict_without_an_order() {
        build(&mut schedule(), &mut World::new()).expect("no ambiguity");
    }

    #[test]
    fn stages_are_named_in_order() {
        for (place, stage) in LiveStage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, place);
            assert_eq!(stage.name(), format!("{stage:?}").to_lowercase());
        }
    }
}
