//! A temporal run from its data to its report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bevy_ecs::prelude::*;
use serde::Serialize;

use super::config::{EncoderConfig, RefineConfig};
use super::student::{ClipFeatures, Extraction, extract};
use super::systems::{Batch, Encoder, Journal, Latest, StepsDone, Training};
use super::{default_folder, schedule};
use crate::backend::{Backend, WeightSet};
use crate::data::{ClipFormats, ClipSampler, ClipSet, SkipLog, Spec, Vocabulary};
use crate::files::write_atomically;
use crate::learn::{
    Checkpoints, FrameReport, Identity, TemporalRecord, TemporalSettings, TemporalTrainer, TrainLog,
    WallClock,
};
use crate::net::{Architecture, Graph, ModelCard, TemporalSpec, Weights};
use crate::world::clip_evaluation::{ClipScores, Encoding, FrameReading, evaluate_clips};
use crate::world::error::WorldError;
use crate::world::model::Model;
use crate::world::outcome::{Skipped, specs};
use crate::world::run_folder::RunFolder;
use crate::world::schedule::{build, run};

/// A temporal run.
pub struct Refining {
    world: World,
    schedule: Schedule,
    config: RefineConfig,
    folder: RunFolder,
    student: Model,
    spec: TemporalSpec,
    graph: Graph,
    backend: Arc<dyn Backend>,
    train: Arc<ClipFeatures>,
    valid: Option<Arc<ClipFeatures>>,
    skips: Arc<SkipLog>,
    checkpoints: Checkpoints,
    saved_at: Option<u64>,
}

/// What happened in one call of [`Refining::advance`].
#[derive(Debug, Clone)]
pub struct RefineAdvance {
    /// The step.
    pub record: TemporalRecord,
    /// The scores on the validation clips, where they were due.
    pub evaluation: Option<ClipScores>,
    /// The checkpoint, where it was due.
    pub checkpoint: Option<PathBuf>,
}

/// What came of a temporal run, as its `report.json` holds it.
#[derive(Debug, Clone, Serialize)]
pub struct RefineReport {
    /// Steps made.
    pub steps: u64,
    /// `temporal`.
    pub method: &'static str,
    /// Hash of the frozen student.
    pub student: String,
    /// Scores on the validation clips, by what follows what; see [`ClipScores`].
    pub scores: Option<ClipScores>,
    /// Clips and frames learned from.
    pub train_clips: usize,
    /// Frames of them.
    pub train_frames: usize,
    /// Clips measured on.
    pub valid_clips: usize,
    /// Frames of them.
    pub valid_frames: usize,
    /// Faces that could not be read.
    pub skipped: Skipped,
    /// The settings.
    pub config: RefineConfig,
}

/// What must be equal for a checkpoint to go on.
#[derive(Serialize)]
struct RunIdentity<'a> {
    seed: u64,
    student: &'a str,
    model: &'a EncoderConfig,
    training: &'a TemporalSettings,
    clips: String,
}

