//! The CPU backend against the `f64` reference, and the reference against finite differences.

use affekt_engine::backend::cpu::{CpuBackend, Isa};
use affekt_engine::backend::{Backend as _, Slot, Training, TrainingPass, UpdateRule, WeightSet};
use affekt_engine::net::{Graph, Weights};
use affekt_tests::agreement::assert_agrees;
use affekt_tests::cases::{convolutions, lively_weights, noise, pooled, rng, wide};
use affekt_tests::{reference, relative_difference};

fn network(isa: Isa, threads: usize, graph: &Graph) -> Box<dyn Training> {
    let backend = CpuBackend::with(threads, isa).expect("an available instruction set");
    backend.training(graph, &lively_weights(graph)).expect("fitting weights")
}

#[test]
fn the_references_gradients_are_the_finite_differences() {
    for (name, graph, items) in convolutions().into_iter().take(4).chain([pooled()]) {
        let params = reference::params(&graph, &lively_weights(&graph));
        let input = wide(&noise(items * graph.input().len(), 1));
        let d_output = wide(&noise(items * graph.output().len(), 2));
        let pass = reference::forward(&graph, &params, &input, items, true);
        let gradients = reference::backward(&graph, &params, &pass, items, &d_output);
        for (p, spec) in graph.params.iter().enumerate().filter(|(_, s)| s.kind.is_trained()) {
            let index = rng(p as u64).below(spec.len());
            let expected = reference::finite_difference(&graph, &params, &input, items, &d_output, p, index);
            let got = gradients[p][index];
            let scale = gradients[p].iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
            assert!(
                (got - expected).abs() <= 1e-5 * scale,
                "{name} {}[{index}]: {got} vs {expected}",
                spec.name
            );
        }
    }
}

#[test]
fn logits_and_every_gradient_agree_with_the_reference_on_every_instruction_set() {
    for isa in Isa::available() {
        for case in convolutions().iter().chain([&pooled()]) {
            let input = |item| noise(case.2 * case.1.input().len(), item);
            assert_agrees(isa.name(), case, input, || network(isa, 2, &case.1));
        }
    }
}

#[test]
fn inference_folds_the_running_statistics_and_features_are_the_pooled_ones() {
    for (name, graph, items) in convolutions() {
        let params = reference::params(&graph, &lively_weights(&graph));
        let input = noise(items * graph.input().len(), 5);
        let pass = reference::forward(&graph, &params, &wide(&input), items, false);
        let backend = CpuBackend::new().expect("a processor");
        let mut network = backend.inference(&graph, &lively_weights(&graph)).expect("fitting weights");
        let logits = network.forward(&input, items).expect("a forward pass");
        let difference = relative_difference(&logits, pass.outputs.last().expect("an output"));
        assert!(difference <= 1e-4, "{name}: logits differ by {difference}");
        let features = network.features(&input, items).expect("features");
        let difference = relative_difference(&features, &pass.outputs[graph.features]);
        assert!(difference <= 1e-4, "{name}: features differ by {difference}");
    }
}

#[test]
fn a_planted_error_and_a_nan_are_caught_by_the_comparison() {
    let expected = vec![1.0, -2.0, 3.0];
    assert!(relative_difference(&[1.0, -2.0, 3.0], &expected) <= 1e-9);
    assert!(relative_difference(&[1.0, -2.0, 3.001], &expected) > 1e-4);
    assert!(relative_difference(&[1.0, f32::NAN, 3.0], &expected).is_nan());
}

fn sgd(learning_rate: f32) -> UpdateRule {
    UpdateRule::Sgd { learning_rate, momentum: 0.9, weight_decay: 5e-4, scale: 0.5 }
}

/// A few training steps; returns everything that could differ.
fn trained(
    network: &mut dyn Training,
    steps: usize,
    from: u64,
) -> (Vec<f32>, affekt_engine::backend::NetworkState) {
    let mut logits = vec![];
    for step in 0..steps as u64 {
        let input = noise(3 * network.graph().input().len(), 50 + from + step);
        logits = network.forward(&input, 3, TrainingPass::Train).expect("a forward pass");
        let d: Vec<f32> = logits.iter().map(|v| v * 0.1).collect();
        network.backward(&d, Slot::First).expect("a backward pass");
        network.update(Slot::First, &sgd(0.05)).expect("an update");
        network.track_average(0.9).expect("an average");
    }
    (logits, network.state().expect("a state"))
}

#[test]
fn results_are_bit_identical_for_any_number_of_threads() {
    for (name, graph, _) in convolutions() {
        let runs: Vec<_> =
            [1, 2, 3, 7].map(|threads| trained(&mut *network(Isa::detect(), threads, &graph), 2, 0)).into();
        assert!(runs.iter().all(|run| *run == runs[0]), "{name}");
    }
}

