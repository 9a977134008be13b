//! A network's outputs and gradients against the `f64` reference.

use affekt_engine::backend::{Slot, Training, TrainingPass};

use crate::cases::{Case, lively_weights, noise, wide};
use crate::{reference, relative_difference};

/// The dropout seed that [`assert_agrees`] sets.
pub const SEED: u64 = 0x5EED_0000_0000_0007;

/// Compares a training pass of a case, over the inputs that `input` makes of an item's number, with the reference:
/// the output and every gradient.
///
/// A rectifier whose input is within rounding of zero may open here and not there, which moves every gradient before it
/// by much. So each case has three inputs, of which one must agree closely.
///
/// # Panics
/// An output differs by more than 1e-4 with any input, or a gradient by more than 2e-4 with each, or more than a half with one.
pub fn assert_agrees(
    what: &str,
    case: &Case,
    input: impl Fn(u64) -> Vec<f32>,
    network: impl Fn() -> Box<dyn Training>,
) {
    let mut closest = (f64::NAN, String::new());
    for item in [3, 4, 6] {
        let found = difference(what, case, &input(item), network().as_mut());
        assert!(found.0 <= 0.5, "{}, {what}: {} differs by {}", case.0, found.1, found.0);
        if closest.0.is_nan() || found.0 < closest.0 {
            closest = found;
        }
        if closest.0 <= 2e-4 {
            return;
        }
    }
    panic!("{}, {what}: {} differs by {} at best", case.0, closest.1, closest.0);
}

/// The worst difference of the gradients, and whose it is; the output, which such a rectifier hardly moves, must agree.
fn difference(
    what: &str,
    (name, graph, items): &Case,
    input: &[f32],
    network: &mut dyn Training,
) -> (f64, String) {
    let params = reference::params(graph, &lively_weights(graph));
    let d_output = noise(items * graph.output().len(), 4);
    let pass = reference::forward_with_dropout(graph, &params, &wide(input), *items, Some(SEED));
    let gradients = reference::backward(graph, &params, &pass, *items, &wide(&d_output));
    network.set_dropout_seed(SEED);
    let logits = network.forward(input, *items, TrainingPass::Train).expect("a forward pass");
    let output = relative_difference(&logits, pass.outputs.last().expect("an output"));
    assert!(output <= 1e-4, "{name}, {what}: the output differs by {output}");
    let mut worst = (0.0, "no gradient".to_owned());
    network.backward(&d_output, Slot::Second).expect("a backward pass");
    let got = network.gradient(Slot::Second).expect("a gradient");
    for (spec, expected) in graph.params.iter().zip(&gradients).filter(|(s, _)| s.kind.is_trained()) {
        let difference = relative_difference(got.get(&spec.name), expected);
        // A NaN is worse than anything.
        if difference.is_nan() || difference > worst.0 {
            worst = (difference, spec.name.clone());
        }
    }
    worst
}
