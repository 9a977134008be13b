#![allow(clippy::unwrap_used, reason = "tests")]

use crate::backend::replicated::testing::together;
use crate::backend::{
    BackendError, BackendSpec, BatchNorm, Slot, Training, TrainingPass, UpdateRule, open, open_replicated,
    slice_sizes, sliced,
};
use crate::net::{Depth, Graph, ResNetSpec, Stem, TemporalSpec, Weights};
use crate::random::{Address, Purpose};

const CLASSES: usize = 5;
const ITEMS: usize = 12;

fn resnet() -> Graph {
    let depth = Depth::ResNet18;
    ResNetSpec { depth, size: 32, channels: 1, classes: CLASSES, width: 0.125, stem: Stem::Small }
        .graph()
        .unwrap()
}

/// Normalises each position by itself.
fn encoder(dropout: f32) -> Graph {
    TemporalSpec {
        frames: 8,
        width: 16,
        layers: 1,
        heads: 2,
        feed_forward: 16,
        dropout,
        ..TemporalSpec::new(6, CLASSES)
    }
    .graph()
    .unwrap()
}

fn values(seed: u64, len: usize) -> Vec<f32> {
    let mut rng = Address { seed, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
    (0..len).map(|_| rng.normal()).collect()
}

fn network(graph: &Graph) -> Box<dyn Training> {
    let spec = BackendSpec { threads: 2, ..BackendSpec::default() };
    open(&spec).unwrap().training(graph, &Weights::initial(graph, 3)).unwrap()
}

fn cut(graph: &Graph, most: usize) -> Box<dyn Training> {
    sliced(network(graph), most).unwrap()
}

/// What two steps leave: logits of the first, its gradient, how it stands to a second one, and the running statistics.
#[derive(Debug, PartialEq)]
struct Course {
    logits: Vec<f32>,
    gradient: Vec<f32>,
    dot: f64,
    statistics: Vec<f32>,
}

/// An update between two gradients, as the student's step and the test of it are.
fn course(network: &mut dyn Training, input: &[f32], d_logits: &[f32]) -> Course {
    let logits = network.forward(input, ITEMS, TrainingPass::Train).unwrap();
    network.backward(d_logits, Slot::First).unwrap();
    let (gradient, statistics) =
        (network.read_gradient(Slot::First).unwrap(), network.read_statistics().unwrap());
    let rule = UpdateRule::Sgd { learning_rate: 0.05, momentum: 0.9, weight_decay: 1e-4, scale: 1.0 };
    network.update(Slot::First, &rule).unwrap();
    network.forward(input, ITEMS, TrainingPass::Train).unwrap();
    network.backward(d_logits, Slot::Second).unwrap();
    let dot = network.dot(Slot::First, Slot::Second).unwrap();
    Course { logits, gradient, dot, statistics }
}

/// Largest difference, over the largest value.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    a.iter().zip(b).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

fn assert_close(whole: &Course, slices: &Course) {
    assert!(difference(&whole.logits, &slices.logits) < 1e-5);
    assert!(difference(&whole.gradient, &slices.gradient) < 1e-4);
    assert!((whole.dot - slices.dot).abs() < 1e-3 * whole.dot.abs(), "{} {}", whole.dot, slices.dot);
}

#[test]
fn where_nothing_is_normalised_by_the_batch_slices_learn_what_the_whole_batch_learns() {
    let graph = encoder(0.0);
    let input = values(1, ITEMS * graph.input().len());
    let d_logits = values(2, ITEMS * graph.output().len());
    let whole = course(&mut *network(&graph), &input, &d_logits);
    for most in [1, 3, 5, 11] {
        assert_close(&whole, &course(&mut *cut(&graph, most), &input, &d_logits));
    }
    assert!(whole == course(&mut *cut(&graph, ITEMS), &input, &d_logits), "one slice is the batch");
}

/// Rows that repeat `times` in a row, so that each of so many slices has each of them once.
fn repeated(rows: &[f32], row: usize, times: usize) -> Vec<f32> {
    rows.chunks_exact(row).flat_map(|row| row.repeat(times)).collect()
}

#[test]
fn slices_that_hold_the_same_learn_what_the_whole_batch_learns_and_running_statistics_move_with_each() {
    let graph = resnet();
    let slices = 3;
    let input = values(1, ITEMS / slices * graph.input().len());
    let input = repeated(&input, graph.input().len(), slices);
    let d_logits = values(2, ITEMS / slices * CLASSES);
    let d_logits = repeated(&d_logits, CLASSES, slices);
    let whole = course(&mut *network(&graph), &input, &d_logits);
    let parts = course(&mut *cut(&graph, ITEMS / slices), &input, &d_logits);
    assert_close(&whole, &parts);
    // From 0 towards the batch's mean by a tenth of the way, once or three times.
    let channels = graph.params.iter().find(|param| param.name == "bn1.running_mean").unwrap().len();
    let moved = (1.0 - 0.9f32.powi(3)) / 0.1;
    let expected: Vec<f32> = whole.statistics[..channels].iter().map(|mean| mean * moved).collect();
    assert!(difference(&expected, &parts.statistics[..channels]) < 1e-4);
}

#[test]
fn slices_are_summed_as_a_loop_over_them_sums() {
    let graph = resnet();
    // 11 items, 3 a slice at the most: 3, 3, 3 and 2.
    let (len, items, slices) = (graph.input().len(), 11, 4);
    let (input, d_logits) = (values(1, items * len), values(2, items * CLASSES));
    let (mut looped, mut expected) = (network(&graph), vec![0.0; graph.trained_values()]);
    for first in 0..slices {
        let places: Vec<usize> = (first..items).step_by(slices).collect();
        let part = |all: &[f32], row: usize| -> Vec<f32> {
            places.iter().flat_map(|at| all[at * row..(at + 1) * row].to_vec()).collect()
        };
        looped.forward(&part(&input, len), places.len(), TrainingPass::Train).unwrap();
        looped.backward(&part(&d_logits, CLASSES), Slot::First).unwrap();
        let gradient = looped.read_gradient(Slot::First).unwrap();
        expected.iter_mut().zip(gradient).for_each(|(sum, part)| *sum += part);
    }
    let mut cut = cut(&graph, 3);
    cut.forward(&input, items, TrainingPass::Train).unwrap();
    cut.backward(&d_logits, Slot::First).unwrap();
    assert!(cut.read_gradient(Slot::First).unwrap() == expected);
    assert!(cut.read_statistics().unwrap() == looped.read_statistics().unwrap());
}

#[test]
fn slices_draw_masks_of_their_own_and_the_same_ones_in_both_passes() {
    let graph = encoder(0.5);
    let (len, row, slices, seed) = (graph.input().len(), graph.output().len(), 3, 77);
    let (input, d_logits) = (values(1, ITEMS * len), values(2, ITEMS * row));
    let (mut looped, mut expected) = (network(&graph), vec![0.0; graph.trained_values()]);
    let mut logits = vec![0.0; ITEMS * row];
    for slice in 0..slices {
        let places: Vec<usize> = (slice..ITEMS).step_by(slices).collect();
        looped.set_dropout_seed(super::seed_of(seed, slice));
        let part = looped.forward(&super::rows_at(&input, &places, len), places.len(), TrainingPass::Train);
        for (at, rows) in places.iter().zip(part.unwrap().chunks_exact(row)) {
            logits[at * row..(at + 1) * row].copy_from_slice(rows);
        }
        looped.backward(&super::rows_at(&d_logits, &places, row), Slot::First).unwrap();
        let gradient = looped.read_gradient(Slot::First).unwrap();
        expected.iter_mut().zip(gradient).for_each(|(sum, part)| *sum += part);
    }
    let mut cut = cut(&graph, ITEMS / slices);
    cut.set_dropout_seed(seed);
    assert!(cut.forward(&input, ITEMS, TrainingPass::Train).unwrap() == logits);
    cut.backward(&d_logits, Slot::First).unwrap();
    assert!(cut.read_gradient(Slot::First).unwrap() == expected);
    // One slice is the batch, after a pass in slices too; and a probe drops nothing.
    let (mut whole, few) = (network(&graph), ITEMS / slices);
    whole.set_dropout_seed(seed);
    let one = |network: &mut dyn Training, pass| network.forward(&input[..few * len], few, pass).unwrap();
    assert!(one(&mut *cut, TrainingPass::Train) == one(&mut *whole, TrainingPass::Train));
    let probed = cut.forward(&input, ITEMS, TrainingPass::Probe).unwrap();
    assert!(difference(&whole.forward(&input, ITEMS, TrainingPass::Probe).unwrap(), &probed) < 1e-5);
    assert_ne!(super::seed_of(seed, 1), super::seed_of(seed, 2));
}

#[test]
fn two_slices_are_two_replicas_that_normalise_alone_bit_for_bit_but_for_running_statistics() {
    let graph = resnet();
    let (input, d_logits) = (values(1, ITEMS * graph.input().len()), values(2, ITEMS * CLASSES));
    let spec = BackendSpec { threads: 2, ..BackendSpec::default() };
    let backend = open_replicated(&spec, (2, BatchNorm::Local), None).unwrap();
    let mut replicas = backend.training(&graph, &Weights::initial(&graph, 3)).unwrap();
    let (cut, replicas) =
        (course(&mut *cut(&graph, 6), &input, &d_logits), course(&mut *replicas, &input, &d_logits));
    assert!((cut.logits, cut.gradient) == (replicas.logits, replicas.gradient));
    // Each replica multiplies its part of the gradients: the same products in another order.
    assert!((cut.dot - replicas.dot).abs() <= 1e-12 * cut.dot.abs());
}

#[test]
fn each_replica_has_of_every_slice_what_it_has_of_the_batch() {
    let graph = encoder(0.0);
    let (item, d_logits) = (graph.input().len(), values(2, ITEMS * graph.output().len()));
    let input = values(1, ITEMS * item);
    // As a process has it that loads its own items only.
    let learned = |replicas, rank: Option<usize>| {
        together(replicas, |link| {
            let rank = rank.unwrap_or_else(|| link.rank());
            let mut own = input.clone();
            own.chunks_exact_mut(item)
                .enumerate()
                .filter(|(i, _)| i % replicas != rank)
                .for_each(|(_, x)| x.fill(0.0));
            let spec = BackendSpec { threads: 1, ..BackendSpec::default() };
            let backend = open_replicated(&spec, (replicas, BatchNorm::Sync), Some(link)).unwrap();
            let mut network =
                sliced(backend.training(&graph, &Weights::initial(&graph, 3)).unwrap(), 4).unwrap();
            course(network.as_mut(), &own, &d_logits)
        })
    };
    let whole = course(&mut *network(&graph), &input, &d_logits);
    for course in learned(2, None) {
        assert_close(&whole, &course);
    }
    // What would come of it if processes had others' items.
    assert!(difference(&whole.logits, &learned(2, Some(0))[0].logits) > 1e-3);
}

#[test]
fn replicas_may_be_cut_too() {
    let graph = encoder(0.0);
    let input = values(1, ITEMS * graph.input().len());
    let d_logits = values(2, ITEMS * graph.output().len());
    let spec = BackendSpec { threads: 2, ..BackendSpec::default() };
    let backend = open_replicated(&spec, (2, BatchNorm::Sync), None).unwrap();
    let replicas = || backend.training(&graph, &Weights::initial(&graph, 3)).unwrap();
    let mut cut = sliced(replicas(), 4).unwrap();
    assert_close(&course(&mut *network(&graph), &input, &d_logits), &course(&mut *cut, &input, &d_logits));
    let error = sliced(replicas(), 5).unwrap().reserve(10).and_then(|()| cut.reserve(9)).unwrap_err();
    assert!(error.to_string().contains("2 replicas"), "{error}");
}

#[test]
fn slices_differ_by_one_item_at_the_most() {
    for items in 1..40 {
        for most in 1..40 {
            let [largest, smallest] = slice_sizes(items, most);
            assert!(largest <= most && smallest >= 1 && largest - smallest <= 1, "{items} {most}");
        }
    }
}

#[test]
fn wrong_calls_are_refused_and_a_pass_is_used_up() {
    let refused = |result: Result<Box<dyn Training>, BackendError>| result.map(drop).unwrap_err().to_string();
    assert!(refused(sliced(network(&resnet()), 0)).contains("--micro-batch"));
    let graph = encoder(0.0);
    let mut cut = cut(&graph, 5);
    let input = values(1, ITEMS * graph.input().len());
    let d_logits = vec![0.1; ITEMS * graph.output().len()];
    assert!(cut.forward(&input[1..], ITEMS, TrainingPass::Train).is_err());
    assert!(cut.backward(&d_logits, Slot::First).is_err(), "nothing was kept");
    cut.forward(&input, ITEMS, TrainingPass::Train).unwrap();
    assert!(cut.accumulate(&d_logits, Slot::First).is_err(), "there is nothing to add to");
    cut.forward(&input, ITEMS, TrainingPass::Train).unwrap();
    assert!(cut.backward(&d_logits[1..], Slot::First).is_err(), "another length");
    cut.forward(&input, ITEMS, TrainingPass::Train).unwrap();
    cut.backward(&d_logits, Slot::First).unwrap();
    assert!(cut.backward(&d_logits, Slot::First).is_err(), "it is used up");
    cut.forward(&input, ITEMS, TrainingPass::Train).unwrap();
    cut.forward(&input, ITEMS, TrainingPass::Probe).unwrap();
    assert!(cut.backward(&d_logits, Slot::First).is_err(), "a probe keeps nothing");
    let once = cut.read_gradient(Slot::First).unwrap();
    cut.forward(&input, ITEMS, TrainingPass::Train).unwrap();
    cut.accumulate(&d_logits, Slot::First).unwrap();
    let twice: Vec<f32> = once.iter().map(|value| 2.0 * value).collect();
    assert!(difference(&twice, &cut.read_gradient(Slot::First).unwrap()) < 1e-5);
}
