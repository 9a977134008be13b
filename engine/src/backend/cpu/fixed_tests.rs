//! Fixed point against single precision, on every instruction set that has products of pairs.

use super::fixed::Arithmetic;
use super::network::{CpuInference, CpuTraining, Machine};
use super::threads::Threads;
use crate::backend::{InferenceDevice as _, TrainingDevice as _, TrainingPass};
use crate::net::{Graph, GraphBuilder, Shape, Weights};
use crate::simd::Isa;

fn sets() -> impl Iterator<Item = Isa> {
    Isa::available().into_iter().filter(|isa| isa.has_pairs())
}

/// The features of inference.
fn infer(isa: Isa, arithmetic: Arithmetic, threads: usize, graph: &Graph, weights: &Weights) -> Vec<f32> {
    infer_of(isa, arithmetic, threads, graph, weights, &values(3 * graph.input().len(), 7.0), 3)
}

fn infer_of(
    isa: Isa,
    arithmetic: Arithmetic,
    threads: usize,
    graph: &Graph,
    weights: &Weights,
    input: &[f32],
    items: usize,
) -> Vec<f32> {
    let machine = Machine { isa, arithmetic, threads: Threads::new(threads).expect("threads") };
    let mut network = CpuInference::new(machine, graph, weights).expect("fitting weights");
    network.forward(input, items).expect("a pass")
}

fn values(len: usize, scale: f32) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0 * scale).collect()
}

/// A convolution with a batch normalisation, whose every output is an output of the network.
fn convolution(side: usize, inputs: usize, outputs: usize, kernel: usize, stride: usize) -> (Graph, Weights) {
    let mut g = GraphBuilder::new(Shape { h: side, w: side + 2, c: inputs });
    let x = g.conv("a", 0, outputs, kernel, stride, kernel / 2).expect("it fits");
    let x = g.batch_norm("n", x);
    let graph = g.finish(x);
    let mut weights = Weights::initial(&graph, 3);
    for (name, tensor) in &mut weights.tensors {
        if name == "a.weight" {
            for (i, value) in tensor.data.iter_mut().enumerate() {
                *value = ((i * 53 % 97) as f32 - 48.0) / 100.0;
            }
        }
    }
    (graph, weights)
}

/// Products of more than one block, odd counts of rows and of channels, strides, and Winograd's tiles.
fn cases() -> Vec<(&'static str, Graph, Weights)> {
    [
        ("1x1, 320 to 40", (7, 320, 40, 1, 1)),
        ("1x1 stride 2, 32 to 24", (9, 32, 24, 1, 2)),
        ("3x3 stride 2, 48 to 19", (11, 48, 19, 3, 2)),
        ("3x3 by tiles, 144 to 48", (13, 144, 48, 3, 1)),
        ("3x3 by tiles, 32 to 144", (17, 32, 144, 3, 1)),
    ]
    .into_iter()
    .map(|(name, (side, inputs, outputs, kernel, stride))| {
        let (graph, weights) = convolution(side, inputs, outputs, kernel, stride);
        (name, graph, weights)
    })
    .collect()
}

#[test]
fn outputs_are_those_of_single_precision_to_a_thousandth() {
    for (name, graph, weights) in cases() {
        for isa in sets() {
            let single = infer(isa, Arithmetic::Single, 2, &graph, &weights);
            let fixed = infer(isa, Arithmetic::Fixed, 2, &graph, &weights);
            assert!(single != fixed, "{name}, {}: nothing was computed in fixed point", isa.name());
            let largest = single.iter().fold(0.0, |most: f32, v| most.max(v.abs()));
            for (i, (single, fixed)) in single.iter().zip(&fixed).enumerate() {
                let off = (single - fixed).abs() / largest;
                assert!(off < 1e-3, "{name}, {}: value {i} is {fixed}, not {single}", isa.name());
            }
        }
    }
}

