//! `pretrain`: teacher and student over labelled and unlabelled pictures, or the supervised baseline; begun or resumed, to
//! its models and report.
//!
//! Drawing, reading and augmenting depend on the seed and the step alone ([`super::Preparer`]), so loader threads do them
//! ahead while the networks compute. Nothing is random in between, which is why a resumed run goes on bit for bit.

mod steps;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_ecs::schedule::Schedule;
use bevy_platform::cell::SyncCell;
use serde::Serialize;

use super::evaluate::{Subject, evaluate};
use super::prepare::Preparer;
use crate::backend::{self, Backend, BatchNorm, Training, WeightSet};
use crate::clock::Clock;
use crate::data::{Formats, Loader, SkipLog};
use crate::learn::{EvalReport, Method, Settings, StepRecord, Trainer, TrainingState};
use crate::media::augment::Policy;
use crate::net::{Graph, InputContract, Weights};
use crate::world::config::{ComputeConfig, InputConfig, ModelConfig, RunConfig, Sampling};
use crate::world::error::WorldError;
use crate::world::run::{
    Advance, Cadence, DataRecord, Run as _, RunCost, RunFolder, RunReport, SMALLER_PRETRAINING, Session,
    Sets, SetsSummary, TrainingData, pretraining_need, starting_weights,
};
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::journal::{self, Journal, Latest, StepsDone};
use crate::world::stages::training::{self, Learner, ShownViews, StepBatch, StepsAhead, Together};

stages! {
    /// One semi-supervised (or supervised) step.
    Pretrain, PretrainStage {
        /// The step that loader threads have prepared.
        Load => [training::load],
        /// The teacher's logits; how much its label of each unlabelled sample counts.
        TeacherForward => [training::teacher_forward, training::weigh],
        /// The student learns from pseudo-labels.
        StudentUpdate => [training::student_update],
        /// How the student's update changed its labelled loss.
        MetaTest => [training::meta_test],
        /// The teacher learns from labels, consistency and feedback.
        TeacherUpdate => [training::teacher_update],
        /// The step's record.
        Report => [training::end_step, journal::report::<StepRecord>, training::show],
    }
}

/// A run between two steps.
pub struct Pretraining {
    pipeline: Pipeline,
    config: RunConfig,
    session: Session,
    sets: Sets,
    graph: Graph,
    contract: InputContract,
    cost: RunCost,
    backend: Arc<dyn Backend>,
}

/// Where a run begins.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// At its first step.
    New,
    /// At the last checkpoint in its folder, or its first step where there is none.
    Resume,
    /// Where a baseline with the same settings stands, whose steps so far count as its own.
    AfterBaseline {
        /// What [`Pretraining::state`] said of the baseline.
        state: &'a TrainingState,
        /// The baseline's log; its steps are written into this run's.
        log: &'a Path,
    },
}

/// What must be equal for a checkpoint to go on: whatever changes the numbers, and nothing else.
#[derive(Serialize)]
struct Identity<'a> {
    seed: u64,
    model: &'a ModelConfig,
    input: &'a InputConfig,
    training: &'a Settings,
    augmentation: &'a Policy,
    labelled_view: crate::learn::ViewStrength,
    sampling: Sampling,
    classes: &'a [String],
    data: String,
    /// Replicas and their batch normalisation, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<(usize, BatchNorm)>,
}

/// Trains from code, to the end: opens what the settings name, makes every step, and writes the run's folder. `progress`
/// hears of every step, and ends the run after saving by giving `false`; [`Pretraining`] goes step by step, with data of
/// a program's own.
///
/// # Errors
/// As [`Pretraining::begin`] and [`crate::world::Run::run_to_end`].
pub fn train(
    config: RunConfig,
    folder: RunFolder,
    formats: &Formats,
    progress: impl FnMut(&Advance<StepRecord, EvalReport>) -> bool,
) -> Result<RunReport, WorldError> {
    let backend =
        backend::open_replicated(&config.compute().spec(), (config.replicas, config.batch_norm), None)?;
    Pretraining::begin(config, folder, backend, formats, Start::New)?.run_to_end(progress)
}

