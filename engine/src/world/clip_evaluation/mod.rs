//! The `evaluate_clips` schedule: every frame of every clip, in order, through student, temporal encoder and vote. One
//! run takes the next frames of the clip in hand; memory does not grow with a clip's length.
//!
//! | stage | what it does |
//! |---|---|
//! | `Draw` | frame entities of the next stretch: clip, frame, label, whether there is a face |
//! | `Student` | kept features and the student's own answer; frames with a face get a [`StudentLabel`] |
//! | `Temporal` | the encoder over overlapping windows; frames that no later window reaches get a [`TemporalLabel`] |
//! | `Vote` | the sliding window; frames whose window is complete get a [`VotedLabel`] |
//! | `Measure` | counts frames that are through all stages, hands them to the caller, and removes their entities |
//!
//! [`StudentLabel`]: super::components::StudentLabel
//! [`TemporalLabel`]: super::components::TemporalLabel
//! [`VotedLabel`]: super::components::VotedLabel

mod answers;
mod scores;
mod systems;

use std::sync::{Arc, Mutex};

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::ScheduleLabel;

use self::answers::{Encoder, Line, Walk};
use self::systems::{Sink, Tally};
use super::error::WorldError;
use super::refine::{ClipFeatures, PostConfig};
use super::schedule::{build, no_error, run, stage, strict_schedule};
use crate::backend::Inference;
use crate::learn::TemporalStage;

pub use answers::FrameReading;
pub use scores::ClipScores;

/// Names the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ScheduleLabel)]
pub struct EvaluateClips;

/// Its stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, SystemSet)]
pub enum EvaluateClipsStage {
    /// Frame entities.
    Draw,
    /// The student's answers.
    Student,
    /// The encoder's answers.
    Temporal,
    /// The vote.
    Vote,
    /// The score.
    Measure,
}

/// A temporal encoder at work.
pub struct Encoding {
    /// The encoder, with a frame's presence as the last value of its input.
    pub network: Box<dyn Inference>,
    /// Frames between two windows.
    pub stride: usize,
    /// Whether the student's logits are added to the encoder's.
    pub residual: bool,
}

/// Takes every frame's reading, in order.
pub type ReadingSink = Box<dyn FnMut(&FrameReading) -> Result<(), WorldError> + Send + Sync>;

/// The schedule, unbuilt.
fn schedule() -> Schedule {
    use EvaluateClipsStage::{Draw, Measure, Student, Temporal, Vote};
    let mut schedule = strict_schedule(EvaluateClips);
    schedule.configure_sets(
        (
            Draw.run_if(no_error),
            Student.run_if(no_error),
            Temporal.run_if(no_error),
            Vote.run_if(no_error),
            Measure.run_if(no_error),
        )
            .chain(),
    );
    stage!(schedule, Draw, systems::draw);
    stage!(schedule, Student, systems::student);
    stage!(schedule, Temporal, systems::temporal);
    stage!(schedule, Vote, systems::vote);
    stage!(schedule, Measure, systems::measure);
    schedule
}

/// Reads every frame of the clips and scores it: the student alone, with the encoder where there is one, and each way of
/// voting after that. `progress` hears how many frames of all are done, and stops it by giving `false`.
///
/// # Errors
/// The network fails, `sink` fails, or `progress` stops it.
pub fn evaluate_clips(
    features: &Arc<ClipFeatures>,
    classes: &[String],
    encoding: Option<Encoding>,
    post: &PostConfig,
    sink: ReadingSink,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<ClipScores, WorldError> {
    post.validate()?;
    let stage = match encoding {
        None => None,
        Some(Encoding { network, stride, residual }) => {
            let stage = TemporalStage::new(network, stride)?;
            Some(if residual { stage.with_head(features.head.clone()) } else { stage })
        }
    };
    let mut world = World::new();
    world.insert_resource(Tally::new(classes.len(), stage.is_some(), post.smoothing > 1));
    world.insert_resource(Encoder(stage.map(Mutex::new)));
    world.insert_resource(Line::new(classes.len(), post)?);
    world.insert_resource(Walk::new(Arc::clone(features)));
    world.insert_resource(Sink(Mutex::new(sink)));
    let mut schedule = schedule();
    build(&mut schedule, &mut world)?;
    let total = features.set.total_frames();
    while !world.resource::<Walk>().is_done() {
        run(&mut schedule, &mut world)?;
        if !progress(world.resource::<Walk>().frames_done(), total) {
            return Err(WorldError::Interrupted);
        }
    }
    Ok(world.resource::<Tally>().scores(classes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_systems_conflict_without_an_order() {
        build(&mut schedule(), &mut World::new()).expect("no ambiguity");
    }
}
