//! Passes that do not fit one buffer, on an adapter whose limits are lowered: arenas in several buffers compute the same bits as one,
//! what does not fit is refused before the first step, and slices of a batch learn what a loop over them learns.

use affekt_engine::backend::wgpu::{Card, Limits, WgpuBackend, WgpuOptions};
use affekt_engine::backend::{
    Backend, BackendError, BackendInfo as _, MemoryNeed, NetworkState, Slot, Training, TrainingPass,
    UpdateRule, sliced,
};
use affekt_engine::learn::{SemiSupervised, Settings};
use affekt_engine::net::{Depth, Graph, Plan, PlanPurpose, ResNetSpec, Stem, Weights};
use affekt_engine::world::config::Presets as _;
use affekt_engine::world::{RunConfig, pretraining_need};
use affekt_tests::cases::{clips, encoder, lively_weights, noise};
use affekt_tests::gpu::{backends, limited};
use affekt_tests::ten_steps::{BATCH, graph, noise_batch, noise_batch_for, settings, ten_steps};

/// Bytes of a dot product's sums, the largest buffer beside activations and parameters.
const LEAST_BUFFER: u64 = 1 << 18;

fn resnet(size: usize, stem: Stem) -> Graph {
    let depth = Depth::ResNet18;
    let spec = ResNetSpec { depth, size, channels: 3, classes: 5, width: 0.125, stem };
    spec.graph().expect("a valid specification")
}

/// Bytes of all activations of a pass in one arena, and of the largest of them.
fn activations(backend: &WgpuBackend, graph: &Graph, items: usize) -> (u64, u64) {
    let plan = Plan::new(graph, PlanPurpose::Training).expect("a plan");
    let all = backend.activations(graph, PlanPurpose::Training, items).expect("it fits one buffer");
    let regions = plan.values.iter().chain(&plan.saved).chain(&plan.gradients);
    let largest = regions.map(|region| region.len).max().expect("a value");
    (all, 4 * (largest * items) as u64)
}

/// The same kernels with buffers and bindings so small that one cannot hold a pass of so many items, but three can.
fn crowded(kernels: &str, backend: &WgpuBackend, graph: &Graph, items: usize) -> WgpuBackend {
    let (all, largest) = activations(backend, graph, items);
    let parameters = 4 * graph.trained_values() as u64;
    let most = (all / 3).max(largest + 1024).max(parameters + 4096).max(LEAST_BUFFER) / 256 * 256;
    assert!(most < all / 2, "{kernels}: {all} bytes must need more than two buffers of {most}");
    limited(kernels, most, most).expect("the adapter is there")
}

/// Passes of several sizes, an update from each slot, and what is left.
#[derive(Debug, PartialEq)]
struct Course {
    logits: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    dot: f64,
    state: NetworkState,
    answers: Vec<f32>,
    features: Vec<f32>,
}

fn course(backend: &dyn Backend, graph: &Graph, items: usize) -> Course {
    let mut network = backend.training(graph, &lively_weights(graph)).expect("fitting weights");
    network.set_dropout_seed(9);
    let (mut logits, mut gradients) = (vec![], vec![]);
    let input = |items: usize, item| clips(graph, items, item);
    // A small pass first, so that arenas grow, and another one between the large ones.
    for (items, slot, item) in [(2, Slot::First, 1), (items, Slot::First, 2), (items - 1, Slot::Second, 3)] {
        let input = input(items, item);
        logits.push(network.forward(&input, items, TrainingPass::Probe).expect("a probe"));
        let out = network.forward(&input, items, TrainingPass::Train).expect("a pass");
        network.backward(&noise(out.len(), item + 20), slot).expect("a gradient");
        logits.push(out);
        gradients.push(network.read_gradient(slot).expect("a gradient"));
    }
    let dot = network.dot(Slot::First, Slot::Second).expect("two gradients");
    for slot in [Slot::First, Slot::Second] {
        let rule = UpdateRule::Sgd { learning_rate: 0.01, momentum: 0.9, weight_decay: 1e-3, scale: 1.0 };
        network.update(slot, &rule).expect("an update");
        network.track_average(0.9).expect("an average");
    }
    let state = network.state().expect("a state");
    let mut answering = backend.inference(graph, &state.weights).expect("fitting weights");
    let seen = input(items, 4);
    let answers = answering.forward(&seen, items).expect("answers");
    let features = answering.features(&seen, items).expect("features");
    Course { logits, gradients, dot, state, answers, features }
}

#[test]
fn arenas_in_several_buffers_compute_the_same_bits_as_one() {
    for (kernels, backend) in backends() {
        for (graph, items) in [(resnet(48, Stem::NoPool), 6), (encoder(false, 0.2), 40)] {
            let crowded = crowded(kernels, backend, &graph, items);
            let (several, one) = (course(&crowded, &graph, items), course(backend, &graph, items));
            assert!(several.gradients.iter().flatten().any(|value| *value != 0.0));
            assert!(several == one, "{kernels}: {items} items");
        }
    }
}

#[test]
fn ten_semi_supervised_steps_in_several_buffers_are_those_in_one() {
    for (kernels, backend) in backends() {
        let crowded = crowded(kernels, backend, &graph(), 3 * BATCH);
        let steps = |backend: &WgpuBackend| ten_steps(backend, &graph(), &settings(), noise_batch);
        assert_eq!(steps(&crowded), steps(backend), "{kernels}");
    }
}

