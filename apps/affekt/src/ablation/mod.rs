//! The paper's table for any data: five rows, each trained and measured on the same clips, none assumed.
//!
//! `baseline` learns from labels alone, `ssl` from unlabelled faces beside them, `ssl_more` from more of those; `temporal`
//! reads the last student's features over clips, `vote` smooths its labels. All are scored frame by frame.

mod clips;
mod config;
mod resume;
mod rows;
mod timeline;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use affekt_engine::data::{ClipSet, SkipLog, Spec};
use affekt_engine::files::write_atomically;
use affekt_engine::learn::{FrameReport, Method, Settings, TrainingState};
use affekt_engine::signal::PostSettings;
use affekt_engine::synth::clip_formats;
use affekt_engine::world::{
    Audience, Extraction, Model, Pretraining, RefineConfig, Run as _, RunConfig, RunFolder, Start,
    evaluate_clips, extract, open_clips,
};
use anyhow::Context as _;
use serde::Serialize;
use toml::Table;

use crate::cli;
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;

pub use clips::listed;
pub use config::AblationConfig;
use resume::{Shared, run_folder, same_command};
pub use rows::AblationReport;

/// What is compared on what. What is written of it decides whether a comparison that was stopped is the same and goes on.
#[derive(Debug, Clone, Serialize)]
pub struct Ablation {
    /// Folder of the runs and results.
    #[serde(skip)]
    pub out: PathBuf,
    /// Settings of the pre-training runs; their data are the fields below.
    pub pretrain: RunConfig,
    /// Settings of the temporal run; its student is the last pre-trained one.
    pub refine: RefineConfig,
    /// Labelled faces of the first row; those of the others where it is empty.
    pub baseline_labelled: Vec<Spec>,
    /// Labelled faces.
    pub labelled: Vec<Spec>,
    /// Unlabelled faces of row `ssl`.
    pub unlabelled: Vec<Spec>,
    /// Unlabelled faces that row `ssl_more` has besides; without any the row is left out.
    pub more_unlabelled: Vec<Spec>,
    /// Labelled clips that the encoder learns from.
    pub clips: Vec<Spec>,
    /// Labelled clips that every row is measured on.
    pub valid: Vec<Spec>,
    /// A whole comparison each. More of them go on with those that are there.
    #[serde(skip)]
    pub seeds: Vec<u64>,
    /// Said of the data in the report.
    #[serde(skip)]
    pub about: String,
    /// Threads for computing.
    #[serde(skip)]
    pub compute: Compute,
    /// Train the two rows with unlabelled faces, which take equally long, at the same time with half the threads each where
    /// the processor computes: faster for small networks, at twice the memory.
    #[serde(skip)]
    pub side_by_side: bool,
    /// Show no progress.
    #[serde(skip)]
    pub quiet: bool,
}

/// What the runs with unlabelled faces take over from the one without.
struct Baseline {
    seed: u64,
    log: PathBuf,
    /// Where the methods part; `None` where that is at the first step.
    state: Option<TrainingState>,
}

/// Frames of the validation clips that are kept out of training by content: one in so many, as people are not in
/// both anyway.
const CHECKED_EVERY: &str = "10";

impl Ablation {
    /// Keeps the comparison's folder to this program: of a new comparison, or of the same one, which then goes on. With `force`
    /// it starts over whatever there is.
    ///
    /// # Errors
    /// The folder is not empty and holds no comparison, or one of other data or settings; it cannot be used, or somebody is at
    /// work in it.
    pub fn begin(&self, force: bool) -> Result<RunFolder, Failure> {
        resume::begin(self, &self.out, force, |text| self.say(text))
    }

    /// Trains and measures every row for every seed, and writes `ablation.json` and `timeline.json`. What an earlier call in the
    /// same folder ([`Self::begin`]) has done is not done again, and what comes out is the same bit for bit. When it is
    /// interrupted it says how to go on.
    ///
    /// # Errors
    /// Settings, data, networks or the disk; or Ctrl-C.
    pub fn run(&self) -> Result<AblationReport, Failure> {
        self.every_seed().inspect_err(|failure| {
            if matches!(failure, Failure::Interrupted) {
                note!(
                    "{}; what was done is saved. Go on with: {}",
                    interrupt::in_words(),
                    same_command(&self.out)
                );
            }
        })
    }

