//! Where faces are: the detector looks at every N-th frame of a film and at every picture, at all that are due at once.

use bevy_ecs::prelude::*;

use super::capture::{AtHand, Inbox};
use crate::media::Picture;
use crate::media::detect::Detector;
use crate::world::components::{Detections, FramePicture};
use crate::world::error::WorldError;

/// The detector, and how often it looks.
#[derive(Resource)]
pub struct FaceDetector {
    /// Finds faces.
    pub detector: Box<dyn Detector>,
    /// It looks at every N-th frame.
    pub every: u64,
    /// Frames of the video so far.
    pub seen: u64,
}

/// Gives the frames that are looked at their [`Detections`].
pub fn detect(
    mut commands: Commands,
    at_hand: Res<AtHand>,
    inbox: Res<Inbox>,
    mut looking: ResMut<FaceDetector>,
    frames: Query<&FramePicture>,
) -> Result<(), WorldError> {
    let first = looking.seen;
    looking.seen += at_hand.0.len() as u64;
    let is_due = |place: u64| inbox.apart || (first + place).is_multiple_of(looking.every);
    let due = (0..).zip(&at_hand.0).filter(|(place, _)| is_due(*place));
    let due: Vec<(Entity, &Picture)> =
        due.filter_map(|(_, &frame)| Some((frame, &frames.get(frame).ok()?.0))).collect();
    let pictures: Vec<&Picture> = due.iter().map(|(_, picture)| *picture).collect();
    for ((frame, _), found) in due.iter().zip(looking.detector.detect_all(&pictures)?) {
        commands.entity(*frame).insert(Detections(found));
    }
    Ok(())
}
