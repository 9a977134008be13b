//! Phase 2: the temporal encoder over clips of the frozen student's features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::LearnError;
use super::gradient::gradient_step;
use super::loss::{Loss, arg_max, cross_entropy, one_hot};
use super::passes::ready;
use super::record::{all_finite, finite};
use super::skip_guard::SkipGuard;
use super::state::{Counters, TrainingState};
use super::temporal_settings::TemporalSettings;
use crate::backend::{Slot, Training, TrainingPass, UpdateRule};
use crate::random::{Address, Purpose};

/// What the encoder's state is called in a checkpoint.
const ROLE: &str = "temporal";

/// Clips of one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipBatch {
    /// `clips x frames x (features + 1)`; the last value of a frame is 1 where it has a face, else 0.
    pub input: Vec<f32>,
    /// `clips x frames` classes; -1 where a frame is not learned from.
    pub labels: Vec<i64>,
    /// `clips x frames x classes` logits that are added to the encoder's; empty where there are none.
    pub residual_logits: Vec<f32>,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TemporalRecord {
    /// Steps made, this one included.
    pub step: u64,
    /// Clips drawn.
    pub clips: usize,
    /// Labelled frames in them.
    pub frames: usize,
    /// Whether a logit, loss or gradient was not finite: nothing moved then.
    pub skipped: bool,
    /// Steps skipped so far.
    pub skipped_total: u64,
    /// Mean cross entropy over labelled frames, in nats.
    pub loss: Option<f64>,
    /// Share of labelled frames predicted right, in training mode.
    pub accuracy: Option<f64>,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: Option<f64>,
    /// Step size.
    pub learning_rate: Option<f32>,
}

/// The encoder and how it learns.
pub struct TemporalTrainer {
    network: Box<dyn Training>,
    settings: TemporalSettings,
    class_weights: Vec<f32>,
    seed: u64,
    step: u64,
    updates: u64,
    skipped: SkipGuard,
}

impl TemporalTrainer {
    /// Trains `network`, which gives a row of logits a frame. `class_weights` has a value a class, see
    /// [`TemporalSettings::weights_of`].
    ///
    /// # Errors
    /// A setting is out of range, there is not one weight a class, or the device has no room for a step.
    pub fn new(
        network: Box<dyn Training>,
        settings: TemporalSettings,
        class_weights: Vec<f32>,
        seed: u64,
    ) -> Result<Self, LearnError> {
        settings.validate()?;
        let network = ready(network, &[settings.batch], settings.micro_batch)?;
        let classes = network.graph().output().c;
        if class_weights.len() != classes {
            let problem = format!("{} class weights for {classes} classes", class_weights.len());
            return Err(LearnError::Batch(problem));
        }
        Ok(Self {
            network,
            settings,
            class_weights,
            seed,
            step: 0,
            updates: 0,
            skipped: SkipGuard::default(),
        })
    }

    /// Steps made.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The encoder.
    pub fn network(&self) -> &dyn Training {
        &*self.network
    }