impl Pretraining {
    /// Begins a run in its folder, or goes on with the run in it, on the datasets that its settings name.
    ///
    /// # Errors
    /// A setting is refused, data cannot be opened, the starting weights do not fit, or the checkpoint belongs to
    /// another run. A baseline to begin with that does not fit.
    pub fn begin(
        config: RunConfig,
        folder: RunFolder,
        backend: Arc<dyn Backend>,
        formats: &Formats,
        start: Start<'_>,
    ) -> Result<Self, WorldError> {
        config.validate()?;
        let skips = Arc::new(SkipLog::new(config.strict));
        let data = TrainingData::open(&config, formats, &skips)?;
        Self::begin_with(config, folder, backend, (data, skips), start)
    }

    /// As [`Pretraining::begin`], on datasets that a program brings itself; items that cannot be used go to its log. A new run that
    /// fails here leaves its folder as it was.
    ///
    /// # Errors
    /// As there.
    pub fn begin_with(
        config: RunConfig,
        folder: RunFolder,
        backend: Arc<dyn Backend>,
        data: (TrainingData, Arc<SkipLog>),
        start: Start<'_>,
    ) -> Result<Self, WorldError> {
        let kept = (!matches!(start, Start::Resume)).then(|| folder.clone());
        Self::prepared(config, folder, backend, data, start).inspect_err(|error| {
            if let Some(folder) = &kept {
                folder.take_back(error);
            }
        })
    }

    fn prepared(
        mut config: RunConfig,
        folder: RunFolder,
        backend: Arc<dyn Backend>,
        (data, skips): (TrainingData, Arc<SkipLog>),
        start: Start<'_>,
    ) -> Result<Self, WorldError> {
        config.validate_settings()?;
        config.set_compute(ComputeConfig::of(&*backend));
        let team = backend.team();
        let batches = [
            ("training.batch", config.training.batch),
            ("training.unlabelled_batch", config.training.unlabelled_batch),
        ];
        let ssl = config.training.method == Method::Ssl;
        config.set_replicas(&team, &batches[..if ssl { 2 } else { 1 }])?;
        config.check_slices(&team)?;
        // How many classes there are matters little, and it is better to refuse before everything is hashed.
        let valid = data.valid.iter().map(|source| source.dataset.len()).sum();
        let of_two = config.model.architecture(2).graph()?;
        let need = pretraining_need(&config, &of_two, valid, &*backend)?;
        need.check(&*backend, SMALLER_PRETRAINING)?;
        let mut sets = Sets::new(&config, data, skips, &team)?;
        let contract = config.contract()?;
        let architecture = config.model.architecture(sets.vocabulary.len());
        let graph = architecture.graph()?;
        let head = architecture.head();
        let network = format!("{} of {} pixels", config.model.depth.name(), config.model.size);
        let cost = RunCost::new(&*backend, network, &graph, &need);
        let mut trainer = Trainer::new(&config.training, |role| -> Result<Box<dyn Training>, WorldError> {
            // The two networks start apart, or their pseudo-labels would agree from the first step on.
            let seed = if role == "teacher" { config.seed } else { !config.seed };
            let init = config.model.init.as_deref();
            let told = (role == "teacher").then_some(&contract);
            let weights = starting_weights(init, (&graph, head), &sets.vocabulary, seed, told)?;
            Ok(backend.training(&graph, &weights)?)
        })?;
        let fingerprint = sets.fingerprint()?;
        let identity = Identity {
            seed: config.seed,
            model: &config.model,
            input: &config.input,
            training: &config.training,
            augmentation: &config.augmentation,
            labelled_view: config.data.labelled_view,
            sampling: config.data.sampling,
            classes: sets.vocabulary.classes(),
            data: fingerprint.clone(),
            replicas: config.replication(),
        };
        let cadence = Cadence {
            steps: config.training.steps,
            evaluate_every: config.evaluation.every,
            checkpoint_every: config.checkpoint_every,
            keep_every: config.keep_every,
        };
        let mut session = Session::open(folder, &identity, &*backend, cadence)?;
        match start {
            Start::New => {}
            Start::Resume => {
                if let Some(state) = session.resume()? {
                    trainer.restore(&state)?;
                }
            }
            Start::AfterBaseline { state, log } => {
                trainer.restore(&trainer.state()?.after_baseline(state, &config.training)?)?;
                let to = session.folder.log();
                std::fs::copy(log, to).map_err(|e| WorldError::file(log, e.to_string()))?;
            }
        }
        session.folder.save_config(&config)?;
        let recorded = matches!(start, Start::Resume) && session.folder.manifest().is_file();
        if let Some(manifest) = sets.manifest.take().filter(|_| !recorded) {
            DataRecord::new(config.seed, fingerprint, &sets, &manifest)?.write(&manifest, &session.folder)?;
        }
        let done = trainer.steps_done();
        let preparer = Preparer::new(&config, &sets, !backend.renders_views(), &team)?;
        let ahead =
            Loader::spawn(done..config.training.steps, config.workers, config.workers + 2, move |step| {
                preparer.prepare(step)
            })?;
        let mut pipeline = Pipeline::new::<PretrainStage>(Clock::default())?;
        let world = &mut pipeline.world;
        world.insert_resource(StepsAhead(ahead));
        world.insert_resource(Together { team, classes: sets.vocabulary.len() });
        world.insert_resource(Learner(SyncCell::new(trainer)));
        world.insert_resource(StepsDone(done));
        world.insert_resource(Journal(session.log(done, config.tensorboard)?));
        world.insert_resource(Latest::<StepRecord>(None));
        world.init_resource::<StepBatch>();
        world.insert_resource(ShownViews(config.tensorboard.then(|| contract.clone())));
        Ok(Self { pipeline, config, session, sets, graph, contract, cost, backend })
    }

