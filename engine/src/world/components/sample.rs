//! A picture of a dataset on its way into a batch.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::media::Picture;
use crate::media::augment::Program;

/// Its place in the pool it was drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct PoolIndex(pub usize);

/// Its place in the step's batch; labelled and unlabelled samples are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Component)]
pub struct BatchIndex(pub usize);

/// The class its data says it has; only labelled samples have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct Label(pub usize);

/// It was drawn from the unlabelled pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
pub struct Unlabelled;

/// Its decoded picture.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct Pixels(pub Arc<Picture>);

/// How its weak view is made. Of a labelled sample it is the only view, and weak or strong as the settings say.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct WeakView(pub Program);

/// How its strong view is made.
#[derive(Debug, Clone, PartialEq, Component)]
pub struct StrongView(pub Program);

/// How much its pseudo-label counts: 0 below the threshold, else 1. Written after the teacher's forward pass, read by the
/// student's step; a system in between may change it.
#[derive(Debug, Clone, Copy, PartialEq, Component)]
pub struct PseudoWeight(pub f32);
