//! Ten semi-supervised steps on dfdx and on the CPU backend tell the same losses and feedback, and a run moves from the one to the
//! other and back. Built with the feature `dfdx` only.
#![cfg(feature = "dfdx")]

use std::path::Path;
use std::sync::Arc;

use affekt_engine::backend::{Backend, BackendSpec, open};
use affekt_engine::data::{Annotation, Dataset as _, MemoryFaces, SkipLog, Source};
use affekt_engine::learn::{LabelKind, StepRecord};
use affekt_engine::net::{Depth, Stem};
use affekt_engine::synth::synth_faces;
use affekt_engine::world::{ModelConfig, Pretraining, Run as _, RunConfig, RunFolder, Start, TrainingData};
use affekt_tests::ten_steps::{assert_same_steps, graph, noise_batch, settings, ten_steps};

fn backend(name: &str) -> Arc<dyn Backend> {
    open(&BackendSpec { name: name.into(), ..BackendSpec::default() }).expect("it is built in")
}

#[test]
fn ten_semi_supervised_steps_tell_the_same_losses_and_feedback_within_a_ten_thousandth() {
    let steps = |name| ten_steps(&*backend(name), &graph(), &settings(), noise_batch);
    assert_same_steps("dfdx", &steps("dfdx"), &steps("cpu"), (1e-4, 1.0));
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
