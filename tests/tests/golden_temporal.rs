//! Logits, every gradient and ten AdamW steps of small temporal encoders equal those of PyTorch's own encoder in
//! float64.

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend as _, Slot, Training, TrainingPass, UpdateRule, WeightSet};
use affekt_engine::net::{TemporalSpec, Weights};
use affekt_tests::compare::{assert_close, assert_summaries};
use affekt_tests::golden::{self, Golden, summary};

const ITEMS: usize = 3;
const CLASSES: usize = 7;
const FRAMES: usize = 13;

/// A case of `make_temporal.py`.
struct Case {
    name: &'static str,
    input: Vec<f32>,
    /// -1 where the frame is missing.
    labels: Vec<i64>,
    network: Box<dyn Training>,
    golden: Golden,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let spec = TemporalSpec {
            frames: FRAMES,
            width: 36,
            layers: 2,
            heads: 3,
            feed_forward: 40,
            dropout: 0.0,
            causal: name.ends_with("causal"),
            ..TemporalSpec::new(21, CLASSES)
        };
        let graph = spec.graph().expect("a valid specification");
        let presence = golden::presence(name, ITEMS, FRAMES);
        let mut input = golden::input(name, ITEMS, &graph);
        for (frame, there) in input.chunks_exact_mut(22).zip(&presence) {
            for value in frame.iter_mut() {
                *value *= there;
            }
            frame[21] = *there;
        }
        let labels = golden::labels(name, ITEMS * FRAMES, CLASSES);
        let labels = labels
            .iter()
            .zip(&presence)
            .map(|(&l, &there)| if there > 0.5 { l as i64 } else { -1 })
            .collect();
        let backend = CpuBackend::new().expect("a backend");
        let network = backend.training(&graph, &golden::weights(&graph)).expect("a network");
        Self { name, input, labels, network, golden: Golden::open("temporal.safetensors") }
    }

    fn numbers(&self, what: &str) -> Vec<f64> {
        self.golden.numbers(&format!("{}.{what}", self.name))
    }

    /// Forward, backward; the logits and the mean cross entropy of present frames.
    fn step(&mut self) -> (Vec<f32>, f32) {
        let logits = self.network.forward(&self.input, ITEMS, TrainingPass::Train).expect("a forward pass");
        let present = self.labels.iter().filter(|&&l| l >= 0).count() as f64;
        let (mut loss, mut gradient) = (0.0, vec![]);
        for (row, &label) in logits.chunks_exact(CLASSES).zip(&self.labels) {
            let total: f64 = row.iter().map(|&v| f64::from(v).exp()).sum();
            for (class, &v) in row.iter().enumerate() {
                let probability = f64::from(v).exp() / total;
                let is_label = class as i64 == label;
                if is_label {
                    loss -= probability.ln() / present;
                }
                let target = if is_label { 1.0 } else { 0.0 };
                let d = if label < 0 { 0.0 } else { (probability - target) / present };
                gradient.push(d as f32);
            }
        }
        self.network.backward(&gradient, Slot::First).expect("a backward pass");
        (logits, loss as f32)
    }

    fn assert_tensors(&self, what: &str, got: &Weights, tolerance: f64) {
        let names: Vec<&str> = got.tensors.keys().map(String::as_str).collect();
        let summaries: Vec<_> = names.iter().map(|name| summary(name, got.get(name))).collect();
        let what = format!("{}.{what}", self.name);
        assert_summaries(&what, &names, &summaries, &self.golden.summaries(&what), tolerance);
    }
}

fn assert_gradients(mut case: Case) {
    let (logits, loss) = case.step();
    assert_close(case.name, &logits, &case.numbers("logits"), 1e-5);
    assert_close(case.name, &[loss], &case.numbers("loss"), 1e-5);
    let graph = case.network.graph();
    let backend = CpuBackend::new().expect("a backend");
    let mut answering = backend.inference(graph, &golden::weights(graph)).expect("weights that fit");
    let inferred = answering.forward(&case.input, ITEMS).expect("a forward pass");
    assert_close(case.name, &inferred, &case.numbers("logits"), 1e-5);
    case.step();
    let gradients = case.network.gradient(Slot::First).expect("a gradient");
    case.assert_tensors("gradients", &gradients, 3e-5);
}

#[test]
fn an_encoder_has_pytorchs_logits_and_gradients() {
    assert_gradients(Case::new("clips"));
}

#[test]
fn a_causal_encoder_has_pytorchs_logits_and_gradients() {
    assert_gradients(Case::new("clips-causal"));
}

fn assert_ten_steps(mut case: Case) {
    let rule = case.golden.numbers("rule");
    let mut losses = vec![];
    for step in 1..=10 {
        losses.push(case.step().1);
        let rule = UpdateRule::AdamW {
            learning_rate: rule[0] as f32,
            beta1: rule[1] as f32,
            beta2: rule[2] as f32,
            epsilon: rule[3] as f32,
            weight_decay: rule[4] as f32,
            scale: 1.0,
            step,
        };
        case.network.update(Slot::First, &rule).expect("an update");
    }
    assert_close(case.name, &losses, &case.numbers("losses"), 1e-5);
    let last = case.network.weights(WeightSet::Current).expect("weights");
    case.assert_tensors("last", &last, 5e-5);
}

#[test]
fn an_encoder_trains_by_adamw_as_in_pytorch_for_ten_steps() {
    assert_ten_steps(Case::new("clips"));
}

#[test]
fn a_causal_encoder_trains_by_adamw_as_in_pytorch_for_ten_steps() {
    assert_ten_steps(Case::new("clips-causal"));
}

#[test]
fn a_step_counted_wrongly_is_told_apart() {
    let mut case = Case::new("clips");
    let rule = case.golden.numbers("rule");
    for step in 2..=11 {
        case.step();
        let rule = UpdateRule::AdamW {
            learning_rate: rule[0] as f32,
            beta1: rule[1] as f32,
            beta2: rule[2] as f32,
            epsilon: rule[3] as f32,
            weight_decay: rule[4] as f32,
            scale: 1.0,
            step,
        };
        case.network.update(Slot::First, &rule).expect("an update");
    }
    let last = case.network.weights(WeightSet::Current).expect("weights");
    let comparison = std::panic::AssertUnwindSafe(|| case.assert_tensors("last", &last, 5e-5));
    assert!(std::panic::catch_unwind(comparison).is_err(), "a planted error went unseen");
}