impl Refining {
    /// Begins a run in its folder, or goes on with the run in it (`resume`) from its last checkpoint. Features that are
    /// not kept yet are extracted first; `progress` hears how many frames of a set are done, and stops it by giving
    /// `false`.
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
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self, WorldError> {
        config.validate()?;
        let skips = Arc::new(SkipLog::new(config.strict));
        let student = Model::load(&config.student)?;
        let classes = student.card.classes.len();
        let train = Arc::new(open_clips(&student, &config.data.train, formats, &skips)?);
        let valid = match config.data.valid.as_slice() {
            [] => None,
            specs => Some(Arc::new(open_clips(&student, specs, formats, &skips)?)),
        };
        let sampler = ClipSampler::new(&train, config.model.frames, config.training.batch, config.seed)?;
        if !resume {
            folder.save_config(&config)?;
        }
        let extraction = Extraction {
            folder: PathBuf::new(),
            batch: config.student_batch,
            workers: config.workers,
            recompute,
        };
        let kept = config.features.clone().unwrap_or_else(|| default_folder(folder.path()));
        let mut features = |set: &Arc<ClipSet>, part: &str| -> Result<Arc<ClipFeatures>, WorldError> {
            let extraction = Extraction { folder: kept.join(part), ..extraction.clone() };
            extract(&student, set, &extraction, &skips, &*backend, &mut progress).map(Arc::new)
        };
        let train = features(&train, "train")?;
        let valid = valid.as_ref().map(|set| features(set, "valid")).transpose()?;
        let spec = config.model.spec(train.head.features(), classes);
        let graph = spec.graph()?;
        let mut weights = Weights::initial(&graph, config.seed);
        if config.model.residual
            && let Some(classifier) = weights.tensors.get_mut("classifier.weight")
        {
            // The first step then starts from the student's own answers.
            classifier.data.fill(0.0);
        }
        let network = backend.training(&graph, &weights)?;
        let weights = config.training.weights_of(&train.set.class_counts(classes));
        let mut trainer = TemporalTrainer::new(network, config.training.clone(), weights, config.seed)?;
        let identity = Identity::new(&RunIdentity {
            seed: config.seed,
            student: &student.hash,
            model: &config.model,
            training: &config.training,
            clips: train.set.fingerprint(),
        })?;
        let checkpoints = Checkpoints::open(&folder.checkpoints(), identity)?;
        let mut saved_at = None;
        if resume && let Some(state) = checkpoints.latest()? {
            trainer.restore(&state)?;
            saved_at = Some(state.step);
        }
        let done = trainer.steps_done();
        let mut world = World::new();
        world.insert_resource(Training {
            features: Arc::clone(&train),
            sampler,
            frames: config.model.frames,
            hidden: config.training.frame_masking,
            residual: config.model.residual,
            seed: config.seed,
        });
        world.insert_resource(Encoder(Mutex::new(trainer)));
        world.insert_resource(StepsDone(done));
        world.insert_resource(Journal(TrainLog::open(&folder.log(), done, Box::new(WallClock::default()))?));
        world.init_resource::<Batch>();
        world.init_resource::<Latest>();
        let mut schedule = schedule();
        build(&mut schedule, &mut world)?;
        Ok(Self {
            world,
            schedule,
            config,
            folder,
            student,
            spec,
            graph,
            backend,
            train,
            valid,
            skips,
            checkpoints,
            saved_at,
        })
    }

    /// The run's settings.
    pub fn config(&self) -> &RefineConfig {
        &self.config
    }

    /// The clips to measure on, where there are any.
    pub fn valid(&self) -> Option<&ClipSet> {
        self.valid.as_ref().map(|valid| &*valid.set)
    }

    /// Clips and frames learned from, and clips and frames measured on.
    pub fn data(&self) -> [usize; 4] {
        let valid = self.valid.as_ref().map_or((0, 0), |v| (v.set.len(), v.set.total_frames()));
        [self.train.set.len(), self.train.set.total_frames(), valid.0, valid.1]
    }

    /// Steps made.
    pub fn steps_done(&self) -> u64 {
        self.world.resource::<StepsDone>().0
    }

    /// Whether all steps are made.
    pub fn is_done(&self) -> bool {
        self.steps_done() >= self.config.training.steps
    }

    /// Makes one step, then evaluates and saves where it is due.
    ///
    /// # Errors
    /// The network or the disk fail; the last checkpoint stays as it is.
    pub fn advance(&mut self) -> Result<RefineAdvance, WorldError> {
        run(&mut self.schedule, &mut self.world)?;
        let record = self.world.resource_mut::<Latest>().0.take();
        let record = record.ok_or_else(|| WorldError::Schedule("a step ended without a record".into()))?;
        let due = |every: u64| every > 0 && record.step.is_multiple_of(every) && !self.is_done();
        let (evaluate_now, save_now) = (due(self.config.evaluate_every), due(self.config.checkpoint_every));
        let evaluation = if evaluate_now { self.evaluate(|_| Ok(()))? } else { None };
        if let Some(scores) = &evaluation {
            self.log(scores)?;
        }
        let checkpoint = if save_now { Some(self.save()?) } else { None };
        Ok(RefineAdvance { record, evaluation, checkpoint })
    }

    /// Writes a checkpoint, unless the newest one already stands at this step.
    ///
    /// # Errors
    /// The disk is full or gone; earlier checkpoints are untouched.
    pub fn save(&mut self) -> Result<PathBuf, WorldError> {
        let done = self.steps_done();
        if self.saved_at != Some(done) {
            self.world.resource_mut::<Journal>().0.sync()?;
            let state = self.world.resource_mut::<Encoder>().get().state()?;
            self.checkpoints.save(&state)?;
            self.saved_at = Some(done);
        }
        Ok(self.folder.checkpoints())
    }

