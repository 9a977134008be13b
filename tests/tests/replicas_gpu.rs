//! Replicas of a network on a GPU: each normalises its own part of a batch, and they learn what replicas on the processor learn.

use std::sync::Arc;

use affekt_engine::backend::{
    Backend, BackendSpec, BatchNorm, Slot, TrainingPass, UpdateRule, open_replicated,
};
use affekt_engine::net::{Graph, Weights};
use affekt_tests::cases::{convolutions, noise};
use affekt_tests::gpu::backends;
use affekt_tests::relative_difference;

const ITEMS: usize = 8;

/// Convolutions with batch normalisation, a sum, rectifiers and a classifier.
fn graph() -> Graph {
    convolutions().swap_remove(1).1
}

fn two_replicas(name: &str, batch_norm: BatchNorm) -> Arc<dyn Backend> {
    let spec = BackendSpec { name: name.into(), ..BackendSpec::default() };
    open_replicated(&spec, (2, batch_norm), None).expect("it is there")
}

/// The logits of some steps, and the running statistics after them.
fn course(backend: &dyn Backend) -> (Vec<f32>, Vec<f32>) {
    let graph = graph();
    let mut network = backend.training(&graph, &Weights::initial(&graph, 4)).expect("a network");
    let mut all = vec![];
    for step in 0..4 {
        let batch = noise(ITEMS * graph.input().len(), step);
        let logits = network.forward(&batch, ITEMS, TrainingPass::Train).expect("a pass");
        let d_logits: Vec<f32> = logits.iter().map(|logit| 0.1 * logit).collect();
        network.backward(&d_logits, Slot::First).expect("a pass before");
        let rule = UpdateRule::Sgd { learning_rate: 0.05, momentum: 0.9, weight_decay: 1e-4, scale: 1.0 };
        network.update(Slot::First, &rule).expect("a gradient");
        all.extend(logits);
    }
    (all, network.read_statistics().expect("some"))
}

fn difference(got: &[f32], expected: &[f32]) -> f64 {
    relative_difference(got, &expected.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>())
}

#[test]
fn replicas_on_a_gpu_learn_what_those_on_the_processor_learn() {
    if backends().is_empty() {
        return;
    }
    let (gpu, processor) = ("wgpu", "cpu");
    let on_gpu = course(&*two_replicas(gpu, BatchNorm::Local));
    let on_processor = course(&*two_replicas(processor, BatchNorm::Local));
    let off = [difference(&on_processor.0, &on_gpu.0), difference(&on_processor.1, &on_gpu.1)];
    assert!(off.iter().all(|off| *off < 1e-3), "{off:?}");
    // The whole batch's statistics are others than each part's.
    let whole = course(&*two_replicas(processor, BatchNorm::Sync));
    assert!(difference(&whole.0, &on_processor.0) > 1e-3);
}

#[test]
fn statistics_over_the_whole_batch_are_refused_where_a_backend_has_none() {
    if backends().is_empty() {
        return;
    }
    let graph = graph();
    let made = two_replicas("wgpu", BatchNorm::Sync).training(&graph, &Weights::initial(&graph, 4));
    let error = made.err().expect("it cannot").to_string();
    assert!(error.contains("--batch-norm local"), "{error}");
}
