//! A run of the `pretrain` schedule: begun or resumed, step by step, with evaluations and checkpoints in between.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bevy_ecs::prelude::*;
use serde::Serialize;

use super::config::{DataConfig, EvaluationConfig, InputConfig, ModelConfig, RunConfig};
use super::error::WorldError;
use super::evaluate::{Subject, evaluate};
use super::prepare::Preparer;
use super::pretrain::schedule;
use super::pretrain::systems::{Ahead, Batch, Journal, Latest, Learner, Loaded, Plan, StepsDone};
use super::run_folder::RunFolder;
use super::schedule::{build, run};
use super::sets::{Sets, SetsSummary};
use crate::backend::{Backend, Training, WeightSet};
use crate::data::{Formats, Loader};
use crate::learn::{
    Checkpoints, EvalReport, Identity, Settings, StepRecord, TrainLog, Trainer, TrainingState, WallClock,
};
use crate::media::augment::Policy;
use crate::net::{Graph, InputContract, Weights};

/// A run between two steps.
pub struct Pretraining {
    pub(super) world: World,
    schedule: Schedule,
    pub(super) config: RunConfig,
    pub(super) folder: RunFolder,
    pub(super) sets: Sets,
    pub(super) graph: Graph,
    pub(super) contract: InputContract,
    pub(super) backend: Arc<dyn Backend>,
    checkpoints: Checkpoints,
    saved_at: Option<u64>,
}

/// What happened in one call of [`Pretraining::advance`].
#[derive(Debug, Clone)]
pub struct Advance {
    /// The step.
    pub record: StepRecord,
    /// The score of the network that evaluation uses, where it was due.
    pub evaluation: Option<EvalReport>,
    /// The checkpoint, where it was due.
    pub checkpoint: Option<PathBuf>,
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
struct RunIdentity<'a> {
    seed: u64,
    model: &'a ModelConfig,
    input: &'a InputConfig,
    training: &'a Settings,
    augmentation: &'a Policy,
    labelled_view: crate::learn::View,
    sampling: super::config::Sampling,
    classes: &'a [String],
    data: String,
}

