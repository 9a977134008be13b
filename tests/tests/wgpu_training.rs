//! Ten semi-supervised steps on a GPU and on the CPU tell the same losses and feedback.

use std::sync::Arc;

use affekt_engine::backend::BackendInfo as _;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend, Input, PictureView, ViewBatch};
use affekt_engine::learn::TrainBatch;
use affekt_engine::media::Picture;
use affekt_engine::media::augment::{Policy, View};
use affekt_engine::net::{Graph, GraphBuilder, InputContract, Shape};
use affekt_engine::random::{Address, Purpose};
use affekt_tests::gpu::backends;
use affekt_tests::ten_steps::{BATCH, assert_same_steps, graph, noise_batch, settings, ten_steps};

/// A batch of views of generated pictures, some of which are shown twice, made by the backend or here.
fn view_batch(step: u64, renders: bool) -> TrainBatch {
    let contract = InputContract {
        size: 12,
        channels: 3,
        mean: vec![0.5; 3],
        std: vec![0.25; 3],
        template: "crop".into(),
    };
    let pictures: Vec<_> = (0..2 * BATCH as u64)
        .map(|i| {
            let mut rng = Address { seed: 9, purpose: Purpose::Synthesis, step, item: i }.rng();
            let (width, height) = (10 + rng.below(30), 10 + rng.below(30));
            let channels = [1, 3][rng.below(2)];
            let pixels = (0..width * height * channels).map(|_| rng.below(256) as u8).collect();
            Arc::new(Picture { width, height, channels, pixels })
        })
        .collect();
    let views = |pictures: &[Arc<Picture>], view, purpose| {
        let compiled = pictures.iter().enumerate().map(|(item, picture)| {
            let mut rng = Address { seed: 9, purpose, step, item: item as u64 }.rng();
            let dims = (picture.width, picture.height);
            let program = Policy::default().compile(view, dims, &contract, &mut rng);
            PictureView { picture: Arc::clone(picture), program }
        });
        let batch = ViewBatch::new(contract.clone(), compiled.collect());
        if renders { Input::Values(batch.render()) } else { Input::Views(batch) }
    };
    TrainBatch {
        labelled: views(&pictures[..BATCH], View::Weak, Purpose::AugmentLabelled),
        labels: (0..BATCH).map(|i| i % 3).collect(),
        targets: None,
        weak: views(&pictures[BATCH..], View::Weak, Purpose::AugmentWeak),
        strong: views(&pictures[BATCH..], View::Strong, Purpose::AugmentStrong),
    }
}

/// Reads the views' pictures in colour.
fn view_graph() -> Graph {
    let mut g = GraphBuilder::new(Shape { h: 12, w: 12, c: 3 });
    let x = g.conv("a", 0, 8, 3, 2, 1).expect("it fits");
    let x = g.batch_norm("an", x);
    let x = g.relu(x);
    let x = g.global_average_pool(x);
    g.linear("fc", x, 3);
    g.finish(x)
}

#[test]
fn ten_steps_on_views_made_by_the_device_are_those_on_views_made_by_the_processor() {
    for (kernels, backend) in backends() {
        assert!(backend.renders_views());
        let [made, given] = [false, true]
            .map(|renders| ten_steps(backend, &view_graph(), &settings(), |step| view_batch(step, renders)));
        assert!(
            made.iter().filter_map(|record| record.loss_consistency).count() > 5,
            "strong views were used"
        );
        assert_eq!(made, given, "{kernels}");
    }
}

#[test]
fn ten_semi_supervised_steps_tell_the_same_losses_and_feedback() {
    let steps = |backend: &dyn Backend| ten_steps(backend, &graph(), &settings(), noise_batch);
    let expected = steps(&CpuBackend::new().expect("a processor"));
    for (kernels, backend) in backends() {
        assert_same_steps(kernels, &steps(backend), &expected, (2e-2, 0.1));
    }
}