    /// The run's settings.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Sizes of the run's data.
    pub fn data(&self) -> SetsSummary {
        self.sets.summary()
    }

    /// Seconds that training has waited for the loader so far.
    pub fn waited_seconds(&self) -> f64 {
        self.pipeline.world.resource::<StepsAhead>().0.waited().as_secs_f64()
    }

    /// Lets `add` put systems of a program's own between the stages ([`PretrainStage`]); they see the step's samples.
    ///
    /// # Errors
    /// A new system conflicts with another one without an order.
    pub fn extend(&mut self, add: impl FnOnce(&mut World, &mut Schedule)) -> Result<(), WorldError> {
        self.pipeline.extend(add)
    }

    /// Everything that the run has learned so far.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&mut self) -> Result<TrainingState, WorldError> {
        Ok(self.trainer().state()?)
    }

    fn trainer(&mut self) -> &mut Trainer {
        self.pipeline.world.resource_mut::<Learner>().into_inner().0.get()
    }

    /// The student's average where one is tracked by now, else the student itself.
    fn student_choice(&mut self) -> WeightSet {
        let averaged = self.trainer().student().weights(WeightSet::Ema).is_ok();
        if averaged { WeightSet::Ema } else { WeightSet::Current }
    }

    /// The score of some weights on the run's validation data.
    fn score(&self, weights: &Weights) -> Result<Option<EvalReport>, WorldError> {
        let Some(valid) = &self.sets.valid else { return Ok(None) };
        let subject = Subject {
            classes: self.sets.vocabulary.classes(),
            contract: &self.contract,
            crop: self.config.plain_crop(),
            temperature: 1.0,
            corruption: None,
        };
        let settings = &self.config.evaluation;
        let network = self.backend.inference(&self.graph, weights)?;
        let team = self.session.team();
        evaluate((network, team), &subject, valid, settings, &self.sets.skips, |_, _| true).map(Some)
    }

    /// Every network of the run by name.
    fn networks(&mut self) -> Result<BTreeMap<String, Weights>, WorldError> {
        let mut networks = BTreeMap::new();
        let trainer = self.trainer();
        let roles = [("student", Some(trainer.student())), ("teacher", trainer.teacher())];
        for (role, network) in roles.into_iter().filter_map(|(role, network)| Some((role, network?))) {
            networks.insert(role_name(role, WeightSet::Current), network.weights(WeightSet::Current)?);
            // No average is no error: it is tracked only where the settings say so.
            if let Ok(average) = network.weights(WeightSet::Ema) {
                networks.insert(role_name(role, WeightSet::Ema), average);
            }
        }
        Ok(networks)
    }
}

/// What a network is called in logs and reports.
fn role_name(role: &str, which: WeightSet) -> String {
    match which {
        WeightSet::Current => role.to_owned(),
        WeightSet::Ema => format!("{role}_average"),
    }
}