impl Pretraining {
    /// Begins a run in its folder, or goes on with the run in it.
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
        let sets = Sets::open(&config, formats)?;
        let contract = config.contract()?;
        let graph = config.model.spec(sets.vocabulary.len()).graph()?;
        let mut trainer = Trainer::new(&config.training, |role| -> Result<Box<dyn Training>, WorldError> {
            Ok(backend.training(&graph, &starting_weights(&config, &graph, role)?)?)
        })?;
        let checkpoints = Checkpoints::open(&folder.checkpoints(), identity(&config, &sets)?)?;
        let mut saved_at = None;
        match start {
            Start::New => folder.save_config(&config)?,
            Start::Resume => {
                if let Some(state) = checkpoints.latest()? {
                    trainer.restore(&state)?;
                    saved_at = Some(state.step);
                }
            }
            Start::AfterBaseline { state, log } => {
                trainer.restore(&trainer.state()?.after_baseline(state, &config.training)?)?;
                std::fs::copy(log, folder.log()).map_err(|e| WorldError::file(log, e.to_string()))?;
                folder.save_config(&config)?;
            }
        }
        let done = trainer.steps_done();
        let preparer = Preparer::new(&config, &sets)?.leaving_views(backend.renders_views());
        let preparer = Arc::new(preparer);
        let making = Arc::clone(&preparer);
        let steps = done..config.training.steps;
        let capacity = config.workers + 2;
        let mut world = World::new();
        world.insert_resource(Ahead(Loader::spawn(steps, config.workers, capacity, move |step| {
            making.prepare(step)
        })?));
        world.insert_resource(Plan(preparer));
        world.insert_resource(Learner(Mutex::new(trainer)));
        world.insert_resource(StepsDone(done));
        world.insert_resource(Journal(TrainLog::open(&folder.log(), done, Box::new(WallClock::default()))?));
        world.init_resource::<Loaded>();
        world.init_resource::<Batch>();
        world.init_resource::<Latest>();
        let mut schedule = schedule();
        build(&mut schedule, &mut world)?;
        Ok(Self { world, schedule, config, folder, sets, graph, contract, backend, checkpoints, saved_at })
    }

    /// The run's settings.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Sizes of the run's data.
    pub fn data(&self) -> SetsSummary {
        self.sets.summary()
    }

    /// Steps made.
    pub fn steps_done(&self) -> u64 {
        self.world.resource::<StepsDone>().0
    }

    /// Whether all steps are made.
    pub fn is_done(&self) -> bool {
        self.steps_done() >= self.config.training.steps
    }

    /// Seconds that training has waited for the loader so far.
    pub fn waited_seconds(&self) -> f64 {
        self.world.resource::<Ahead>().0.waited().as_secs_f64()
    }

    /// Makes one step, then evaluates and saves where it is due.
    ///
    /// # Errors
    /// The data, the networks or the disk fail; the last checkpoint stays as it is.
    pub fn advance(&mut self) -> Result<Advance, WorldError> {
        run(&mut self.schedule, &mut self.world)?;
        let record = self.world.resource_mut::<Latest>().0.take();
        let record = record.ok_or_else(|| WorldError::Schedule("a step ended without a record".into()))?;
        let due = |every: u64| every > 0 && record.step.is_multiple_of(every) && !self.is_done();
        let (evaluate_now, save_now) = (due(self.config.evaluation.every), due(self.config.checkpoint_every));
        let evaluation = if evaluate_now { self.evaluate_student()? } else { None };
        let checkpoint = if save_now { Some(self.save()?) } else { None };
        Ok(Advance { record, evaluation, checkpoint })
    }

    /// Everything that the run has learned so far.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&mut self) -> Result<TrainingState, WorldError> {
        Ok(self.world.resource_mut::<Learner>().get().state()?)
    }

    /// Writes a checkpoint, unless the newest one already stands at this step.
    ///
    /// # Errors
    /// The disk is full or gone; earlier checkpoints are untouched.
    pub fn save(&mut self) -> Result<PathBuf, WorldError> {
        if !self.is_saved() {
            self.world.resource_mut::<Journal>().0.sync()?;
            let state = self.state()?;
            self.checkpoints.save(&state)?;
            self.saved_at = Some(self.steps_done());
        }
        Ok(self.folder.checkpoints())
    }

    /// Whether the newest checkpoint stands at this step.
    pub(super) fn is_saved(&self) -> bool {
        self.saved_at == Some(self.steps_done())
    }

    /// Scores the network that evaluation uses and appends it to the log; nothing where the run has no data to measure
    /// on.
    fn evaluate_student(&mut self) -> Result<Option<EvalReport>, WorldError> {
        let which = self.student_choice();
        let name = role_name("student", which);
        let weights = self.world.resource_mut::<Learner>().get().student().weights(which)?;
        let report = self.score(&weights)?;
        if let Some(report) = &report {
            let done = self.steps_done();
            self.world.resource_mut::<Journal>().0.evaluation(done, &name, report)?;
        }
        Ok(report)
    }

    /// The student's average where one is tracked by now, else the student itself.
    pub(super) fn student_choice(&mut self) -> WeightSet {
        let student = self.world.resource_mut::<Learner>();
        let averaged = student.into_inner().get().student().weights(WeightSet::Ema).is_ok();
        if averaged { WeightSet::Ema } else { WeightSet::Current }
    }

    /// The score of some weights on the run's validation data.
    pub(super) fn score(&self, weights: &Weights) -> Result<Option<EvalReport>, WorldError> {
        let Some(valid) = &self.sets.valid else { return Ok(None) };
        let subject = Subject {
            graph: &self.graph,
            weights,
            classes: self.sets.vocabulary.classes(),
            contract: &self.contract,
            crop: self.config.plain_crop(),
            temperature: 1.0,
        };
        let settings: &EvaluationConfig = &self.config.evaluation;
        evaluate(&subject, valid, settings, &self.sets.skips, &*self.backend, |_, _| true).map(Some)
    }
}

/// What a network is called in logs and reports.
pub(super) fn role_name(role: &str, which: WeightSet) -> String {
    match which {
        WeightSet::Current => role.to_owned(),
        WeightSet::Ema => format!("{role}_average"),
    }
}

fn starting_weights(config: &RunConfig, graph: &Graph, role: &str) -> Result<Weights, WorldError> {
    // The two networks start apart, or their pseudo-labels would agree from the first step on.
    let seed = if role == "teacher" { config.seed } else { !config.seed };
    match &config.model.init {
        None => Ok(Weights::initial(graph, seed)),
        Some(path) => {
            let (file, _) = Weights::read(path)?;
            Weights::adapt(file, graph, seed).map_err(|e| WorldError::file(path, e.to_string()))
        }
    }
}

fn identity(config: &RunConfig, sets: &Sets) -> Result<Identity, WorldError> {
    let DataConfig { labelled_view, sampling, .. } = &config.data;
    Ok(Identity::new(&RunIdentity {
        seed: config.seed,
        model: &config.model,
        input: &config.input,
        training: &config.training,
        augmentation: &config.augmentation,
        labelled_view: *labelled_view,
        sampling: *sampling,
        classes: sets.vocabulary.classes(),
        data: sets.fingerprint(),
    })?)
}
