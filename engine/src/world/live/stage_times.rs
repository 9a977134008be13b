//! How long each stage of reading takes.

use std::time::Duration;

use crate::world::pipelines::LiveStage;

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

    /// Milliseconds a frame of each stage, with the stages' names in lower case.
    pub fn per_frame_ms(&self) -> impl Iterator<Item = (String, f64)> {
        let frames = self.frames.max(1) as f64;
        let named = LiveStage::ALL.iter().zip(self.stages);
        named.map(move |(stage, time)| (stage.name().to_lowercase(), time.as_secs_f64() * 1e3 / frames))
    }
}
