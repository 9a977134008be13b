#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use super::frame::masked;
use super::*;

/// The events of a file, each with its checksums held to its bytes; a last one that was not finished is no event.
fn events(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut found) = (bytes.as_slice(), vec![]);
    while rest.len() >= 16 {
        let (length, check) = (&rest[..8], &rest[8..12]);
        assert_eq!(check, masked(length).to_le_bytes(), "the length's checksum");
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let Some(event) = rest.get(12..12 + length) else { break };
        assert_eq!(rest[12 + length..16 + length], masked(event).to_le_bytes(), "the bytes' checksum");
        found.push(event.to_vec());
        rest = &rest[16 + length..];
    }
    found
}

fn has(event: &[u8], part: &[u8]) -> bool {
    event.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_file_holds_its_version_where_it_starts_and_every_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::begin(folder.path(), 6).unwrap();
    let step = serde_json::json!({ "kind": "step", "step": 7, "loss_teacher": 0.5, "feedback": null, "skipped": false,
        "pseudo_histogram": [3, 1] });
    file.line(&step).unwrap();
    let scores = serde_json::json!({ "kind": "evaluation", "step": 7, "network": "student", "macro_f1": 0.25,
        "per_class_f1": { "happy": 0.75 }, "classes": ["happy"], "confusion": [[1, 0], [0, 1]] });
    file.line(&scores).unwrap();
    file.write(7, &[]).unwrap();
    file.sync().unwrap();
    let found = events(&file.path);
    assert_eq!(found.len(), 4);
    assert!(has(&found[0], b"brain.Event:2"));
    assert_eq!(found[1][9..], *b"\x10\x07\x3a\x02\x08\x01", "what others have of step 7 no longer counts");
    assert!(has(&found[2], b"\x0a\x12train/loss_teacher\x15\x00\x00\x00\x3f"));
    assert!(has(&found[2], b"train/pseudo_histogram\x2a"));
    assert!(
        !has(&found[2], b"feedback") && !has(&found[2], b"skipped"),
        "neither nothing nor a yes is a curve"
    );
    assert!(has(&found[3], b"evaluation/student/macro_f1\x15\x00\x00\x80\x3e"));
    assert!(has(&found[3], b"evaluation/student/per_class_f1/happy\x15\x00\x00\x40\x3f"));
    assert!(!has(&found[3], b"confusion") && !has(&found[3], b"classes"));
}

#[test]
fn every_start_has_a_file_of_its_own_behind_those_before_whatever_the_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let later = "events.out.tfevents.9999999999.000000.affekt";
    std::fs::write(folder.path().join(later), "of a machine whose clock is fast").unwrap();
    for done in [0, 0, 4] {
        EventFile::begin(folder.path(), done).unwrap();
    }
    let names: Vec<String> = EventFile::all(folder.path())
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let expected = (0..4).map(|number| format!("events.out.tfevents.9999999999.{number:06}.affekt"));
    assert_eq!(names, expected.collect::<Vec<_>>());
    assert_eq!(next_name(&[], 17), "events.out.tfevents.0000000017.000000.affekt");
}

#[test]
fn a_planted_error_in_a_file_is_noticed_by_its_checksums() {
    let folder = tempfile::tempdir().unwrap();
    let file = EventFile::begin(folder.path(), 0).unwrap();
    let mut bytes = std::fs::read(&file.path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&file.path, &bytes).unwrap();
    assert!(std::panic::catch_unwind(|| events(&file.path)).is_err());
}
