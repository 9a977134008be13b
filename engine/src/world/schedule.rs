//! How a schedule is built and run here: stages in one chain, ambiguity an error, the first failure ends the run.

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::{LogLevel, ScheduleBuildSettings, ScheduleLabel};

use super::error::WorldError;

/// The first error a system gave. While it is set no further stage runs.
#[derive(Debug, Default, Resource)]
pub(super) struct Failed(Option<WorldError>);

/// Run condition of every stage.
#[expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
pub(super) fn no_error(failed: Res<Failed>) -> bool {
    failed.0.is_none()
}

/// Ends a fallible system: its error is kept for the caller of [`run`], because the ECS's own handler can only log
/// or panic.
pub(super) fn record_error(In(result): In<Result<(), WorldError>>, mut failed: ResMut<Failed>) {
    if let Err(error) = result {
        failed.0.get_or_insert(error);
    }
}

/// An empty schedule in which two systems that touch the same thing must have an order.
pub(super) fn strict_schedule(label: impl ScheduleLabel) -> Schedule {
    let mut schedule = Schedule::new(label);
    schedule.set_build_settings(ScheduleBuildSettings {
        ambiguity_detection: LogLevel::Error,
        ..ScheduleBuildSettings::default()
    });
    schedule
}

/// Builds the schedule's executable form.
///
/// # Errors
/// Two systems conflict without an order, or the order has a cycle.
pub(super) fn build(schedule: &mut Schedule, world: &mut World) -> Result<(), WorldError> {
    world.init_resource::<Failed>();
    let result = schedule.initialize(world);
    result.map(|_| ()).map_err(|e| WorldError::Schedule(e.to_string(schedule.graph(), world)))
}

/// Runs the schedule once.
///
/// # Errors
/// The first error of a system; the stages after it did not run.
pub(super) fn run(schedule: &mut Schedule, world: &mut World) -> Result<(), WorldError> {
    schedule.run(world);
    // Nobody asks which components were removed; untold, the list of them would grow with every entity.
    world.clear_trackers();
    world.resource_mut::<Failed>().0.take().map_or(Ok(()), Err)
}

/// Adds fallible systems to a stage: `stage!(schedule, Stage::Draw, draw)`.
macro_rules! stage {
    ($schedule:expr, $stage:expr, $system:expr) => {
        $schedule.add_systems($system.pipe($crate::world::schedule::record_error).in_set($stage))
    };
}
pub(super) use stage;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Hash, ScheduleLabel)]
    struct Probe;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, SystemSet)]
    enum Stage {
        First,
        Second,
    }

    #[derive(Debug, Default, Resource)]
    struct Trace(Vec<&'static str>);

    fn fails(mut trace: ResMut<Trace>) -> Result<(), WorldError> {
        trace.0.push("first");
        Err(WorldError::Schedule("planted".into()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]
    fn follows(mut trace: ResMut<Trace>) -> Result<(), WorldError> {
        trace.0.push("second");
        Ok(())
    }

    #[test]
    fn an_error_reaches_the_caller_and_stops_the_stages_after_it() {
        let mut world = World::new();
        world.init_resource::<Trace>();
        let mut schedule = strict_schedule(Probe);
        schedule.configure_sets((Stage::First.run_if(no_error), Stage::Second.run_if(no_error)).chain());
        stage!(schedule, Stage::First, fails);
        stage!(schedule, Stage::Second, follows);
        build(&mut schedule, &mut world).expect("no ambiguity");
        let error = run(&mut schedule, &mut world).expect_err("the planted error");
        assert!(error.to_string().contains("planted"), "{error}");
        assert_eq!(world.resource::<Trace>().0, ["first"]);
        run(&mut schedule, &mut world).expect_err("an error is told once, and the next run starts anew");
        assert_eq!(world.resource::<Trace>().0, ["first", "first"]);
    }
}
