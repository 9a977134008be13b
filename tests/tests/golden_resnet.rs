//! Outputs of residual networks equal torchvision's, and torchvision's files load as they are.

use std::path::{Path, PathBuf};

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend as _, Inference, TrainingPass, WeightSet};
use affekt_engine::net::{Depth, Graph, HostTensor, ResNetSpec, Stem, Weights};
use affekt_tests::compare::{assert_close, assert_summaries};
use affekt_tests::golden::{self, Golden, summary};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Relative to the largest logit.
const TOLERANCE: f64 = 1e-4;

fn graph(depth: Depth, size: usize, classes: usize, channels: usize, stem: Stem) -> Graph {
    ResNetSpec { depth, size, channels, classes, width: 1.0, stem }.graph().expect("a valid specification")
}

fn network(graph: &Graph) -> Box<dyn Inference> {
    let backend = CpuBackend::new().expect("a backend");
    backend.inference(graph, &golden::weights(graph)).expect("weights by the graph's own list")
}

fn assert_logits(case: &str, graph: &Graph, items: usize) {
    let input = golden::input(case, items, graph);
    let logits = network(graph).forward(&input, items).expect("a forward pass");
    let expected = Golden::open("resnet.safetensors").numbers(&format!("{case}.logits"));
    assert_close(case, &logits, &expected, TOLERANCE);
}

#[test]
fn resnet18_equals_torchvisions_at_64_pixels() {
    let graph = graph(Depth::ResNet18, 64, 8, 3, Stem::Imagenet);
    assert_logits("resnet18-64", &graph, 2);
}

#[test]
fn resnet34_equals_torchvisions_at_48_pixels() {
    let graph = graph(Depth::ResNet34, 48, 8, 3, Stem::Imagenet);
    assert_logits("resnet34-48", &graph, 2);
}

#[test]
fn resnet50_equals_torchvisions_at_48_pixels() {
    let graph = graph(Depth::ResNet50, 48, 8, 3, Stem::Imagenet);
    assert_logits("resnet50-48", &graph, 2);
}

#[test]
fn a_stem_without_pool_equals_torchvisions_at_an_odd_size() {
    let graph = graph(Depth::ResNet18, 63, 8, 3, Stem::NoPool);
    assert_logits("resnet18-63-no-pool", &graph, 2);
}

#[test]
fn the_small_stem_equals_torchvisions_on_grey_pictures() {
    let graph = graph(Depth::ResNet18, 33, 8, 1, Stem::Small);
    assert_logits("resnet18-33-small-grey", &graph, 2);
}

#[test]
fn pooled_features_equal_torchvisions() {
    let graph = graph(Depth::ResNet18, 64, 8, 3, Stem::Imagenet);
    let input = golden::input("resnet18-64", 2, &graph);
    let features = network(&graph).features(&input, 2).expect("features");
    let expected = Golden::open("resnet.safetensors").numbers("resnet18-64.features");
    assert_close("features", &features, &expected, TOLERANCE);
}

/// On batch statistics: the same logits whether or not anything is kept, and afterwards torchvision's running
/// statistics.
fn assert_batch_statistics(case: &str, graph: &Graph, items: usize) {
    let golden = Golden::open("resnet.safetensors");
    let expected = golden.numbers(&format!("{case}.logits"));
    let input = golden::input(case, items, graph);
    let backend = CpuBackend::new().expect("a backend");
    let mut network = backend.training(graph, &golden::weights(graph)).expect("weights that fit");

    let logits = network.forward(&input, items, TrainingPass::Probe).expect("a probe");
    assert_close(case, &logits, &expected, TOLERANCE);
    let untouched = network.weights(WeightSet::Current).expect("weights");
    assert!(untouched == golden::weights(graph), "{case}: a probe changed weights or running statistics");

    let logits = network.forward(&input, items, TrainingPass::Train).expect("a training pass");
    assert_close(case, &logits, &expected, TOLERANCE);
    let after = network.weights(WeightSet::Current).expect("weights");
    let buffers = graph.params.iter().filter(|p| !p.kind.is_trained());
    let names: Vec<&str> = buffers.map(|p| p.name.as_str()).collect();
    let got: Vec<_> = names.iter().map(|name| summary(name, after.get(name))).collect();
    assert_summaries(case, &names, &got, &golden.summaries(&format!("{case}.running")), 1e-5);
}

#[test]
fn resnet18_equals_torchvisions_on_batch_statistics() {
    let graph = graph(Depth::ResNet18, 64, 8, 3, Stem::Imagenet);
    assert_batch_statistics("resnet18-64-batch-statistics", &graph, 4);
}

#[test]
fn resnet50_equals_torchvisions_on_batch_statistics() {
    let graph = graph(Depth::ResNet50, 48, 8, 3, Stem::Imagenet);
    assert_batch_statistics("resnet50-48-batch-statistics", &graph, 8);
}