    /// Makes one step. A batch without a labelled frame moves nothing.
    ///
    /// # Errors
    /// The batch has another size than its clips, a label does not exist, the device failed, or the 20th step in a row
    /// is not finite.
    pub fn step(&mut self, batch: &ClipBatch) -> Result<TemporalRecord, LearnError> {
        let (frames, classes) = (self.network.graph().input().h, self.network.graph().output().c);
        let clips = batch.labels.len() / frames.max(1);
        if batch.labels.len() != clips * frames || clips == 0 {
            let got = batch.labels.len();
            return Err(LearnError::Batch(format!("{got} frame labels are no whole clips of {frames}")));
        }
        if let Some(label) = batch.labels.iter().find(|&&label| label >= classes as i64) {
            return Err(LearnError::Batch(format!("frame label {label}: there are {classes} classes")));
        }
        let learning_rate = self.settings.learning_rate_at(self.step);
        let address = Address { seed: self.seed, purpose: Purpose::Dropout, step: self.step, item: 0 };
        self.network.set_dropout_seed(address.rng().bits());
        let mut logits = self.network.forward(&batch.input, clips, TrainingPass::Train)?;
        if !batch.residual_logits.is_empty() {
            add_residual_logits(&mut logits, &batch.residual_logits)?;
        }
        let labelled = batch.labels.iter().filter(|&&label| label >= 0).count();
        let loss = self.loss(&logits, &batch.labels, labelled, classes);
        let mut descent = None;
        if labelled > 0 && loss.value.is_finite() && all_finite(&loss.d_logits) {
            let TemporalSettings { beta1, beta2, epsilon, weight_decay, clip, .. } = self.settings;
            let step = self.updates + 1;
            let rule =
                |scale| UpdateRule::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step };
            descent = gradient_step(self.network.as_mut(), &loss, Slot::First, clip, rule)?;
        }
        let moved = descent.is_some();
        self.updates += u64::from(moved);
        self.skipped.record(self.step, labelled > 0 && !moved)?;
        self.step += 1;
        Ok(TemporalRecord {
            step: self.step,
            clips,
            frames: labelled,
            skipped: !moved,
            skipped_total: self.skipped.total,
            loss: (labelled > 0).then_some(loss.value).and_then(finite),
            accuracy: accuracy(&logits, &batch.labels, classes),
            gradient_norm: descent.map(|d| d.norm),
            learning_rate: Some(learning_rate),
        })
    }

    /// The weighted mean cross entropy over the labelled frames, with its gradient.
    fn loss(&self, logits: &[f32], labels: &[i64], labelled: usize, classes: usize) -> Loss {
        let known: Vec<usize> = labels.iter().map(|&label| usize::try_from(label).unwrap_or(0)).collect();
        let targets = one_hot(&known, classes, self.settings.label_smoothing);
        // `cross_entropy` takes its mean over all rows; this makes it one over labelled frames.
        let whole = labels.len() as f32 / labelled.max(1) as f32;
        let weight =
            |&label: &i64| usize::try_from(label).map_or(0.0, |class| whole * self.class_weights[class]);
        let weights: Vec<f32> = labels.iter().map(weight).collect();
        cross_entropy(logits, &targets, Some(&weights), classes)
    }

    /// Everything needed to go on.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<TrainingState, LearnError> {
        Ok(TrainingState {
            step: self.step,
            networks: BTreeMap::from([(ROLE.to_owned(), self.network.state()?)]),
            counters: Counters {
                student_updates: self.updates,
                skipped: self.skipped,
                ..Counters::default()
            },
            vectors: BTreeMap::new(),
        })
    }

    /// Puts a state back.
    ///
    /// # Errors
    /// It is another method's, or does not fit the network.
    pub fn restore(&mut self, state: &TrainingState) -> Result<(), LearnError> {
        self.network.restore(state.network(ROLE)?)?;
        self.step = state.step;
        self.updates = state.counters.student_updates;
        self.skipped = state.counters.skipped;
        Ok(())
    }
}

fn add_residual_logits(logits: &mut [f32], residual_logits: &[f32]) -> Result<(), LearnError> {
    if logits.len() != residual_logits.len() {
        let problem =
            format!("{} residual logits for {} of the encoder", residual_logits.len(), logits.len());
        return Err(LearnError::Batch(problem));
    }
    logits.iter_mut().zip(residual_logits).for_each(|(logit, residual_logits)| *logit += residual_logits);
    Ok(())
}

