//! A frame of a video or clip.

use std::time::Duration;

use bevy_ecs::prelude::*;

use crate::media::{Detection, Picture};

/// Which frame of its video it is; of a stretch of a clip the first. Counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Component)]
pub struct FrameIndex(pub usize);

/// The clip it is (a stretch) of, a number in the run's clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Component)]
pub struct ClipIndex(pub usize);

/// When it is shown, in seconds from its video's first frame.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct Seconds(pub f64);

/// The shot it belongs to, from 0: how many hard cuts came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct InShot(pub u64);

/// When it came in, by the pipeline's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct ArrivedAt(pub Duration);

/// Its pixels, as long as a stage needs them.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct FramePicture(pub Picture);

/// What the detector found in it; a frame it did not look at has none.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct Detections(pub Vec<Detection>);

/// Its label, a class or -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct FrameLabel(pub i64);
