//! Wrong calls, and the words in which any backend refuses them; and that a gradient is added to another.

use affekt_engine::backend::{
    Backend, BackendError, NetworkState, Slot, TrainingPass, UpdateRule, WeightSet,
};
use affekt_engine::net::{Graph, Weights};

use crate::relative_difference;

const NO_GRADIENT: &str = "this slot holds no gradient yet";
const NO_PASS: &str = "backward needs a forward pass in TrainingPass::Train just before it";

#[track_caller]
fn refused<T>(name: &str, result: Result<T, BackendError>, words: &str) {
    let Err(error) = result else { panic!("{name} takes a call that should be refused with: {words}") };
    assert_eq!(error.to_string(), words, "{name}");
}

/// Makes every wrong call that the contract names.
///
/// # Panics
/// One is taken, or refused in other words.
pub fn assert_refusals(name: &str, backend: &dyn Backend, graph: &Graph, weights: &Weights) {
    let (input, output) = (graph.input(), graph.output());
    let length = |what: &str, expected: usize, shape: &str, got: usize| {
        format!("{what}: expected {expected} values ({shape}), got {got}")
    };
    let item = vec![0.5; input.len()];

    let mut answering = backend.inference(graph, weights).expect("fitting weights");
    let two = length("network input", 2 * input.len(), &format!("2 items of {input}"), input.len());
    let none = length("network input", 0, &format!("0 items of {input}"), 0);
    refused(name, answering.forward(&item, 2), &two);
    refused(name, answering.forward(&[], 0), &none);
    refused(name, answering.features(&item, 2), &two);

    let mut network = backend.training(graph, weights).expect("fitting weights");
    let rule = UpdateRule::Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0, scale: 1.0 };
    refused(name, network.forward(&item, 2, TrainingPass::Train), &two);
    refused(name, network.forward(&[], 0, TrainingPass::Probe), &none);
    refused(name, network.backward(&vec![0.0; output.len()], Slot::First), NO_PASS);
    refused(name, network.accumulate(&vec![0.0; output.len()], Slot::First), NO_GRADIENT);
    refused(name, network.dot(Slot::First, Slot::Second), NO_GRADIENT);
    refused(name, network.update(Slot::First, &rule), NO_GRADIENT);
    refused(name, network.gradient(Slot::First), NO_GRADIENT);
    refused(name, network.read_gradient(Slot::First), NO_GRADIENT);
    refused(name, network.weights(WeightSet::Ema), "no moving average is tracked");
    let len = graph.trained_values();
    let flat = length("gradient", len, "the graph's trained parameters", len + 1);
    refused(name, network.write_gradient(Slot::First, &vec![0.0; len + 1]), &flat);
    assert!(network.write_statistics(&[0.0; 3]).is_err(), "{name}");

    // A probe keeps nothing, a backward pass uses up what was kept, and a wrong length does too.
    network.forward(&item, 1, TrainingPass::Probe).expect("a probe");
    refused(name, network.backward(&vec![0.0; output.len()], Slot::First), NO_PASS);
    network.forward(&item.repeat(2), 2, TrainingPass::Train).expect("a pass");
    let long = length("gradient of logits", 2 * output.len(), &format!("2 items of {output}"), 1);
    refused(name, network.backward(&[0.0], Slot::First), &long);
    network.forward(&item.repeat(2), 2, TrainingPass::Train).expect("a pass");
    network.backward(&vec![0.1; 2 * output.len()], Slot::First).expect("a gradient");
    refused(name, network.backward(&vec![0.1; 2 * output.len()], Slot::First), NO_PASS);
    refused(name, network.accumulate(&vec![0.1; 2 * output.len()], Slot::First), NO_PASS);
    network.reserve(3).expect("room for three items");
    let once = network.read_gradient(Slot::First).expect("a gradient");
    network.forward(&item.repeat(2), 2, TrainingPass::Train).expect("a pass");
    network.accumulate(&vec![0.1; 2 * output.len()], Slot::First).expect("a second gradient");
    let twice: Vec<f64> = once.iter().map(|value| 2.0 * f64::from(*value)).collect();
    let sum = network.read_gradient(Slot::First).expect("a gradient");
    let difference = relative_difference(&sum, &twice);
    assert!(difference <= 1e-6, "{name}: the sum of two equal gradients differs by {difference}");
    refused(name, network.dot(Slot::First, Slot::Second), NO_GRADIENT);

    // A state that does not fit changes nothing; one that does empties the slots.
    let before = network.state().expect("a state");
    let mut misfit = NetworkState { weights: weights.clone(), ..NetworkState::default() };
    misfit.weights.tensors.pop_first();
    assert!(network.restore(&misfit).is_err() && backend.training(graph, &misfit.weights).is_err(), "{name}");
    assert!(backend.inference(graph, &misfit.weights).is_err(), "{name}");
    let misfit = NetworkState { momentum: misfit.weights, ..before.clone() };
    assert!(network.restore(&misfit).is_err(), "{name}");
    assert!(network.state().expect("a state") == before, "{name}: a refused state changed something");
    network.track_average(0.5).expect("an average");
    assert!(network.weights(WeightSet::Ema).is_ok(), "{name}");
    network.restore(&before).expect("it fits");
    refused(name, network.dot(Slot::First, Slot::First), NO_GRADIENT);
    refused(name, network.weights(WeightSet::Ema), "no moving average is tracked");
}
