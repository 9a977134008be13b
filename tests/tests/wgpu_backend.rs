//! The wgpu backend against the `f64` reference and the CPU backend: every operation forward and backward at odd sizes,
//! whole networks, updates, averages and checkpoints.
//!
//! Without an adapter these tests say loudly that they were left out; with `REQUIRE_GPU=1` they fail instead.

use affekt_engine::backend::wgpu::{WgpuBackend, WgpuOptions};
use affekt_engine::backend::{Backend, Inference, Slot, TrainingPass, WeightSet};
use affekt_engine::net::{Graph, GraphBuilder, Shape};
use affekt_tests::agreement::assert_agrees;
use affekt_tests::cases::{Case, clips, convolutions, encoders, lively_weights, noise, pooled};
use affekt_tests::gpu::backends;
use affekt_tests::learner::{
    self, assert_a_state_goes_on_and_moves_both_ways, assert_answers,
    assert_steps_move_everything_as_on_the_cpu, network,
};

fn answering(backend: &dyn Backend, graph: &Graph) -> Box<dyn Inference> {
    backend.inference(graph, &lively_weights(graph)).expect("fitting weights")
}

/// Every case with an input for it.
fn cases(item: u64) -> Vec<(Case, Vec<f32>)> {
    let faces = convolutions().into_iter().chain([pooled()]);
    let faces = faces.map(|case| {
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
    for (kernels, backend) in backends() {
        let weighted = |graph: &Graph| network(backend, graph);
        for case in convolutions().iter().chain([&pooled()]) {
            let input = |item| noise(case.2 * case.1.input().len(), item);
            assert_agrees(kernels, case, input, || weighted(&case.1));
        }
        for case in &encoders() {
            assert_agrees(kernels, case, |item| clips(&case.1, case.2, item), || weighted(&case.1));
        }
    }
}

#[test]
fn inference_probing_and_features_agree_with_the_reference() {
    for (kernels, backend) in backends() {
        for (case, input) in cases(5) {
            assert_answers(kernels, backend, &case, &input);
        }
    }
}

#[test]
fn training_steps_move_everything_as_the_cpu_backend_does() {
    for (kernels, backend) in backends() {
        assert_steps_move_everything_as_on_the_cpu(kernels, backend);
    }
}

#[test]
fn a_restored_network_goes_on_bit_identically_and_a_state_moves_between_backends() {
    for (kernels, backend) in backends() {
        assert_a_state_goes_on_and_moves_both_ways(kernels, backend);
    }
}

#[test]
fn dot_products_are_those_of_the_gradients() {
    for (kernels, backend) in backends() {
        let graph = convolutions().swap_remove(7).1;
        let mut network = network(backend, &graph);
        for (slot, item) in [(Slot::First, 1), (Slot::Second, 2)] {
            network
                .forward(&noise(2 * graph.input().len(), item), 2, TrainingPass::Train)
                .expect("a forward pass");
            network.backward(&noise(10, item + 10), slot).expect("a backward pass");
        }
        let gradients = [Slot::First, Slot::Second].map(|s| network.gradient(s).expect("a gradient"));
        for (a, b) in [(0, 1), (0, 0), (1, 0)] {
            let pairs = gradients[a].tensors.iter().flat_map(|(n, t)| t.data.iter().zip(gradients[b].get(n)));
            let (mut sum, mut size) = (0.0f64, 0.0f64);
            for (x, y) in pairs {
                sum += f64::from(*x) * f64::from(*y);
                size += (f64::from(*x) * f64::from(*y)).abs();
            }
            let slots = [Slot::First, Slot::Second];
            let got = network.dot(slots[a], slots[b]).expect("two gradients");
            assert!((got - sum).abs() <= 1e-6 * size, "{kernels}: {got} vs {sum}");
        }
    }
}

#[test]
fn a_nan_shows_and_leaves_the_running_statistics_alone() {
    for (kernels, backend) in backends() {
        let (_, graph, items) = convolutions().swap_remove(1);
        let mut network = network(backend, &graph);
        let before = network.weights(WeightSet::Current).expect("weights");
        let mut input = noise(items * graph.input().len(), 8);
        input[17] = f32::NAN;
        let logits = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
        assert!(logits.iter().any(|v| v.is_nan()), "{kernels}: no rectifier or pool may swallow it");
        assert_eq!(network.weights(WeightSet::Current).expect("weights"), before);
        let (_, graph, items) = pooled();
        let mut network = learner::network(backend, &graph);
        let mut input = noise(items * graph.input().len(), 8);
        input[17] = f32::NAN;
        let trained = network.forward(&input, items, TrainingPass::Train).expect("a forward pass");
        let inferred = answering(backend, &graph).forward(&input, items).expect("a forward pass");
        for logits in [trained, inferred] {
            assert!(logits.iter().any(|v| v.is_nan()), "{kernels}");
        }
    }
}

#[test]
fn other_numbers_of_items_between_passes_change_nothing() {
    for (kernels, backend) in backends() {
        let graph = convolutions().swap_remove(7).1;
        let input = noise(9 * graph.input().len(), 3);
        let part = |items: usize| &input[..items * graph.input().len()];
        let mut network = answering(backend, &graph);
        let first = network.forward(part(2), 2).expect("a forward pass");
        let many = network.forward(part(9), 9).expect("a forward pass");
        assert_eq!(first[..5], many[..5], "{kernels}: an item does not depend on its neighbours");
        assert_eq!(network.forward(part(2), 2).expect("a forward pass"), first, "{kernels}");
        let mut plain = learner::network(backend, &graph);
        let mut mixed = learner::network(backend, &graph);
        mixed.forward(part(9), 9, TrainingPass::Probe).expect("a forward pass");
        mixed.forward(part(3), 3, TrainingPass::Probe).expect("a forward pass");
        let [plain, mixed] = [&mut plain, &mut mixed].map(|network| {
            let logits = network.forward(part(5), 5, TrainingPass::Train).expect("a forward pass");
            network.backward(&noise(25, 1), Slot::First).expect("a backward pass");
            (logits, network.read_gradient(Slot::First).expect("a gradient"))
        });
        assert_eq!(mixed, plain, "{kernels}");
    }
}

/// Large pictures of which little is read, with WebGPU's default limits: the number that the error names is the largest
/// that works.
#[test]
fn a_training_batch_too_large_for_the_adapter_is_refused_with_the_largest_that_is_not() {
    for (kernels, backend) in backends().iter().take(1) {
        let mut g = GraphBuilder::new(Shape { h: 512, w: 512, c: 8 });
        let x = g.conv("a", 0, 4, 1, 16, 0).expect("it fits");
        let x = g.batch_norm("n", x);
        let x = g.global_average_pool(x);
        g.linear("fc", x, 2);
        let graph = g.finish(x);
        let mut network = network(backend, &graph);
        let many = (backend.chosen_adapter().binding_mib / 8) as usize + 1;
        let input = vec![0.0; many * graph.input().len()];
        let error =
            network.forward(&input, many, TrainingPass::Train).expect_err("more than a binding").to_string();
        let (_, rest) = error.split_once("at most ").expect("a limit");
        let most: usize = rest.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
        assert!((1..many).contains(&most), "{kernels}: {error}");
        let mut pass =
            |items| network.forward(&input[..items * graph.input().len()], items, TrainingPass::Train);
        assert!(pass(most + 1).is_err(), "{kernels}: {error}");
        assert_eq!(pass(most).expect("it fits").len(), 2 * most);
        network.backward(&noise(2 * most, 2), Slot::First).expect("a backward pass");
    }
}

#[test]
fn kernels_are_kept_from_device_to_device_and_a_damaged_file_is_not_used() {
    if backends().is_empty() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // A folder that is not there yet.
    let kept = folder.path().join("cache");
    let logits = || {
        let options = WgpuOptions { kernel_cache: Some(kept.clone()), ..WgpuOptions::default() };
        let backend = WgpuBackend::open(&options).expect("an adapter");
        let (_, graph, items) = pooled();
        let input = noise(items * graph.input().len(), 1);
        answering(&backend, &graph).forward(&input, items).expect("a forward pass")
    };
    let first = logits();
    if !backends()[0].1.chosen_adapter().features.contains(&"pipeline cache") {
        println!("LEFT OUT: compiled kernels on disk, which this adapter's driver does not hand out");
        return;
    }
    let files: Vec<_> =
        std::fs::read_dir(&kept).expect("a folder").map(|f| f.expect("a file").path()).collect();
    let [file] = files.as_slice() else { panic!("one file: {files:?}") };
    assert_eq!(logits(), first);
    let whole = std::fs::read(file).expect("the file");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0x55;
    std::fs::write(file, &damaged).expect("written");
    assert_eq!(logits(), first);
    assert_ne!(std::fs::read(file).expect("the file"), damaged, "a whole file takes its place");
}

#[test]
fn an_adapter_that_is_not_there_is_an_error_that_lists_those_that_are() {
    if backends().is_empty() {
        return;
    }
    let options = WgpuOptions { adapter: Some("no such adapter".into()), ..WgpuOptions::default() };
    let error = WgpuBackend::open(&options).expect_err("no adapter of that name").to_string();
    assert!(error.contains("`no such adapter`") && error.contains("0 "), "{error}");
}