    fn every_seed(&self) -> Result<AblationReport, Failure> {
        let mut report = AblationReport::new(&self.seeds, &self.about);
        for (nth, &seed) in self.seeds.iter().enumerate() {
            let out = if nth == 0 { self.out.clone() } else { self.out.join(format!("seed-{seed}")) };
            let students = self.students(&out, seed)?;
            for (row, folder) in &students {
                report.add(row, seed, self.score(folder)?);
            }
            let last = students.last().map(|(_, folder)| folder.clone()).context("no student")?;
            self.temporal(&out, &last, seed, nth == 0, &mut report)?;
        }
        report.finish();
        let path = self.out.join("ablation.json");
        let text = serde_json::to_string_pretty(&report)?;
        write_atomically(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
        Ok(report)
    }

    /// Everything in one file, from which the same table can be made again.
    ///
    /// # Errors
    /// Settings that cannot be written as TOML.
    pub fn config(&self) -> anyhow::Result<AblationConfig> {
        let mut config = AblationConfig {
            seeds: self.seeds.len() as u64,
            baseline_labelled: self.baseline_labelled.clone(),
            labelled: self.labelled.clone(),
            unlabelled: self.unlabelled.clone(),
            more_unlabelled: self.more_unlabelled.clone(),
            clips: self.clips.clone(),
            valid: self.valid.clone(),
            students: Table::try_from(&self.pretrain)?,
            encoder: Table::try_from(&self.refine)?,
            ..AblationConfig::default()
        };
        let lists = [&mut config.baseline_labelled, &mut config.labelled, &mut config.unlabelled];
        let lists =
            lists.into_iter().chain([&mut config.more_unlabelled, &mut config.clips, &mut config.valid]);
        for spec in lists.flatten().filter(|spec| !spec.format.starts_with("synth")) {
            spec.path = std::path::absolute(&spec.path)?;
        }
        Ok(config)
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            note!("{text}");
        }
    }

