//! Pre-training: a step that loader threads have prepared goes through teacher, student and feedback, as the method's table
//! has it; see [`crate::learn::SemiSupervised`].

use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_platform::cell::SyncCell;

use super::journal::{Journal, Latest, StepsDone};
use super::samples::PreparedStep;
use crate::backend::Team;
use crate::data::Loader;
use crate::learn::{EventValue, StepRecord, TrainBatch, Trainer};
use crate::media::Picture;
use crate::media::augment::strip;
use crate::net::InputContract;
use crate::world::components::{BatchIndex, PseudoWeight, Unlabelled};
use crate::world::error::WorldError;
use crate::world::together::gather;

/// The networks and how they learn.
#[derive(Resource)]
pub struct Learner(pub SyncCell<Trainer>);

/// Steps made ahead by loader threads.
#[derive(Resource)]
pub struct StepsAhead(pub Loader<Result<PreparedStep, WorldError>>);

/// The networks' input of the step, one buffer a view because the network reads a batch.
#[derive(Resource, Default)]
pub struct StepBatch(TrainBatch);

/// The processes that share out each step, and how many classes their labels have.
#[derive(Resource)]
pub struct Together {
    /// The processes.
    pub team: Arc<Team>,
    /// Classes.
    pub classes: usize,
}

/// How inputs are shown as pictures among the log's events; not at all where nobody wants them.
#[derive(Resource)]
pub struct ShownViews(pub Option<InputContract>);

/// Steps between those whose inputs are shown.
const SHOWN_EVERY: u64 = 500;
/// Inputs of a kind that are shown.
const SHOWN: usize = 8;

/// Takes over the step that is ready; its unlabelled samples become entities, which pseudo-labels are given to.
pub fn load(
    mut commands: Commands,
    mut ahead: ResMut<StepsAhead>,
    mut batch: ResMut<StepBatch>,
    done: Res<StepsDone>,
    together: Res<Together>,
    old: Query<Entity, With<Unlabelled>>,
) -> Result<(), WorldError> {
    old.iter().for_each(|entity| commands.entity(entity).despawn());
    let prepared =
        ahead.0.next().ok_or_else(|| WorldError::Schedule("no step is left to load".into()))???;
    if prepared.step != done.0 {
        return Err(WorldError::Schedule("the loader is at another step".into()));
    }
    commands.spawn_batch((0..prepared.unlabelled).map(|place| (BatchIndex(place), Unlabelled)));
    batch.0 = prepared.batch;
    share_labels(&together, &mut batch.0)
}

/// Takes over the labels of the pictures that other processes have read: one of them may stand in for one that cannot be read.
fn share_labels(Together { team, classes }: &Together, batch: &mut TrainBatch) -> Result<(), WorldError> {
    if team.processes() == 1 {
        return Ok(());
    }
    let own: Vec<usize> = (0..batch.labels.len()).filter(|place| team.computes(*place)).collect();
    let labels: Vec<usize> = own.iter().map(|&place| batch.labels[place]).collect();
    let rows = |at: usize| at * classes..(at + 1) * classes;
    let targets: Option<Vec<f32>> =
        batch.targets.as_ref().map(|all| own.iter().flat_map(|&place| all[rows(place)].to_vec()).collect());
    for (places, labels, targets) in gather(team, &(own, labels, targets))? {
        for (at, (place, label)) in places.into_iter().zip(labels).enumerate() {
            batch.labels[place] = label;
            if let (Some(to), Some(from)) = (&mut batch.targets, &targets) {
                to[rows(place)].copy_from_slice(&from[rows(at)]);
            }
        }
    }
    Ok(())
}

/// The teacher on all views, as one batch.
pub fn teacher_forward(mut learner: ResMut<Learner>, batch: Res<StepBatch>) -> Result<(), WorldError> {
    Ok(learner.0.get().teacher_forward(&batch.0)?)
}

/// Says of each unlabelled sample how much the teacher's label of it counts.
pub fn weigh(
    mut commands: Commands,
    mut learner: ResMut<Learner>,
    samples: Query<(Entity, &BatchIndex), With<Unlabelled>>,
) -> Result<(), WorldError> {
    let Some(labels) = learner.0.get().pseudo_labels() else { return Ok(()) };
    for (entity, place) in &samples {
        if let Some(&weight) = labels.weights.get(place.0) {
            commands.entity(entity).insert(PseudoWeight(weight));
        }
    }
    Ok(())
}

/// The student learns from the pseudo-labels, each as its sample's weight says.
pub fn student_update(
    mut learner: ResMut<Learner>,
    batch: Res<StepBatch>,
    samples: Query<(&BatchIndex, &PseudoWeight)>,
) -> Result<(), WorldError> {
    let learner = learner.0.get();
    let mut weights: Vec<_> = samples.iter().collect();
    weights.sort_unstable_by_key(|(place, _)| **place);
    let weights: Vec<f32> = weights.into_iter().map(|(_, weight)| weight.0).collect();
    if !weights.is_empty() {
        learner.set_pseudo_weights(&weights)?;
    }
    Ok(learner.student_update(&batch.0)?)
}

/// How the student's step changed its loss on labels.
pub fn meta_test(mut learner: ResMut<Learner>, batch: Res<StepBatch>) -> Result<(), WorldError> {
    Ok(learner.0.get().meta_test(&batch.0)?)
}

/// The teacher learns from labels, consistency and feedback.
pub fn teacher_update(mut learner: ResMut<Learner>, batch: Res<StepBatch>) -> Result<(), WorldError> {
    Ok(learner.0.get().teacher_update(&batch.0)?)
}

/// Ends the step.
pub fn end_step(
    mut learner: ResMut<Learner>,
    mut latest: ResMut<Latest<StepRecord>>,
) -> Result<(), WorldError> {
    latest.0 = Some(learner.0.get().end_step()?);
    Ok(())
}

/// Shows what the first step, and now and then another one, learned from: labelled faces, and both views of unlabelled ones.
pub fn show(
    views: Res<ShownViews>,
    batch: Res<StepBatch>,
    done: Res<StepsDone>,
    together: Res<Together>,
    mut journal: ResMut<Journal>,
) -> Result<(), WorldError> {
    let Some(contract) = views.0.as_ref().filter(|_| done.0 % SHOWN_EVERY == 1) else { return Ok(()) };
    let batch = &batch.0;
    let mut pictures = vec![];
    for (name, input) in [("labelled", &batch.labelled), ("weak", &batch.weak), ("strong", &batch.strong)] {
        // Those that another process computes are not here.
        let item = contract.size * contract.size * contract.channels;
        let here = (0..input.len() / item).filter(|place| together.team.computes(*place)).take(SHOWN);
        let input = input.picked(&here.collect::<Vec<_>>(), item);
        if let Some(picture) = strip(&input.values(), contract, SHOWN) {
            let (png, Picture { width, height, channels, .. }) = (picture.to_png()?, picture);
            pictures.push((format!("views/{name}"), EventValue::Picture { width, height, channels, png }));
        }
    }
    Ok(journal.0.pictures(done.0, &pictures)?)
}
