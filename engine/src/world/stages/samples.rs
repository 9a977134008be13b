//! What loader threads do ahead of a training step: draw, read, augment. All of it depends on the seed and the step alone,
//! so that a resumed run prepares the same steps, whichever thread asks first.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use crate::backend::{Input, PictureView, Team, ViewBatch};
use crate::data::{BalancedSampler, PictureCache, SkipLog, UniformSampler};
use crate::learn::{Settings, TrainBatch, one_hot};
use crate::media::Picture;
use crate::media::augment::{Policy, View};
use crate::net::InputContract;
use crate::random::{Address, Purpose};
use crate::world::components::{BatchIndex, Label, Pixels, PoolIndex, StrongView, Unlabelled, WeakView};
use crate::world::error::WorldError;

/// A step's samples, read and augmented.
#[derive(Debug, Clone)]
pub struct PreparedStep {
    /// The step, counted from 0.
    pub step: u64,
    /// Unlabelled samples in it.
    pub unlabelled: usize,
    /// The network's input.
    pub batch: TrainBatch,
}

/// How labelled samples are drawn.
pub enum LabelledSampler {
    /// The same number of every class.
    Balanced(BalancedSampler),
    /// As often as they occur.
    Natural(UniformSampler),
}

/// What steps are made of.
pub struct SampleSource {
    /// Labelled pictures.
    pub labelled: PictureCache,
    /// Unlabelled pictures.
    pub unlabelled: PictureCache,
    /// Draws labelled samples.
    pub labelled_sampler: LabelledSampler,
    /// Draws unlabelled samples, where the method needs them.
    pub unlabelled_sampler: Option<UniformSampler>,
    /// Number of classes.
    pub classes: usize,
    /// What each step needs.
    pub settings: Settings,
    /// How labelled pictures are seen.
    pub labelled_view: View,
    /// How pictures are varied.
    pub policy: Policy,
    /// How a picture becomes input.
    pub contract: InputContract,
    /// The run's seed.
    pub seed: u64,
    /// Items that cannot be read.
    pub skips: Arc<SkipLog>,
    /// Whether views are made here, or left to the backend as pictures and compiled programs.
    pub renders: bool,
    /// The processes that share out each step.
    pub team: Arc<Team>,
}

/// The source of a loader's steps.
#[derive(Resource, Clone)]
pub struct StepSource(pub Arc<SampleSource>);

/// The step that is prepared, counted from 0, and what came of it.
#[derive(Resource, Default)]
pub struct Preparing {
    /// The step.
    pub step: u64,
    /// Its samples, put together.
    pub prepared: Option<PreparedStep>,
}

/// Replaces the last step's samples by this step's.
pub fn draw(
    mut commands: Commands,
    old: Query<Entity, With<PoolIndex>>,
    source: Res<StepSource>,
    preparing: Res<Preparing>,
) -> Result<(), WorldError> {
    old.iter().for_each(|entity| commands.entity(entity).despawn());
    let (source, step) = (&source.0, preparing.step);
    let labelled = match &source.labelled_sampler {
        LabelledSampler::Balanced(sampler) => sampler.draw(step),
        LabelledSampler::Natural(sampler) => sampler.draw(step),
    };
    for (place, index) in labelled.into_iter().enumerate() {
        commands.spawn((PoolIndex(index), BatchIndex(place)));
    }
    let phase = source.settings.phase(step);
    let sampler = source.unlabelled_sampler.as_ref().filter(|_| phase.needs_weak || phase.needs_strong);
    for (place, index) in sampler.map_or_else(Vec::new, |sampler| sampler.draw(step)).into_iter().enumerate()
    {
        commands.spawn((PoolIndex(index), BatchIndex(place), Unlabelled));
    }
    Ok(())
}

