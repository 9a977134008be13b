//! A face followed from frame to frame: the person in view, or the face of a clip. What is kept of it between frames lives
//! here, and goes with it.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;

use crate::learn::FeatureWindow;
use crate::signal::{
    MAX_WINDOW, NeutralCalibration, NeutralOffset, SignalError, VoteKind, VoteSettings, Voter,
};

/// The person will not be seen again: windows and votes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct Ended;

/// The frames of the track on their way through encoder and vote, oldest first: the face in each, or `None` where it is
/// not seen, which keeps its place.
#[derive(Debug, Default, Component)]
pub struct Timeline {
    /// Not taken in by the encoder yet.
    pub fresh: Vec<Option<Entity>>,
    /// Taken in by the encoder, whose answer is due.
    pub unanswered: VecDeque<Option<Entity>>,
    /// With the answer that will be voted on.
    pub answered: Vec<Option<Entity>>,
}

/// What the encoder keeps of the track between frames; `None` once it has ended.
#[derive(Component)]
pub struct EncoderWindow(pub Option<FeatureWindow>);

/// The track's votes.
#[derive(Component)]
pub struct Ballot {
    /// Counts.
    pub voter: Voter,
    /// Faces whose vote is due, oldest first.
    pub unvoted: VecDeque<Option<Entity>>,
    /// Seconds whose frames vote; `None` where the window is one of frames.
    pub seconds: Option<f64>,
}

impl Ballot {
    /// Votes of a track of which no frame has come yet.
    ///
    /// # Errors
    /// The window is out of range.
    pub fn new(vote: VoteSettings, classes: usize) -> Result<Self, SignalError> {
        Ok(Self { voter: Voter::new(vote, classes)?, unvoted: VecDeque::new(), seconds: None })
    }

    /// A causal vote over the last seconds, however many frames these are.
    ///
    /// # Errors
    /// None for a number of classes.
    pub fn of_seconds(seconds: f64, classes: usize) -> Result<Self, SignalError> {
        let vote = VoteSettings { kind: VoteKind::Causal, window: MAX_WINDOW };
        Ok(Self { seconds: Some(seconds), ..Self::new(vote, classes)? })
    }
}

/// The person's face at rest.
#[derive(Debug, Component)]
pub enum RestingFace {
    /// It is being looked at.
    Gathering(NeutralCalibration),
    /// It is taken off the person's readings.
    Known(NeutralOffset),
}

/// When the next thumbnail of the person is due, in seconds of the video's time.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct NextThumbnail(pub f64);

/// When the next embedding of the person is due: the first at once, then after half a second, one, two, four and so on, so that a few
/// spread over any length.
#[derive(Debug, Clone, Copy, PartialEq, Default, Component)]
pub struct NextEmbedding {
    /// The first one's time and the next one's, in seconds of the video's time; `None` before the first.
    times: Option<(f64, f64)>,
}

impl NextEmbedding {
    /// Seconds from the first to the second.
    const STEP: f64 = 0.5;

    /// Whether one is due at this moment; then it is taken.
    pub fn take(&mut self, seconds: f64) -> bool {
        let (first, due) = self.times.unwrap_or((seconds, seconds));
        let taken = seconds >= due;
        if taken {
            let age = seconds - first;
            self.times = Some((first, first + (2.0 * age).max(Self::STEP)));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_spread_over_any_length_and_stay_few() {
        let mut next = NextEmbedding::default();
        let taken: Vec<f64> =
            (0..360_000).map(|frame| 7.0 + f64::from(frame) / 100.0).filter(|&s| next.take(s)).collect();
        assert_eq!(taken[..4], [7.0, 7.5, 8.0, 9.0]);
        assert!(taken.len() == 14 && taken[13] > 1800.0, "an hour: {taken:?}");
    }
}
