//! The systems of `evaluate`: each takes what it needs from the world, calls a plain function, puts the result back.
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(clippy::unnecessary_wraps, reason = "all stages take fallible systems")]

use std::sync::{Arc, Mutex, PoisonError};

use bevy_ecs::prelude::*;

use super::batches::{Batches, Rendered};
use crate::backend::Inference;
use crate::data::{DataError, Loader};
use crate::learn::{EvalReport, PseudoLabeller, PseudoSettings, mean_of_views};
use crate::world::components::{BatchIndex, Confidence, Key, Label, LeftOut, PoolIndex, PseudoLabel};
use crate::world::error::WorldError;

/// The network; locked by nobody, the lock only makes it a resource.
#[derive(Resource)]
pub(super) struct Net(pub Mutex<Box<dyn Inference>>);

/// What is walked.
#[derive(Resource)]
pub(super) struct Walk(pub Arc<Batches>);

/// Batches made ahead.
#[derive(Resource)]
pub(super) struct Ahead(pub Loader<Result<Rendered, DataError>>);

/// Number of the batch in flight.
#[derive(Resource, Default)]
pub(super) struct Place(pub u64);

/// The batch in flight, then its logits.
#[derive(Resource, Default)]
pub(super) struct InFlight {
    rendered: Option<Rendered>,
    logits: Vec<f32>,
}

/// Logits and labels of all batches so far.
#[derive(Resource, Default)]
pub(super) struct Tally {
    pub logits: Vec<f32>,
    pub labels: Vec<i64>,
}

/// What the logits mean, and the score in the end.
#[derive(Resource)]
pub(super) struct Outcome {
    pub classes: Vec<String>,
    pub temperature: f32,
    pub report: Option<EvalReport>,
}

pub(super) fn draw(
    mut commands: Commands,
    old: Query<Entity, With<PoolIndex>>,
    walk: Res<Walk>,
    place: Res<Place>,
) -> Result<(), WorldError> {
    old.iter().for_each(|entity| commands.entity(entity).despawn());
    let pool = &walk.0.pool;
    for (batch_index, index) in walk.0.range(place.0).enumerate() {
        let sample = (PoolIndex(index), BatchIndex(batch_index), Key(pool.key(index)));
        let mut entity = commands.spawn(sample);
        if let Some(label) = pool.samples()[index].label {
            entity.insert(Label(label));
        }
    }
    Ok(())
}

pub(super) fn load(
    mut commands: Commands,
    mut ahead: ResMut<Ahead>,
    mut now: ResMut<InFlight>,
    samples: Query<(Entity, &PoolIndex)>,
) -> Result<(), WorldError> {
    let rendered =
        ahead.0.next().ok_or_else(|| WorldError::Schedule("no batch is left to load".into()))???;
    for (entity, index) in &samples {
        if !rendered.used.contains(&index.0) {
            commands.entity(entity).insert(LeftOut);
        }
    }
    now.rendered = Some(rendered);
    Ok(())
}

pub(super) fn forward(
    mut commands: Commands,
    mut net: ResMut<Net>,
    mut now: ResMut<InFlight>,
    samples: Query<(Entity, &BatchIndex), Without<LeftOut>>,
) -> Result<(), WorldError> {
    let net = net.0.get_mut().unwrap_or_else(PoisonError::into_inner);
    let Some(rendered) = now.rendered.take().filter(|rendered| !rendered.used.is_empty()) else {
        now.logits.clear();
        return Ok(());
    };
    let (items, classes) = (rendered.used.len(), net.graph().output().len());
    now.logits = net.forward(&rendered.plain, items)?;
    if !rendered.mirrored.is_empty() {
        let mirrored = net.forward(&rendered.mirrored, items)?;
        now.logits = mean_of_views(&now.logits, &mirrored, classes);
    }
    let answers = PseudoLabeller::new(&PseudoSettings::default(), classes).label(&now.logits);
    let mut in_order: Vec<(Entity, &BatchIndex)> = samples.iter().collect();
    in_order.sort_by_key(|(_, place)| **place);
    for (((entity, _), &class), &confidence) in in_order.iter().zip(&answers.classes).zip(&answers.confidence)
    {
        commands.entity(*entity).insert((PseudoLabel(class), Confidence(confidence)));
    }
    Ok(())
}

pub(super) fn measure(
    mut now: ResMut<InFlight>,
    mut tally: ResMut<Tally>,
    samples: Query<(&BatchIndex, Option<&Label>), Without<LeftOut>>,
) -> Result<(), WorldError> {
    let mut in_order: Vec<(&BatchIndex, Option<&Label>)> = samples.iter().collect();
    in_order.sort_by_key(|(place, _)| **place);
    tally.logits.append(&mut now.logits);
    tally.labels.extend(in_order.iter().map(|(_, label)| label.map_or(-1, |label| label.0 as i64)));
    Ok(())
}

pub(super) fn report(
    walk: Res<Walk>,
    tally: Res<Tally>,
    mut place: ResMut<Place>,
    mut outcome: ResMut<Outcome>,
) -> Result<(), WorldError> {
    place.0 += 1;
    if place.0 == walk.0.count() {
        let report = EvalReport::new(&tally.logits, &tally.labels, &outcome.classes, outcome.temperature)?;
        outcome.report = Some(report);
    }
    Ok(())
}
