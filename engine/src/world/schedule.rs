//! How a pipeline is built and run: stages in one chain, ambiguity an error, the first failure ends the run, every
//! stage's time booked.

use std::ops::Range;
use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::{LogLevel, ScheduleBuildSettings, ScheduleLabel};

use super::error::WorldError;
use crate::clock::Clock;

/// The stages of a pipeline, an enum made by [`stages!`].
pub(super) trait Stages: SystemSet + Copy {
    /// All stages, in order.
    const ALL: &'static [Self];

    /// The schedule with a system or more for every stage, in one chain.
    fn schedule() -> Schedule;
}

/// The first error a system gave. While it is set no further stage runs.
#[derive(Debug, Default, Resource)]
pub(super) struct Failed(Option<WorldError>);

/// Run condition of every stage.
#[expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
pub(super) fn no_error(failed: Res<Failed>) -> bool {
    failed.0.is_none()
}

/// The stages that this run goes through, by their places; the others are left out.
#[derive(Resource)]
pub(super) struct Due(Range<usize>);

/// Run condition of the stage number `STAGE`.
#[expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
pub(super) fn is_due<const STAGE: usize>(due: Res<Due>) -> bool {
    due.0.contains(&STAGE)
}

/// Ends a fallible system: its error is kept for the caller of [`Pipeline::run`], because the ECS's own handler can
/// only log or panic.
pub(super) fn record_error(In(result): In<Result<(), WorldError>>, mut failed: ResMut<Failed>) {
    if let Err(error) = result {
        failed.0.get_or_insert(error);
    }
}

/// Books the time of each stage as the schedule passes from one to the next.
#[derive(Resource)]
pub(super) struct StageClock {
    pub clock: Clock,
    /// In each stage, in their order.
    pub spent: Vec<Duration>,
    last: Duration,
}