/// A warm-up fits, and the teacher's pass over three views does not: that is known when the learner is made.
#[test]
fn a_step_that_will_not_fit_is_refused_before_the_first_and_fits_in_slices() {
    for (kernels, backend) in backends().iter().take(1) {
        let graph = resnet(96, Stem::Imagenet);
        let (_, largest) = activations(backend, &graph, BATCH);
        let most = (largest + 1024).max(4 * graph.trained_values() as u64 + 4096);
        let small = limited(kernels, most, u64::MAX).expect("the adapter is there");
        let learner = |settings: Settings| {
            let network = |seed| small.training(&graph, &Weights::initial(&graph, seed)).expect("a network");
            SemiSupervised::new(network(1), network(2), settings)
        };
        let Err(error) = learner(settings()) else { panic!("{kernels}: three views are too large") };
        let error = error.to_string();
        for words in ["24 items", "--micro-batch", "smaller batches"] {
            assert!(error.contains(words), "{kernels}: {words}: {error}");
        }
        let mut learner =
            learner(Settings { micro_batch: Some(BATCH), ..settings() }).expect("slices of it fit");
        let records = (0..4).map(|step| learner.step(&noise_batch_for(&graph, step)).expect("a step"));
        let last = records.last().expect("four steps");
        assert!(last.feedback.is_some() && !last.skipped, "{kernels}: {last:?}");
    }
}

#[test]
fn slices_on_the_device_are_summed_as_a_loop_over_them_sums() {
    const ITEMS: usize = 7;
    const SLICES: usize = 3;
    for (kernels, backend) in backends() {
        let graph = resnet(48, Stem::NoPool);
        let (len, row) = (graph.input().len(), graph.output().len());
        let network = || backend.training(&graph, &lively_weights(&graph)).expect("fitting weights");
        let (input, d_logits) = (noise(ITEMS * len, 1), noise(ITEMS * row, 2));
        let places = |first: usize| (first..ITEMS).step_by(SLICES);
        let part = |all: &[f32], first: usize, row: usize| -> Vec<f32> {
            places(first).flat_map(|at| all[at * row..(at + 1) * row].to_vec()).collect()
        };
        let mut looped = network();
        let mut expected = vec![0.0; graph.trained_values()];
        for first in 0..SLICES {
            let items = places(first).count();
            looped.forward(&part(&input, first, len), items, TrainingPass::Train).expect("a pass");
            looped.backward(&part(&d_logits, first, row), Slot::First).expect("a gradient");
            let gradient = looped.read_gradient(Slot::First).expect("a gradient");
            expected.iter_mut().zip(gradient).for_each(|(sum, part)| *sum += part);
        }
        let mut cut: Box<dyn Training> = sliced(network(), 3).expect("no dropout");
        cut.forward(&input, ITEMS, TrainingPass::Train).expect("a pass");
        cut.backward(&d_logits, Slot::First).expect("a gradient");
        assert!(cut.read_gradient(Slot::First).expect("a gradient") == expected, "{kernels}");
        let [cut, looped] = [&mut cut, &mut looped].map(|n| n.read_statistics().expect("statistics"));
        assert!(cut == looped, "{kernels}");
    }
}

#[test]
fn limits_of_the_adapter_are_not_exceeded_by_asking_for_more() {
    if backends().is_empty() {
        return;
    }
    let options = WgpuOptions {
        limits: Limits::Capped { binding: u64::MAX, buffer: u64::MAX },
        ..WgpuOptions::default()
    };
    WgpuBackend::open(&options).expect("what the adapter has");
}

/// The paper's settings, with its slices where it has any.
fn paper(micro_batch: Option<usize>) -> RunConfig {
    let preset = RunConfig::PRESETS.iter().find(|preset| preset.name == "paper").expect("it is built in");
    let mut config: RunConfig = toml::from_str(preset.text).expect("settings");
    config.training.micro_batch = micro_batch;
    config
}

fn need(config: &RunConfig, card: &Card) -> Result<MemoryNeed, BackendError> {
    let graph = config.model.architecture(8).graph().expect("a valid specification");
    pretraining_need(config, &graph, 1000, card)
}

#[test]
fn the_papers_step_is_planned_in_several_buffers_and_refused_where_the_card_is_too_small() {
    let (large, small) = (Card::usual(80 << 30), Card::usual(8 << 30));
    let whole = need(&paper(None), &large).expect("it fits 80 GB");
    let needed = whole.on_device(false);
    assert!((8 << 30..20 << 30).contains(&needed), "{needed}");
    let parts = whole.parts();
    let teacher = parts.iter().find(|part| part.owner == "the teacher" && part.what == "activations");
    assert!(teacher.expect("a part").bytes > 2 * large.buffer, "{teacher:?}: one buffer cannot hold it");
    whole.check(&large, "").expect("it fits 80 GB");
    let error = whole.check(&small, "take less").expect_err("it is too large").to_string();
    for words in ["the device's memory", "the teacher's activations", "8.0 GiB", "take less"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let cut = need(&paper(Some(16)), &small).expect("a slice fits");
    assert!(cut.on_device(false) < needed / 2);
    cut.check(&small, "").expect("it fits 8 GB");
}

#[test]
fn a_pass_with_a_value_larger_than_a_binding_is_refused_with_what_fits() {
    // Some cards have bindings of 128 MiB only.
    let card = Card { binding: 128 << 20, ..Card::usual(80 << 30) };
    let error = need(&paper(None), &card).expect_err("a teacher's pass").to_string();
    assert!(error.contains("96 items") && error.contains("at most 41 fit"), "{error}");
    need(&paper(Some(41)), &card).expect("a slice fits");
}