#[test]
fn outputs_are_the_same_for_any_number_of_threads_and_on_every_set() {
    for (name, graph, weights) in cases() {
        let wanted = infer(Isa::Portable, Arithmetic::Fixed, 1, &graph, &weights);
        for isa in sets() {
            for threads in [1, 3] {
                let got = infer(isa, Arithmetic::Fixed, threads, &graph, &weights);
                assert!(got == wanted, "{name}, {}, {threads} threads", isa.name());
            }
        }
    }
}

#[test]
fn channels_that_fill_no_words_are_left_to_single_precision() {
    let (graph, weights) = convolution(7, 24, 16, 1, 1);
    for isa in sets() {
        let [single, fixed] = [Arithmetic::Single, Arithmetic::Fixed]
            .map(|arithmetic| infer(isa, arithmetic, 1, &graph, &weights));
        assert!(single == fixed, "{}", isa.name());
    }
}

#[test]
fn the_largest_sums_do_not_overflow() {
    // Every product has the largest magnitude that its row and column allow, and one sign.
    for (side, inputs, kernel) in [(5, 512, 1), (5, 256, 3), (16, 128, 3)] {
        let (graph, mut weights) = convolution(side, inputs, 16, kernel, 1);
        for (name, tensor) in &mut weights.tensors {
            if name == "a.weight" {
                tensor.data.fill(-0.3);
            }
        }
        let input = vec![1e6; 2 * graph.input().len()];
        for isa in sets() {
            let single = infer_of(isa, Arithmetic::Single, 1, &graph, &weights, &input, 2);
            let fixed = infer_of(isa, Arithmetic::Fixed, 1, &graph, &weights, &input, 2);
            for (single, fixed) in single.iter().zip(&fixed) {
                assert!(
                    (single - fixed).abs() <= 1e-3 * single.abs(),
                    "{inputs}, {kernel}: {fixed}, not {single}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_a_number_is_seen_where_it_is_read_and_nowhere_else() {
    let (graph, weights) = convolution(6, 32, 16, 1, 1);
    let mut input = values(graph.input().len(), 1.0);
    input[5 * 32 + 3] = f32::NAN;
    input[7 * 32..8 * 32].fill(0.0);
    input[7 * 32 + 9] = 1e-38;
    for isa in sets() {
        let out = infer_of(isa, Arithmetic::Fixed, 1, &graph, &weights, &input, 1);
        for (pixel, values) in out.chunks_exact(16).enumerate() {
            assert!(values.iter().all(|v| v.is_nan() == (pixel == 5)), "pixel {pixel}: {values:?}");
        }
        // A row of zeros has no scale, nor has one of next to nothing: they give what the shift says.
        assert!(out[7 * 16..8 * 16].iter().all(|v| v.abs() < 1e-6));
        let mut broken = weights.clone();
        if let Some(tensor) = broken.tensors.get_mut("a.weight") {
            tensor.data[2 * 32] = f32::NAN;
        }
        let out = infer_of(isa, Arithmetic::Fixed, 1, &graph, &broken, &values(input.len(), 1.0), 1);
        for values in out.chunks_exact(16) {
            assert!(values.iter().enumerate().all(|(channel, v)| v.is_nan() == (channel == 2)), "{values:?}");
        }
    }
}

#[test]
fn training_takes_no_part_in_it() {
    let (graph, weights) = convolution(7, 32, 16, 1, 1);
    let input = values(2 * graph.input().len(), 1.0);
    let [single, fixed] = [Arithmetic::Single, Arithmetic::Fixed].map(|arithmetic| {
        let machine = Machine { isa: Isa::Portable, arithmetic, threads: Threads::new(1).expect("threads") };
        let mut network = CpuTraining::new(machine, &graph, &weights).expect("fitting weights");
        network.forward(&input, 2, TrainingPass::Train).expect("a pass")
    });
    assert!(single == fixed);
}
