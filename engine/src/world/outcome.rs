//! What is left of a run: model files with their cards, and a report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::RunConfig;
use super::error::WorldError;
use super::pretrain::systems::{Journal, Learner};
use super::pretraining::{Pretraining, role_name};
use super::sets::SetsSummary;
use crate::backend::WeightSet;
use crate::data::Spec;
use crate::files::write_atomically;
use crate::learn::{EvalReport, Method};
use crate::net::{Architecture, BoxCrop, ModelCard, Weights};

/// What came of a run, as `report.json` holds it.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Steps made.
    pub steps: u64,
    /// `ssl` or `supervised`.
    pub method: Method,
    /// Which network `model.safetensors` holds: `student_average` or `student`.
    pub model: String,
    /// Scores by network: `student_average`, `student`, `teacher_average`, `teacher`, as far as the run has them.
    pub scores: BTreeMap<String, EvalReport>,
    /// The network with the highest macro F1; the model is chosen by method, not by this.
    pub best: Option<String>,
    /// Sizes of the data.
    pub data: SetsSummary,
    /// Items that could not be used.
    pub skipped: Skipped,
    /// Seconds of this process's training that were spent waiting for the loader.
    pub loader_waited_seconds: f64,
    /// The settings.
    pub config: RunConfig,
}

/// Items that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many.
    pub count: usize,
    /// The first few, each with its file and place.
    pub first: Vec<String>,
}

impl Pretraining {
    /// Scores every network, saves a last checkpoint, and writes the models and the report.
    ///
    /// The scores are logged before the checkpoint is written, so a checkpoint of the last step means that they stand in
    /// the log, and a finished run that is resumed does not log them again.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(&mut self) -> Result<RunReport, WorldError> {
        let logged = self.is_saved();
        let networks = self.networks()?;
        let model = role_name("student", self.student_choice());
        let mut scores = BTreeMap::new();
        for (name, weights) in &networks {
            if let Some(score) = self.score(weights)? {
                if !logged {
                    let done = self.steps_done();
                    self.world.resource_mut::<Journal>().0.evaluation(done, name, &score)?;
                }
                scores.insert(name.clone(), score);
            }
        }
        self.save()?;
        let storage = self.config.storage.into();
        for (name, weights) in &networks {
            let teacher =
                if networks.contains_key("teacher_average") { "teacher_average" } else { "teacher" };
            let path = match name.as_str() {
                chosen if chosen == model => self.folder.model(),
                chosen if chosen == teacher => self.folder.teacher(),
                _ => continue,
            };
            weights.write(&path, storage, Some(&self.card(name, scores.get(name))))?;
        }
        let best = scores.iter().max_by(|a, b| a.1.macro_f1.total_cmp(&b.1.macro_f1)).map(|(n, _)| n.clone());
        let report = RunReport {
            steps: self.steps_done(),
            method: self.config.training.method,
            model,
            scores,
            best,
            data: self.sets.summary(),
            skipped: Skipped { count: self.sets.skips.count(), first: self.sets.skips.first() },
            loader_waited_seconds: self.waited_seconds(),
            config: self.config.clone(),
        };
        let path = self.folder.report();
        let text =
            serde_json::to_string_pretty(&report).map_err(|e| WorldError::file(&path, e.to_string()))?;
        write_atomically(&path, text.as_bytes()).map_err(|e| WorldError::io(&path, e))?;
        Ok(report)
    }

    /// Every network of the run by name.
    fn networks(&mut self) -> Result<BTreeMap<String, Weights>, WorldError> {
        let mut networks = BTreeMap::new();
        let mut learner = self.world.resource_mut::<Learner>();
        let trainer = learner.get();
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

    /// The card of one of the run's networks.
    fn card(&self, name: &str, score: Option<&EvalReport>) -> ModelCard {
        let summary = self.sets.summary();
        let data = &self.config.data;
        let method = match self.config.training.method {
            Method::Ssl => "semi-supervised",
            Method::Supervised => "supervised",
        };
        let metrics = score.map(|s| {
            let figures = [
                ("macro_f1", s.macro_f1),
                ("accuracy", s.accuracy),
                ("ece", s.calibrated_ece),
                ("n", s.n as f64),
            ];
            figures.map(|(figure, value)| (format!("valid_{figure}"), value)).into()
        });
        ModelCard {
            version: 1,
            architecture: Architecture::Resnet(self.config.model.spec(self.sets.vocabulary.len())),
            classes: self.sets.vocabulary.classes().to_vec(),
            input: self.contract.clone(),
            crop: self.config.plain_crop(),
            box_crop: BoxCrop::default(),
            licence: self.config.licence.clone().unwrap_or_else(|| {
                let sets = specs(&[data.labelled.as_slice(), &data.unlabelled].concat());
                format!(
                    "The weights carry whatever terms the training pictures impose; check those of: {sets}"
                )
            }),
            training: format!(
                "{name} of a {method} run: {} steps, {} labelled pictures ({}), {} unlabelled ({}), seed {}.",
                self.steps_done(),
                summary.labelled_total,
                specs(&data.labelled),
                summary.unlabelled_total,
                specs(&data.unlabelled),
                self.config.seed
            ),
            temperature: score.map_or(1.0, |s| s.calibrating_temperature),
            metrics: metrics.unwrap_or_default(),
            student: None,
        }
    }
}

/// SPECs with nothing of their paths but the file's name: a card goes to other people.
pub(super) fn specs(specs: &[Spec]) -> String {
    let named = |spec: &Spec| {
        let path = spec.path.file_name().map_or_else(|| spec.path.clone(), Into::into);
        Spec { path, ..spec.clone() }.to_string()
    };
    specs.iter().map(named).collect::<Vec<_>>().join(", ")
}
