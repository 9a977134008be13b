//! The `pretrain` schedule: one semi-supervised (or supervised) step a run.
//!
//! | stage | what it does |
//! |---|---|
//! | `Draw` | replaces the last step's sample entities by this step's: pool index, batch index, key, label |
//! | `Load` | takes the step that loader threads have read ahead; marks samples whose picture was replaced because it cannot be read |
//! | `Augment` | hands the step's views to the networks |
//! | `TeacherForward` | the teacher on all views; gives unlabelled samples their pseudo-label and confidence |
//! | `StudentUpdate`, `MetaTest`, `TeacherUpdate` | the method, see [`crate::learn::SemiSupervised`] |
//! | `Report` | ends the step and appends it to the log |
//!
//! Drawing, reading and augmenting depend on the seed and the step alone ([`super::Preparer`]). So loader threads do
//! them ahead while the networks compute, and the first three stages only take over what is ready: `Draw` asks the
//! same function that the threads ask, `Load` checks that both speak of the same samples. Nothing is random in
//! between, which is why a resumed run goes on bit for bit.
//!
//! Evaluation and checkpoints come between steps, not in them: [`super::Pretraining`] does both.

pub(super) mod systems;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::ScheduleLabel;

use super::schedule::{no_error, stage, strict_schedule};

/// Names the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ScheduleLabel)]
pub struct Pretrain;

/// Its stages, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, SystemSet)]
pub enum PretrainStage {
    /// Sample entities of the step.
    Draw,
    /// Pictures.
    Load,
    /// Views.
    Augment,
    /// The teacher's logits and pseudo-labels.
    TeacherForward,
    /// The student learns from pseudo-labels.
    StudentUpdate,
    /// How the student's update changed its labelled loss.
    MetaTest,
    /// The teacher learns from labels, consistency and feedback.
    TeacherUpdate,
    /// The step's record.
    Report,
}

/// The schedule, unbuilt.
pub(super) fn schedule() -> Schedule {
    use PretrainStage as Stage;
    let mut schedule = strict_schedule(Pretrain);
    schedule.configure_sets(
        (
            Stage::Draw.run_if(no_error),
            Stage::Load.run_if(no_error),
            Stage::Augment.run_if(no_error),
            Stage::TeacherForward.run_if(no_error),
            Stage::StudentUpdate.run_if(no_error),
            Stage::MetaTest.run_if(no_error),
            Stage::TeacherUpdate.run_if(no_error),
            Stage::Report.run_if(no_error),
        )
            .chain(),
    );
    stage!(schedule, Stage::Draw, systems::draw);
    stage!(schedule, Stage::Load, systems::load);
    stage!(schedule, Stage::Augment, systems::augment);
    stage!(schedule, Stage::TeacherForward, systems::teacher_forward);
    stage!(schedule, Stage::StudentUpdate, systems::student_update);
    stage!(schedule, Stage::MetaTest, systems::meta_test);
    stage!(schedule, Stage::TeacherUpdate, systems::teacher_update);
    stage!(schedule, Stage::Report, systems::report);
    // Pseudo-labels exist from the forward pass to the end of the step; entities take them over before the student
    // learns from them.
    schedule.add_systems(
        systems::pseudo_label
            .pipe(super::schedule::record_error)
            .run_if(no_error)
            .after(Stage::TeacherForward)
            .before(Stage::StudentUpdate),
    );
    schedule
}

#[cfg(test)]
mod tests {
    use super::super::error::WorldError;
    use super::super::schedule::build;
    use super::*;

    #[test]
    fn no_two_systems_conflict_without_an_order() {
        build(&mut schedule(), &mut World::new()).expect("no ambiguity");
    }

    #[test]
    fn a_planted_system_without_an_order_is_caught() {
        #[expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]
        fn planted(mut done: ResMut<systems::StepsDone>) -> Result<(), WorldError> {
            done.0 += 1;
            Ok(())
        }
        let mut schedule = schedule();
        stage!(schedule, PretrainStage::Report, planted);
        let error = build(&mut schedule, &mut World::new()).expect_err("an ambiguity").to_string();
        assert!(error.contains("indeterminate execution order"), "{error}");
    }
}
