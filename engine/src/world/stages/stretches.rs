//! Refining: stretches of clips are drawn, their features gathered, and the encoder makes its step.

use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_platform::cell::SyncCell;

use super::journal::{Latest, StepsDone};
use crate::data::{ClipSampler, Stretch, append_stretch};
use crate::learn::{ClipBatch, TemporalRecord, TemporalTrainer};
use crate::random::{Address, Purpose};
use crate::world::clip::ClipFeatures;
use crate::world::components::{BatchIndex, ClipIndex, FrameIndex};
use crate::world::error::WorldError;

/// The encoder and how it learns.
#[derive(Resource)]
pub struct EncoderLearner(pub SyncCell<TemporalTrainer>);

/// What steps are drawn from.
#[derive(Resource)]
pub struct TrainingClips {
    /// Clips with their features.
    pub features: Arc<ClipFeatures>,
    /// Draws stretches.
    pub sampler: ClipSampler,
    /// Frames of a stretch.
    pub frames: usize,
    /// Share of frames that are masked.
    pub masked: f32,
    /// Whether the student's logits are added to the encoder's.
    pub residual: bool,
    /// The run's seed.
    pub seed: u64,
}

/// The encoder's input of the step, one buffer because the network reads a batch.
#[derive(Resource, Default)]
pub struct StretchBatch(ClipBatch);

/// Replaces the last step's stretches by this step's.
pub fn draw(
    mut commands: Commands,
    old: Query<Entity, With<ClipIndex>>,
    training: Res<TrainingClips>,
    done: Res<StepsDone>,
) -> Result<(), WorldError> {
    old.iter().for_each(|entity| commands.entity(entity).despawn());
    for (place, stretch) in training.sampler.draw(done.0).into_iter().enumerate() {
        commands.spawn((ClipIndex(stretch.clip), FrameIndex(stretch.first), BatchIndex(place)));
    }
    Ok(())
}

/// Gathers the frozen student's features of the stretches.
pub fn gather(
    training: Res<TrainingClips>,
    done: Res<StepsDone>,
    stretches: Query<(&BatchIndex, &ClipIndex, &FrameIndex)>,
    mut batch: ResMut<StretchBatch>,
) -> Result<(), WorldError> {
    let mut in_order: Vec<_> = stretches.iter().collect();
    in_order.sort_unstable_by_key(|(place, ..)| **place);
    let ClipBatch { input, labels, residual_logits } = &mut batch.0;
    input.clear();
    labels.clear();
    for (place, clip, first) in in_order {
        let address =
            Address { seed: training.seed, purpose: Purpose::MaskFrames, step: done.0, item: place.0 as u64 };
        let (features, stretch) = (&training.features, Stretch { clip: clip.0, first: first.0 });
        let masked = (training.masked, &mut address.rng());
        let file = &features.files[clip.0];
        append_stretch(&features.set, file, stretch, training.frames, masked, (input, labels));
    }
    if training.residual {
        *residual_logits = training.features.head.residual_logits(input);
    }
    Ok(())
}

/// The encoder's step.
pub fn learn(
    mut encoder: ResMut<EncoderLearner>,
    batch: Res<StretchBatch>,
    mut latest: ResMut<Latest<TemporalRecord>>,
) -> Result<(), WorldError> {
    latest.0 = Some(encoder.0.get().step(&batch.0)?);
    Ok(())
}
