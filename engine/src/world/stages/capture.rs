//! Frames come in.

use bevy_ecs::prelude::*;

use crate::media::source::Frame;
use crate::world::components::{ArrivedAt, FrameIndex, FramePicture, Seconds};
use crate::world::error::WorldError;
use crate::world::schedule::StageClock;

/// Frames that nobody has taken up yet, and whether they are the video's last.
#[derive(Resource, Default)]
pub struct Inbox {
    /// In order.
    pub frames: Vec<Frame>,
    /// Whether no frame follows.
    pub last: bool,
    /// Whether each frame is a picture by itself, of which nothing is known from the one before.
    pub apart: bool,
}

/// The frames of this pass, in order; they are entities.
#[derive(Resource, Default)]
pub struct AtHand(pub Vec<Entity>);

/// Makes an entity of each frame.
pub fn capture(
    mut commands: Commands,
    mut inbox: ResMut<Inbox>,
    mut at_hand: ResMut<AtHand>,
    watch: Res<StageClock>,
) -> Result<(), WorldError> {
    let now = ArrivedAt(watch.clock.now());
    let spawn = |frame: Frame| {
        let (index, seconds) = (FrameIndex(frame.index as usize), Seconds(frame.seconds));
        commands.spawn((index, seconds, now, FramePicture(frame.picture))).id()
    };
    at_hand.0 = inbox.frames.drain(..).map(spawn).collect();
    Ok(())
}
