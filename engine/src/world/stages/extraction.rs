//! From a clip's frames to kept features: faces are read and rendered ahead by loader threads; a face that cannot be read
//! counts as missing.

use std::ops::Range;
use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_platform::cell::SyncCell;

use super::plain_view::PlainView;
use super::student::FaceBatch;
use crate::data::{ClipSet, DataError, FeatureFile, FeatureWriter, Loader, SkipLog};
use crate::world::components::{Faces, Features, FrameIndex, InFrame};
use crate::world::error::WorldError;

/// The faces of a clip, batch by batch of its frames.
pub struct ClipFaces {
    /// The clips.
    pub set: Arc<ClipSet>,
    /// Which of them.
    pub clip: usize,
    /// How faces are seen.
    pub view: PlainView,
    /// Frames a batch.
    pub batch: usize,
    /// Faces that cannot be read.
    pub skips: Arc<SkipLog>,
}

/// A stretch of frames: which have a face, and the faces as input.
#[derive(Debug, Clone)]
pub struct RenderedFaces {
    first: usize,
    present: Vec<bool>,
    input: Vec<f32>,
}

impl ClipFaces {
    /// How many batches the clip has.
    pub fn count(&self) -> u64 {
        self.set.frames(self.clip).div_ceil(self.batch) as u64
    }

    /// Frames of a batch.
    pub fn range(&self, index: u64) -> Range<usize> {
        let first = index as usize * self.batch;
        first..self.set.frames(self.clip).min(first + self.batch)
    }

    /// Reads and renders a batch.
    ///
    /// # Errors
    /// A face cannot be read and the log is strict.
    pub fn render(&self, index: u64) -> Result<RenderedFaces, DataError> {
        let range = self.range(index);
        let mut rendered = RenderedFaces { first: range.start, present: vec![], input: vec![] };
        for frame in range {
            let mut present = false;
            if self.set.has_face(self.clip, frame) {
                match self.set.picture(self.clip, frame) {
                    Ok(picture) => {
                        self.view.render(&picture, &mut rendered.input, None);
                        present = true;
                    }
                    Err(error) => {
                        let key = format!("{} frame {frame}", self.set.clip_name(self.clip));
                        self.skips.skip(&key, error)?;
                    }
                }
            }
            rendered.present.push(present);
        }
        Ok(rendered)
    }
}

/// Stretches made ahead.
#[derive(Resource)]
pub struct FacesAhead(pub Loader<Result<RenderedFaces, DataError>>);

/// The clip's file, as it is written.
#[derive(Resource)]
pub struct Keeper(SyncCell<FeatureWriter>);

impl Keeper {
    /// A file that is begun.
    pub fn new(writer: FeatureWriter) -> Self {
        Self(SyncCell::new(writer))
    }

    /// The file, complete.
    ///
    /// # Errors
    /// Frames are missing, or it cannot be written.
    pub fn finish(self) -> Result<FeatureFile, DataError> {
        SyncCell::to_inner(self.0).finish()
    }
}

/// Spawns the next frames, and a face in each where one was read.
pub fn load(
    mut commands: Commands,
    mut ahead: ResMut<FacesAhead>,
    mut batch: ResMut<FaceBatch>,
) -> Result<(), WorldError> {
    let rendered =
        ahead.0.next().ok_or_else(|| WorldError::Schedule("no stretch is left to load".into()))???;
    batch.faces.clear();
    for (frame, present) in (rendered.first..).zip(rendered.present) {
        let frame = commands.spawn(FrameIndex(frame)).id();
        if present {
            batch.faces.push(commands.spawn(InFrame(frame)).id());
        }
    }
    batch.input = rendered.input;
    Ok(())
}

/// Writes the frames' features in order, and lets them go.
pub fn keep(
    mut commands: Commands,
    mut keeper: ResMut<Keeper>,
    frames: Query<(Entity, &FrameIndex, Option<&Faces>)>,
    features: Query<&Features>,
) -> Result<(), WorldError> {
    let mut in_order: Vec<_> = frames.iter().collect();
    in_order.sort_unstable_by_key(|(_, frame, _)| **frame);
    for (entity, _, faces) in in_order {
        let face = faces.and_then(|faces| faces.in_order().first());
        let row = face.and_then(|&face| features.get(face).ok()).map(|features| features.0.as_slice());
        keeper.0.get().push(row)?;
        commands.entity(entity).despawn();
    }
    Ok(())
}
