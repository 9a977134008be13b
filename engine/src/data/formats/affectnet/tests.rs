#![allow(clippy::unwrap_used, reason = "tests")]
use std::fs;
use std::path::Path;

use super::*;
use crate::data::decode::tests::grey_png;
use crate::data::npy::tests::npy;
use crate::data::{Ambiguous, Annotation, Dataset as _, Formats, Pool, Source, Vocabulary};

const HEADER: &str =
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal";

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn row(path: &str, face: [i32; 4], expression: &str) -> String {
    let [x, y, width, height] = face;
    format!("{path},{x},{y},{width},{height},1.5;2.5;3;4,{expression},-0.1,0.2\n")
}

fn open_at(root: &Path, rest: &str, skips: &SkipLog) -> Result<ListedFaces, DataError> {
    open(&format!("affectnet:{}{rest}", root.display()).parse().unwrap(), skips)
}

/// Lists as the first release has them: two faces in one picture, every class that is none, no header in one of them.
fn lists() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, tone) in [("1/a.png", 1), ("1/b.png", 2), ("2/c.png", 3)] {
        write(dir.path(), &format!("Manually_Annotated_Images/{name}"), grey_png(40, 30, tone));
    }
    let training = [
        format!("{HEADER}\n"),
        row("1/a.png", [0, 0, 10, 12], "1"),
        row("1/a.png", [20, 5, 30, 40], "6"),
        row("1/b.png", [-2, -3, 8, 9], "8"),
        row("1/b.png", [0, 0, 0, 0], "10"),
    ];
    write(dir.path(), "lists/training.csv", training.concat());
    write(dir.path(), "lists/validation.csv", row("2/c.png", [1, 2, 3, 4], "7"));
    dir
}

#[test]
fn a_path_may_repeat_and_each_face_is_cut_out_by_its_box() {
    let dir = lists();
    let train = open_at(dir.path(), "#train", &SkipLog::new(true)).unwrap();
    assert_eq!(train.len(), 4);
    let sizes: Vec<_> = (0..3).map(|i| train.picture(i).map(|p| (p.width, p.height)).unwrap()).collect();
    assert_eq!(sizes, [(10, 12), (20, 25), (6, 6)], "cut at the picture's edges");
    assert_ne!(train.content_hash(0).unwrap(), train.content_hash(1).unwrap(), "no copies of each other");
    assert_eq!(train.annotation(1), Annotation::Class(6));
    assert_ne!(train.key(0), train.key(1));
    assert!(train.key(1).ends_with("1/a.png, face at (20, 5, 50, 45)"), "{}", train.key(1));
}

#[test]
fn a_list_without_a_header_loses_no_face() {
    let dir = lists();
    let valid = open_at(dir.path(), "#validation", &SkipLog::new(true)).unwrap();
    assert_eq!((valid.len(), valid.annotation(0)), (1, Annotation::Class(7)));
    assert_eq!(open_at(dir.path(), "", &SkipLog::new(true)).unwrap().len(), 5, "both lists");
}

#[test]
fn none_uncertain_and_no_face_are_dropped_and_no_face_is_never_used() {
    let dir = lists();
    let skips = SkipLog::new(true);
    let labels = |query: &str, ambiguous| {
        let mut spec: Spec = format!("affectnet:{}#train{query}", dir.path().display()).parse().unwrap();
        spec.ambiguous = ambiguous;
        let source = Source::open(&spec, &Formats::files(), &skips).unwrap();
        Pool::build(&Vocabulary::open("ferplus8").unwrap(), &[source], &skips).unwrap().labels()
    };
    assert_eq!(labels("", Ambiguous::Drop), [Some(1), Some(4)]);
    assert_eq!(labels("", Ambiguous::Unlabelled), [Some(1), Some(4), None]);
    assert_eq!(labels("?unlabelled=true", Ambiguous::Drop), [None, None, None]);
}

