//! Losses, every gradient, running statistics and ten training steps of small residual networks equal PyTorch's
//! float64 ones.

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend as _, Slot, Training, TrainingPass, UpdateRule, WeightSet};
use affekt_engine::net::{Depth, Graph, ParamSpec, ResNetSpec, Stem, Weights};
use affekt_tests::compare::{assert_close, assert_summaries};
use affekt_tests::golden::{self, Golden, summary};

const ITEMS: usize = 3;
const CLASSES: usize = 8;
/// Norm-wise, a parameter's `f32` gradient against the `f64` one. PyTorch's own `f32` is off by 1e-5.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// A case of `make_gradients.py`.
struct Case {
    name: &'static str,
    input: Vec<f32>,
    graph: Graph,
    golden: Golden,
}

impl Case {
    fn new(name: &'static str, depth: Depth, size: usize, stem: Stem, variant: usize) -> Self {
        let channels = if name.ends_with("grey") { 1 } else { 3 };
        let spec = ResNetSpec { depth, size, channels, classes: CLASSES, width: 0.125, stem };
        let graph = spec.graph().expect("a valid specification");
        let input = golden::input(&format!("{name}.{variant}"), ITEMS, &graph);
        Self { name, input, graph, golden: Golden::open("gradients.safetensors") }
    }

    fn network(&self) -> Box<dyn Training> {
        let backend = CpuBackend::new().expect("a backend");
        backend.training(&self.graph, &golden::weights(&self.graph)).expect("a network")
    }

    fn numbers(&self, what: &str) -> Vec<f64> {
        self.golden.numbers(&format!("{}.{what}", self.name))
    }

    fn labels(&self) -> Vec<usize> {
        let labels = golden::labels(self.name, ITEMS, CLASSES);
        assert_eq!(labels.iter().map(|&l| l as f64).collect::<Vec<_>>(), self.numbers("labels"));
        labels
    }

    /// Compares the chosen tensors with the golden ones, norm-wise.
    fn assert_tensors(&self, what: &str, got: &Weights, chosen: fn(&ParamSpec) -> bool, tolerance: f64) {
        let chosen = self.graph.params.iter().filter(|p| chosen(p));
        let names: Vec<&str> = chosen.map(|p| p.name.as_str()).collect();
        let got: Vec<_> = names.iter().map(|name| summary(name, got.get(name))).collect();
        let what = format!("{}.{what}", self.name);
        assert_summaries(&what, &names, &got, &self.golden.summaries(&what), tolerance);
    }
}

fn is_trained(spec: &ParamSpec) -> bool {
    spec.kind.is_trained()
}

/// Mean cross entropy and its gradient with respect to the logits.
fn cross_entropy(logits: &[f32], labels: &[usize]) -> (f32, Vec<f32>) {
    let items = labels.len() as f64;
    let (mut loss, mut gradient) = (0.0, vec![]);
    for (row, &label) in logits.chunks_exact(CLASSES).zip(labels) {
        let total: f64 = row.iter().map(|&v| f64::from(v).exp()).sum();
        loss += (total.ln() - f64::from(row[label])) / items;
        for (class, &v) in row.iter().enumerate() {
            let target = if class == label { 1.0 } else { 0.0 };
            gradient.push(((f64::from(v).exp() / total - target) / items) as f32);
        }
    }
    (loss as f32, gradient)
}

fn assert_gradients(case: &Case) {
    let mut network = case.network();
    let logits = network.forward(&case.input, ITEMS, TrainingPass::Train).expect("a forward pass");
    assert_close(case.name, &logits, &case.numbers("logits"), 1e-4);
    let (loss, d_logits) = cross_entropy(&logits, &case.labels());
    assert_close(case.name, &[loss], &case.numbers("loss"), 1e-4);
    network.backward(&d_logits, Slot::First).expect("a backward pass");
    let gradients = network.gradient(Slot::First).expect("a gradient");
    assert_eq!(gradients.tensors.len(), case.graph.params.iter().filter(|p| is_trained(p)).count());
    case.assert_tensors("gradients", &gradients, is_trained, GRADIENT_TOLERANCE);
    let after = network.weights(WeightSet::Current).expect("weights");
    case.assert_tensors("running", &after, |p| !is_trained(p), 1e-5);
}

fn basic() -> Case {
    Case::new("resnet18-33", Depth::ResNet18, 33, Stem::Imagenet, 27)
}

fn bottleneck() -> Case {
    Case::new("resnet50-48", Depth::ResNet50, 48, Stem::Imagenet, 30)
}

#[test]
fn basic_blocks_have_pytorchs_gradients_at_an_odd_size() {
    assert_gradients(&basic());
}

#[test]
fn bottlenecks_have_pytorchs_gradients() {
    assert_gradients(&bottleneck());
}

#[test]
fn the_stem_without_pool_has_pytorchs_gradients() {
    assert_gradients(&Case::new("resnet18-48-no-pool", Depth::ResNet18, 48, Stem::NoPool, 35));
    assert_gradients(&Case::new("resnet50-33-no-pool", Depth::ResNet50, 33, Stem::NoPool, 12));
}

#[test]
fn the_small_stem_has_pytorchs_gradients_on_grey_pictures() {
    assert_gradients(&Case::new("resnet18-33-small-grey", Depth::ResNet18, 33, Stem::Small, 33));
}

fn assert_ten_steps(case: &Case) {
    let numbers = case.golden.numbers("rule");
    let rule = UpdateRule::Sgd {
        learning_rate: numbers[0] as f32,
        momentum: numbers[1] as f32,
        weight_decay: numbers[2] as f32,
        scale: 1.0,
    };
    let labels = case.labels();
    let mut network = case.network();
    let mut losses = vec![];
    for step in 0..10 {
        let logits = network.forward(&case.input, ITEMS, TrainingPass::Train).expect("a forward pass");
        let (loss, d_logits) = cross_entropy(&logits, &labels);
        losses.push(loss);
        network.backward(&d_logits, Slot::First).expect("a backward pass");
        network.update(Slot::First, &rule).expect("an update");
        if step == 2 {
            let weights = network.weights(WeightSet::Current).expect("weights");
            case.assert_tensors("third", &weights, |_| true, 1e-4);
        }
    }
    assert_close(case.name, &losses, &case.numbers("losses"), 5e-4);
}

#[test]
fn basic_blocks_train_as_in_pytorch_for_ten_steps() {
    assert_ten_steps(&basic());
}

#[test]
fn bottlenecks_train_as_in_pytorch_for_ten_steps() {
    assert_ten_steps(&bottleneck());
}

#[test]
fn the_gradient_of_a_slightly_other_loss_is_told_apart() {
    let case = basic();
    let mut network = case.network();
    let logits = network.forward(&case.input, ITEMS, TrainingPass::Train).expect("a forward pass");
    let (_, mut d_logits) = cross_entropy(&logits, &case.labels());
    // One of 24 numbers, by about a percent of their norm.
    d_logits[5] += 5e-3;
    network.backward(&d_logits, Slot::First).expect("a backward pass");
    let gradients = network.gradient(Slot::First).expect("a gradient");
    let comparison = std::panic::AssertUnwindSafe(|| {
        case.assert_tensors("gradients", &gradients, is_trained, GRADIENT_TOLERANCE);
    });
    assert!(std::panic::catch_unwind(comparison).is_err(), "an error planted in the loss went unseen");
}
