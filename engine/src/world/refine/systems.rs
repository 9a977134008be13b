//! The systems of `refine`: each takes what it needs from the world, calls a plain function, puts the result back.
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]

use std::sync::{Arc, Mutex, PoisonError};

use bevy_ecs::prelude::*;

use super::student::ClipFeatures;
use crate::data::{ClipSampler, Stretch, append_stretch};
use crate::learn::{ClipBatch, TemporalRecord, TemporalTrainer, TrainLog};
use crate::random::{Address, Purpose};
use crate::world::components::{BatchIndex, ClipIndex, FrameIndex, Key};
use crate::world::error::WorldError;

/// The encoder and how it learns; locked by nobody, the lock only makes it a resource.
#[derive(Resource)]
pub(super) struct Encoder(pub Mutex<TemporalTrainer>);

impl Encoder {
    pub fn get(&mut self) -> &mut TemporalTrainer {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What steps are drawn from.
#[derive(Resource)]
pub(super) struct Training {
    pub features: Arc<ClipFeatures>,
    pub sampler: ClipSampler,
    pub frames: usize,
    /// Share of frames that are hidden.
    pub hidden: f32,
    /// Whether the student's logits are added to the encoder's.
    pub residual: bool,
    pub seed: u64,
}

/// The encoder's input of the step.
#[derive(Resource, Default)]
pub(super) struct Batch(ClipBatch);

/// Steps made so far.
#[derive(Resource)]
pub(super) struct StepsDone(pub u64);

/// The run's log.
#[derive(Resource)]
pub(super) struct Journal(pub TrainLog);

/// What the last step reported.
#[derive(Resource, Default)]
pub(super) struct Latest(pub Option<TemporalRecord>);

pub(super) fn draw_clips(
    mut commands: Commands,
    old: Query<Entity, With<ClipIndex>>,
    training: Res<Training>,
    done: Res<StepsDone>,
) -> Result<(), WorldError> {
    old.iter().for_each(|entity| commands.entity(entity).despawn());
    for (place, stretch) in training.sampler.draw(done.0).into_iter().enumerate() {
        let name = Key(training.features.set.clip_name(stretch.clip).to_owned());
        commands.spawn((ClipIndex(stretch.clip), FrameIndex(stretch.first), BatchIndex(place), name));
    }
    Ok(())
}

pub(super) fn extract(
    training: Res<Training>,
    done: Res<StepsDone>,
    clips: Query<(&BatchIndex, &ClipIndex, &FrameIndex)>,
    mut batch: ResMut<Batch>,
) -> Result<(), WorldError> {
    let mut in_order: Vec<_> = clips.iter().collect();
    in_order.sort_by_key(|(place, ..)| **place);
    let ClipBatch { input, labels, residual_logits } = &mut batch.0;
    input.clear();
    labels.clear();
    for (place, clip, first) in in_order {
        let address =
            Address { seed: training.seed, purpose: Purpose::MaskFrames, step: done.0, item: place.0 as u64 };
        let (features, stretch) = (&training.features, Stretch { clip: clip.0, first: first.0 });
        let hidden = (training.hidden, &mut address.rng());
        let file = &features.files[clip.0];
        append_stretch(&features.set, file, stretch, training.frames, hidden, (input, labels));
    }
    if training.residual {
        *residual_logits = training.features.head.residual_logits(input);
    }
    Ok(())
}

pub(super) fn temporal_update(
    mut encoder: ResMut<Encoder>,
    batch: Res<Batch>,
    mut latest: ResMut<Latest>,
) -> Result<(), WorldError> {
    latest.0 = Some(encoder.get().step(&batch.0)?);
    Ok(())
}

pub(super) fn report(
    latest: Res<Latest>,
    mut journal: ResMut<Journal>,
    mut done: ResMut<StepsDone>,
) -> Result<(), WorldError> {
    let record = latest.0.as_ref();
    let record = record.ok_or_else(|| WorldError::Schedule("a step ended without a record".into()))?;
    journal.0.step(record)?;
    done.0 = record.step;
    Ok(())
}
