//! Networks at work on a backend, held to the `f64` reference and to the CPU backend: answers, training steps, and states that move.

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend, Slot, Training, TrainingPass, UpdateRule};
use affekt_engine::net::{Graph, Weights};

use crate::agreement::SEED;
use crate::cases::{Case, clips, convolutions, encoder, lively_weights, wide};
use crate::{reference, relative_difference};

/// A network that learns, with lively weights and a seed for its dropout.
///
/// # Panics
/// The backend has no kernel for it.
pub fn network(backend: &dyn Backend, graph: &Graph) -> Box<dyn Training> {
    let mut network = backend.training(graph, &lively_weights(graph)).expect("fitting weights");
    network.set_dropout_seed(SEED);
    network
}

/// The same on the CPU backend.
///
/// # Panics
/// Never.
pub fn on_cpu(graph: &Graph) -> Box<dyn Training> {
    network(&CpuBackend::new().expect("a processor"), graph)
}

/// Holds inference and features to the reference, and a probe to the CPU backend, within 1e-4.
///
/// # Panics
/// One differs by more.
pub fn assert_answers(what: &str, backend: &dyn Backend, (name, graph, items): &Case, input: &[f32]) {
    let params = reference::params(graph, &lively_weights(graph));
    let running = reference::forward(graph, &params, &wide(input), *items, false);
    let close = |part: &str, got: &[f32], expected: &[f64]| {
        let difference = relative_difference(got, expected);
        assert!(difference <= 1e-4, "{name}, {what}: {part} differs by {difference}");
    };
    let mut answering = backend.inference(graph, &lively_weights(graph)).expect("fitting weights");
    let logits = answering.forward(input, *items).expect("a forward pass");
    close("inference", &logits, running.outputs.last().expect("an output"));
    let features = answering.features(input, *items).expect("features");
    close("features", &features, &running.outputs[graph.features]);
    let expected = on_cpu(graph).forward(input, *items, TrainingPass::Probe).expect("a forward pass");
    let probed = network(backend, graph).forward(input, *items, TrainingPass::Probe).expect("a forward pass");
    close("probing", &probed, &wide(&expected));
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

/// A few training steps with a tracked average, by SGD (0) or `AdamW` (1).
///
/// # Panics
/// A call is refused.
pub fn train(network: &mut dyn Training, which: usize, steps: std::ops::RangeInclusive<u64>) {
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

/// A convolutional network under SGD and an encoder under `AdamW`, small enough that rounding stays small.
fn trainees() -> [(usize, Graph); 2] {
    [(0, convolutions().swap_remove(1).1), (1, encoder(true, 0.2))]
}

/// Holds three steps of both rules to the CPU backend's.
///
/// # Panics
/// Weights, moments or averages differ.
pub fn assert_steps_move_everything_as_on_the_cpu(what: &str, backend: &dyn Backend) {
    for (which, graph) in trainees() {
        let (mut ours, mut theirs) = (network(backend, &graph), on_cpu(&graph));
        train(&mut *ours, which, 1..=3);
        train(&mut *theirs, which, 1..=3);
        let (ours, theirs) = (ours.state().expect("a state"), theirs.state().expect("a state"));
        // AdamW divides a gradient by its own size, and where a gradient is rounding alone, as that of a key's bias,
        // what is left is rounding too.
        let tolerance = [1e-4, 5e-3][which];
        assert_near(&format!("{what}: weights"), &ours.weights, &theirs.weights, tolerance);
        assert_near(&format!("{what}: momentum"), &ours.momentum, &theirs.momentum, 1e-3);
        assert_near(&format!("{what}: second moment"), &ours.second_moment, &theirs.second_moment, 1e-3);
        let averages = (ours.average.expect("an average"), theirs.average.expect("an average"));
        assert_near(&format!("{what}: average"), &averages.0, &averages.1, tolerance);
    }
}

/// Restores a state on the same backend, whose network then goes on bit for bit, and on the CPU backend and back.
///
/// # Panics
/// A state loses something, or what follows it differs.
pub fn assert_a_state_goes_on_and_moves_both_ways(what: &str, backend: &dyn Backend) {
    for (which, graph) in trainees() {
        let mut whole = network(backend, &graph);
        train(&mut *whole, which, 1..=2);
        let state = whole.state().expect("a state");
        let mut resumed = network(backend, &graph);
        train(&mut *resumed, which, 7..=7);
        resumed.restore(&state).expect("a state of this network");
        let mut moved = on_cpu(&graph);
        moved.restore(&state).expect("a state of this network");
        let there = moved.state().expect("a state");
        assert_eq!(there, state, "{what}: the way to the CPU loses nothing");
        let mut back = network(backend, &graph);
        back.restore(&there).expect("a state of this network");
        assert_eq!(back.state().expect("a state"), state, "{what}: nor does the way back");
        for network in [&mut whole, &mut resumed, &mut moved] {
            train(&mut **network, which, 3..=3);
        }
        let [whole, resumed, moved] = [&whole, &resumed, &moved].map(|n| n.state().expect("a state"));
        assert_eq!(whole, resumed, "{what}");
        assert_near("a step on the other backend", &moved.weights, &whole.weights, 5e-3);
    }
}
