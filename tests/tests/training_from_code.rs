//! Training from a program: its own data, its own systems, no command line and no dataset on disk.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use affekt_engine::backend::{BackendSpec, Team, open};
use affekt_engine::data::{Annotation, Dataset, MemoryFaces, SkipLog, Source};
use affekt_engine::learn::{Method, StepRecord};
use affekt_engine::media::Picture;
use affekt_engine::net::{Depth, Stem};
use affekt_engine::synth::{formats, synth_faces};
use affekt_engine::world::components::PseudoWeight;
use affekt_engine::world::ecs::prelude::*;
use affekt_engine::world::pipelines::PretrainStage;
use affekt_engine::world::{
    ModelConfig, Pretraining, Run as _, RunConfig, RunFolder, RunReport, Sets, Start, TrainingData,
    WorldError, train,
};

fn config(steps: u64) -> RunConfig {
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
    config.training.steps = steps;
    (config.training.batch, config.training.unlabelled_batch) = (8, 8);
    (config.training.teacher_warm_up_steps, config.training.student_wait_steps) = (0, 0);
    config
}

/// Drawn faces as a program might hold them, with or without their labels.
fn faces(count: usize, seed: u64, labelled: bool) -> MemoryFaces {
    let drawn = synth_faces(&format!("synth:{count}?seed={seed}&size=32").parse().unwrap()).unwrap();
    let item = |index| {
        let annotation = if labelled { drawn.annotation(index) } else { Annotation::None };
        (drawn.picture(index).unwrap(), annotation)
    };
    MemoryFaces::new("mine", drawn.classes().to_vec(), (0..count).map(item)).unwrap()
}

fn data(labelled: MemoryFaces, unlabelled: MemoryFaces, valid: MemoryFaces) -> TrainingData {
    let source = |faces| vec![Source::new(Arc::new(faces))];
    TrainingData {
        labelled: source(labelled),
        unlabelled: source(unlabelled),
        valid: source(valid),
        ..TrainingData::default()
    }
}

fn begin(
    config: RunConfig,
    folder: &tempfile::TempDir,
    data: TrainingData,
) -> Result<Pretraining, WorldError> {
    let folder = RunFolder::create(folder.path(), false)?;
    let backend = open(&BackendSpec::default())?;
    Pretraining::begin_with(config, folder, backend, (data, Arc::new(SkipLog::new(true))), Start::New)
}

#[test]
fn a_program_trains_on_pictures_that_it_holds_and_hears_of_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(faces(64, 1, true), faces(40, 2, false), faces(24, 3, true));
    let mut run = begin(config(4), &folder, data).unwrap();
    let mut steps = vec![];
    let report: RunReport = run
        .run_to_end(|advance| {
            steps.push(advance.record.step);
            true
        })
        .unwrap();
    assert_eq!((steps, report.steps), (vec![1, 2, 3, 4], 4));
    assert_eq!(
        (report.data.labelled_total, report.data.unlabelled_total, report.data.valid_total),
        (64, 40, 24)
    );
    assert!(folder.path().join("model.safetensors").is_file() && report.scores["student_average"].n == 24);
    assert_eq!(
        (
            report.config.backend.as_str(),
            report.config.arithmetic.map(affekt_engine::backend::ArithmeticChoice::name)
        ),
        ("cpu", Some("single"))
    );
}

#[test]
fn one_call_trains_from_settings_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(6);
    config.training.method = Method::Supervised;
    config.data.labelled = vec!["synth:64?seed=1&size=32".parse().unwrap()];
    let run = RunFolder::create(folder.path(), false).unwrap();
    let stopped = train(config, run, &formats(), |advance| advance.record.step < 2);
    assert!(matches!(stopped, Err(WorldError::Interrupted)));
    assert!(
        folder.path().join("checkpoint/checkpoint-0000000002.safetensors").is_file(),
        "saved before it ended"
    );
}

/// What a validation set holds is no training data, scored or not.
#[test]
fn what_validation_holds_without_a_label_leaves_the_unlabelled_pool_too() {
    let unlabelled = faces(40, 2, false);
    let valid = faces(24, 3, true);
    // The validation set also holds ten of the unlabelled pictures, whose labels it maps away or does not have.
    let classes = valid.classes().to_vec();
    let shared = (0..10).map(|index| (unlabelled.picture(index).unwrap(), Annotation::Class(index % 2)));
    let own = (0..24).map(|index| (valid.picture(index).unwrap(), valid.annotation(index)));
    let mapped = MemoryFaces::new("valid", classes.clone(), own.chain(shared)).unwrap();
    let mut source = Source::new(Arc::new(mapped));
    for class in &classes[..2] {
        source.map.insert(class.clone(), "unlabelled".into());
    }
    let config = config(4);
    let data = TrainingData {
        labelled: vec![Source::new(Arc::new(faces(64, 1, true)))],
        unlabelled: vec![Source::new(Arc::new(unlabelled))],
        valid: vec![source],
        ..TrainingData::default()
    };
    let sets = Sets::new(&config, data, Arc::new(SkipLog::new(true)), &Arc::new(Team::default())).unwrap();
    assert_eq!(sets.summary().dedup.unlabelled_in_evaluation, 10);
    assert_eq!(sets.unlabelled.len(), 30);
}

/// Counts for nothing, whatever the teacher says.
fn distrust(mut weights: Query<&mut PseudoWeight>) {
    weights.iter_mut().for_each(|mut weight| weight.0 = 0.0);
}

#[test]
fn a_system_of_ones_own_decides_what_pseudo_labels_count() {
    let losses = |distrusting: bool| -> Vec<Option<f64>> {
        let folder = tempfile::tempdir().unwrap();
        let data = data(faces(64, 1, true), faces(40, 2, false), faces(24, 3, true));
        let mut run = begin(config(3), &folder, data).unwrap();
        if distrusting {
            let between = (PretrainStage::TeacherForward, PretrainStage::StudentUpdate);
            run.extend(|_, schedule| {
                schedule.add_systems(distrust.after(between.0).before(between.1));
            })
            .unwrap();
        }
        let record = |run: &mut Pretraining| -> StepRecord { run.advance().unwrap().record };
        (0..3).map(|_| record(&mut run).loss_student).collect()
    };
    assert!(losses(false).iter().all(|loss| loss.is_some_and(|loss| loss > 0.1)));
    assert!(losses(true).iter().all(|loss| *loss == Some(0.0)), "no pseudo-label counts");
}

#[test]
fn a_picture_is_read_by_itself() {
    let mut recognizer = affekt_engine::Recognizer::builtin().unwrap();
    let wall = Picture::filled(320, 240, 3, 90);
    assert_eq!(recognizer.picture(wall.clone()).unwrap(), []);
    let frame = affekt_engine::media::source::Frame { index: 0, seconds: 0.0, picture: wall.clone() };
    recognizer.push(frame).unwrap();
    let error = recognizer.picture(wall.clone()).unwrap_err().to_string();
    assert!(error.contains("finish"), "{error}");
    recognizer.finish().unwrap();
    recognizer.picture(wall).unwrap();
}
