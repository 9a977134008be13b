//! What a run of `pretrain` does step by step, and at its end.

use std::collections::BTreeMap;

use super::{Pretraining, role_name};
use crate::learn::{EvalReport, StepRecord, TrainLog, TrainingState};
use crate::world::error::WorldError;
use crate::world::run::{Run as _, RunCost, RunReport, Session, SkippedItems, Steps, student_card};
use crate::world::stages::journal::{Journal, Latest, StepsDone};
use crate::world::together::share_skips;

impl Steps for Pretraining {
    type Record = StepRecord;
    type Scores = EvalReport;
    type Report = RunReport;

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

    fn step_work(&self, step: u64) -> u64 {
        self.config.training.work(step)
    }

    fn evaluation_work(&self) -> u64 {
        let views = if self.config.evaluation.flip { 2 } else { 1 };
        views * self.sets.valid.as_ref().map_or(0, |valid| valid.len() as u64)
    }

    fn step(&mut self) -> Result<StepRecord, WorldError> {
        self.pipeline.run()?;
        let record = self.pipeline.world.resource_mut::<Latest<StepRecord>>().0.take();
        record.ok_or_else(|| WorldError::Schedule("a step ended without a record".into()))
    }

    /// Of the network that evaluation uses.
    fn evaluate(&mut self) -> Result<Option<EvalReport>, WorldError> {
        let which = self.student_choice();
        let weights = self.trainer().student().weights(which)?;
        let report = self.score(&weights)?;
        if let Some(report) = &report {
            let done = self.steps_made();
            self.log().evaluation(done, &role_name("student", which), report)?;
        }
        Ok(report)
    }

    fn figure(scores: &EvalReport) -> f64 {
        scores.macro_f1
    }

    fn state(&mut self) -> Result<TrainingState, WorldError> {
        Self::state(self)
    }

    fn log(&mut self) -> &mut TrainLog {
        &mut self.pipeline.world.resource_mut::<Journal>().into_inner().0
    }

    /// The scores are logged before the checkpoint is written, so a checkpoint of the last step means that they stand in
    /// the log, and a finished run that is resumed does not log them again.
    fn conclude(&mut self) -> Result<RunReport, WorldError> {
        let (logged, done) = (self.is_saved(), self.steps_made());
        let networks = self.networks()?;
        let model = role_name("student", self.student_choice());
        let mut scores = BTreeMap::new();
        for (name, weights) in &networks {
            if let Some(score) = self.score(weights)? {
                if !logged {
                    self.log().evaluation(done, name, &score)?;
                }
                scores.insert(name.clone(), score);
            }
        }
        self.save()?;
        share_skips(self.session.team(), &self.sets.skips)?;
        let teacher = if networks.contains_key("teacher_average") { "teacher_average" } else { "teacher" };
        let (data, classes) = (self.sets.summary(), self.sets.vocabulary.classes());
        for (name, weights) in &networks {
            let path = match name.as_str() {
                chosen if chosen == model => self.session.folder.model(),
                chosen if chosen == teacher => self.session.folder.teacher(),
                _ => continue,
            };
            if !self.session.team().leads() {
                continue;
            }
            let card = student_card(&self.config, &data, classes, (name, done), scores.get(name))?;
            weights.write(&path, self.config.storage.into(), Some(&card))?;
        }
        let best = scores.iter().max_by(|a, b| a.1.macro_f1.total_cmp(&b.1.macro_f1)).map(|(n, _)| n.clone());
        let report = RunReport {
            steps: done,
            method: self.config.training.method,
            model,
            scores,
            best,
            data,
            skipped: SkippedItems::of(&self.sets.skips),
            loader_waited_seconds: self.waited_seconds(),
            config: self.config.clone(),
        };
        self.session.write_report(&report)?;
        Ok(report)
    }
}
