//! Which faces are in which frame.

use bevy_ecs::prelude::*;

/// The frame that a face is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Component)]
#[relationship(relationship_target = Faces)]
pub struct InFrame(pub Entity);

/// The faces in a frame, kept by the ECS; they leave with it.
#[derive(Debug, Component)]
#[relationship_target(relationship = InFrame, linked_spawn)]
pub struct Faces(Vec<Entity>);

impl Faces {
    /// In the order in which they were found.
    pub fn in_order(&self) -> &[Entity] {
        &self.0
    }
}