/// Reads each sample's picture. One that cannot be read is replaced by another of its class, so that the batch keeps its
/// size and balance. One that another process computes is not read: something small stands in its place, and it says its label
/// when the step is taken.
pub fn load(
    mut commands: Commands,
    source: Res<StepSource>,
    mut samples: Query<(Entity, &mut PoolIndex, &BatchIndex, Has<Unlabelled>)>,
) -> Result<(), WorldError> {
    let source = &source.0;
    let elsewhere = Arc::new(Picture::filled(1, 1, source.contract.channels, 0));
    let mut in_order: Vec<_> = samples.iter_mut().collect();
    in_order.sort_unstable_by_key(|(_, _, place, unlabelled)| (*unlabelled, **place));
    for (entity, mut index, place, unlabelled) in in_order {
        let cache = if unlabelled { &source.unlabelled } else { &source.labelled };
        let (used, picture) = if source.team.computes(place.0) {
            cache.readable(index.0, &source.skips)?
        } else {
            (index.0, Arc::clone(&elsewhere))
        };
        index.0 = used;
        let mut entity = commands.entity(entity);
        entity.insert(Pixels(picture));
        if !unlabelled {
            entity.insert(Label(cache.pool().samples()[used].label().unwrap_or(0)));
        }
    }
    Ok(())
}

/// Compiles each sample's views. An address counts places in the batch, because a small class may stand in a batch twice
/// and is to be seen twice.
pub fn augment(
    mut commands: Commands,
    source: Res<StepSource>,
    preparing: Res<Preparing>,
    samples: Query<(Entity, &Pixels, &BatchIndex, Has<Unlabelled>)>,
) -> Result<(), WorldError> {
    let (source, step) = (&source.0, preparing.step);
    let phase = source.settings.phase(step);
    for (entity, Pixels(picture), place, unlabelled) in &samples {
        let dims = (picture.width, picture.height);
        let compiled = |view, purpose| {
            let mut rng = Address { seed: source.seed, purpose, step, item: place.0 as u64 }.rng();
            source.policy.compile(view, dims, &source.contract, &mut rng)
        };
        let mut entity = commands.entity(entity);
        if !unlabelled {
            entity.insert(WeakView(compiled(source.labelled_view, Purpose::AugmentLabelled)));
            continue;
        }
        if phase.needs_weak {
            entity.insert(WeakView(compiled(View::Weak, Purpose::AugmentWeak)));
        }
        if phase.needs_strong {
            entity.insert(StrongView(compiled(View::Strong, Purpose::AugmentStrong)));
        }
    }
    Ok(())
}

/// A sample with its views.
type Viewed<'a> = (
    &'a PoolIndex,
    &'a BatchIndex,
    &'a Pixels,
    Option<&'a Label>,
    Option<&'a WeakView>,
    Option<&'a StrongView>,
);

/// Puts the samples together, in the order of the batch: rendered here, or as views that the backend renders.
pub fn collect(
    source: Res<StepSource>,
    mut preparing: ResMut<Preparing>,
    samples: Query<Viewed>,
) -> Result<(), WorldError> {
    let source = &*source.0;
    let mut in_order: Vec<Viewed> = samples.iter().collect();
    in_order.sort_unstable_by_key(|(_, place, ..)| **place);
    let (labelled, unlabelled): (Vec<Viewed>, Vec<Viewed>) =
        in_order.into_iter().partition(|(.., label, _, _)| label.is_some());
    let views = |samples: &[Viewed], strong: bool| {
        let view = |(_, _, pixels, _, weak, strong_view): &Viewed| {
            let program = if strong { strong_view.map(|v| &v.0) } else { weak.map(|v| &v.0) };
            program.map(|program| PictureView { picture: Arc::clone(&pixels.0), program: program.clone() })
        };
        let views: Vec<PictureView> = samples.iter().filter_map(view).collect();
        if views.is_empty() {
            return Input::default();
        }
        let batch = ViewBatch::new(source.contract.clone(), views);
        if source.renders {
            batch.render_at(|place| source.team.computes(place)).into()
        } else {
            Input::Views(batch)
        }
    };
    let labels: Vec<usize> = labelled.iter().filter_map(|(.., label, _, _)| label.map(|l| l.0)).collect();
    let targets = source.settings.soft_targets.then(|| {
        let pool = source.labelled.pool();
        let row = |(index, label): (&PoolIndex, &usize)| match pool.votes(index.0) {
            Some(votes) => votes.to_vec(),
            None => one_hot(&[*label], source.classes, 0.0),
        };
        labelled.iter().map(|(index, ..)| *index).zip(&labels).flat_map(row).collect()
    });
    let batch = TrainBatch {
        labelled: views(&labelled, false),
        weak: views(&unlabelled, false),
        strong: views(&unlabelled, true),
        targets,
        labels,
    };
    preparing.prepared = Some(PreparedStep { step: preparing.step, unlabelled: unlabelled.len(), batch });
    Ok(())
}
