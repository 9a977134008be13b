//! Ten semi-supervised steps on dfdx and on the CPU backend tell the same losses and feedback, and a run moves from the one to the
//! other and back. Built with the feature `dfdx` only.
#![cfg(feature = "dfdx")]

use std::path::Path;
use std::sync::Arc;

use affekt_engine::backend::{Backend, BackendSpec, open};
use affekt_engine::data::{Annotation, Dataset as _, MemoryFaces, SkipLog, Source};
use affekt_engine::learn::{Feedback, LabelKind, SemiSupervised, Settings, StepRecord, TrainBatch};
use affekt_engine::net::{Depth, Graph, Stem, Weights};
use affekt_engine::synth::synth_faces;
use affekt_engine::world::{ModelConfig, Pretraining, Run as _, RunConfig, RunFolder, Start, TrainingData};
use affekt_tests::cases::{convolutions, noise};

const BATCH: usize = 8;

fn backend(name: &str) -> Arc<dyn Backend> {
    open(&BackendSpec { name: name.into(), ..BackendSpec::default() }).expect("it is built in")
}

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

fn steps(backend: &dyn Backend) -> Vec<StepRecord> {
    let graph = graph();
    let network = |seed| backend.training(&graph, &Weights::initial(&graph, seed)).expect("a network");
    let mut learner = SemiSupervised::new(network(1), network(2), settings()).expect("valid settings");
    let input = |item: u64| noise(BATCH * graph.input().len(), item).into();
    let batch = |step: u64| TrainBatch {
        labelled: input(3 * step),
        labels: (0..BATCH).map(|i| i % 3).collect(),
        targets: None,
        weak: input(3 * step + 1),
        strong: input(3 * step + 2),
    };
    (0..10).map(|step| learner.step(&batch(step)).expect("a step")).collect()
}

#[test]
fn ten_semi_supervised_steps_tell_the_same_losses_and_feedback_within_a_ten_thousandth() {
    let (ours, theirs) = (steps(&*backend("dfdx")), steps(&*backend("cpu")));
    let mut compared = 0;
    for (got, expected) in ours.iter().zip(&theirs) {
        let pairs = [
            ("supervised loss", got.loss_supervised, expected.loss_supervised),
            ("consistency loss", got.loss_consistency, expected.loss_consistency),
            ("student's loss", got.loss_student, expected.loss_student),
            ("student's labelled loss", got.loss_student_labelled, expected.loss_student_labelled),
            ("teacher's gradient", got.teacher_gradient_norm, expected.teacher_gradient_norm),
            ("student's gradient", got.student_gradient_norm, expected.student_gradient_norm),
            ("cosine", got.feedback_cosine, expected.feedback_cosine),
        ];
        for (what, got_value, expected_value) in pairs {
            let place = format!("step {}: {what}", expected.step);
            assert_eq!(got_value.is_some(), expected_value.is_some(), "{place}");
            let (Some(got), Some(expected)) = (got_value, expected_value) else { continue };
            assert!((got - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{place}: {got} vs {expected}");
            compared += 1;
        }
    }
    assert!(compared > 55, "only {compared} numbers were there to compare");
}

fn faces(count: usize, seed: u64, labelled: bool) -> Vec<Source> {
    let drawn = synth_faces(&format!("synth:{count}?seed={seed}&size=32").parse().expect("a dataset"));
    let drawn = drawn.expect("a dataset");
    let item = |index| {
        let annotation = if labelled { drawn.annotation(index) } else { Annotation::None };
        (drawn.picture(index).expect("a picture"), annotation)
    };
    let faces = MemoryFaces::new("mine", drawn.classes().to_vec(), (0..count).map(item));
    vec![Source::new(Arc::new(faces.expect("a dataset")))]
}

/// A run of six steps in a folder, begun or gone on with.
fn run(folder: &Path, backend: Arc<dyn Backend>, start: Start<'_>) -> Pretraining {
    let mut config = RunConfig {
        model: ModelConfig {
            depth: Depth::ResNet18,
            size: 32,
            channels: 1,
            width: 0.0625,
            stem: Stem::NoPool,
            init: None,
        },
        ..RunConfig::default()
    };
    config.training.steps = 6;
    (config.training.batch, config.training.unlabelled_batch) = (8, 8);
    (config.training.teacher_warm_up_steps, config.training.student_wait_steps) = (0, 0);
    // Near its start a network of noise is as good at one class as at another.
    config.training.pseudo_labels.kind = LabelKind::Soft;
    config.training.pseudo_labels.temperature = 0.5;
    let folder = match start {
        Start::New => RunFolder::create(folder, false),
        _ => RunFolder::open(folder),
    };
    let data = TrainingData {
        labelled: faces(64, 1, true),
        unlabelled: faces(40, 2, false),
        valid: faces(24, 3, true),
        ..TrainingData::default()
    };
    let skips = Arc::new(SkipLog::new(true));
    Pretraining::begin_with(config, folder.expect("a folder"), backend, (data, skips), start).expect("a run")
}

/// So many more steps, and what they told.
fn advance(run: &mut Pretraining, steps: usize) -> Vec<StepRecord> {
    let records = (0..steps).map(|_| run.advance().expect("a step").record);
    let records = records.collect();
    run.save().expect("a checkpoint");
    records
}

#[test]
fn a_run_moves_from_the_cpu_backend_to_dfdx_and_back_and_learns_what_one_backend_learns() {
    let (moving, staying) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut told = advance(&mut run(moving.path(), backend("cpu"), Start::New), 2);
    told.extend(advance(&mut run(moving.path(), backend("dfdx"), Start::Resume), 2));
    told.extend(advance(&mut run(moving.path(), backend("cpu"), Start::Resume), 2));
    let expected = advance(&mut run(staying.path(), backend("cpu"), Start::New), 6);
    assert_eq!(told.len(), expected.len());
    for (got, expected) in told.iter().zip(&expected) {
        assert_eq!(got.step, expected.step);
        let pairs = [
            (got.loss_supervised, expected.loss_supervised),
            (got.loss_student, expected.loss_student),
            (got.teacher_gradient_norm, expected.teacher_gradient_norm),
        ];
        for (got, expected_value) in pairs {
            let (Some(got), Some(value)) = (got, expected_value) else { panic!("{expected:?}") };
            let close = (got - value).abs() <= 1e-2 * value.abs().max(1.0);
            assert!(close, "step {}: {got} vs {value}", expected.step);
        }
    }
}