/// Share of labelled frames whose highest logit is at their label.
fn accuracy(logits: &[f32], labels: &[i64], classes: usize) -> Option<f64> {
    let answers = arg_max(logits, classes);
    let labelled: Vec<(usize, i64)> =
        answers.into_iter().zip(labels.iter().copied()).filter(|p| p.1 >= 0).collect();
    let hits = labelled.iter().filter(|&&(answer, label)| answer as i64 == label).count();
    (!labelled.is_empty()).then(|| hits as f64 / labelled.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend as _;
    use crate::backend::cpu::CpuBackend;
    use crate::net::{TemporalSpec, Weights};

    const FRAMES: usize = 8;
    const FEATURES: usize = 3;
    const CLASSES: usize = 2;

    fn trainer(settings: TemporalSettings) -> TemporalTrainer {
        let spec = TemporalSpec {
            features: FEATURES,
            classes: CLASSES,
            frames: FRAMES,
            width: 16,
            layers: 1,
            heads: 2,
            feed_forward: 16,
            dropout: 0.1,
            causal: false,
            residual: false,
        };
        let graph = spec.graph().expect("a valid specification");
        let weights = Weights::initial(&graph, 3);
        let network = CpuBackend::new().expect("a processor").training(&graph, &weights).expect("a network");
        TemporalTrainer::new(network, settings, vec![1.0; CLASSES], 5).expect("valid settings")
    }

    /// Clips in which every frame's class is that of the majority of the clip's noisy frames: no frame tells it alone.
    fn batch(step: u64) -> ClipBatch {
        let mut batch = ClipBatch::default();
        for item in 0..16 {
            let mut rng = Address { seed: 9, purpose: Purpose::Synthesis, step, item }.rng();
            let class = rng.below(2);
            for frame in 0..FRAMES {
                let sign = if class == 1 { 0.6 } else { -0.6 };
                let values: Vec<f32> = (0..FEATURES).map(|_| sign + rng.normal()).collect();
                batch.input.extend(values);
                batch.input.push(1.0);
                batch.labels.push(if frame == 0 { -1 } else { class as i64 });
            }
        }
        batch
    }

    fn make_steps(trainer: &mut TemporalTrainer, steps: std::ops::Range<u64>) {
        for step in steps {
            trainer.step(&batch(step)).expect("a step");
        }
    }

    fn settings() -> TemporalSettings {
        TemporalSettings { steps: 150, batch: 16, learning_rate: 3e-3, ..TemporalSettings::default() }
    }

    #[test]
    fn it_learns_what_no_frame_tells_alone() {
        let mut trainer = trainer(settings());
        let records: Vec<TemporalRecord> =
            (0..150).map(|step| trainer.step(&batch(step)).expect("a step")).collect();
        let last = records[130..].iter().filter_map(|r| r.accuracy).sum::<f64>() / 20.0;
        assert!(records[0].accuracy.expect("labelled") < 0.8);
        assert!(last > 0.95, "{last}");
        assert_eq!(records[0].frames, 16 * (FRAMES - 1));
    }

    #[test]
    fn a_restored_run_goes_on_bit_for_bit() {
        let mut whole = trainer(settings());
        make_steps(&mut whole, 0..6);
        let mut first = trainer(settings());
        make_steps(&mut first, 0..3);
        let mut second = trainer(settings());
        second.restore(&first.state().expect("a state")).expect("fits");
        make_steps(&mut second, 3..6);
        assert_eq!(whole.state().expect("a state"), second.state().expect("a state"));
    }

    #[test]
    fn frames_that_are_not_labelled_do_not_count() {
        let mut trainer = trainer(settings());
        let before = trainer.state().expect("a state");
        let mut unlabelled = batch(0);
        unlabelled.labels.fill(-1);
        let record = trainer.step(&unlabelled).expect("a step");
        assert_eq!((record.loss, record.accuracy, record.frames), (None, None, 0));
        assert_eq!(before.networks, trainer.state().expect("a state").networks);
    }

    #[test]
    fn what_is_wrong_with_a_batch_is_said() {
        let mut trainer = trainer(settings());
        let mut odd = batch(0);
        odd.labels.pop();
        assert!(trainer.step(&odd).expect_err("no whole clips").to_string().contains("clips of 8"));
        let mut foreign = batch(0);
        foreign.labels[5] = 2;
        assert!(trainer.step(&foreign).expect_err("no class 2").to_string().contains("label 2"));
    }
}
