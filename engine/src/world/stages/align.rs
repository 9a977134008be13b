//! Faces as input, framed as the model's card says.

use bevy_ecs::prelude::*;

use super::capture::AtHand;
use super::student::FaceBatch;
use crate::media::align::{Aligner, thumbnail};
use crate::media::{HeadPose, face_quality};
use crate::world::components::{
    FaceSight, FaceThumbnail, Faces, FramePicture, NextThumbnail, OfTrack, Seconds, TrackedFace,
};
use crate::world::error::WorldError;

/// How faces become input.
#[derive(Resource)]
pub struct FaceAligner {
    /// As they are.
    pub upright: Aligner,
    /// As a mirror shows them, where the student looks at both.
    pub mirrored: Option<Aligner>,
}

/// Pictures that readings carry.
#[derive(Resource)]
pub struct KeptPictures {
    /// Whether they carry their frame.
    pub frames: bool,
    /// Seconds between two thumbnails of a person, and their side in pixels; `None` for no thumbnails.
    pub thumbnails: Option<(f64, usize)>,
}

/// Fills the batch with the faces at hand, and cuts out the thumbnails that are due.
pub fn align(
    mut commands: Commands,
    (at_hand, aligner, kept): (Res<AtHand>, Res<FaceAligner>, Res<KeptPictures>),
    mut batch: ResMut<FaceBatch>,
    frames: Query<(&FramePicture, &Seconds, &Faces)>,
    faces: Query<(&TrackedFace, &OfTrack)>,
    mut tracks: Query<&mut NextThumbnail>,
) -> Result<(), WorldError> {
    batch.faces.clear();
    let mut views = vec![];
    for &frame in &at_hand.0 {
        let Ok((FramePicture(picture), Seconds(seconds), in_frame)) = frames.get(frame) else { continue };
        for &face in in_frame.in_order() {
            let (TrackedFace(tracked), track) =
                faces.get(face).map_err(|e| WorldError::Schedule(e.to_string()))?;
            batch.faces.push(face);
            let pose = tracked.landmarks.as_ref().and_then(HeadPose::of);
            let quality = face_quality(picture, &tracked.face_box, pose);
            commands.entity(face).insert(FaceSight { quality, pose });
            views.push((picture, tracked.face_box, tracked.landmarks));
            if let Some((every, side)) = kept.thumbnails
                && let Ok(mut next) = tracks.get_mut(track.0)
                && *seconds >= next.0
            {
                next.0 = seconds + every;
                let cut = thumbnail(picture, &tracked.face_box, side);
                commands.entity(face).insert(FaceThumbnail(Some(cut)));
            }
        }
    }
    batch.input = aligner.upright.align_all(&views)?;
    batch.mirrored = aligner.mirrored.as_ref().map_or(Ok(vec![]), |mirrored| mirrored.align_all(&views))?;
    Ok(())
}

/// Releases frames nobody needs again.
pub fn release(
    mut commands: Commands,
    at_hand: Res<AtHand>,
    kept: Res<KeptPictures>,
) -> Result<(), WorldError> {
    if !kept.frames {
        at_hand.0.iter().for_each(|&frame| {
            commands.entity(frame).remove::<FramePicture>();
        });
    }
    Ok(())
}
