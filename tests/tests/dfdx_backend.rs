//! The dfdx backend on the processor against the `f64` reference and the CPU backend: every operation forward and backward at odd
//! sizes, whole networks, updates, averages and states. Built with the feature `dfdx` only.
#![cfg(feature = "dfdx")]

use std::sync::Arc;

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::dfdx::on_processor;
use affekt_engine::backend::{Backend, BackendError, Slot, Training, TrainingPass, UpdateRule, WeightSet};
use affekt_engine::net::{Depth, Graph, GraphBuilder, ResNetSpec, Shape, Stem, Weights};
use affekt_tests::agreement::{SEED, assert_agrees};
use affekt_tests::cases::{
    Case, clips, convolutions, encoder, encoders, lively_weights, noise, pooled, wide,
};
use affekt_tests::{reference, relative_difference};

fn backend() -> Arc<dyn Backend> {
    on_processor(2, true).expect("the processor is always there")
}

fn network(backend: &dyn Backend, graph: &Graph) -> Box<dyn Training> {
    let mut network = backend.training(graph, &lively_weights(graph)).expect("fitting weights");
    network.set_dropout_seed(SEED);
    network
}

fn cpu(graph: &Graph) -> Box<dyn Training> {
    network(&CpuBackend::new().expect("a processor"), graph)
}

/// Faces' graphs: those of all backends, and the depth that is not among them.
fn faces() -> Vec<Case> {
    let deep = ResNetSpec {
        depth: Depth::ResNet34,
        size: 48,
        channels: 3,
        classes: 4,
        width: 0.125,
        stem: Stem::Imagenet,
    };
    let deep = ("resnet34 at 48, imagenet stem", deep.graph().expect("a valid specification"), 4);
    convolutions().into_iter().chain([pooled(), deep]).collect()
}

/// Every case with an input for it.
fn cases(item: u64) -> Vec<(Case, Vec<f32>)> {
    let faces = faces().into_iter().map(|case| {
        let input = noise(case.2 * case.1.input().len(), item);
        (case, input)
    });
    let clips = encoders().into_iter().map(|case| {
        let input = clips(&case.1, case.2, item);
        (case, input)
    });
    faces.chain(clips).collect()
}

#[test]
fn outputs_and_every_gradient_agree_with_the_reference() {
    let backend = backend();
    for case in &faces() {
        let input = |item| noise(case.2 * case.1.input().len(), item + 20);
        assert_agrees("dfdx", case, input, || network(&*backend, &case.1));
    }
    for case in &encoders() {
        assert_agrees("dfdx", case, |item| clips(&case.1, case.2, item), || network(&*backend, &case.1));
    }
}

#[test]
fn inference_probing_and_features_agree_with_the_reference() {
    let backend = backend();
    for ((name, graph, items), input) in cases(5) {
        let params = reference::params(&graph, &lively_weights(&graph));
        let running = reference::forward(&graph, &params, &wide(&input), items, false);
        let close = |what: &str, got: &[f32], expected: &[f64]| {
            let difference = relative_difference(got, expected);
            assert!(difference <= 1e-4, "{name}: {what} differs by {difference}");
        };
        let mut answering = backend.inference(&graph, &lively_weights(&graph)).expect("fitting weights");
        let logits = answering.forward(&input, items).expect("a forward pass");
        close("inference", &logits, running.outputs.last().expect("an output"));
        let features = answering.features(&input, items).expect("features");
        close("features", &features, &running.outputs[graph.features]);
        let expected = cpu(&graph).forward(&input, items, TrainingPass::Probe).expect("a forward pass");
        let mut network = network(&*backend, &graph);
        let probed = network.forward(&input, items, TrainingPass::Probe).expect("a forward pass");
        close("probing", &probed, &wide(&expected));
        assert_eq!(network.weights(WeightSet::Current).expect("weights"), lively_weights(&graph), "{name}");
    }
}

fn rules(step: u64) -> [UpdateRule; 2] {
    [
        UpdateRule::Sgd { learning_rate: 0.05, momentum: 0.9, weight_decay: 5e-3, scale: 0.5 },
        UpdateRule::AdamW {
            learning_rate: 0.01,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-6,
            weight_decay: 0.1,
            scale: 0.5,
            step,
        },
    ]
}

/// A few training steps with a tracked average.
fn train(network: &mut dyn Training, which: usize, steps: std::ops::RangeInclusive<u64>) {
    for step in steps {
        network.set_dropout_seed(100 + step);
        let items = 3;
        let input = clips(network.graph(), items, 50 + step);
        let logits = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
        let d: Vec<f32> = logits.iter().map(|v| v * 0.1).collect();
        network.backward(&d, Slot::First).expect("a backward pass");
        network.update(Slot::First, &rules(step)[which]).expect("an update");
        network.track_average(0.9).expect("an average");
    }
}

fn assert_near(what: &str, got: &Weights, expected: &Weights, tolerance: f64) {
    assert_eq!(got.tensors.len(), expected.tensors.len(), "{what}");
    for (name, tensor) in &expected.tensors {
        let difference = relative_difference(got.get(name), &wide(&tensor.data));
        assert!(difference <= tolerance, "{what}: {name} differs by {difference}");
    }
}

/// A convolutional network under SGD and an encoder under AdamW, small enough that rounding stays small.
fn trainees() -> [(usize, Graph); 2] {
    [(0, convolutions().swap_remove(1).1), (1, encoder(true, 0.2))]
}

