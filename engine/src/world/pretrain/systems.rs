//! The systems of `pretrain`: each takes what it needs from the world, calls a plain function, puts the result back.
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]

use std::sync::{Arc, Mutex, PoisonError};

use bevy_ecs::prelude::*;

use crate::data::{DataError, Loader};
use crate::learn::{StepRecord, TrainBatch, TrainLog, Trainer};
use crate::world::components::{
    BatchIndex, Confidence, Key, Label, PoolIndex, PseudoLabel, Replaced, Unlabelled,
};
use crate::world::error::WorldError;
use crate::world::prepare::{Prepared, Preparer};

/// The networks and how they learn; locked by nobody, the lock only makes them a resource.
#[derive(Resource)]
pub(in crate::world) struct Learner(pub Mutex<Trainer>);

impl Learner {
    pub fn get(&mut self) -> &mut Trainer {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a step takes.
#[derive(Resource)]
pub(in crate::world) struct Plan(pub Arc<Preparer>);

/// Steps made ahead by loader threads.
#[derive(Resource)]
pub(in crate::world) struct Ahead(pub Loader<Result<Prepared, DataError>>);

/// Steps made so far.
#[derive(Resource)]
pub(in crate::world) struct StepsDone(pub u64);

/// The step's prepared samples, between `Load` and `Augment`.
#[derive(Resource, Default)]
pub(in crate::world) struct Loaded(Option<Prepared>);

/// The networks' input of the step.
#[derive(Resource, Default)]
pub(in crate::world) struct Batch(TrainBatch);

/// The run's log.
#[derive(Resource)]
pub(in crate::world) struct Journal(pub TrainLog);

/// What the last step reported.
#[derive(Resource, Default)]
pub(in crate::world) struct Latest(pub Option<StepRecord>);

pub(super) fn draw(
    mut commands: Commands,
    old: Query<Entity, With<PoolIndex>>,
    plan: Res<Plan>,
    done: Res<StepsDone>,
) -> Result<(), WorldError> {
    old.iter().for_each(|entity| commands.entity(entity).despawn());
    let draw = plan.0.draw(done.0);
    for (place, &index) in draw.labelled.iter().enumerate() {
        let (key, label) = (Key(plan.0.labelled_key(index)), Label(plan.0.label(index)));
        commands.spawn((PoolIndex(index), BatchIndex(place), key, label));
    }
    for (place, &index) in draw.unlabelled.iter().enumerate() {
        let key = Key(plan.0.unlabelled_key(index));
        commands.spawn((PoolIndex(index), BatchIndex(place), key, Unlabelled));
    }
    Ok(())
}

pub(super) fn load(
    mut commands: Commands,
    mut ahead: ResMut<Ahead>,
    mut loaded: ResMut<Loaded>,
    samples: Query<(Entity, &PoolIndex, &BatchIndex, Has<Unlabelled>)>,
) -> Result<(), WorldError> {
    let prepared =
        ahead.0.next().ok_or_else(|| WorldError::Schedule("no step is left to load".into()))???;
    for (entity, index, place, unlabelled) in &samples {
        let used = if unlabelled { &prepared.used.unlabelled } else { &prepared.used.labelled };
        match used.get(place.0) {
            Some(&used) if used == index.0 => {}
            Some(&used) => {
                commands.entity(entity).insert(Replaced(used));
            }
            None => {
                return Err(WorldError::Schedule("the loader prepared another step than was drawn".into()));
            }
        }
    }
    loaded.0 = Some(prepared);
    Ok(())
}

pub(super) fn augment(
    mut loaded: ResMut<Loaded>,
    mut batch: ResMut<Batch>,
    done: Res<StepsDone>,
) -> Result<(), WorldError> {
    let prepared = loaded.0.take().filter(|prepared| prepared.step == done.0);
    let prepared = prepared.ok_or_else(|| WorldError::Schedule("the loader is at another step".into()))?;
    batch.0 = prepared.batch;
    Ok(())
}

pub(super) fn teacher_forward(mut learner: ResMut<Learner>, batch: Res<Batch>) -> Result<(), WorldError> {
    Ok(learner.get().teacher_forward(&batch.0)?)
}

pub(super) fn pseudo_label(
    mut commands: Commands,
    mut learner: ResMut<Learner>,
    samples: Query<(Entity, &BatchIndex), With<Unlabelled>>,
) -> Result<(), WorldError> {
    let Trainer::SemiSupervised(trainer) = learner.get() else { return Ok(()) };
    let Some(labels) = trainer.pseudo_labels() else { return Ok(()) };
    for (entity, place) in &samples {
        let answer = labels.classes.get(place.0).zip(labels.confidence.get(place.0));
        if let Some((&class, &confidence)) = answer {
            commands.entity(entity).insert((PseudoLabel(class), Confidence(confidence)));
        }
    }
    Ok(())
}

pub(super) fn student_update(mut learner: ResMut<Learner>, batch: Res<Batch>) -> Result<(), WorldError> {
    Ok(learner.get().student_update(&batch.0)?)
}

pub(super) fn meta_test(mut learner: ResMut<Learner>, batch: Res<Batch>) -> Result<(), WorldError> {
    Ok(learner.get().meta_test(&batch.0)?)
}

pub(super) fn teacher_update(mut learner: ResMut<Learner>, batch: Res<Batch>) -> Result<(), WorldError> {
    Ok(learner.get().teacher_update(&batch.0)?)
}

pub(super) fn report(
    mut learner: ResMut<Learner>,
    mut journal: ResMut<Journal>,
    mut done: ResMut<StepsDone>,
    mut latest: ResMut<Latest>,
) -> Result<(), WorldError> {
    let record = learner.get().end_step()?;
    journal.0.step(&record)?;
    done.0 = record.step;
    latest.0 = Some(record);
    Ok(())
}
