//! What one sample, clip or frame of the current step knows about itself. Pictures and other tensors are never
//! components.

use bevy_ecs::prelude::*;

use crate::learn::Answer;
use crate::media::track::Tracked;

/// Its place in the pool it was drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct PoolIndex(pub usize);

/// Its place in the step's batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Component)]
pub struct BatchIndex(pub usize);

/// What messages call it: a path, an archive entry, a record key.
#[derive(Debug, Clone, PartialEq, Eq, Component)]
pub struct Key(pub String);

/// The class its data says it has; only labelled samples have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct Label(pub usize);

/// The class the teacher (in evaluation: the model) gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct PseudoLabel(pub usize);

/// Probability of that class, in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct Confidence(pub f32);

/// Its picture could not be read; that of the sample at this place in the pool took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct Replaced(pub usize);

/// Its picture could not be read, and it is left out (in evaluation nothing may take its place).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct LeftOut;

/// It was drawn from the unlabelled pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct Unlabelled;

/// The clip it is (a stretch) of, a number in the run's clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Component)]
pub struct ClipIndex(pub usize);

/// Which frame of its clip it is, or begins at; counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Component)]
pub struct FrameIndex(pub usize);

/// A frame in which a face was found and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct HasFace;

/// The class that the student gives a frame's face by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct StudentLabel(pub usize);

/// The class that the temporal encoder gives a frame, seeing its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct TemporalLabel(pub usize);

/// The class that is left after the vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct VotedLabel(pub usize);

/// When a frame is shown, in seconds from its video's first.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct Seconds(pub f64);

/// When a frame came in, by the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct CameIn(pub std::time::Duration);

/// A face in a frame: whose it is, and where.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct Face(pub Tracked);

/// What the student says of a face by itself.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct StudentAnswer(pub Answer);

/// What the temporal encoder says of a face, seeing its neighbours.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct TemporalAnswer(pub Answer);
