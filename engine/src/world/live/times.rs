//! How long each stage takes, measured always, by a clock that a test may replace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bevy_ecs::prelude::*;

use super::LiveStage;

/// Time since some fixed moment.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock that calls a function, for tests.
    pub fn of(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Clock {
    /// The machine's, which never goes back.
    fn default() -> Self {
        let start = Instant::now();
        Self::of(move || start.elapsed())
    }
}

/// Time spent so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimes {
    /// In each stage, in the order of [`LiveStage::ALL`].
    pub stages: [Duration; LiveStage::ALL.len()],
    /// Frames that came in.
    pub frames: u64,
    /// Faces that went through the network.
    pub faces: u64,
}

impl StageTimes {
    /// Adds what another recognizer has spent.
    pub fn add(&mut self, other: &Self) {
        self.stages.iter_mut().zip(other.stages).for_each(|(sum, time)| *sum += time);
        self.frames += other.frames;
        self.faces += other.faces;
    }

    /// Milliseconds a frame of each stage, with the stages' names.
    pub fn per_frame_ms(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let frames = self.frames.max(1) as f64;
        LiveStage::ALL.iter().zip(self.stages).map(move |(s, t)| (s.name(), t.as_secs_f64() * 1e3 / frames))
    }
}

/// Runs through a pass of the schedule and books the time of each stage.
#[derive(Resource)]
pub(super) struct Watch {
    pub clock: Clock,
    pub times: StageTimes,
    last: Duration,
}

impl Watch {
    pub fn new(clock: Clock) -> Self {
        let last = clock.now();
        Self { clock, times: StageTimes::default(), last }
    }

    /// A pass begins.
    pub fn start(&mut self) {
        self.last = self.clock.now();
    }

    /// A stage ends.
    pub fn book(&mut self, stage: LiveStage) {
        let now = self.clock.now();
        self.times.stages[stage as usize] += now.saturating_sub(self.last);
        self.last = now;
    }
}
