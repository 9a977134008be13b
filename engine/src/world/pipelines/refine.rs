//! `refine`: the temporal encoder over the frozen student's features of clips, to its model and report.

use std::collections::BTreeMap;
use std::sync::Arc;

use bevy_platform::cell::SyncCell;
use serde::Serialize;

use super::evaluate_clips::{Audience, ScoreSink, evaluate_clips};
use super::extract::{Extraction, extract};
use crate::backend::{Backend, BatchNorm, WeightSet};
use crate::clock::Clock;
use crate::data::{ClipFormats, ClipSampler, ClipSet, SkipLog};
use crate::learn::{
    FrameReport, TemporalEncoder, TemporalRecord, TemporalSettings, TemporalTrainer, TrainLog, TrainingState,
};
use crate::net::{Architecture, Graph, Weights};
use crate::world::clip::{ClipFeatures, ClipScores};
use crate::world::config::{ComputeConfig, EncoderConfig, RefineConfig};
use crate::world::error::WorldError;
use crate::world::run::{
    Cadence, Model, RefineReport, Run as _, RunCost, RunFolder, SMALLER_REFINING, Session, SkippedItems,
    Steps, encoder_card, open_clips, refining_need,
};
use crate::world::schedule::{Pipeline, stages};
use crate::world::stages::journal::{self, Journal, Latest, StepsDone};
use crate::world::stages::stretches::{self, EncoderLearner, StretchBatch, TrainingClips};
use crate::world::together::share_skips;

stages! {
    /// One step of the temporal encoder.
    Refine, RefineStage {
        /// Stretches of clips.
        Draw => [stretches::draw],
        /// Their features.
        Gather => [stretches::gather],
        /// The encoder's step.
        Update => [stretches::learn],
        /// The step's record.
        Report => [journal::report::<TemporalRecord>],
    }
}

/// A run's clips, open: those that its settings name, or a program's own.
pub struct ClipData {
    /// With labels.
    pub train: Arc<ClipSet>,
    /// For validation.
    pub valid: Option<Arc<ClipSet>>,
}

impl ClipData {
    /// Opens the clips that the settings name, under the student's classes.
    ///
    /// # Errors
    /// A SPEC cannot be opened, or class names do not fit.
    pub fn open(
        config: &RefineConfig,
        student: &Model,
        formats: &ClipFormats,
        skips: &SkipLog,
    ) -> Result<Self, WorldError> {
        let open = |specs| open_clips(&student.card.classes, specs, formats, skips).map(Arc::new);
        let valid = if config.data.valid.is_empty() { None } else { Some(open(&config.data.valid)?) };
        Ok(Self { train: open(&config.data.train)?, valid })
    }
}

/// A temporal run between two steps.
pub struct Refining {
    pipeline: Pipeline,
    config: RefineConfig,
    session: Session,
    student: Model,
    architecture: Architecture,
    graph: Graph,
    cost: RunCost,
    backend: Arc<dyn Backend>,
    train: Arc<ClipFeatures>,
    valid: Option<Arc<ClipFeatures>>,
    skips: Arc<SkipLog>,
    /// Is told of every validation frame when the run ends.
    sink: Option<ScoreSink>,
}

/// What must be equal for a checkpoint to go on.
#[derive(Serialize)]
struct Identity<'a> {
    seed: u64,
    student: &'a str,
    model: &'a EncoderConfig,
    training: &'a TemporalSettings,
    clips: String,
    /// Replicas, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<(usize, BatchNorm)>,
}

