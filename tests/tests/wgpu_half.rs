//! Inference of the wgpu backend in 16-bit floats against the `f64` reference, where the adapter has them.

use affekt_engine::backend::BackendInfo as _;
use affekt_engine::backend::wgpu::WgpuBackend;
use affekt_engine::backend::{Backend as _, Slot, TrainingPass};
use affekt_engine::net::{Graph, GraphBuilder, Shape, Weights};
use affekt_tests::cases::{convolutions, lively_weights, noise, wide};
use affekt_tests::gpu::{backends, half};
use affekt_tests::{reference, relative_difference};

fn infer(backend: &WgpuBackend, graph: &Graph, weights: &Weights, input: &[f32], items: usize) -> Vec<f32> {
    let mut network = backend.inference(graph, weights).expect("fitting weights");
    network.forward(input, items).expect("a forward pass")
}

#[test]
fn logits_and_features_are_the_references_to_a_few_thousandths() {
    let Some(half) = half() else { return };
    assert!(half.describe().contains("16-bit floats"), "{}", half.describe());
    assert_eq!([half.arithmetic(), backends()[0].1.arithmetic()], ["half", "single"]);
    let mut others = 0;
    for (name, graph, items) in convolutions() {
        let weights = lively_weights(&graph);
        let input = noise(items * graph.input().len(), 5);
        let params = reference::params(&graph, &weights);
        let pass = reference::forward(&graph, &params, &wide(&input), items, false);
        let mut network = half.inference(&graph, &weights).expect("fitting weights");
        let close = |what: &str, got: &[f32], expected: &[f64]| {
            let difference = relative_difference(got, expected);
            assert!(difference <= 1e-2, "{name}: {what} differ by {difference}");
        };
        let logits = network.forward(&input, items).expect("a forward pass");
        close("logits", &logits, pass.outputs.last().expect("an output"));
        let features = network.features(&input, items).expect("features");
        close("features", &features, &pass.outputs[graph.features]);
        let (_, single) = &backends()[0];
        others += usize::from(logits != infer(single, &graph, &weights, &input, items));
    }
    assert!(others >= 8, "only {others} networks were computed in another arithmetic");
}

#[test]
fn training_takes_no_part_in_it() {
    let Some(half) = half() else { return };
    let (_, graph, items) = convolutions().swap_remove(4);
    let weights = lively_weights(&graph);
    let input = noise(items * graph.input().len(), 5);
    let [(single, wanted), (in_half, got)] = [&backends()[0].1, half].map(|backend| {
        let mut network = backend.training(&graph, &weights).expect("fitting weights");
        let logits = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
        network.backward(&noise(logits.len(), 4), Slot::First).expect("a backward pass");
        (logits, network.gradient(Slot::First).expect("a gradient"))
    });
    assert!(relative_difference(&in_half, &wide(&single)) <= 1e-5);
    for (name, tensor) in &wanted.tensors {
        let difference = relative_difference(got.get(name), &wide(&tensor.data));
        assert!(difference <= 1e-4, "{name} differs by {difference}");
    }
}

/// A convolution whose every output is an output of the network.
fn convolution() -> (Graph, Weights) {
    let mut g = GraphBuilder::new(Shape { h: 5, w: 6, c: 8 });
    let x = g.conv("a", 0, 12, 1, 1, 0).expect("it fits");
    let x = g.batch_norm("n", x);
    let graph = g.finish(x);
    let mut weights = Weights::initial(&graph, 3);
    weights.tensors.get_mut("a.weight").expect("a weight").data.fill(0.25);
    (graph, weights)
}

#[test]
fn values_past_the_largest_are_cut_and_what_is_not_a_number_stays_so() {
    let Some(half) = half() else { return };
    let (graph, mut weights) = convolution();
    let mut input = vec![0.0; graph.input().len()];
    input[8 * 3] = 1e9;
    input[8 * 4] = f32::NAN;
    let out = infer(half, &graph, &weights, &input, 1);
    for (pixel, values) in out.chunks_exact(12).enumerate() {
        let right = |v: &f32| match pixel {
            3 => (v / (0.25 * 65504.0) - 1.0).abs() < 1e-2,
            4 => v.is_nan(),
            _ => v.abs() < 1e-6,
        };
        assert!(values.iter().all(right), "pixel {pixel}: {values:?}");
    }
    // A weight too.
    weights.tensors.get_mut("a.weight").expect("a weight").data[2 * 8] = -1e9;
    input.fill(0.0);
    input[0] = 0.5;
    let out = infer(half, &graph, &weights, &input, 1);
    assert!((out[2] / (-0.5 * 65504.0) - 1.0).abs() < 1e-2, "{}", out[2]);
}
