//! What tells people apart: embeddings of a few good views of each track, where a model for it was given.

use std::path::PathBuf;

use bevy_ecs::prelude::*;

use super::capture::AtHand;
use crate::backend::OnnxEmbedding;
use crate::media::align::Aligner;
use crate::world::components::{
    FaceEmbedding, FaceSight, Faces, FramePicture, NextEmbedding, OfTrack, Seconds, TrackedFace,
};
use crate::world::error::WorldError;

/// Quality of a face from which it is embedded, 0 to 1: sharp, lit and turned well enough, and 20 pixels or more.
const GOOD: f32 = 0.3;

/// The embedding model; `None` where people are not told apart.
#[derive(Resource, Default)]
pub struct FaceEmbedder(pub Option<Embedder>);

/// An embedding model with the framing that it asks for.
pub struct Embedder {
    /// Its file, for messages.
    pub path: PathBuf,
    /// Gives embeddings.
    pub network: OnnxEmbedding,
    /// Frames faces for it.
    pub aligner: Aligner,
}

/// Embeds the faces at hand that are due and good: of each track the first good one, and then ever fewer.
pub fn embed(
    mut commands: Commands,
    (at_hand, embedder): (Res<AtHand>, Res<FaceEmbedder>),
    frames: Query<(&FramePicture, &Seconds, &Faces)>,
    faces: Query<(&TrackedFace, &FaceSight, &OfTrack)>,
    mut tracks: Query<&mut NextEmbedding>,
) -> Result<(), WorldError> {
    let Some(Embedder { path, network, aligner }) = &embedder.0 else { return Ok(()) };
    let (mut due, mut views) = (vec![], vec![]);
    for &frame in &at_hand.0 {
        let Ok((FramePicture(picture), Seconds(seconds), in_frame)) = frames.get(frame) else { continue };
        for &face in in_frame.in_order() {
            let Ok((TrackedFace(tracked), sight, track)) = faces.get(face) else { continue };
            if tracked.detected
                && sight.quality >= GOOD
                && let Ok(mut next) = tracks.get_mut(track.0)
                && next.take(*seconds)
            {
                due.push(face);
                views.push((picture, tracked.face_box, tracked.landmarks));
            }
        }
    }
    let inputs = aligner.align_all(&views)?;
    let embeddings = network.embed(&inputs).map_err(|problem| WorldError::file(path, problem))?;
    for (face, embedding) in due.into_iter().zip(embeddings) {
        commands.entity(face).insert(FaceEmbedding(Some(embedding)));
    }
    Ok(())
}
