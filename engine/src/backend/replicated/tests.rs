#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use super::testing::together;
use crate::backend::{
    BackendError, BackendSpec, BatchNorm, Link, NetworkState, Slot, Training, TrainingPass, UpdateRule, open,
    open_replicated,
};
use crate::net::{Depth, Graph, ResNetSpec, Stem, TemporalSpec, Weights};
use crate::random::{Address, Purpose};

const CLASSES: usize = 5;
/// Divides by 1, 2, 3, 4 and 6.
const ITEMS: usize = 12;

fn resnet() -> Graph {
    let depth = Depth::ResNet18;
    ResNetSpec { depth, size: 32, channels: 1, classes: CLASSES, width: 0.125, stem: Stem::Small }
        .graph()
        .unwrap()
}

fn encoder() -> Graph {
    let spec = TemporalSpec {
        features: 6,
        classes: CLASSES,
        frames: 8,
        width: 16,
        layers: 1,
        heads: 2,
        feed_forward: 16,
        dropout: 0.2,
        causal: false,
        residual: false,
    };
    spec.graph().unwrap()
}

fn values(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = Address { seed, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
    (0..len).map(|_| rng.normal()).collect()
}

fn spec() -> BackendSpec {
    BackendSpec { threads: 2, ..BackendSpec::default() }
}

/// A few steps of a network: logits, gradients and dot products by step, and the state in the end.
#[derive(Debug, PartialEq)]
struct Course {
    logits: Vec<Vec<f32>>,
    statistics: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    dots: Vec<f64>,
    state: NetworkState,
}

fn course(graph: &Graph, network: &mut dyn Training) -> Course {
    let (mut logits, mut statistics, mut gradients, mut dots) = (vec![], vec![], vec![], vec![]);
    let input = graph.input().len();
    for step in 0..3 {
        network.set_dropout_seed(step);
        let batch = values(step, ITEMS * input);
        logits.push(network.forward(&batch, ITEMS, TrainingPass::Probe).unwrap());
        let out = network.forward(&batch, ITEMS, TrainingPass::Train).unwrap();
        statistics.push(network.read_statistics().unwrap());
        let d_logits: Vec<f32> =
            out.iter().zip(values(step + 9, out.len())).map(|(l, v)| 0.1 * (l + v)).collect();
        network.backward(&d_logits, Slot::First).unwrap();
        gradients.push(network.read_gradient(Slot::First).unwrap());
        dots.push(network.dot(Slot::First, Slot::First).unwrap());
        let rule = UpdateRule::Sgd { learning_rate: 0.05, momentum: 0.9, weight_decay: 1e-4, scale: 1.0 };
        network.update(Slot::First, &rule).unwrap();
        network.track_average(0.9).unwrap();
        logits.push(out);
    }
    Course { logits, statistics, gradients, dots, state: network.state().unwrap() }
}

/// The course of so many replicas in this process of a link.
fn replicated(graph: &Graph, replicas: usize, batch_norm: BatchNorm, link: Option<Arc<dyn Link>>) -> Course {
    let backend = open_replicated(&spec(), (replicas, batch_norm), link).unwrap();
    let mut network = backend.training(graph, &Weights::initial(graph, 3)).unwrap();
    course(graph, network.as_mut())
}

fn single(graph: &Graph) -> Course {
    let mut network = open(&spec()).unwrap().training(graph, &Weights::initial(graph, 3)).unwrap();
    course(graph, network.as_mut())
}

/// Largest difference, over the largest value.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    a.iter().zip(b).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

#[test]
fn the_number_of_processes_changes_no_bit() {
    for (graph, batch_norm) in
        [(resnet(), BatchNorm::Sync), (resnet(), BatchNorm::Local), (encoder(), BatchNorm::Sync)]
    {
        let alone = replicated(&graph, 6, batch_norm, None);
        for processes in [2, 3, 6] {
            for course in together(processes, |link| replicated(&graph, 6, batch_norm, Some(link))) {
                assert!(course == alone, "{processes} processes, {batch_norm:?}");
            }
        }
    }
}

#[test]
fn replicas_learn_what_one_network_learns_from_the_whole_batch() {
    let graph = resnet();
    let whole = single(&graph);
    for replicas in [2, 3, 4] {
        let course = replicated(&graph, replicas, BatchNorm::Sync, None);
        // Of the first step, before differences of the last digit grow.
        assert!(difference(&whole.logits[0], &course.logits[0]) < 1e-5);
        assert!(difference(&whole.gradients[0], &course.gradients[0]) < 1e-4);
        assert!((whole.dots[0] - course.dots[0]).abs() < 1e-4 * whole.dots[0]);
        assert!(difference(&whole.statistics[0], &course.statistics[0]) < 1e-4);
    }
}

#[test]
fn statistics_of_each_part_are_others_than_those_of_the_whole_batch_and_run_as_their_mean() {
    let graph = resnet();
    let (whole, local) = (single(&graph), replicated(&graph, 4, BatchNorm::Local, None));
    assert!(difference(&whole.logits[0], &local.logits[0]) > 1e-3);
    // The first layer sees the same values everywhere, and a mean over parts of equal size is that over the whole.
    let channels = graph.params.iter().find(|param| param.name == "bn1.running_mean").unwrap().len();
    assert!(difference(&whole.statistics[0][..channels], &local.statistics[0][..channels]) < 1e-4);
}

#[test]
fn a_state_moves_from_one_network_to_replicas_and_back() {
    let graph = resnet();
    let whole = single(&graph);
    let backend = open_replicated(&spec(), (3, BatchNorm::Sync), None).unwrap();
    let mut network = backend.training(&graph, &Weights::initial(&graph, 8)).unwrap();
    network.restore(&whole.state).unwrap();
    assert_eq!(network.state().unwrap(), whole.state);
}

#[test]
fn a_batch_that_cannot_be_shared_out_is_refused() {
    let graph = encoder();
    let backend = open_replicated(&spec(), (5, BatchNorm::Sync), None).unwrap();
    let mut network = backend.training(&graph, &Weights::initial(&graph, 3)).unwrap();
    let batch = values(1, ITEMS * graph.input().len());
    let error = network.forward(&batch, ITEMS, TrainingPass::Train).unwrap_err();
    assert!(matches!(error, BackendError::Spec(_)));
    let error = error.to_string();
    assert!(error.contains("12 items") && error.contains("5 replicas"), "{error}");
}
