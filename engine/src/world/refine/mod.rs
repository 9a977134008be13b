//! The `refine` schedule: one step of the temporal encoder a run.
//!
//! | stage | what it does |
//! |---|---|
//! | `DrawClips` | replaces the last step's clip entities by this step's: clip, first frame, batch index, name |
//! | `Extract` | gathers the frozen student's features of the drawn clips |
//! | `TemporalUpdate` | the encoder's step |
//! | `Report` | appends to the log |

mod config;
mod refining;
mod student;
mod systems;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::ScheduleLabel;

use super::schedule::{no_error, stage, strict_schedule};

pub use config::{ClipDataConfig, EncoderConfig, PostConfig, RefineConfig};
pub use refining::{RefineAdvance, RefineReport, Refining, open_clips};
use student::default_folder;
pub use student::{ClipFeatures, Extraction, extract};

/// Names the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ScheduleLabel)]
pub struct Refine;

/// Its stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, SystemSet)]
pub enum RefineStage {
    /// Clip entities of the next step.
    DrawClips,
    /// Their features.
    Extract,
    /// The encoder's step.
    TemporalUpdate,
    /// The log.
    Report,
}

/// The schedule, unbuilt.
fn schedule() -> Schedule {
    use RefineStage::{DrawClips, Extract, Report, TemporalUpdate};
    let mut schedule = strict_schedule(Refine);
    schedule.configure_sets(
        (
            DrawClips.run_if(no_error),
            Extract.run_if(no_error),
            TemporalUpdate.run_if(no_error),
            Report.run_if(no_error),
        )
            .chain(),
    );
    stage!(schedule, DrawClips, systems::draw_clips);
    stage!(schedule, Extract, systems::extract);
    stage!(schedule, TemporalUpdate, systems::temporal_update);
    stage!(schedule, Report, systems::report);
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::schedule::build;

    #[test]
    fn no_two_systems_conflict_without_an_order() {
        build(&mut schedule(), &mut World::new()).expect("no ambiguity");
    }
}