/// torchvision's state dict by the committed list: names and shapes, counters included.
fn torchvision_list(depth: &str) -> Vec<(String, Vec<usize>)> {
    let path = golden::folder().join("names").join(format!("{depth}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().expect("a name").to_string();
        (name, words.map(|w| w.parse().expect("an extent")).collect())
    };
    text.lines().map(entry).collect()
}

#[test]
fn parameters_have_torchvisions_names_shapes_and_order() {
    for (name, depth) in
        [("resnet18", Depth::ResNet18), ("resnet34", Depth::ResNet34), ("resnet50", Depth::ResNet50)]
    {
        let mut expected = torchvision_list(name);
        expected.retain(|(name, _)| !name.ends_with("num_batches_tracked"));
        let graph = graph(depth, 224, 1000, 3, Stem::Imagenet);
        let ours: Vec<_> = graph.params.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        assert_eq!(ours, expected, "{name}");
    }
}

/// A file with everything that a saved torchvision state dict has, its integer counters included; without a head
/// where `tensors` has none.
fn torchvision_file(folder: &Path, tensors: &Weights) -> PathBuf {
    let mut stored = vec![];
    for (name, shape) in torchvision_list("resnet50") {
        if let Some(tensor) = tensors.tensors.get(&name) {
            let bytes: Vec<u8> = tensor.data.iter().flat_map(|v| v.to_le_bytes()).collect();
            stored.push((name, Dtype::F32, shape, bytes));
        } else if name.ends_with("num_batches_tracked") {
            stored.push((name, Dtype::I64, shape, 17i64.to_le_bytes().to_vec()));
        }
    }
    let views = stored.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("a tensor"))
    });
    let path = folder.join("resnet50.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).expect("a file")).expect("a temporary file");
    path
}

#[test]
fn a_torchvision_resnet50_file_loads_as_it_is_and_gives_torchvisions_logits() {
    let graph = graph(Depth::ResNet50, 224, 1000, 3, Stem::Imagenet);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = torchvision_file(folder.path(), &golden::weights(&graph));
    let (file, card) = Weights::read(&path).expect("a readable file");
    assert_eq!(card, None);
    let weights = Weights::adapt(file, &graph, "fc", 0).expect("weights that fit");
    let mut network = CpuBackend::new().expect("a backend").inference(&graph, &weights).expect("a network");
    let input = golden::input("resnet50-224", 1, &graph);
    let logits = network.forward(&input, 1).expect("a forward pass");
    let expected = Golden::open("resnet.safetensors").numbers("resnet50-224.logits");
    assert_close("resnet50-224", &logits, &expected, TOLERANCE);
}

#[test]
fn a_torchvision_file_starts_a_network_of_other_classes_with_or_without_its_head() {
    let eight = graph(Depth::ResNet50, 48, 8, 3, Stem::Imagenet);
    let mut stored = golden::weights(&graph(Depth::ResNet50, 224, 1000, 3, Stem::Imagenet));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut heads = vec![];
    for has_head in [true, false] {
        if !has_head {
            stored.tensors.retain(|name, _| !name.starts_with("fc."));
        }
        let (file, _) = Weights::read(&torchvision_file(folder.path(), &stored)).expect("a readable file");
        let adapted = Weights::adapt(file, &eight, "fc", 3).expect("weights that fit");
        for spec in eight.params.iter().filter(|p| !p.name.starts_with("fc.")) {
            assert!(adapted.get(&spec.name) == stored.get(&spec.name), "{} was not taken over", spec.name);
        }
        heads.push(adapted.tensors["fc.weight"].clone());
    }
    assert_eq!(heads[0].shape, [8, 2048]);
    assert!(heads[0] == heads[1], "the fresh head depends on the file");
    assert!(heads[0].data.iter().any(|&v| v != 0.0), "the fresh head is zero");
}

#[test]
fn a_file_that_lacks_more_than_its_head_is_refused_with_every_name() {
    let graph = graph(Depth::ResNet18, 64, 8, 3, Stem::Imagenet);
    let mut weights = golden::weights(&graph);
    weights.tensors.remove("layer1.0.conv1.weight");
    weights.tensors.remove("bn1.running_var");
    weights.tensors.insert("layer9.weight".into(), HostTensor { shape: vec![1], data: vec![0.0] });
    weights.tensors.get_mut("conv1.weight").expect("present").shape.reverse();
    let message = Weights::adapt(weights, &graph, "fc", 0).expect_err("a misfit").to_string();
    for part in ["layer1.0.conv1.weight", "bn1.running_var", "extra layer9.weight", "conv1.weight has shape"]
    {
        assert!(message.contains(part), "{part} is not named in: {message}");
    }
}
