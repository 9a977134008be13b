//! Views made on the GPU are the processor's, value for value, whatever the picture, the program and what came before.

use std::sync::Arc;

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend, BackendError, BackendInfo as _, Inference, PictureView, ViewBatch};
use affekt_engine::media::Picture;
use affekt_engine::media::augment::{Affine, Border, Colour, PixelOp, Policy, Program, View};
use affekt_engine::net::{Graph, GraphBuilder, InputContract, Shape, Weights};
use affekt_engine::random::{Address, Purpose, Random};
use affekt_tests::gpu::backends;

fn contract(size: usize, channels: usize) -> InputContract {
    let mean = [0.45, 0.5, 0.6][..channels].to_vec();
    let std = [0.25, 0.3, 0.2][..channels].to_vec();
    InputContract { size, channels, mean, std, template: "crop".into() }
}

fn rng(item: u64) -> Random {
    Address { seed: 4, purpose: Purpose::AugmentStrong, step: 0, item }.rng()
}

/// Smooth in one half, noise in the other, so that histograms have gaps and slopes.
fn picture(width: usize, height: usize, channels: usize, item: u64) -> Arc<Picture> {
    let mut rng = rng(1000 + item);
    let value = |i: usize, rng: &mut Random| {
        if i.is_multiple_of(2) {
            (30 + i * 97 / (width * height * channels)) as u8
        } else {
            rng.below(256) as u8
        }
    };
    let pixels = (0..width * height * channels).map(|i| value(i, &mut rng)).collect();
    Arc::new(Picture { width, height, channels, pixels })
}

/// A network whose logits are its input, so that one can see what the device made of a view.
fn mirror(backend: &dyn Backend, contract: &InputContract) -> Box<dyn Inference> {
    let shape = Shape { h: contract.size, w: contract.size, c: contract.channels };
    let mut g = GraphBuilder::new(shape);
    g.linear("fc", 0, shape.len());
    let graph: Graph = g.finish(0);
    let mut weights = Weights::initial(&graph, 0);
    for (name, tensor) in &mut weights.tensors {
        let diagonal = if name == "fc.weight" { shape.len() + 1 } else { usize::MAX };
        tensor.data.iter_mut().enumerate().for_each(|(i, v)| *v = f32::from(u8::from(i % diagonal == 0)));
        if name == "fc.bias" {
            tensor.data.fill(0.0);
        }
    }
    backend.inference(&graph, &weights).expect("fitting weights")
}

/// Where the device's views differ from the processor's, in grey levels; `None` where none does.
fn difference(network: &mut dyn Inference, batch: &ViewBatch) -> Option<String> {
    let got = network.forward_views(batch).expect("a forward pass");
    let expected = batch.render();
    assert_eq!(got.len(), expected.len());
    let (len, channels) = (batch.shape().len(), batch.contract().channels);
    let (at, _) = got.iter().zip(&expected).enumerate().find(|(_, (got, expected))| got != expected)?;
    let levels = (got[at] - expected[at]) * batch.contract().std[at % channels] * 255.0;
    let wrong = got.iter().zip(&expected).filter(|(got, expected)| got != expected).count();
    let view = &batch.views()[at / len];
    let Picture { width, height, channels, .. } = *view.picture;
    Some(format!(
        "value {} of view {} ({width}x{height}x{channels}) differs by {levels} levels, {wrong} values do: {:?}",
        at % len,
        at / len,
        view.program
    ))
}

/// Every view of pictures of many shapes, grey and in colour, smaller and much larger than the input.
fn drawn(contract: &InputContract, border: Border) -> ViewBatch {
    let mut policy = Policy { border, ..Policy::default() };
    policy.weak.rotate = 20.0;
    policy.strong.operations_per_picture = 4;
    policy.strong.random_magnitude = true;
    policy.strong.magnitude = 30.0;
    policy.strong.jitter = true;
    let shapes = [(17, 23), (101, 77), (1, 1), (5, 64), (64, 48), (31, 31)];
    let mut views = vec![];
    for (i, (width, height)) in shapes.into_iter().enumerate() {
        for channels in [1, 3] {
            let picture = picture(width, height, channels, i as u64);
            for (j, view) in
                [View::Plain, View::Weak, View::Strong, View::Strong, View::Strong].into_iter().enumerate()
            {
                let mut rng = rng((100 * i + 10 * channels + j) as u64);
                let program = policy.compile(view, (width, height), contract, &mut rng);
                views.push(PictureView { picture: Arc::clone(&picture), program });
            }
        }
    }
    ViewBatch::new(contract.clone(), views)
}

#[test]
fn weak_and_strong_views_are_the_processors() {
    for (kernels, backend) in backends() {
        for (size, channels) in [(13, 3), (31, 1), (9, 1)] {
            let contract = contract(size, channels);
            let mut network = mirror(backend, &contract);
            for border in [Border::Clamp, Border::Mirror, Border::Fill(77)] {
                let batch = drawn(&contract, border);
                assert_eq!(
                    difference(&mut *network, &batch),
                    None,
                    "{kernels}, {size}x{channels}, {border:?}"
                );
            }
        }
    }
}

