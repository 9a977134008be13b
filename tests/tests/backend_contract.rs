//! What every backend of the table must do alike: refuse the same wrong calls in the same words, add up gradients, and give and take
//! gradients and running statistics in the graph's order.

use std::sync::Arc;

use affekt_engine::backend::{BACKENDS, Backend, BackendError, BackendSpec, Slot, TrainingPass, open};
use affekt_tests::cases::{convolutions, lively_weights, noise};
use affekt_tests::contract::assert_refusals;

/// Every backend that can be opened here; with `REQUIRE_GPU=1` all can.
fn backends() -> Vec<Arc<dyn Backend>> {
    let opened = BACKENDS.iter().filter_map(|entry| {
        let spec = BackendSpec { name: entry.name.into(), ..BackendSpec::default() };
        match open(&spec) {
            Ok(backend) => Some(backend),
            Err(error) => {
                let required = std::env::var_os("REQUIRE_GPU").is_some_and(|v| v == "1");
                assert!(!required, "REQUIRE_GPU=1, but: {error}");
                println!("LEFT OUT: backend `{}`: {error}", entry.name);
                None
            }
        }
    });
    opened.collect()
}

#[test]
fn every_backend_refuses_the_same_wrong_calls_in_the_same_words() {
    let (_, graph, _) = convolutions().swap_remove(0);
    let weights = lively_weights(&graph);
    for backend in backends() {
        assert_refusals(backend.name(), &*backend, &graph, &weights);
    }
}

#[test]
fn flat_gradients_and_statistics_are_in_the_graphs_order_and_can_be_put_back() {
    let (_, graph, items) = convolutions().swap_remove(1);
    let weights = lively_weights(&graph);
    for backend in backends() {
        let name = backend.name();
        let mut network = backend.training(&graph, &weights).expect("fitting weights");
        let flat = |weights: &affekt_engine::net::Weights, trained| -> Vec<f32> {
            let params = graph.params.iter().filter(|p| p.kind.is_trained() == trained);
            params.flat_map(|p| weights.get(&p.name).to_vec()).collect()
        };
        assert!(network.read_statistics().expect("statistics") == flat(&weights, false), "{name}");
        network.forward(&noise(items * graph.input().len(), 1), items, TrainingPass::Train).expect("logits");
        network.backward(&noise(items * graph.output().len(), 2), Slot::First).expect("a gradient");
        let gradient = network.read_gradient(Slot::First).expect("a gradient");
        assert!(gradient == flat(&network.gradient(Slot::First).expect("a gradient"), true), "{name}");
        // Twice the gradient into the other slot: its dot products say that it arrived.
        let twice: Vec<f32> = gradient.iter().map(|g| 2.0 * g).collect();
        network.write_gradient(Slot::Second, &twice).expect("its length");
        assert!(network.read_gradient(Slot::Second).expect("a gradient") == twice, "{name}");
        let [one, both] = [Slot::First, Slot::Second].map(|s| network.dot(Slot::First, s).expect("both"));
        assert!((both / one - 2.0).abs() < 1e-6, "{name}: {one} {both}");
        let statistics: Vec<f32> = network.read_statistics().expect("some").iter().map(|s| s + 1.0).collect();
        network.write_statistics(&statistics).expect("their length");
        let after = network.weights(affekt_engine::backend::WeightSet::Current).expect("weights");
        assert!(flat(&after, false) == statistics, "{name}");
        assert!(flat(&after, true) == flat(&weights, true), "{name}");
    }
}

#[test]
fn a_specification_that_contradicts_itself_is_a_mistake_on_any_machine() {
    let spec = |name: &str| BackendSpec { name: name.into(), ..BackendSpec::default() };
    let half = Some(affekt_engine::backend::ArithmeticChoice::Half);
    let fixed = Some(affekt_engine::backend::ArithmeticChoice::Fixed);
    for spec in [
        spec("gpu"),
        BackendSpec { adapter: Some("0".into()), ..spec("cpu") },
        BackendSpec { arithmetic: half, ..spec("cpu") },
        BackendSpec { arithmetic: fixed, ..spec("wgpu") },
    ] {
        assert!(matches!(open(&spec), Err(BackendError::Spec(_))), "{spec:?}");
    }
}
