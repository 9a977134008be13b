//! `prepare`: what loader threads do ahead of a training step. Each thread has a small world of its own, and hands its step
//! over whole.

use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::Team;
use crate::clock::Clock;
use crate::data::{BalancedSampler, PictureCache, UniformSampler};
use crate::learn::{self, Method};
use crate::media::augment::View;
use crate::random::Purpose;
use crate::world::config::{RunConfig, Sampling};
use crate::world::error::WorldError;
use crate::world::run::Sets;
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::samples::{
    self, LabelledSampler, PreparedStep, Preparing, SampleSource, StepSource,
};

stages! {
    /// One training step, prepared.
    Prepare, PrepareStage {
        /// Which samples the step takes.
        Draw => [samples::draw],
        /// Their pictures.
        Load => [samples::load],
        /// Their views, compiled.
        Augment => [samples::augment],
        /// The batch.
        Collect => [samples::collect],
    }
}

/// Prepares steps of one run, from any thread.
pub struct Preparer {
    source: StepSource,
    /// Pipelines that no thread is using.
    idle: Mutex<Vec<Pipeline>>,
}

impl Preparer {
    /// Samplers and caches over a run's data; `renders` says whether views are made here, or left to the backend. Of a step's
    /// pictures only those are read whose replicas are this process's.
    ///
    /// # Errors
    /// A class has no labelled sample, or the method needs unlabelled samples and there is none.
    pub fn new(config: &RunConfig, sets: &Sets, renders: bool, team: &Arc<Team>) -> Result<Self, WorldError> {
        let (settings, seed) = (&config.training, config.seed);
        let labelled_sampler = match config.data.sampling {
            Sampling::Balanced => {
                let (labels, classes) = (sets.labelled.labels(), sets.vocabulary.classes());
                LabelledSampler::Balanced(BalancedSampler::new(&labels, classes, settings.batch, seed)?)
            }
            Sampling::Natural => {
                let (count, batch) = (sets.labelled.len(), settings.batch);
                LabelledSampler::Natural(UniformSampler::new(count, batch, seed, Purpose::SampleLabelled)?)
            }
        };
        let unlabelled_sampler = match settings.method {
            Method::Supervised => None,
            Method::Ssl if sets.unlabelled.is_empty() => {
                let problem = "no unlabelled picture is left after de-duplication; add some with --unlabelled \
                               SPEC, or choose --method supervised";
                return Err(WorldError::setting("data.unlabelled", problem));
            }
            Method::Ssl => {
                let (count, batch) = (sets.unlabelled.len(), settings.unlabelled_batch);
                Some(UniformSampler::new(count, batch, seed, Purpose::SampleUnlabelled)?)
            }
        };
        if settings.soft_targets && !sets.labelled.has_votes() {
            let problem = "is set, but no labelled dataset has annotators' votes; switch it off";
            return Err(WorldError::setting("training.soft_targets", problem));
        }
        let source = SampleSource {
            labelled: PictureCache::new(Arc::clone(&sets.labelled), config.data.cache_mib),
            unlabelled: PictureCache::new(Arc::clone(&sets.unlabelled), config.data.cache_mib),
            labelled_sampler,
            unlabelled_sampler,
            classes: sets.vocabulary.len(),
            settings: settings.clone(),
            labelled_view: match config.data.labelled_view {
                learn::ViewStrength::Weak => View::Weak,
                learn::ViewStrength::Strong => View::Strong,
            },
            policy: config.augmentation.clone(),
            contract: config.contract()?,
            seed,
            skips: Arc::clone(&sets.skips),
            renders,
            team: Arc::clone(team),
        };
        Ok(Self { source: StepSource(Arc::new(source)), idle: Mutex::default() })
    }

    /// Draws, reads and augments a step's samples.
    ///
    /// # Errors
    /// A picture cannot be read under `strict`, or none of its class can.
    pub fn prepare(&self, step: u64) -> Result<PreparedStep, WorldError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let reused = idle().pop();
        let mut pipeline = if let Some(pipeline) = reused {
            pipeline
        } else {
            let mut pipeline = Pipeline::new::<PrepareStage>(Clock::default())?;
            pipeline.world.insert_resource(self.source.clone());
            pipeline
        };
        pipeline.world.insert_resource(Preparing { step, prepared: None });
        pipeline.run()?;
        let prepared = pipeline.world.resource_mut::<Preparing>().prepared.take();
        idle().push(pipeline);
        prepared.ok_or_else(|| WorldError::Schedule("a step was prepared and is not there".into()))
    }
}
