//! The dfdx backend on the processor against the `f64` reference and the CPU backend: every operation forward and backward at odd
//! sizes, whole networks, updates, averages and states. Built with the feature `dfdx` only.
#![cfg(feature = "dfdx")]

use std::sync::Arc;

use affekt_engine::backend::dfdx::on_processor;
use affekt_engine::backend::{Backend, BackendError, Slot, TrainingPass, WeightSet};
use affekt_engine::net::{Depth, GraphBuilder, ResNetSpec, Shape, Stem, Weights};
use affekt_tests::agreement::assert_agrees;
use affekt_tests::cases::{Case, clips, convolutions, encoders, lively_weights, noise, pooled};
use affekt_tests::learner::{
    assert_a_state_goes_on_and_moves_both_ways, assert_answers, assert_steps_move_everything_as_on_the_cpu,
    network, train,
};

fn backend() -> Arc<dyn Backend> {
    on_processor(2, true).expect("the processor is always there")
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
    for (case, input) in cases(5) {
        assert_answers("dfdx", &*backend, &case, &input);
        let mut network = network(&*backend, &case.1);
        network.forward(&input, case.2, TrainingPass::Probe).expect("a forward pass");
        assert_eq!(
            network.weights(WeightSet::Current).expect("weights"),
            lively_weights(&case.1),
            "{}",
            case.0
        );
    }
}

#[test]
fn training_steps_move_everything_as_the_cpu_backend_does() {
    assert_steps_move_everything_as_on_the_cpu("dfdx", &*backend());
}

#[test]
fn a_restored_network_goes_on_bit_identically_and_a_state_moves_both_ways() {
    assert_a_state_goes_on_and_moves_both_ways("dfdx", &*backend());
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