#[test]
fn a_restored_network_goes_on_bit_identically() {
    let (_, graph, _) = convolutions().swap_remove(6);
    let mut whole = network(Isa::detect(), 2, &graph);
    trained(&mut *whole, 2, 0);
    let state = whole.state().expect("a state");
    let mut resumed = network(Isa::detect(), 2, &graph);
    trained(&mut *resumed, 1, 70);
    resumed.restore(&state).expect("a state of this network");
    assert_eq!(trained(&mut *whole, 2, 2), trained(&mut *resumed, 2, 2));
}

#[test]
fn an_update_is_sgd_with_momentum_and_decay_on_weights_only() {
    let (_, graph, items) = convolutions().swap_remove(1);
    let mut network = network(Isa::detect(), 2, &graph);
    let mut expected = network.weights(WeightSet::Current).expect("weights");
    let mut momentum = Weights::default();
    for step in 0..3 {
        let input = noise(items * graph.input().len(), step);
        network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
        network.backward(&noise(items * 3, 9), Slot::Second).expect("a backward pass");
        let gradient = network.gradient(Slot::Second).expect("a gradient");
        for spec in graph.params.iter().filter(|s| s.kind.is_trained()) {
            let decay = if spec.kind.is_decayed() { 5e-4 } else { 0.0 };
            let weight = expected.tensors.get_mut(&spec.name).expect("a tensor");
            let velocity = momentum.tensors.entry(spec.name.clone()).or_insert_with(|| {
                let data = vec![0.0; spec.len()];
                affekt_engine::net::HostTensor { shape: spec.shape.clone(), data }
            });
            for ((p, v), g) in weight.data.iter_mut().zip(&mut velocity.data).zip(gradient.get(&spec.name)) {
                *v = 0.9 * *v + (0.5 * g + decay * *p);
                *p -= 0.1 * *v;
            }
        }
        network.update(Slot::Second, &sgd(0.1)).expect("an update");
    }
    let got = network.weights(WeightSet::Current).expect("weights");
    for spec in graph.params.iter().filter(|s| s.kind.is_trained()) {
        let difference = relative_difference(got.get(&spec.name), &wide(expected.get(&spec.name)));
        assert!(difference <= 1e-6, "{}: {difference}", spec.name);
    }
}

#[test]
fn running_statistics_move_by_a_tenth_with_the_unbiased_variance_and_probing_moves_nothing() {
    let (_, graph, items) = convolutions().swap_remove(1);
    let weights = lively_weights(&graph);
    let input = noise(items * graph.input().len(), 8);
    let pass = reference::forward(&graph, &reference::params(&graph, &weights), &wide(&input), items, true);
    let (mean, variance) = pass.statistics[2].as_ref().expect("the first normalisation");
    let count = (items * graph.nodes[2].shape.pixels()) as f64;
    let mut network = network(Isa::detect(), 2, &graph);
    network.forward(&input, items, TrainingPass::Probe).expect("a forward pass");
    assert_eq!(network.weights(WeightSet::Current).expect("weights"), weights);
    network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
    let after = network.weights(WeightSet::Current).expect("weights");
    let moved = |name: &str, batch: &[f64], factor: f64| -> Vec<f64> {
        wide(weights.get(name)).iter().zip(batch).map(|(old, new)| 0.9 * old + 0.1 * new * factor).collect()
    };
    let difference = relative_difference(after.get("an.running_mean"), &moved("an.running_mean", mean, 1.0));
    assert!(difference <= 1e-5, "{difference}");
    let unbiased = moved("an.running_var", variance, count / (count - 1.0));
    let difference = relative_difference(after.get("an.running_var"), &unbiased);
    assert!(difference <= 1e-5, "{difference}");
}

#[test]
fn a_batch_with_a_nan_shows_it_and_leaves_the_running_statistics_alone() {
    let (_, graph, items) = convolutions().swap_remove(1);
    let mut network = network(Isa::detect(), 2, &graph);
    let before = network.weights(WeightSet::Current).expect("weights");
    let mut input = noise(items * graph.input().len(), 8);
    input[17] = f32::NAN;
    let logits = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
    assert!(logits.iter().any(|v| v.is_nan()), "no rectifier or pool may swallow it");
    assert_eq!(network.weights(WeightSet::Current).expect("weights"), before);
}

#[test]
fn the_dot_product_of_two_slots_is_that_of_their_gradients() {
    let (_, graph, items) = convolutions().swap_remove(7);
    let mut network = network(Isa::detect(), 2, &graph);
    for (slot, seed) in [(Slot::First, 1), (Slot::Second, 2)] {
        network
            .forward(&noise(items * graph.input().len(), seed), items, TrainingPass::Train)
            .expect("a forward pass");
        network.backward(&noise(items * 5, seed + 10), slot).expect("a backward pass");
    }
    let gradients = [Slot::First, Slot::Second].map(|s| network.gradient(s).expect("a gradient"));
    let expected: f64 = gradients[0]
        .tensors
        .iter()
        .flat_map(|(name, t)| t.data.iter().zip(gradients[1].get(name)))
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum();
    let got = network.dot(Slot::First, Slot::Second).expect("two gradients");
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{got} vs {expected}");
}