/// Each operation by itself at the ends of its range, on pictures that sampling leaves as they are.
fn operations(size: usize) -> Vec<Vec<PixelOp>> {
    let erase = |left, top, width, height| PixelOp::Erase { left, top, width, height, value: [200, 9, 77] };
    let mut lists: Vec<Vec<PixelOp>> = vec![vec![], vec![PixelOp::AutoContrast], vec![PixelOp::Equalize]];
    lists.extend((1..=8).map(|bits| vec![PixelOp::Posterize { bits }]));
    lists.extend([0, 1, 128, 255, 256].map(|threshold| vec![PixelOp::Solarize { threshold }]));
    lists.extend([0.0, 0.37, 1.0, 2.0].map(|factor| vec![PixelOp::Sharpness { factor }]));
    lists.extend([0, 1, 2, 9].map(|passes| vec![PixelOp::Blur { passes }]));
    lists.extend([0, 1, 60, 255].map(|amplitude| vec![PixelOp::Noise { amplitude, seed: 0xfeed_beef }]));
    lists.extend(
        [(0, 0, 1, 1), (3, 5, size - 3, 2), (0, 0, size, size), (size - 1, 2, 1, 4)]
            .map(|(l, t, w, h)| vec![erase(l, t, w, h)]),
    );
    lists.push(vec![
        PixelOp::Sharpness { factor: 1.9 },
        PixelOp::Noise { amplitude: 30, seed: 7 },
        PixelOp::Blur { passes: 3 },
        PixelOp::Equalize,
        PixelOp::Equalize,
        PixelOp::Sharpness { factor: 0.2 },
        PixelOp::Sharpness { factor: 1.5 },
        PixelOp::Posterize { bits: 5 },
        PixelOp::AutoContrast,
        erase(2, 2, 4, 3),
        PixelOp::AutoContrast,
    ]);
    lists
}

#[test]
fn every_operation_is_the_processors_to_the_last_bit() {
    for (kernels, backend) in backends() {
        for (size, channels) in [(21, 1), (11, 3)] {
            let contract = contract(size, channels);
            let mut network = mirror(backend, &contract);
            for from in [1, 3] {
                let flat = Arc::new(Picture::filled(size, size, from, 91));
                let mut dim = (*picture(size, size, from, 3)).clone();
                dim.pixels.iter_mut().for_each(|v| *v = 40 + *v / 7);
                for picture in [picture(size, size, from, 2), Arc::new(dim), flat] {
                    let view = |operations| PictureView {
                        picture: Arc::clone(&picture),
                        program: Program { operations, ..Program::stretch((size, size), size) },
                    };
                    let batch =
                        ViewBatch::new(contract.clone(), operations(size).into_iter().map(view).collect());
                    assert_eq!(difference(&mut *network, &batch), None, "{kernels}, {from} to {channels}");
                }
            }
        }
    }
}

/// What a device keeps of earlier batches: pictures, tables and buffers that grow.
#[test]
fn batches_of_other_pictures_sizes_and_contracts_do_not_disturb_each_other() {
    for (kernels, backend) in backends() {
        let (grey, colour) = (contract(9, 1), contract(7, 3));
        let (mut a, mut b) = (mirror(backend, &grey), mirror(backend, &colour));
        let whole = drawn(&grey, Border::Mirror);
        let views =
            |range: std::ops::Range<usize>| ViewBatch::new(grey.clone(), whole.views()[range].to_vec());
        let other = drawn(&colour, Border::Clamp);
        let batches = [
            (0, views(0..3)),
            (1, other.clone()),
            (0, views(50..60)),
            (0, whole.clone()),
            (0, views(0..3)),
            (1, other),
            (0, whole.clone()),
        ];
        for (step, (which, batch)) in batches.into_iter().enumerate() {
            let network = [&mut a, &mut b][which].as_mut();
            assert_eq!(difference(network, &batch), None, "{kernels}, batch {step}");
        }
    }
}

#[test]
fn a_picture_that_no_binding_holds_is_seen_all_the_same() {
    for (kernels, backend) in backends() {
        let contract = contract(9, 3);
        let picture = Arc::new(Picture::filled(7_000, 7_000, 3, 140));
        let program = Program::stretch((7_000, 7_000), 9);
        let batch = ViewBatch::new(contract.clone(), vec![PictureView { picture, program }]);
        assert_eq!(difference(&mut *mirror(backend, &contract), &batch), None, "{kernels}");
    }
}

#[test]
fn any_backend_takes_views_and_refuses_those_of_another_shape() {
    let contract = contract(9, 1);
    let batch = drawn(&contract, Border::Clamp);
    let cpu = CpuBackend::new().expect("a processor");
    assert!(!cpu.renders_views());
    assert_eq!(difference(&mut *mirror(&cpu, &contract), &batch), None);
    let all = backends().iter().map(|(_, backend)| backend as &dyn Backend).chain([&cpu as &dyn Backend]);
    for backend in all {
        let mut network = mirror(backend, &self::contract(7, 1));
        let error = network.forward_views(&batch).expect_err("another size");
        assert!(matches!(error, BackendError::Length { .. }), "{error}");
    }
}

#[test]
fn a_planted_difference_of_one_level_is_found() {
    for (_, backend) in backends() {
        let contract = contract(9, 1);
        let view = |offset| PictureView {
            picture: picture(9, 9, 1, 5),
            program: Program {
                source_from_output: Affine::IDENTITY,
                colour: Colour::linear(1.0, offset),
                ..Program::stretch((9, 9), 9)
            },
        };
        let [honest, planted] = [0.0, 1.0].map(|o| ViewBatch::new(contract.clone(), vec![view(o)]));
        let mut network = mirror(backend, &contract);
        assert_eq!(difference(&mut *network, &honest), None);
        let got = network.forward_views(&planted).expect("a forward pass");
        assert_ne!(got, honest.render());
    }
}
