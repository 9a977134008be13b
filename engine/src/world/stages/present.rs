//! Frames all of whose faces are voted on become readings, in order, and leave the world.

use bevy_ecs::prelude::*;

use crate::media::Picture;
use crate::world::components::{
    ArrivedAt, FaceAffect, FaceEmbedding, FaceSight, FaceThumbnail, Faces, FrameIndex, FramePicture, InShot,
    Seconds, StudentAnswer, TemporalAnswer, TrackedFace, VoteShare, VotedLabel,
};
use crate::world::error::WorldError;
use crate::world::reading::{FaceReading, FrameReading};
use crate::world::schedule::StageClock;

/// Confidence below which a reading is unsure.
#[derive(Resource)]
pub struct UnsureThreshold(pub f32);

/// Readings that nobody has fetched yet.
#[derive(Resource, Default)]
pub struct Outbox(pub Vec<FrameReading>);

/// What a face has gathered on its way.
type Gathered<'a> = (
    &'a TrackedFace,
    Option<&'a FaceSight>,
    &'a mut StudentAnswer,
    Option<&'a mut TemporalAnswer>,
    Option<&'a VoteShare>,
    Option<&'a VotedLabel>,
    Option<&'a FaceAffect>,
    Option<&'a mut FaceThumbnail>,
    Option<&'a mut FaceEmbedding>,
);

/// What is left of a frame.
type Left<'a> = (
    Entity,
    &'a FrameIndex,
    &'a Seconds,
    &'a ArrivedAt,
    Option<&'a InShot>,
    Option<&'a Faces>,
    Option<&'a mut FramePicture>,
);

/// Hands the frames at the front to the outbox, up to the first that has a face without a vote.
pub fn present(
    mut commands: Commands,
    mut outbox: ResMut<Outbox>,
    watch: Res<StageClock>,
    unsure_below: Res<UnsureThreshold>,
    mut frames: Query<Left>,
    mut faces: Query<Gathered>,
) -> Result<(), WorldError> {
    let mut in_order: Vec<_> = frames.iter_mut().collect();
    in_order.sort_unstable_by_key(|(_, frame, ..)| **frame);
    for (entity, frame, seconds, arrived, shot, in_frame, picture) in in_order {
        let in_frame = in_frame.map_or(&[][..], Faces::in_order);
        if in_frame
            .iter()
            .any(|&face| !faces.get(face).is_ok_and(|(_, _, _, _, _, voted, ..)| voted.is_some()))
        {
            break;
        }
        let mut reading = FrameReading {
            frame: frame.0 as u64,
            seconds: seconds.0,
            cut: shot.map_or(0, |shot| shot.0),
            faces: Vec::with_capacity(in_frame.len()),
            latency: watch.clock.now().saturating_sub(arrived.0),
            picture: picture
                .map(|mut picture| std::mem::replace(&mut picture.0, Picture::filled(0, 0, 1, 0))),
        };
        for &face in in_frame {
            let Ok((
                TrackedFace(tracked),
                sight,
                mut student,
                temporal,
                share,
                Some(voted),
                affect,
                thumbnail,
                embedding,
            )) = faces.get_mut(face)
            else {
                continue;
            };
            let frame_label = student.0.class;
            let temporal_label = temporal.as_ref().map(|temporal| temporal.0.class);
            let answer = temporal.map_or_else(|| &mut student.0, |temporal| &mut temporal.into_inner().0);
            let probabilities = std::mem::take(&mut answer.probabilities);
            let confidence = probabilities.get(voted.0).copied().unwrap_or(0.0);
            reading.faces.push(FaceReading {
                frame: reading.frame,
                seconds: reading.seconds,
                face: tracked.id,
                face_box: tracked.face_box,
                landmarks: tracked.landmarks,
                detected: tracked.detected,
                score: tracked.score,
                quality: sight.map_or(0.0, |sight| sight.quality),
                pose: sight.and_then(|sight| sight.pose),
                probabilities,
                frame_label,
                temporal_label,
                voted_label: voted.0,
                vote_share: share.map_or(0.0, |share| share.0),
                confidence,
                unsure: confidence < unsure_below.0,
                affect: affect.map(|affect| affect.0),
                thumbnail: thumbnail.and_then(|mut thumbnail| thumbnail.0.take()),
                embedding: embedding.and_then(|mut embedding| embedding.0.take()),
            });
        }
        reading.faces.sort_unstable_by_key(|face| face.face);
        outbox.0.push(reading);
        commands.entity(entity).despawn();
    }
    Ok(())
}