#[test]
fn training_steps_move_everything_as_the_cpu_backend_does() {
    let backend = backend();
    for (which, graph) in trainees() {
        let (mut ours, mut theirs) = (network(&*backend, &graph), cpu(&graph));
        train(&mut *ours, which, 1..=3);
        train(&mut *theirs, which, 1..=3);
        let (ours, theirs) = (ours.state().expect("a state"), theirs.state().expect("a state"));
        // AdamW divides a gradient by its own size, and where a gradient is rounding alone, as that of a key's bias,
        // what is left is rounding too.
        let tolerance = [1e-4, 5e-3][which];
        assert_near("weights", &ours.weights, &theirs.weights, tolerance);
        assert_near("momentum", &ours.momentum, &theirs.momentum, 1e-3);
        assert_near("second moment", &ours.second_moment, &theirs.second_moment, 1e-3);
        let averages = (ours.average.expect("an average"), theirs.average.expect("an average"));
        assert_near("average", &averages.0, &averages.1, tolerance);
    }
}

#[test]
fn a_restored_network_goes_on_bit_identically_and_a_state_moves_both_ways() {
    let backend = backend();
    for (which, graph) in trainees() {
        let mut whole = network(&*backend, &graph);
        train(&mut *whole, which, 1..=2);
        let state = whole.state().expect("a state");
        let mut resumed = network(&*backend, &graph);
        train(&mut *resumed, which, 7..=7);
        resumed.restore(&state).expect("a state of this network");
        let mut moved = cpu(&graph);
        moved.restore(&state).expect("a state of this network");
        let there = moved.state().expect("a state");
        assert_eq!(there, state, "the way there loses nothing");
        let mut back = network(&*backend, &graph);
        back.restore(&there).expect("a state of this network");
        assert_eq!(back.state().expect("a state"), state, "nor does the way back");
        for network in [&mut whole, &mut resumed, &mut moved] {
            train(&mut **network, which, 3..=3);
        }
        let [whole, resumed, moved] = [&whole, &resumed, &moved].map(|n| n.state().expect("a state"));
        assert_eq!(whole, resumed);
        assert_near("a step on the other backend", &moved.weights, &whole.weights, 5e-3);
    }
}

#[test]
fn threads_and_the_allocation_cache_change_nothing() {
    let (_, graph, _) = convolutions().swap_remove(6);
    let states: Vec<_> = [(1, true), (2, true), (3, false)]
        .map(|(threads, cache)| {
            let backend = on_processor(threads, cache).expect("the processor is always there");
            let mut network = network(&*backend, &graph);
            train(&mut *network, 0, 1..=2);
            network.state().expect("a state")
        })
        .into();
    assert!(states.iter().all(|state| *state == states[0]));
}

#[test]
fn the_dot_product_of_two_slots_is_that_of_their_gradients() {
    let graph = convolutions().swap_remove(7).1;
    let mut network = network(&*backend(), &graph);
    for (slot, item) in [(Slot::First, 1), (Slot::Second, 2)] {
        network.forward(&noise(2 * graph.input().len(), item), 2, TrainingPass::Train).expect("a pass");
        network.backward(&noise(10, item + 10), slot).expect("a backward pass");
    }
    let [first, second] = [Slot::First, Slot::Second].map(|slot| network.read_gradient(slot).expect("one"));
    let sum: f64 = first.iter().zip(&second).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let got = network.dot(Slot::First, Slot::Second).expect("two gradients");
    assert!((got - sum).abs() <= 1e-12 * sum.abs().max(1.0), "{got} vs {sum}");
}

#[test]
fn a_nan_shows_and_leaves_the_running_statistics_alone() {
    let backend = backend();
    for (_, graph, items) in [convolutions().swap_remove(1), pooled()] {
        let mut network = network(&*backend, &graph);
        let before = network.weights(WeightSet::Current).expect("weights");
        let mut input = noise(items * graph.input().len(), 8);
        input[17] = f32::NAN;
        let trained = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
        assert!(trained.iter().all(|v| v.is_nan()), "every item of a batch is normalised with it");
        assert_eq!(network.weights(WeightSet::Current).expect("weights"), before);
        let mut answering = backend.inference(&graph, &before).expect("fitting weights");
        let logits = answering.forward(&input, items).expect("a forward pass");
        let (bad, good) = logits.split_at(logits.len() / items);
        assert!(bad.iter().all(|v| v.is_nan()) && good.iter().all(|v| v.is_finite()), "its own item's alone");
    }
}

#[test]
fn other_numbers_of_items_between_passes_change_nothing() {
    let backend = backend();
    let graph = convolutions().swap_remove(7).1;
    let input = noise(9 * graph.input().len(), 3);
    let part = |items: usize| &input[..items * graph.input().len()];
    let mut plain = network(&*backend, &graph);
    let mut mixed = network(&*backend, &graph);
    // More numbers than the device keeps tables of.
    for items in (1..=9).chain([2, 7]) {
        mixed.forward(part(items), items, TrainingPass::Probe).expect("a forward pass");
    }
    let [plain, mixed] = [&mut plain, &mut mixed].map(|network| {
        let logits = network.forward(part(5), 5, TrainingPass::Train).expect("a forward pass");
        network.backward(&noise(25, 1), Slot::First).expect("a backward pass");
        (logits, network.read_gradient(Slot::First).expect("a gradient"))
    });
    assert_eq!(mixed, plain);
}

#[test]
fn a_graph_that_these_kernels_do_not_do_is_refused_before_anything_is_computed() {
    let mut g = GraphBuilder::new(Shape { h: 6, w: 6, c: 2 });
    let x = g.conv("conv", 0, 3, 3, 1, 1).expect("it fits");
    let x = g.max_pool("pool", x, 3, 2, 1).expect("it fits");
    let graph = g.finish(x);
    let refused = backend().training(&graph, &Weights::initial(&graph, 1));
    assert!(matches!(refused, Err(BackendError::Unavailable(_))));
}
