#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use serde::Serialize;

use super::*;
use crate::backend::NetworkState;
use crate::learn::Counters;
use crate::net::{HostTensor, Weights};

#[derive(Serialize)]
struct Run {
    seed: u64,
    settings: crate::learn::Settings,
}

fn identity(change: impl FnOnce(&mut Run)) -> RunIdentity {
    let mut run = Run { seed: 1, settings: crate::learn::Settings::default() };
    change(&mut run);
    RunIdentity::new(&run).unwrap()
}

fn weights(values: &[f32]) -> Weights {
    let tensor = HostTensor { shape: vec![values.len()], data: values.to_vec() };
    Weights { tensors: [("layer1.0.conv1.weight".to_string(), tensor)].into() }
}

fn state(step: u64) -> TrainingState {
    let odd = [f32::MIN_POSITIVE / 4.0, -0.0, 0.1, f32::NAN];
    let network = NetworkState {
        weights: weights(&odd),
        momentum: weights(&[step as f32, 2.0]),
        second_moment: weights(&[1e-30, step as f32]),
        average: Some(weights(&[0.3])),
    };
    let fresh = NetworkState { weights: weights(&[1.0]), ..NetworkState::default() };
    TrainingState {
        step,
        networks: [("teacher".to_string(), network), ("student".to_string(), fresh)].into(),
        counters: Counters { student_updates: 3, feedback_signs: vec![true, false], ..Counters::default() },
        vectors: [("pseudo.learned".to_string(), vec![0.1, 0.7])].into(),
    }
}

fn bits(state: &TrainingState) -> Vec<u8> {
    encode(state, &identity(|_| {}), None).unwrap()
}

#[test]
fn what_is_read_is_what_was_written_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    assert_eq!(checkpoints.latest().unwrap(), None);
    checkpoints.save(&state(7)).unwrap();
    let read = checkpoints.latest().unwrap().unwrap();
    assert_eq!(bits(&read), bits(&state(7)));
    assert_eq!(read.networks["student"].average, None);
    assert!(read.networks["student"].momentum.tensors.is_empty());
}

#[test]
fn the_last_two_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    for step in [10, 20, 30] {
        checkpoints.save(&state(step)).unwrap();
    }
    assert_eq!(checkpoints.steps().unwrap(), [30, 20]);
    checkpoints.save(&state(25)).unwrap();
    assert_eq!(checkpoints.steps().unwrap(), [25, 20], "a resumed run's own are the last");
}

#[test]
fn the_best_and_those_of_every_so_many_steps_are_kept_over_a_resume() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Checkpoints::open(folder.path(), identity(|_| {})).unwrap().keeping_every(40);
    let mut checkpoints = open();
    let scores = [(10, 0.3), (20, 0.7), (30, 0.5), (40, 0.7), (50, f64::NAN), (60, 0.6)];
    let found: Vec<bool> = scores
        .iter()
        .map(|&(step, score)| {
            let best = checkpoints.is_best(step, score).unwrap();
            checkpoints.save(&state(step)).unwrap();
            best
        })
        .collect();
    assert_eq!(found, [true, true, false, false, false, false], "the first of two that are equally good");
    assert_eq!(checkpoints.steps().unwrap(), [60, 50, 40, 20]);

    let mut resumed = open();
    assert!(!resumed.is_best(70, 0.65).unwrap(), "what was best before it was stopped is known");
    assert!(resumed.is_best(80, 0.8).unwrap());
    resumed.save(&state(80)).unwrap();
    resumed.save(&state(90)).unwrap();
    resumed.save(&state(100)).unwrap();
    assert_eq!(resumed.steps().unwrap(), [100, 90, 80, 40]);

    // A file that names no checkpoint is no reason to end a run.
    std::fs::write(folder.path().join("best.json"), "{}").unwrap();
    assert!(open().is_best(110, 0.1).unwrap());
    assert!(open().is_best(120, 0.05).unwrap(), "the checkpoint of step 110 was not saved");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    checkpoints.save(&state(10)).unwrap();
    let newest = checkpoints.save(&state(20)).unwrap();
    let whole = std::fs::read(&newest).unwrap();
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&newest, &whole[..length]).unwrap();
        assert_eq!(checkpoints.latest().unwrap().unwrap().step, 10, "cut to {length} bytes");
    }
    std::fs::write(checkpoints.path(10), b"{}").unwrap();
    let error = checkpoints.latest().unwrap_err().to_string();
    assert!(error.contains("checkpoint-0000000020.safetensors") && error.contains("damaged"), "{error}");
}