#[test]
fn bad_lines_are_skipped_and_named_and_fatal_when_strict() {
    let dir = lists();
    let bad = [
        row("../../etc/passwd", [0, 0, 9, 9], "1"),
        row("1/a.png", [0, 0, 9, 9], "11"),
        row("1/a.png", [0, 0, 9, 9], "1.5"),
        row("1/a.png", [0, 0, -9, 9], "1"),
        "short\n".to_owned(),
    ];
    write(
        dir.path(),
        "lists/training.csv",
        format!("{HEADER}\n{}{}", row("1/a.png", [0, 0, 9, 9], "0"), bad.concat()),
    );
    let skips = SkipLog::new(false);
    assert_eq!(open_at(dir.path(), "#train", &skips).unwrap().len(), 1);
    let named = skips.first();
    for (line, part) in named.iter().zip([
        "line 3: there is no picture `../../etc",
        "expression 11",
        "1.5",
        "no area",
        "too few",
    ]) {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(named.len(), 5);
    assert!(open_at(dir.path(), "#train", &SkipLog::new(true)).is_err());
    write(dir.path(), "lists/training.csv", "a,b\n1,2\n");
    let message = open_at(dir.path(), "#train", &skips).err().unwrap().to_string();
    assert!(
        message.contains("training.csv, line 1: no column `subDirectory_filePath` in `a,b`"),
        "{message}"
    );
}

#[test]
fn the_folders_of_2021_keep_labels_as_numpy_scalars_of_any_type() {
    let dir = tempfile::tempdir().unwrap();
    let labels = [
        npy("<U1", "()", &u32::from('3').to_le_bytes()),
        npy("<i8", "()", &5i64.to_le_bytes()),
        npy("<f8", "()", &7f64.to_le_bytes()),
        npy("|O", "()", b"x"),
    ];
    for (id, label) in labels.iter().enumerate() {
        write(dir.path(), &format!("train_set/images/{id}.jpg"), grey_png(8, 8, id as u8));
        write(dir.path(), &format!("train_set/annotations/{id}_exp.npy"), label);
        write(dir.path(), &format!("train_set/annotations/{id}_val.npy"), label);
    }
    write(dir.path(), "train_set/images/9.jpg", grey_png(8, 8, 9));
    let skips = SkipLog::new(false);
    let train = open_at(dir.path(), "#train", &skips).unwrap();
    let classes: Vec<_> = (0..train.len()).map(|item| train.annotation(item)).collect();
    assert_eq!(classes, [3, 5, 7].map(Annotation::Class));
    let named = skips.first().join("\n");
    assert!(
        named.contains("3_exp.npy: NumPy type `|O`") && named.contains("no train_set/annotations/9_exp.npy"),
        "{named}"
    );
    let message = open_at(dir.path(), "#val", &skips).err().unwrap().to_string();
    assert!(message.contains("it has training"), "{message}");
}

#[test]
fn a_folder_of_something_else_says_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let message = open_at(dir.path(), "", &SkipLog::new(false)).err().unwrap().to_string();
    assert!(message.contains("training.csv") && message.contains("train_set/annotations"), "{message}");
}

