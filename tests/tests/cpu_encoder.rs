//! The temporal encoder's operations on the CPU backend against the `f64` reference, at odd sizes; the reference against
//! finite differences; masks, order of time, and independence of the number of threads.

use affekt_engine::backend::cpu::{CpuBackend, Isa};
use affekt_engine::backend::{
    Backend as _, Inference, NetworkState, Slot, Training, TrainingPass, UpdateRule, WeightSet,
};
use affekt_engine::net::Graph;
use affekt_tests::cases::{clips, encoder, encoders, lively_weights, noise, rng, wide};
use affekt_tests::{reference, relative_difference};

const SEED: u64 = 0x5EED_0000_0000_0007;

fn network(isa: Isa, threads: usize, graph: &Graph) -> Box<dyn Training> {
    let backend = CpuBackend::with(threads, isa).expect("an available instruction set");
    let mut network = backend.training(graph, &lively_weights(graph)).expect("fitting weights");
    network.set_dropout_seed(SEED);
    network
}

fn answering(graph: &Graph) -> Box<dyn Inference> {
    let backend = CpuBackend::new().expect("a processor");
    backend.inference(graph, &lively_weights(graph)).expect("fitting weights")
}

#[test]
fn the_references_gradients_are_the_finite_differences() {
    for (name, graph, items) in encoders() {
        let params = reference::params(&graph, &lively_weights(&graph));
        let input = wide(&clips(&graph, items, 1));
        let d_output = wide(&noise(items * graph.output().len(), 2));
        let pass = reference::forward_with_dropout(&graph, &params, &input, items, Some(SEED));
        let gradients = reference::backward(&graph, &params, &pass, items, &d_output);
        let loss = |param: usize, index: usize, delta: f64| {
            let mut moved = params.clone();
            moved[param][index] += delta;
            let pass = reference::forward_with_dropout(&graph, &moved, &input, items, Some(SEED));
            let output = pass.outputs.last().expect("an output");
            output.iter().zip(&d_output).map(|(a, b)| a * b).sum::<f64>()
        };
        for (p, spec) in graph.params.iter().enumerate() {
            for draw in 0..3 {
                let index = rng(10 * p as u64 + draw).below(spec.len());
                let expected = (loss(p, index, 1e-5) - loss(p, index, -1e-5)) / 2e-5;
                let got = gradients[p][index];
                let scale = gradients[p].iter().fold(1e-2, |m: f64, v| m.max(v.abs()));
                let close = (got - expected).abs() <= 1e-6 * scale;
                assert!(close, "{name} {}[{index}]: {got} vs {expected}", spec.name);
            }
        }
    }
}

#[test]
fn outputs_and_every_gradient_agree_with_the_reference_on_every_instruction_set() {
    for (name, graph, items) in encoders() {
        let params = reference::params(&graph, &lively_weights(&graph));
        let input = clips(&graph, items, 3);
        let d_output = noise(items * graph.output().len(), 4);
        let pass = reference::forward_with_dropout(&graph, &params, &wide(&input), items, Some(SEED));
        let gradients = reference::backward(&graph, &params, &pass, items, &wide(&d_output));
        let output = pass.outputs.last().expect("an output");
        for isa in Isa::available() {
            let mut network = network(isa, 2, &graph);
            let got = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
            let difference = relative_difference(&got, output);
            assert!(difference <= 1e-5, "{name}, {}: outputs differ by {difference}", isa.name());
            network.backward(&d_output, Slot::First).expect("a backward pass");
            let got = network.gradient(Slot::First).expect("a gradient");
            for (spec, expected) in graph.params.iter().zip(&gradients) {
                let difference = relative_difference(got.get(&spec.name), expected);
                assert!(difference <= 5e-5, "{name}, {}: {} differs by {difference}", isa.name(), spec.name);
            }
        }
    }
}

#[test]
fn inference_and_probing_know_no_dropout_and_features_are_the_feature_node() {
    for (name, graph, items) in encoders() {
        let params = reference::params(&graph, &lively_weights(&graph));
        let input = clips(&graph, items, 5);
        let pass = reference::forward(&graph, &params, &wide(&input), items, false);
        let mut learning = network(Isa::detect(), 2, &graph);
        let mut network = answering(&graph);
        let inferred = network.forward(&input, items).expect("a forward pass");
        let probed = learning.forward(&input, items, TrainingPass::Probe).expect("a forward pass");
        for (what, got) in [("inference", inferred), ("probing", probed)] {
            let difference = relative_difference(&got, pass.outputs.last().expect("an output"));
            assert!(difference <= 1e-5, "{name}: {what} differs by {difference}");
        }
        let features = network.features(&input, items).expect("features");
        let difference = relative_difference(&features, &pass.outputs[graph.features]);
        assert!(difference <= 1e-5, "{name}: features differ by {difference}");
    }
}

#[test]
fn what_a_missing_frame_holds_reaches_no_other_frame() {
    let graph = encoder(false, 0.0);
    let (shape, classes) = (graph.input(), graph.output().c);
    let mut network = answering(&graph);
    let mut input = noise(shape.len(), 6);
    input.chunks_exact_mut(shape.c).for_each(|frame| frame[shape.c - 1] = 1.0);
    input[4 * shape.c + shape.c - 1] = 0.0;
    let before = network.forward(&input, 1).expect("a forward pass");
    input[4 * shape.c] += 1.0;
    let after = network.forward(&input, 1).expect("a forward pass");
    for frame in 0..13 {
        let part = frame * classes..(frame + 1) * classes;
        assert_eq!(before[part.clone()] == after[part], frame != 4, "frame {frame}");
    }
}