    /// Pre-trains the networks of the first rows; gives the rows with their runs' folders.
    fn students(&self, out: &Path, seed: u64) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
        self.say(&format!("supervised, seed {seed}:"));
        let (labels_alone, all) = (out.join("supervised"), &self.compute);
        let baseline = self.baseline(out, seed)?;
        let few = |compute: &Compute, quiet: bool| {
            self.semi_supervised(&out.join("ssl"), &baseline, &self.unlabelled, compute, quiet)
        };
        let both = [self.unlabelled.as_slice(), &self.more_unlabelled].concat();
        let most = |compute: &Compute| {
            self.semi_supervised(&out.join("ssl_more"), &baseline, &both, compute, self.quiet)
        };
        let mut rows = vec![("baseline", labels_alone.clone())];
        if self.more_unlabelled.is_empty() {
            self.say(&format!("ssl, seed {seed}:"));
            rows.push(("ssl", few(all, self.quiet)?));
        } else if let Some(half) = all.halved().filter(|_| self.side_by_side) {
            self.say(&format!("ssl, and beside it ssl_more, which is shown, seed {seed}:"));
            let (few, most) = std::thread::scope(|scope| {
                let few = scope.spawn(|| few(&half, true));
                let most = most(&half);
                (few.join(), most)
            });
            let few = few.map_err(|_| anyhow::anyhow!("the training of row ssl panicked"))??;
            rows.extend([("ssl", few), ("ssl_more", most?)]);
        } else {
            self.say(&format!("ssl, seed {seed}:"));
            rows.push(("ssl", few(all, self.quiet)?));
            self.say(&format!("ssl_more, seed {seed}:"));
            rows.push(("ssl_more", most(all)?));
        }
        Ok(rows)
    }

    /// Settings of a pre-training run of a seed.
    fn pretraining(&self, seed: u64, method: Method, unlabelled: &[Spec]) -> RunConfig {
        let mut config = self.pretrain.clone();
        config.seed = seed;
        config.data.labelled.clone_from(&self.labelled);
        config.data.unlabelled = unlabelled.to_vec();
        config.data.valid = self.valid.iter().cloned().map(thinned).collect();
        config.training.method = method;
        config
    }

    /// Work of the students that follow a seed's baseline, those of the seeds after it too. The others of a seed begin where they
    /// part from its baseline.
    fn students_after(&self, seed: u64, parting: u64) -> u64 {
        let work = |method, from: u64| -> u64 {
            let training = Settings { method, ..self.pretrain.training.clone() };
            (from..training.steps).map(|step| training.work(step)).sum()
        };
        let others = if self.more_unlabelled.is_empty() { 1 } else { 2 } * work(Method::Ssl, parting);
        let seeds = self.seeds.iter().skip_while(|&&other| other != seed).skip(1).count() as u64;
        others + seeds * (work(Method::Supervised, 0) + others)
    }

    /// Trains on labels alone.
    fn baseline(&self, out: &Path, seed: u64) -> Result<Baseline, Failure> {
        let path = out.join("supervised");
        let mut config = self.pretraining(seed, Method::Supervised, &[]);
        let own = !self.baseline_labelled.is_empty();
        if own {
            config.data.labelled.clone_from(&self.baseline_labelled);
        }
        // With labels of its own it shares nothing with the others.
        let parting = if own { 0 } else { config.training.steps_shared_with_baseline() };
        let shared = (parting > 0).then(|| Shared::open(out, &config)).transpose()?;
        let mut state = shared.as_ref().map(Shared::read).transpose()?.flatten();
        let begin = |folder: &RunFolder, start| {
            cli::training::begin(config.clone(), folder.clone(), self.compute.open()?, start, self.quiet)
        };
        let (mut folder, begun) = run_folder(&path)?;
        let mut run = begin(&folder, if begun { Start::Resume } else { Start::New })?;
        if let Some(shared) = &shared
            && state.is_none()
            && run.steps_done() >= parting
        {
            if run.steps_done() > parting {
                // Where the runs part was lost, so the steps up to there are made again.
                drop((run, folder));
                folder = RunFolder::create(&path, true)?;
                run = begin(&folder, Start::New)?;
            } else {
                state = Some(kept(&mut run, shared)?);
            }
        }
        if !is_finished(&run, &folder) {
            let follow = self.students_after(seed, parting);
            cli::training::train(run, &folder, self.quiet, (None, follow), |run| {
                if let Some(shared) = &shared
                    && run.steps_done() == parting
                {
                    state = Some(kept(run, shared)?);
                }
                Ok(())
            })?;
        }
        Ok(Baseline { seed, log: folder.log(), state })
    }

    /// Trains on labels and unlabelled faces, from where that parts from labels alone; gives the run's folder.
    fn semi_supervised(
        &self,
        path: &Path,
        baseline: &Baseline,
        unlabelled: &[Spec],
        compute: &Compute,
        quiet: bool,
    ) -> Result<PathBuf, Failure> {
        let (folder, begun) = run_folder(path)?;
        let config = self.pretraining(baseline.seed, Method::Ssl, unlabelled);
        let start = match &baseline.state {
            _ if begun => Start::Resume,
            Some(state) => Start::AfterBaseline { state, log: &baseline.log },
            None => Start::New,
        };
        let run = cli::training::begin(config, folder.clone(), compute.open()?, start, quiet)?;
        if !is_finished(&run, &folder) {
            cli::training::train(run, &folder, quiet, (None, 0), |_| Ok(()))?;
        }
        Ok(path.to_path_buf())
    }

    /// A student's answers on the validation clips, frame by frame.
    fn score(&self, run: &Path) -> Result<FrameReport, Failure> {
        let student = Model::load(run)?;
        let skips = Arc::new(SkipLog::new(self.refine.strict));
        let set = self.valid_set(&student, &skips)?;
        let extraction = Extraction {
            folder: run.join("features").join("valid"),
            batch: self.refine.student_batch,
            workers: self.refine.workers,
            recompute: false,
        };
        let backend = self.compute.open()?;
        let go_on = |_, _| !interrupt::asked();
        let features = extract(&student, &set, &extraction, &skips, &*backend, go_on);
        let features = Arc::new(features.map_err(cli::classify)?);
        // Only the frames' own answers count here, so the window does not matter.
        let post = PostSettings { smoothing: 1, ..self.refine.post };
        let classes = &student.card.classes;
        let scores = evaluate_clips(&features, classes, None, &post, Audience::Team(backend.team()), go_on);
        Ok(scores.map_err(cli::classify)?.per_frame)
    }

    fn valid_set(&self, student: &Model, skips: &SkipLog) -> Result<Arc<ClipSet>, Failure> {
        open_clips(&student.card.classes, &self.valid, &clip_formats(), skips)
            .map(Arc::new)
            .map_err(cli::classify)
    }

    /// Trains the encoder over a student; adds the rows `temporal` and `vote`, and keeps the first clip's timeline.
    fn temporal(
        &self,
        out: &Path,
        student: &Path,
        seed: u64,
        keeps_timeline: bool,
        report: &mut AblationReport,
    ) -> Result<(), Failure> {
        self.say(&format!("temporal, seed {seed}:"));
        let (folder, begun) = run_folder(&out.join("refine"))?;
        let mut config = self.refine.clone();
        config.seed = seed;
        config.student = student.to_path_buf();
        config.features = Some(student.join("features"));
        config.data.train.clone_from(&self.clips);
        config.data.valid.clone_from(&self.valid);
        let readings = Arc::new(Mutex::new(vec![]));
        let sink = Box::new(timeline::collector(Arc::clone(&readings)));
        let trained = cli::refine::train(
            config,
            &folder,
            (begun, false),
            &self.compute,
            self.quiet,
            (Some(sink), None),
        )?;
        let scores = trained.scores.context("the encoder was not measured")?;
        report.add("temporal", seed, scores.temporal.context("the encoder was not measured")?);
        report.add("vote", seed, scores.vote);
        if keeps_timeline {
            let model = Model::load(student)?;
            let set = self.valid_set(&model, &SkipLog::new(false))?;
            let readings = readings.lock().map_err(|_| anyhow::anyhow!("the readings were lost"))?;
            timeline::write(&self.out, &set, &model.card.classes, &readings)?;
        }
        Ok(())
    }
}

/// Keeps where a run stands for those that go on from there.
fn kept(run: &mut Pretraining, shared: &Shared) -> Result<TrainingState, Failure> {
    let state = run.state()?;
    shared.keep(&state)?;
    Ok(state)
}

/// Whether a run is at its end and its report, which is written last, is there.
fn is_finished(run: &Pretraining, folder: &RunFolder) -> bool {
    run.is_done() && folder.report().is_file()
}

/// The clips as validation faces while training: a part of their frames.
fn thinned(mut spec: Spec) -> Spec {
    spec.options.entry("every".to_owned()).or_insert_with(|| CHECKED_EVERY.to_owned());
    spec
}
