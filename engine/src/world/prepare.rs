//! What loader threads do ahead of a training step: draw, read, augment, or only compile the augmentation where the backend
//! makes views itself. All of it depends on the seed and the step alone, so that a resumed run prepares the same steps, whichever thread asks first.

use std::sync::Arc;

use super::config::{RunConfig, Sampling};
use super::error::WorldError;
use super::sets::Sets;
use crate::backend::{Input, PictureView, ViewBatch};
use crate::data::{BalancedSampler, DataError, PictureCache, SkipLog, UniformSampler};
use crate::learn::{self, Method, Settings, TrainBatch, one_hot};
use crate::media::Picture;
use crate::media::augment::{Policy, View};
use crate::net::InputContract;
use crate::random::{Address, Purpose};

/// Which samples a step takes, as places in their pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// From the labelled pool.
    pub labelled: Vec<usize>,
    /// From the unlabelled pool; empty where the step's phase needs none.
    pub unlabelled: Vec<usize>,
}

/// A step's samples, read and augmented.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The step, counted from 0.
    pub step: u64,
    /// What was drawn.
    pub drawn: Draw,
    /// Whose pictures were used: the drawn ones but for those that cannot be read.
    pub used: Draw,
    /// The network's input.
    pub batch: TrainBatch,
}

enum LabelledSampler {
    Balanced(BalancedSampler),
    Natural(UniformSampler),
}

/// Prepares steps of one run.
pub struct Preparer {
    labelled: PictureCache,
    unlabelled: PictureCache,
    labelled_sampler: LabelledSampler,
    unlabelled_sampler: Option<UniformSampler>,
    classes: usize,
    settings: Settings,
    labelled_view: View,
    policy: Policy,
    contract: InputContract,
    seed: u64,
    skips: Arc<SkipLog>,
    /// Whether views are made here or left to the backend.
    renders: bool,
}

impl Preparer {
    /// Samplers and caches over a run's data.
    ///
    /// # Errors
    /// A class has no labelled sample, or the method needs unlabelled samples and there is none.
    pub fn new(config: &RunConfig, sets: &Sets) -> Result<Self, WorldError> {
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
        if settings.soft_targets && sets.labelled.samples().iter().all(|sample| sample.votes.is_none()) {
            let problem = "is set, but no labelled dataset has annotators' votes; switch it off";
            return Err(WorldError::setting("training.soft_targets", problem));
        }
        Ok(Self {
            labelled: PictureCache::new(Arc::clone(&sets.labelled), config.data.cache_mib),
            unlabelled: PictureCache::new(Arc::clone(&sets.unlabelled), config.data.cache_mib),
            labelled_sampler,
            unlabelled_sampler,
            classes: sets.vocabulary.len(),
            settings: settings.clone(),
            labelled_view: match config.data.labelled_view {
                learn::View::Weak => View::Weak,
                learn::View::Strong => View::Strong,
            },
            policy: config.augmentation.clone(),
            contract: config.contract()?,
            seed,
            skips: Arc::clone(&sets.skips),
            renders: true,
        })
    }

    /// Leaves views to the backend: steps hold pictures and compiled programs, or rendered values.
    #[must_use]
    pub fn leaving_views(self, leave: bool) -> Self {
        Self { renders: !leave, ..self }
    }

    /// Which samples a step takes.
    pub fn draw(&self, step: u64) -> Draw {
        let phase = self.settings.phase(step);
        let labelled = match &self.labelled_sampler {
            LabelledSampler::Balanced(sampler) => sampler.draw(step),
            LabelledSampler::Natural(sampler) => sampler.draw(step),
        };
        let sampler = self.unlabelled_sampler.as_ref().filter(|_| phase.needs_weak || phase.needs_strong);
        Draw { labelled, unlabelled: sampler.map_or_else(Vec::new, |sampler| sampler.draw(step)) }
    }

    /// What messages call a labelled sample.
    pub fn labelled_key(&self, index: usize) -> String {
        self.labelled.pool().key(index)
    }

    /// What messages call an unlabelled sample.
    pub fn unlabelled_key(&self, index: usize) -> String {
        self.unlabelled.pool().key(index)
    }

    /// The class of a labelled sample.
    pub fn label(&self, index: usize) -> usize {
        self.labelled.pool().samples()[index].label.unwrap_or(0)
    }

    /// Reads and augments a step's samples.
    ///
    /// # Errors
    /// A picture cannot be read under `strict`, or none of its class can.
    pub fn prepare(&self, step: u64) -> Result<Prepared, DataError> {
        let phase = self.settings.phase(step);
        let drawn = self.draw(step);
        let (labelled, labelled_pictures) = self.read(&self.labelled, &drawn.labelled)?;
        let (unlabelled, unlabelled_pictures) = self.read(&self.unlabelled, &drawn.unlabelled)?;
        let views = |view, purpose, pictures: &[Arc<Picture>]| self.views(view, purpose, step, pictures);
        let labels: Vec<usize> = labelled.iter().map(|&index| self.label(index)).collect();
        let batch = TrainBatch {
            labelled: views(self.labelled_view, Purpose::AugmentLabelled, &labelled_pictures),
            targets: self.settings.soft_targets.then(|| self.votes(&labelled)),
            labels,
            weak: if phase.needs_weak {
                views(View::Weak, Purpose::AugmentWeak, &unlabelled_pictures)
            } else {
                Input::default()
            },
            strong: if phase.needs_strong {
                views(View::Strong, Purpose::AugmentStrong, &unlabelled_pictures)
            } else {
                Input::default()
            },
        };
        Ok(Prepared { step, drawn, used: Draw { labelled, unlabelled }, batch })
    }

    fn read(
        &self,
        pictures: &PictureCache,
        drawn: &[usize],
    ) -> Result<(Vec<usize>, Vec<Arc<Picture>>), DataError> {
        let read: Vec<_> =
            drawn.iter().map(|&i| pictures.readable(i, &self.skips)).collect::<Result<_, DataError>>()?;
        Ok(read.into_iter().unzip())
    }

    /// One view of each picture. The address counts places in the batch, because a small class may stand in a batch
    /// twice and is to be seen twice.
    fn views(&self, view: View, purpose: Purpose, step: u64, pictures: &[Arc<Picture>]) -> Input {
        let compiled = pictures.iter().enumerate().map(|(item, picture)| {
            let mut rng = Address { seed: self.seed, purpose, step, item: item as u64 }.rng();
            let dims = (picture.width, picture.height);
            let program = self.policy.compile(view, dims, &self.contract, &mut rng);
            PictureView { picture: Arc::clone(picture), program }
        });
        let batch = ViewBatch::new(self.contract.clone(), compiled.collect());
        if self.renders { batch.render().into() } else { Input::Views(batch) }
    }

    /// Annotators' votes of each sample, or its one class where it has none.
    fn votes(&self, labelled: &[usize]) -> Vec<f32> {
        let samples = self.labelled.pool().samples();
        let row = |&index: &usize| match &samples[index].votes {
            Some(votes) => votes.to_vec(),
            None => one_hot(&[self.label(index)], self.classes, 0.0),
        };
        labelled.iter().flat_map(row).collect()
    }
}

/// Values of one input.
pub(super) fn input_len(contract: &InputContract) -> usize {
    contract.size * contract.size * contract.channels
}