#[test]
fn a_lists_own_landmarks_align_its_faces_and_lists_without_them_do_not() {
    use crate::media::align::ARCFACE;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "Manually_Annotated_Images/1/a.png", grey_png(200, 160, 1));
    // Around each of the five, as many points as stand for it.
    let five = ARCFACE.map(|[x, y]| [x + 30.0, y + 20.0]);
    let mut points = vec![[0.0, 0.0]; 68];
    points[36..42].fill(five[0]);
    points[42..48].fill(five[1]);
    (points[30], points[48], points[54]) = (five[2], five[3], five[4]);
    let text: Vec<String> = points.iter().map(|[x, y]| format!("{x};{y}")).collect();
    let face = |points: &str| format!("1/a.png,40,30,80,90,{points},1,0,0\n");
    write(dir.path(), "training.csv", format!("{HEADER}\n{}{}", face(&text.join(";")), face("1;2;3")));
    let aligned = open_at(dir.path(), "?align=true", &SkipLog::new(true)).unwrap();
    let scene = aligned.scene(0).unwrap();
    for (found, wanted) in scene.landmarks.unwrap().iter().flatten().zip(five.iter().flatten()) {
        assert!((found - wanted).abs() < 0.01);
    }
    let face_box = scene.face_box.unwrap();
    assert_eq!((face_box.x, face_box.w, scene.picture.width), (40.0, 80.0, 200));
    assert_eq!(aligned.scene(1).unwrap().landmarks, None);
    let plain = open_at(dir.path(), "", &SkipLog::new(true)).unwrap();
    assert!(
        plain.landmarks.is_empty() && plain.scene(0).unwrap().landmarks.is_none(),
        "not asked for, not kept"
    );
    let spec: Spec = format!("affectnet:{}?align=true", dir.path().display()).parse().unwrap();
    let through = Formats::files().open(&spec, &SkipLog::new(true)).unwrap();
    let picture = through.picture(0).unwrap();
    assert_eq!((picture.width, picture.height), (256, 256));
    assert_eq!(through.content_hash(0).unwrap(), plain.content_hash(0).unwrap());
}

#[test]
fn the_folders_of_2021_keep_landmarks_and_what_is_wrong_with_them_is_noted() {
    use crate::media::align::ARCFACE;
    let dir = tempfile::tempdir().unwrap();
    let five = ARCFACE.map(|[x, y]| [f64::from(x), f64::from(y)]);
    let mut points = vec![[0.0, 0.0]; 68];
    points[36..42].fill(five[0]);
    points[42..48].fill(five[1]);
    (points[30], points[48], points[54]) = (five[2], five[3], five[4]);
    let rows: Vec<u8> = points.as_flattened().iter().flat_map(|v| v.to_le_bytes()).collect();
    let single: Vec<u8> = points.as_flattened().iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
    let landmarks = [
        Some(npy("<f8", "(136,)", &rows)),
        Some(npy("<f4", "(68, 2)", &single)),
        Some(npy("<f8", "(5, 2)", &rows[..80])),
        Some(b"text".to_vec()),
        None,
    ];
    for (id, landmarks) in landmarks.iter().enumerate() {
        write(dir.path(), &format!("val_set/images/{id}.jpg"), grey_png(112, 112, id as u8));
        write(dir.path(), &format!("val_set/annotations/{id}_exp.npy"), npy("<U1", "()", b"1\0\0\0"));
        if let Some(bytes) = landmarks {
            write(dir.path(), &format!("val_set/annotations/{id}_lnd.npy"), bytes);
        }
    }
    let skips = SkipLog::new(true);
    let faces = open_at(dir.path(), "#val?align=true", &skips).unwrap();
    for item in [0, 1] {
        let found = faces.scene(item).unwrap().landmarks.unwrap();
        for (found, wanted) in found.iter().flatten().zip(five.iter().flatten()) {
            assert!((f64::from(*found) - wanted).abs() < 0.01, "{item}");
        }
    }
    assert!([2, 3, 4].iter().all(|&item| faces.scene(item).unwrap().landmarks.is_none()));
    let noted = skips.noted().join("\n");
    assert!(noted.contains("2_lnd.npy: 10 numbers instead of 68 landmarks"), "{noted}");
    assert!(
        noted.contains("3_lnd.npy: no NumPy file") && skips.notes() == 2 && skips.count() == 0,
        "{noted}"
    );
    let skips = SkipLog::new(true);
    let plain = open_at(dir.path(), "#val", &skips).unwrap();
    assert!(plain.landmarks.is_empty() && skips.notes() == 0, "not asked for, not read");
}