#[test]
fn a_half_written_file_is_swept_out_and_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join(".affekt-x1.part");
    std::fs::write(&left, b"half").unwrap();
    std::fs::File::open(&left).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(checkpoints.latest().unwrap(), None);
}

#[test]
fn another_runs_checkpoint_is_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    Checkpoints::open(folder.path(), identity(|_| {})).unwrap().save(&state(10)).unwrap();
    let other = identity(|run| {
        run.seed = 2;
        run.settings.optimiser.teacher_learning_rate = 0.02;
    });
    let error = Checkpoints::open(folder.path(), other).unwrap().latest().unwrap_err().to_string();
    assert!(error.contains("seed is 1 there and 2 here"), "{error}");
    let rate = "settings.optimiser.teacher_learning_rate is 0.01 there and 0.02 here";
    assert!(error.contains(rate), "{error}");
}

#[test]
fn a_model_is_not_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint-0000000001.safetensors");
    weights(&[1.0]).write(&path, crate::net::Storage::F32, None).unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    assert!(checkpoints.latest().unwrap_err().to_string().contains("not a checkpoint"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Checkpoints::open(&file.path().join("run"), identity(|_| {})).unwrap_err().to_string();
    assert!(error.contains("run"), "{error}");
}

/// A file of the format's first version, which had no hash.
fn without_hash(bytes: &[u8]) -> Vec<u8> {
    let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes).unwrap();
    let json = &metadata.metadata().as_ref().unwrap()["affekt.checkpoint"];
    let mut header: serde_json::Value = serde_json::from_str(json).unwrap();
    header["version"] = 1.into();
    let fields = header.as_object_mut().unwrap();
    assert!(fields.remove("blake3").is_some() && fields.remove("computed_by").is_some());
    let metadata = std::collections::HashMap::from([("affekt.checkpoint".to_owned(), header.to_string())]);
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    safetensors::serialize(file.tensors(), Some(metadata)).unwrap()
}

#[test]
fn a_lost_page_or_bit_is_noticed_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    checkpoints.save(&state(10)).unwrap();
    let newest = checkpoints.save(&state(20)).unwrap();
    let whole = std::fs::read(&newest).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&newest, damaged).unwrap();
        assert_eq!(checkpoints.latest().unwrap().unwrap().step, 10, "a bit of byte {at}");
    }
    for at in (0..whole.len()).step_by(64) {
        let mut damaged = whole.clone();
        damaged[at..(at + 64).min(whole.len())].fill(0);
        if damaged != whole {
            std::fs::write(&newest, damaged).unwrap();
            assert_eq!(checkpoints.latest().unwrap().unwrap().step, 10, "the bytes from {at} on");
        }
    }
    std::fs::write(&newest, whole).unwrap();
    assert_eq!(checkpoints.latest().unwrap().unwrap().step, 20);
}

#[test]
fn the_error_says_that_the_content_is_damaged_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    let file = checkpoints.save(&state(10)).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = checkpoints.latest().unwrap_err().to_string();
    assert!(error.contains("checkpoint-0000000010.safetensors: damaged: its content"), "{error}");
}

#[test]
fn a_checkpoint_from_before_hashes_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::open(folder.path(), identity(|_| {})).unwrap();
    std::fs::write(checkpoints.path(7), without_hash(&bits(&state(7)))).unwrap();
    assert_eq!(bits(&checkpoints.latest().unwrap().unwrap()), bits(&state(7)));
}

#[test]
fn what_computed_a_checkpoint_is_known_when_something_else_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let by = |what: &str| Checkpoints::open(folder.path(), identity(|_| {})).unwrap().computed_by(what);
    let file = by("cpu avx2").save(&state(7)).unwrap();
    let bytes = std::fs::read(file).unwrap();
    let (header, _) = open(&bytes).unwrap();
    let there = header.computed_by.as_deref();
    assert_eq!(by("cpu avx512").other_arithmetic(there), Some(("cpu avx2".to_owned(), "cpu avx512")));
    assert_eq!(by("cpu avx2").other_arithmetic(there), None);
    assert_eq!(by("cpu avx2").other_arithmetic(None), None, "an older checkpoint does not say");
    assert_eq!(by("cpu avx512").latest().unwrap().unwrap().step, 7, "it goes on all the same");
}