#[test]
fn a_causal_output_does_not_depend_on_later_frames_and_another_does() {
    for causal in [true, false] {
        let graph = encoder(causal, 0.0);
        let (shape, classes) = (graph.input(), graph.output().c);
        let mut network = answering(&graph);
        let mut input = noise(shape.len(), 6);
        input.chunks_exact_mut(shape.c).for_each(|frame| frame[shape.c - 1] = 1.0);
        let before = network.forward(&input, 1).expect("a forward pass");
        input[8 * shape.c] += 1.0;
        let after = network.forward(&input, 1).expect("a forward pass");
        let early = 8 * classes;
        assert_eq!(before[..early] == after[..early], causal);
        assert_ne!(before[early..early + classes], after[early..early + classes]);
    }
}

#[test]
fn a_clip_without_any_face_gives_finite_numbers_forward_and_backward() {
    let graph = encoder(true, 0.2);
    let mut network = network(Isa::detect(), 2, &graph);
    let logits =
        network.forward(&vec![0.0; graph.input().len()], 1, TrainingPass::Train).expect("a forward pass");
    assert!(logits.iter().all(|v| v.is_finite()));
    network.backward(&vec![1.0; logits.len()], Slot::First).expect("a backward pass");
    assert!(network.dot(Slot::First, Slot::First).expect("a gradient").is_finite());
}

#[test]
fn a_nan_in_a_present_frame_shows() {
    let graph = encoder(false, 0.2);
    let mut network = network(Isa::detect(), 2, &graph);
    let mut input = clips(&graph, 3, 3);
    input[2 * graph.input().len() + 1] = f32::NAN;
    let trained = network.forward(&input, 3, TrainingPass::Train).expect("a forward pass");
    let inferred = answering(&graph).forward(&input, 3).expect("a forward pass");
    for logits in [trained, inferred] {
        assert!(logits.iter().any(|v| v.is_nan()));
    }
}

#[test]
fn masks_repeat_under_one_seed_and_change_with_it() {
    let graph = encoder(false, 0.3);
    let mut network = network(Isa::detect(), 2, &graph);
    let input = clips(&graph, 3, 3);
    let mut under = |seed| {
        network.set_dropout_seed(seed);
        network.forward(&input, 3, TrainingPass::Train).expect("a forward pass")
    };
    let (first, other, again) = (under(1), under(2), under(1));
    assert_eq!(first, again);
    assert_ne!(first, other);
}

/// A few training steps; returns everything that could differ.
fn trained(network: &mut dyn Training, steps: std::ops::RangeInclusive<u64>) -> (Vec<f32>, NetworkState) {
    let mut logits = vec![];
    for step in steps {
        network.set_dropout_seed(100 + step);
        let input = clips(network.graph(), 3, 50 + step);
        logits = network.forward(&input, 3, TrainingPass::Train).expect("a forward pass");
        let d: Vec<f32> = logits.iter().map(|v| v * 0.1).collect();
        network.backward(&d, Slot::First).expect("a backward pass");
        network.update(Slot::First, &adamw(step)).expect("an update");
        network.track_average(0.9).expect("an average");
    }
    (logits, network.state().expect("a state"))
}

fn adamw(step: u64) -> UpdateRule {
    UpdateRule::AdamW {
        learning_rate: 0.01,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-6,
        weight_decay: 0.1,
        scale: 0.5,
        step,
    }
}

#[test]
fn results_are_bit_identical_for_any_number_of_threads() {
    for (name, graph, _) in encoders() {
        let runs = [1, 2, 3].map(|threads| trained(&mut *network(Isa::detect(), threads, &graph), 1..=2));
        assert!(runs.iter().all(|run| *run == runs[0]), "{name}");
    }
}

#[test]
fn a_restored_network_goes_on_bit_identically_under_adamw() {
    let graph = encoder(true, 0.2);
    let mut whole = network(Isa::detect(), 2, &graph);
    let (_, state) = trained(&mut *whole, 1..=2);
    assert_eq!(state.second_moment.tensors.len(), graph.params.len());
    let mut resumed = network(Isa::detect(), 2, &graph);
    trained(&mut *resumed, 7..=7);
    resumed.restore(&state).expect("a state of this network");
    assert_eq!(trained(&mut *whole, 3..=4), trained(&mut *resumed, 3..=4));
}

#[test]
fn adamw_decays_weights_only() {
    let graph = encoder(false, 0.0);
    let mut network = network(Isa::detect(), 2, &graph);
    let before = network.weights(WeightSet::Current).expect("weights");
    let input = clips(&graph, 2, 1);
    network.forward(&input, 2, TrainingPass::Train).expect("a forward pass");
    network.backward(&vec![0.0; 2 * graph.output().len()], Slot::First).expect("a backward pass");
    network.update(Slot::First, &adamw(1)).expect("an update");
    let after = network.weights(WeightSet::Current).expect("weights");
    for spec in &graph.params {
        let factor = if spec.kind.is_decayed() { 1.0 - 0.01 * 0.1 } else { 1.0 };
        let expected: Vec<f64> = before.get(&spec.name).iter().map(|v| f64::from(*v) * factor).collect();
        let difference = relative_difference(after.get(&spec.name), &expected);
        assert!(difference <= 1e-6, "{}: {difference}", spec.name);
    }
}