/// The system at the end of stage number `STAGE`.
pub(super) fn book<const STAGE: usize>(mut watch: ResMut<StageClock>) {
    let now = watch.clock.now();
    let last = std::mem::replace(&mut watch.last, now);
    watch.spent[STAGE] += now.saturating_sub(last);
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

/// Declares a pipeline: its schedule's label, the enum of its stages, and the systems of each stage in their order.
macro_rules! stages {
    ($(#[$doc:meta])* $schedule:ident, $stages:ident { $($(#[$stage_doc:meta])* $stage:ident => [$($system:path),+],)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, bevy_ecs::schedule::ScheduleLabel)]
        pub struct $schedule;

        #[doc = concat!("The stages of [`", stringify!($schedule), "`], in order.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, bevy_ecs::schedule::SystemSet)]
        pub enum $stages {
            $($(#[$stage_doc])* $stage,)+
        }

        impl $stages {
            /// All stages, in order.
            pub const ALL: [Self; [$(stringify!($stage)),+].len()] = [$(Self::$stage),+];

            /// The stage's name.
            pub fn name(self) -> &'static str {
                [$(stringify!($stage)),+][self as usize]
            }
        }

        impl $crate::world::schedule::Stages for $stages {
            const ALL: &'static [Self] = &[$(Self::$stage),+];

            fn schedule() -> bevy_ecs::schedule::Schedule {
                use bevy_ecs::prelude::IntoSystem as _;
                use bevy_ecs::schedule::IntoScheduleConfigs as _;
                use $crate::world::schedule::{book, is_due, no_error, record_error, strict_schedule};

                let mut schedule = strict_schedule($schedule);
                schedule.configure_sets(($(Self::$stage.run_if(no_error).run_if(is_due::<{ Self::$stage as usize }>),)+).chain());
                $(
                    schedule.add_systems(
                        ($($system.pipe(record_error),)+ book::<{ Self::$stage as usize }>).chain().in_set(Self::$stage),
                    );
                )+
                schedule
            }
        }
    };
}
pub(super) use stages;

/// A world and the schedule that runs on it.
pub(super) struct Pipeline {
    pub world: World,
    schedule: Schedule,
}

impl Pipeline {
    /// A pipeline of these stages; its resources are inserted into `world` before it runs.
    ///
    /// # Errors
    /// Two systems conflict without an order, or the order has a cycle.
    pub fn new<S: Stages>(clock: Clock) -> Result<Self, WorldError> {
        let mut world = World::new();
        world.init_resource::<Failed>();
        let (spent, last) = (vec![Duration::ZERO; S::ALL.len()], clock.now());
        world.insert_resource(StageClock { clock, spent, last });
        world.insert_resource(Due(0..S::ALL.len()));
        let mut schedule = S::schedule();
        build(&mut schedule, &mut world)?;
        Ok(Self { world, schedule })
    }

    /// Runs every stage once.
    ///
    /// # Errors
    /// The first error of a system; the stages after it did not run.
    pub fn run(&mut self) -> Result<(), WorldError> {
        let all = self.spent().len();
        self.run_stages(0..all)
    }

    /// Runs these stages once, by their places: a program of its own may do something between two of them.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub fn run_stages(&mut self, due: Range<usize>) -> Result<(), WorldError> {
        self.world.insert_resource(Due(due));
        let mut watch = self.world.resource_mut::<StageClock>();
        watch.last = watch.clock.now();
        self.schedule.run(&mut self.world);
        // Nobody asks which components were removed; untold, the list of them would grow with every entity.
        self.world.clear_trackers();
        self.world.resource_mut::<Failed>().0.take().map_or(Ok(()), Err)
    }

    /// Lets `add` put more systems into the schedule.
    ///
    /// # Errors
    /// A new system conflicts with another one without an order.
    pub fn extend(&mut self, add: impl FnOnce(&mut World, &mut Schedule)) -> Result<(), WorldError> {
        add(&mut self.world, &mut self.schedule);
        build(&mut self.schedule, &mut self.world)
    }

    /// The time spent in each stage so far, in their order.
    pub fn spent(&self) -> &[Duration] {
        &self.world.resource::<StageClock>().spent
    }
}

/// Builds the schedule's executable form.
fn build(schedule: &mut Schedule, world: &mut World) -> Result<(), WorldError> {
    let result = schedule.initialize(world);
    result.map(|_| ()).map_err(|e| WorldError::Schedule(e.to_string(schedule.graph(), world)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Resource)]
    struct Trace(Vec<&'static str>);

    fn fails(mut trace: ResMut<Trace>) -> Result<(), WorldError> {
        trace.0.push("first");
        Err(WorldError::Schedule("planted".into()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "as systems are that can fail")]
    fn follows(mut trace: ResMut<Trace>) -> Result<(), WorldError> {
        trace.0.push("second");
        Ok(())
    }

    stages! {
        /// A pipeline that fails.
        Probe, ProbeStage {
            /// Fails.
            First => [fails],
            /// Never comes.
            Second => [follows],
        }
    }

    #[test]
    fn stages_have_an_order_and_names() {
        assert_eq!(ProbeStage::ALL.map(ProbeStage::name), ["First", "Second"]);
    }

    #[test]
    fn an_error_reaches_the_caller_and_stops_the_stages_after_it() {
        let mut pipeline = Pipeline::new::<ProbeStage>(Clock::default()).expect("no ambiguity");
        pipeline.world.init_resource::<Trace>();
        let error = pipeline.run().expect_err("the planted error");
        assert!(error.to_string().contains("planted"), "{error}");
        assert_eq!(pipeline.world.resource::<Trace>().0, ["first"]);
        pipeline.run().expect_err("an error is told once, and the next run starts anew");
        assert_eq!(pipeline.world.resource::<Trace>().0, ["first", "first"]);
    }

    #[test]
    fn stages_that_are_not_due_are_left_out() {
        let mut pipeline = Pipeline::new::<ProbeStage>(Clock::default()).expect("no ambiguity");
        pipeline.world.init_resource::<Trace>();
        pipeline.run_stages(1..2).expect("the stage that fails is not due");
        pipeline.run_stages(0..1).expect_err("the planted error");
        assert_eq!(pipeline.world.resource::<Trace>().0, ["second", "first"]);
    }

    #[test]
    fn a_system_without_an_order_is_refused() {
        let mut pipeline = Pipeline::new::<ProbeStage>(Clock::default()).expect("no ambiguity");
        let planted = |schedule: &mut Schedule| {
            schedule.add_systems(follows.pipe(record_error).in_set(ProbeStage::First));
        };
        let error = pipeline.extend(|_, schedule| planted(schedule)).expect_err("an ambiguity").to_string();
        assert!(error.contains("indeterminate execution order"), "{error}");
    }
}
