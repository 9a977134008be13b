//! Ten semi-supervised steps on a GPU and on the CPU tell the same losses and feedback.

use std::sync::Arc;

use affekt_engine::backend::BackendInfo as _;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend, Input, PictureView, ViewBatch};
use affekt_engine::learn::{Feedback, LabelKind, SemiSupervised, Settings, StepRecord, TrainBatch};
use affekt_engine::media::Picture;
use affekt_engine::media::augment::{Policy, View};
use affekt_engine::net::{Graph, GraphBuilder, InputContract, Shape, Weights};
use affekt_engine::random::{Address, Purpose};
use affekt_tests::cases::{convolutions, noise};
use affekt_tests::gpu::backends;

const BATCH: usize = 8;

/// Convolutions with batch normalisation, a sum, rectifiers and a classifier of three classes.
fn graph() -> Graph {
    convolutions().swap_remove(1).1
}

fn settings() -> Settings {
    let mut settings = Settings {
        steps: 1000,
        batch: BATCH,
        unlabelled_batch: BATCH,
        teacher_warm_up_steps: 2,
        student_wait_steps: 3,
        teacher_ema: true,
        ..Settings::default()
    };
    settings.losses.feedback = Feedback::Exact;
    // Soft labels, because a hard one may fall either way where two classes are level.
    settings.pseudo_labels.kind = LabelKind::Soft;
    settings.pseudo_labels.temperature = 0.5;
    settings.optimiser.teacher_learning_rate = 0.01;
    settings.optimiser.student_learning_rate = 0.01;
    settings
}

/// Ten steps over batches.
fn steps(backend: &dyn Backend, graph: &Graph, batch: impl Fn(u64) -> TrainBatch) -> Vec<StepRecord> {
    let network = |seed| backend.training(graph, &Weights::initial(graph, seed)).expect("a network");
    let mut learner = SemiSupervised::new(network(1), network(2), settings()).expect("valid settings");
    (0..10).map(|step| learner.step(&batch(step)).expect("a step")).collect()
}

fn noise_batch(step: u64) -> TrainBatch {
    let graph = graph();
    TrainBatch {
        labelled: noise(BATCH * graph.input().len(), 3 * step).into(),
        labels: (0..BATCH).map(|i| i % 3).collect(),
        targets: None,
        weak: noise(BATCH * graph.input().len(), 3 * step + 1).into(),
        strong: noise(BATCH * graph.input().len(), 3 * step + 2).into(),
    }
}

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
        let [made, given] =
            [false, true].map(|renders| steps(backend, &view_graph(), |step| view_batch(step, renders)));
        assert!(
            made.iter().filter_map(|record| record.loss_consistency).count() > 5,
            "strong views were used"
        );
        assert_eq!(made, given, "{kernels}");
    }
}

#[test]
fn ten_semi_supervised_steps_tell_the_same_losses_and_feedback() {
    let expected = steps(&CpuBackend::new().expect("a processor"), &graph(), noise_batch);
    for (kernels, backend) in backends() {
        let got = steps(backend, &graph(), noise_batch);
        let mut compared = 0;
        for (got, expected) in got.iter().zip(&expected) {
            let pairs = [
                ("supervised loss", got.loss_supervised, expected.loss_supervised),
                ("consistency loss", got.loss_consistency, expected.loss_consistency),
                ("student's loss", got.loss_student, expected.loss_student),
                ("student's labelled loss", got.loss_student_labelled, expected.loss_student_labelled),
                ("teacher's gradient", got.teacher_gradient_norm, expected.teacher_gradient_norm),
                ("student's gradient", got.student_gradient_norm, expected.student_gradient_norm),
            ];
            for (what, got_value, expected_value) in pairs {
                let place = format!("{kernels}, step {}: {what}", expected.step);
                assert_eq!(got_value.is_some(), expected_value.is_some(), "{place}");
                let (Some(got), Some(expected)) = (got_value, expected_value) else { continue };
                let close = (got - expected).abs() <= 2e-2 * expected.abs().max(0.1);
                assert!(close, "{place}: {got} vs {expected}");
                compared += 1;
            }
            let (Some(f), Some(g)) = (got.feedback_cosine, expected.feedback_cosine) else { continue };
            assert!((f - g).abs() <= 0.02, "{kernels}, step {}: cosine {f} vs {g}", expected.step);
            compared += 1;
        }
        assert!(compared > 50, "only {compared} numbers were there to compare");
    }
}
