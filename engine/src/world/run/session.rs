//! A run's life, the same for every kind of training: begun or resumed, step by step with evaluations and checkpoints in
//! between, to its model and report.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::cost::RunCost;
use super::folder::RunFolder;
use crate::backend::{Backend, Team};
use crate::clock::Clock;
use crate::files::write_atomically;
use crate::learn::{Checkpoints, RunIdentity, TrainLog, TrainingState};
use crate::world::error::WorldError;

/// What a run keeps on disk, and when it measures and saves.
pub struct Session {
    /// The run's folder.
    pub folder: RunFolder,
    checkpoints: Checkpoints,
    /// The step of the newest checkpoint.
    saved_at: Option<u64>,
    cadence: Cadence,
    team: Arc<Team>,
}

/// How long a run is, and when it measures and saves.
#[derive(Debug, Clone, Copy)]
pub struct Cadence {
    /// Steps of the whole run.
    pub steps: u64,
    /// Steps between evaluations; 0 for none but the last.
    pub evaluate_every: u64,
    /// Steps between checkpoints; 0 for none but the last.
    pub checkpoint_every: u64,
    /// Steps between checkpoints that are kept for good; 0 for none.
    pub keep_every: u64,
}

impl Session {
    /// Opens the run's checkpoints; `run` is what must be equal for one of them to go on; that `backend` is
    /// another than theirs is only warned of.
    ///
    /// # Errors
    /// The folder of checkpoints cannot be used, or the processes of the run have other settings or data.
    pub fn open(
        folder: RunFolder,
        run: &impl Serialize,
        backend: &dyn Backend,
        cadence: Cadence,
    ) -> Result<Self, WorldError> {
        let checkpoints = Checkpoints::open(&folder.checkpoints(), RunIdentity::new(run)?)?;
        let checkpoints = checkpoints.computed_by(backend.origin()).keeping_every(cadence.keep_every);
        let team = backend.team();
        let identity = serde_json::to_string(checkpoints.identity());
        let identity = identity.map_err(|e| WorldError::file(folder.path(), e.to_string()))?;
        team.agree("settings or data", &identity, "give all of them the same")?;
        Ok(Self { folder, checkpoints, saved_at: None, cadence, team })
    }

    /// The processes of the run.
    pub fn team(&self) -> &Arc<Team> {
        &self.team
    }

    /// The state of the newest checkpoint, where there is one.
    ///
    /// # Errors
    /// It is damaged, or belongs to another run.
    pub fn resume(&mut self) -> Result<Option<TrainingState>, WorldError> {
        let mut state = None;
        let packed = self.team.from_lead(|| -> Result<Vec<u8>, WorldError> {
            state = self.checkpoints.latest()?;
            let others = self.team.processes() > 1;
            Ok(state
                .as_ref()
                .filter(|_| others)
                .map(|s| self.checkpoints.pack(s))
                .transpose()?
                .unwrap_or_default())
        })?;
        if !self.team.leads() && !packed.is_empty() {
            state = Some(self.checkpoints.unpack(self.folder.path(), &packed)?);
        }
        self.saved_at = state.as_ref().map(|state| state.step);
        Ok(state)
    }

    /// The run's log, cut back to the steps that are made; with `events` also for `TensorBoard`, in the run's folder.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn log(&self, done: u64, events: bool) -> Result<TrainLog, WorldError> {
        let log = TrainLog::open(&self.folder.log(), done, Clock::default())?.with_team(&self.team);
        Ok(if events { log.with_events(self.folder.path(), done)? } else { log })
    }

    /// Writes the report.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_report(&self, report: &impl Serialize) -> Result<(), WorldError> {
        let path = self.folder.report();
        let text =
            serde_json::to_string_pretty(report).map_err(|e| WorldError::file(&path, e.to_string()))?;
        write_atomically(&path, text.as_bytes()).map_err(|e| WorldError::io(&path, e))
    }
}

/// What happened in one call of [`Run::advance`].
#[derive(Debug, Clone)]
pub struct Advance<Record, Scores> {
    /// The step.
    pub record: Record,
    /// The scores on the validation data, where they were due.
    pub evaluation: Option<Scores>,
    /// The checkpoint, where it was due.
    pub checkpoint: Option<PathBuf>,
}

/// What the kinds of runs do in their own ways; [`Run`] is made of it.
pub trait Steps {
    /// What a step reports.
    type Record;
    /// What an evaluation gives.
    type Scores;
    /// What comes of the run.
    type Report;

    /// The run's files.
    fn session(&self) -> &Session;
    /// The run's files.
    fn session_mut(&mut self) -> &mut Session;
    /// Steps made.
    fn steps_made(&self) -> u64;
    /// What it takes of its machine.
    fn cost(&self) -> RunCost;
    /// How much there is to do in step `step` (from 0), in a unit of its own.
    fn step_work(&self, step: u64) -> u64;
    /// How much an evaluation is, in the same unit.
    fn evaluation_work(&self) -> u64;
    /// Makes one step.
    ///
    /// # Errors
    /// As [`Run::advance`].
    fn step(&mut self) -> Result<Self::Record, WorldError>;
    /// Scores what has been learned so far, and logs it; nothing where there is no validation data.
    ///
    /// # Errors
    /// As [`Run::advance`].
    fn evaluate(&mut self) -> Result<Option<Self::Scores>, WorldError>;
    /// What evaluations are compared by; higher is better.
    fn figure(scores: &Self::Scores) -> f64;
    /// Everything needed to go on; of a step that is made.
    ///
    /// # Errors
    /// The device failed.
    fn state(&mut self) -> Result<TrainingState, WorldError>;
    /// The run's log.
    fn log(&mut self) -> &mut TrainLog;
    /// Scores, saves, and writes the models and the report.
    ///
    /// # Errors
    /// As [`Run::finish`].
    fn conclude(&mut self) -> Result<Self::Report, WorldError>;