    /// Scores the encoder on the validation clips; every frame's reading goes to `sink`. Nothing where there are none.
    ///
    /// # Errors
    /// The network fails, or `sink` does.
    pub fn evaluate(
        &mut self,
        sink: impl FnMut(&FrameReading) -> Result<(), WorldError> + Send + Sync + 'static,
    ) -> Result<Option<ClipScores>, WorldError> {
        let Some(valid) = self.valid.clone() else { return Ok(None) };
        let weights = self.world.resource_mut::<Encoder>().get().network().weights(WeightSet::Current)?;
        let encoder = self.backend.inference(&self.graph, &weights)?;
        let encoding = Encoding {
            network: encoder,
            stride: self.config.post.stride,
            residual: self.config.model.residual,
        };
        let (classes, post) = (&self.student.card.classes, &self.config.post);
        evaluate_clips(&valid, classes, Some(encoding), post, Box::new(sink), |_, _| true).map(Some)
    }

    fn log(&mut self, scores: &ClipScores) -> Result<(), WorldError> {
        let done = self.steps_done();
        let rows: BTreeMap<&str, &FrameReport> = scores.rows();
        for (name, report) in rows {
            self.world.resource_mut::<Journal>().0.evaluation(done, name, report)?;
        }
        Ok(())
    }

    /// Scores the encoder, saves a last checkpoint, and writes the model and the report.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(
        &mut self,
        sink: impl FnMut(&FrameReading) -> Result<(), WorldError> + Send + Sync + 'static,
    ) -> Result<RefineReport, WorldError> {
        let logged = self.saved_at == Some(self.steps_done());
        let scores = self.evaluate(sink)?;
        if let Some(scores) = scores.as_ref().filter(|_| !logged) {
            self.log(scores)?;
        }
        self.save()?;
        let weights = self.world.resource_mut::<Encoder>().get().network().weights(WeightSet::Current)?;
        weights.write(&self.folder.model(), self.config.storage.into(), Some(&self.card(scores.as_ref())))?;
        let [train_clips, train_frames, valid_clips, valid_frames] = self.data();
        let report = RefineReport {
            steps: self.steps_done(),
            method: "temporal",
            student: self.student.hash.clone(),
            scores,
            train_clips,
            train_frames,
            valid_clips,
            valid_frames,
            skipped: Skipped { count: self.skips.count(), first: self.skips.first() },
            config: self.config.clone(),
        };
        let path = self.folder.report();
        let text =
            serde_json::to_string_pretty(&report).map_err(|e| WorldError::file(&path, e.to_string()))?;
        write_atomically(&path, text.as_bytes()).map_err(|e| WorldError::io(&path, e))?;
        Ok(report)
    }

    fn card(&self, scores: Option<&ClipScores>) -> ModelCard {
        let student = &self.student.card;
        let figures = scores.map(ClipScores::rows).unwrap_or_default();
        let figure =
            |(name, report): (&str, &FrameReport)| (format!("valid_{name}_macro_f1"), report.macro_f1);
        ModelCard {
            version: 1,
            architecture: Architecture::Temporal(self.spec.clone()),
            classes: student.classes.clone(),
            input: student.input.clone(),
            crop: student.crop,
            box_crop: student.box_crop,
            licence: self.config.licence.clone().unwrap_or_else(|| {
                let sets = specs(&self.config.data.train);
                format!(
                    "The weights carry whatever terms the training pictures impose; check those of: {sets}"
                )
            }),
            training: format!(
                "temporal encoder over features of a frozen student: {} steps, {} clips ({}), {} frames, seed {}.",
                self.steps_done(),
                self.train.set.len(),
                specs(&self.config.data.train),
                self.train.set.total_frames(),
                self.config.seed
            ),
            temperature: 1.0,
            metrics: figures.into_iter().map(figure).collect(),
            student: Some(self.student.hash.clone()),
        }
    }
}

/// Opens clips under a student's classes.
///
/// # Errors
/// A SPEC cannot be opened, or class names do not fit.
pub fn open_clips(
    student: &Model,
    specs: &[Spec],
    formats: &ClipFormats,
    skips: &SkipLog,
) -> Result<ClipSet, WorldError> {
    let vocabulary = Vocabulary::new(student.card.classes.clone())?;
    let open = |spec: &Spec| Ok((spec.clone(), formats.open(spec, skips)?));
    let open: Vec<_> = specs.iter().map(open).collect::<Result<_, WorldError>>()?;
    Ok(ClipSet::new(&vocabulary, open)?)
}