impl Refining {
    /// Begins a run in its folder, or goes on with the run in it (`resume`) from its last checkpoint. Features that are
    /// not kept yet are extracted first, all of them anew with `recompute`; `progress` hears how many frames of a set are
    /// done, and stops it by giving `false`.
    ///
    /// # Errors
    /// A setting is refused, the student or the clips cannot be opened, kept features are another student's, or the
    /// checkpoint belongs to another run.
    pub fn begin(
        config: RefineConfig,
        folder: RunFolder,
        backend: Arc<dyn Backend>,
        formats: &ClipFormats,
        (resume, recompute): (bool, bool),
        progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self, WorldError> {
        config.validate()?;
        let skips = Arc::new(SkipLog::new(config.strict));
        let student = Model::load(&config.student)?;
        let data = ClipData::open(&config, &student, formats, &skips)?;
        Self::begin_with(config, folder, backend, (student, data, skips), (resume, recompute), progress)
    }

    /// As [`Refining::begin`], with a student and clips that a program brings itself; faces that cannot be read go to its
    /// log. A new run that fails here leaves its folder as it was, but for features that it has extracted.
    ///
    /// # Errors
    /// As there.
    pub fn begin_with(
        config: RefineConfig,
        folder: RunFolder,
        backend: Arc<dyn Backend>,
        data: (Model, ClipData, Arc<SkipLog>),
        how: (bool, bool),
        progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self, WorldError> {
        let kept = (!how.0).then(|| folder.clone());
        Self::prepared(config, folder, backend, data, how, progress).inspect_err(|error| {
            if let Some(folder) = &kept {
                folder.take_back(error);
            }
        })
    }

    fn prepared(
        mut config: RefineConfig,
        folder: RunFolder,
        backend: Arc<dyn Backend>,
        (student, data, skips): (Model, ClipData, Arc<SkipLog>),
        (resume, recompute): (bool, bool),
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self, WorldError> {
        config.validate_settings()?;
        config.post = config.post.for_frames(config.model.frames);
        config.set_compute(ComputeConfig::of(&*backend));
        let team = backend.team();
        config.set_replicas(&team, &[("training.batch", config.training.batch)])?;
        config.check_slices(&team)?;
        let classes = student.card.classes.len();
        let architecture = config.model.architecture(student.head()?.features(), classes);
        let graph = architecture.graph()?;
        let need = refining_need(&config, &graph, student.own()?.0, &*backend)?;
        need.check(&*backend, SMALLER_REFINING)?;
        let network = format!("encoder of {} frames", config.model.frames);
        let cost = RunCost::new(&*backend, network, &graph, &need);
        let sampler = ClipSampler::new(&data.train, config.model.frames, config.training.batch, config.seed)?;
        folder.save_config(&config)?;
        let kept = config.features.clone().unwrap_or_else(|| folder.features());
        let mut features = |set: &Arc<ClipSet>, part: &str| -> Result<Arc<ClipFeatures>, WorldError> {
            let extraction = Extraction {
                folder: kept.join(part),
                batch: config.student_batch,
                workers: config.workers,
                recompute,
            };
            extract(&student, set, &extraction, &skips, &*backend, &mut progress).map(Arc::new)
        };
        let train = features(&data.train, "train")?;
        let valid = data.valid.as_ref().map(|set| features(set, "valid")).transpose()?;
        let mut weights = Weights::initial(&graph, config.seed);
        if config.model.residual
            && let Some(classifier) = weights.tensors.get_mut(&format!("{}.weight", architecture.head()))
        {
            // The first step then starts from the student's own answers.
            classifier.data.fill(0.0);
        }
        let network = backend.training(&graph, &weights)?;
        let class_weights = config.training.weights_of(&train.set.class_counts(classes));
        let mut trainer = TemporalTrainer::new(network, config.training.clone(), class_weights, config.seed)?;
        let identity = Identity {
            seed: config.seed,
            student: &student.hash,
            model: &config.model,
            training: &config.training,
            clips: train.set.fingerprint(),
            replicas: config.replication(),
        };
        let cadence = Cadence {
            steps: config.training.steps,
            evaluate_every: config.evaluate_every,
            checkpoint_every: config.checkpoint_every,
            keep_every: config.keep_every,
        };
        let mut session = Session::open(folder, &identity, &*backend, cadence)?;
        if resume && let Some(state) = session.resume()? {
            trainer.restore(&state)?;
        }
        let done = trainer.steps_done();
        let mut pipeline = Pipeline::new::<RefineStage>(Clock::default())?;
        let world = &mut pipeline.world;
        world.insert_resource(TrainingClips {
            features: Arc::clone(&train),
            sampler,
            frames: config.model.frames,
            masked: config.training.frame_masking,
            residual: config.model.residual,
            seed: config.seed,
        });
        world.insert_resource(EncoderLearner(SyncCell::new(trainer)));
        world.insert_resource(StepsDone(done));
        world.insert_resource(Journal(session.log(done, config.tensorboard)?));
        world.insert_resource(Latest::<TemporalRecord>(None));
        world.init_resource::<StretchBatch>();
        let sink = None;
        Ok(Self {
            pipeline,
            config,
            session,
            student,
            architecture,
            graph,
            cost,
            backend,
            train,
            valid,
            skips,
            sink,
        })
    }

    /// Hands every validation frame to `sink` when the run ends.
    pub fn set_sink(&mut self, sink: ScoreSink) {
        self.sink = Some(sink);
    }

    /// The run's settings.
    pub fn config(&self) -> &RefineConfig {
        &self.config
    }

    /// The validation clips, where there are any.
    pub fn valid(&self) -> Option<&ClipSet> {
        self.valid.as_ref().map(|valid| &*valid.set)
    }

    /// Clips and frames of the training set, and of the validation set.
    pub fn data(&self) -> [usize; 4] {
        let valid = self.valid.as_ref().map_or((0, 0), |v| (v.set.len(), v.set.total_frames()));
        [self.train.set.len(), self.train.set.total_frames(), valid.0, valid.1]
    }

    fn weights(&mut self) -> Result<Weights, WorldError> {
        let trainer = self.pipeline.world.resource_mut::<EncoderLearner>();
        Ok(trainer.into_inner().0.get().network().weights(WeightSet::Current)?)
    }

    /// Scores the encoder on the validation clips, as it will be used.
    /// Without a sink the processes share out the clips.
    fn score(&mut self, sink: Option<ScoreSink>) -> Result<Option<ClipScores>, WorldError> {
        let Some(valid) = self.valid.clone() else { return Ok(None) };
        let audience = sink.map_or_else(|| Audience::Team(Arc::clone(self.session.team())), Audience::Sink);
        let weights = self.weights()?;
        let network = self.backend.inference(&self.graph, &weights)?;
        let post = &self.config.post;
        let encoder = TemporalEncoder::new(network, post.stride, self.config.model.causal)?;
        let encoder =
            if self.config.model.residual { encoder.with_residual(valid.head.clone()) } else { encoder };
        let classes = &self.student.card.classes;
        evaluate_clips(&valid, classes, Some((encoder, 1.0)), post, audience, |_, _| true).map(Some)
    }

    fn log_scores(&mut self, scores: &ClipScores) -> Result<(), WorldError> {
        let done = self.steps_made();
        let rows: BTreeMap<&str, &FrameReport> = scores.rows();
        rows.into_iter().try_for_each(|(name, report)| Ok(self.log().evaluation(done, name, report)?))
    }
}

impl Steps for Refining {
    type Record = TemporalRecord;
    type Scores = ClipScores;
    type Report = RefineReport;

    fn session(&self) -> &Session {
        &self.session
    }

    fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    fn steps_made(&self) -> u64 {
        self.pipeline.world.resource::<StepsDone>().0
    }

    fn cost(&self) -> RunCost {
        self.cost.clone()
    }

    /// In frames through the encoder, 1 forward and 2 backward; slices go forward twice.
    fn step_work(&self, _: u64) -> u64 {
        let training = &self.config.training;
        let is_cut = training.micro_batch.is_some_and(|most| most < training.batch);
        (3 + u64::from(is_cut)) * (training.batch * self.config.model.frames) as u64
    }

    fn evaluation_work(&self) -> u64 {
        let frames = self.valid.as_ref().map_or(0, |valid| valid.set.total_frames());
        let (window, stride) = (self.config.model.frames, self.config.post.stride);
        // Windows overlap; of a causal encoder each frame has one of its own.
        let every = if self.config.model.causal { 1 } else { stride.max(1) };
        (frames * window / every) as u64
    }

    fn step(&mut self) -> Result<TemporalRecord, WorldError> {
        self.pipeline.run()?;
        let record = self.pipeline.world.resource_mut::<Latest<TemporalRecord>>().0.take();
        record.ok_or_else(|| WorldError::Schedule("a step ended without a record".into()))
    }

    fn evaluate(&mut self) -> Result<Option<ClipScores>, WorldError> {
        let scores = self.score(None)?;
        scores.as_ref().map_or(Ok(()), |scores| self.log_scores(scores))?;
        Ok(scores)
    }

    /// Of the vote, which is what a refined model is used with.
    fn figure(scores: &ClipScores) -> f64 {
        scores.vote.macro_f1
    }

    fn state(&mut self) -> Result<TrainingState, WorldError> {
        Ok(self.pipeline.world.resource_mut::<EncoderLearner>().into_inner().0.get().state()?)
    }

    fn log(&mut self) -> &mut TrainLog {
        &mut self.pipeline.world.resource_mut::<Journal>().into_inner().0
    }

    fn conclude(&mut self) -> Result<RefineReport, WorldError> {
        let (logged, steps) = (self.is_saved(), self.steps_made());
        let sink = self.sink.take();
        let scores = self.score(sink)?;
        if let Some(scores) = scores.as_ref().filter(|_| !logged) {
            self.log_scores(scores)?;
        }
        self.save()?;
        share_skips(self.session.team(), &self.skips)?;
        let [train_clips, train_frames, valid_clips, valid_frames] = self.data();
        let made = (steps, train_clips, train_frames);
        let (config, architecture) = (&self.config, self.architecture.clone());
        let card = encoder_card(config, &self.student, architecture, made, scores.as_ref());
        let storage = config.storage.into();
        if self.session.team().leads() {
            self.weights()?.write(&self.session.folder.model(), storage, Some(&card))?;
        }
        let report = RefineReport {
            steps,
            method: "temporal",
            student: self.student.hash.clone(),
            scores,
            train_clips,
            train_frames,
            valid_clips,
            valid_frames,
            skipped: SkippedItems::of(&self.skips),
            config: self.config.clone(),
        };
        self.session.write_report(&report)?;
        Ok(report)
    }
}