    /// Whether the newest checkpoint stands at this step.
    fn is_saved(&self) -> bool {
        self.session().saved_at == Some(self.steps_made())
    }
}

/// A run of either kind, as a program drives it.
pub trait Run {
    /// What a step reports.
    type Record;
    /// What an evaluation gives.
    type Scores;
    /// What comes of the run.
    type Report;

    /// Steps of the whole run.
    fn steps(&self) -> u64;

    /// Steps made.
    fn steps_done(&self) -> u64;

    /// What it takes of its machine.
    fn needs(&self) -> RunCost;

    /// The processes that it runs in.
    fn team(&self) -> Arc<Team>;

    /// How much there is to do in these steps (from 0), with the evaluations between them and the one at the end, in a unit that
    /// takes about as long in each of them.
    fn work(&self, steps: Range<u64>) -> u64;

    /// Whether all steps are made.
    fn is_done(&self) -> bool {
        self.steps_done() >= self.steps()
    }

    /// Makes one step, then evaluates and saves where it is due.
    ///
    /// # Errors
    /// The data, the networks or the disk fail; the last checkpoint stays as it is.
    fn advance(&mut self) -> Result<Advance<Self::Record, Self::Scores>, WorldError>;

    /// Writes a checkpoint, unless the newest one already stands at this step.
    ///
    /// # Errors
    /// The disk is full or gone; earlier checkpoints are untouched.
    fn save(&mut self) -> Result<PathBuf, WorldError>;

    /// Scores what was learned, saves a last checkpoint, and writes the models and the report.
    ///
    /// # Errors
    /// A file cannot be written.
    fn finish(&mut self) -> Result<Self::Report, WorldError>;

    /// Makes all steps that are left and finishes. `progress` hears of every step, and ends the run after saving by giving
    /// `false`.
    ///
    /// # Errors
    /// As [`Run::advance`] and [`Run::finish`]; [`WorldError::Interrupted`] where `progress` ended it.
    fn run_to_end(
        &mut self,
        mut progress: impl FnMut(&Advance<Self::Record, Self::Scores>) -> bool,
    ) -> Result<Self::Report, WorldError>
    where
        Self: Sized,
    {
        while !self.is_done() {
            let advance = self.advance()?;
            if !progress(&advance) {
                self.save()?;
                return Err(WorldError::Interrupted);
            }
        }
        self.finish()
    }
}

/// Whether something that is done every so many steps, 0 for never, is done after that step.
fn is_due(every: u64, step: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}

impl<R: Steps> Run for R {
    type Record = R::Record;
    type Scores = R::Scores;
    type Report = R::Report;

    fn steps(&self) -> u64 {
        self.session().cadence.steps
    }

    fn steps_done(&self) -> u64 {
        self.steps_made()
    }

    fn needs(&self) -> RunCost {
        self.cost()
    }

    fn team(&self) -> Arc<Team> {
        Arc::clone(self.session().team())
    }

    fn work(&self, steps: Range<u64>) -> u64 {
        let cadence = self.session().cadence;
        let evaluated = |step: u64| step == cadence.steps || is_due(cadence.evaluate_every, step);
        let evaluations = steps.clone().filter(|step| evaluated(step + 1)).count() as u64;
        steps.map(|step| self.step_work(step)).sum::<u64>() + evaluations * self.evaluation_work()
    }

    fn advance(&mut self) -> Result<Advance<R::Record, R::Scores>, WorldError> {
        let record = self.step().inspect_err(|error| {
            if self.steps_made() == 0 && self.session().saved_at.is_none() {
                self.session().folder.take_back(error);
            }
        })?;
        let (cadence, step) = (self.session().cadence, self.steps_made());
        let due = |every: u64| is_due(every, step) && step < cadence.steps;
        let evaluation = if due(cadence.evaluate_every) { self.evaluate()? } else { None };
        let best = match &evaluation {
            Some(scores) => self.session_mut().checkpoints.is_best(step, R::figure(scores))?,
            None => false,
        };
        let saves = best || due(cadence.checkpoint_every) || due(cadence.keep_every);
        let checkpoint = if saves { Some(self.save()?) } else { None };
        Ok(Advance { record, evaluation, checkpoint })
    }

    fn save(&mut self) -> Result<PathBuf, WorldError> {
        if !self.is_saved() {
            let step = self.steps_made();
            // Each process has a part of it, so that all have to ask.
            let state = self.state()?;
            if self.session().team.leads() {
                self.log().sync()?;
                self.session().checkpoints.save(&state)?;
            }
            self.session_mut().saved_at = Some(step);
        }
        Ok(self.session().folder.checkpoints())
    }

    fn finish(&mut self) -> Result<R::Report, WorldError> {
        self.conclude()
    }
}
