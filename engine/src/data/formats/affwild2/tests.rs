#![allow(clippy::unwrap_used, reason = "tests")]
use std::fs;
use std::io::Cursor;

use super::*;
use crate::data::Clips as _;

/// A small JPEG whose content depends on `tone`.
pub(in crate::data) fn jpeg(tone: u8) -> Vec<u8> {
    let grey = image::GrayImage::from_fn(16, 16, |x, y| image::Luma([tone.wrapping_add((x + y) as u8)]));
    let mut bytes = Vec::new();
    grey.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg).unwrap();
    bytes
}

/// Writes frames with these numbers (from 1) into a folder.
pub(in crate::data) fn write_frames(folder: &Path, numbers: impl IntoIterator<Item = usize>) {
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        fs::write(folder.join(format!("{number:05}.jpg")), jpeg(number as u8 * 3)).unwrap();
    }
}

/// Writes an annotation file of the validation set.
pub(in crate::data) fn write_labels(root: &Path, video: &str, labels: &[i32]) {
    let folder = root.join("EXPR_Recognition_Challenge/Validation_Set");
    fs::create_dir_all(&folder).unwrap();
    let lines: Vec<String> = labels.iter().map(i32::to_string).collect();
    let text = format!("{}\n{}\n", CLASSES.join(","), lines.join("\n"));
    fs::write(folder.join(format!("{video}.txt")), text).unwrap();
}

fn open_at(root: &Path, rest: &str, skips: &SkipLog) -> Result<ClipFileSet, DataError> {
    open(&format!("affwild2:{}{rest}", root.display()).parse().unwrap(), skips)
}

#[test]
fn labels_join_frames_by_number_and_absent_frames_are_missing_faces() {
    let dir = tempfile::tempdir().unwrap();
    write_labels(dir.path(), "video_1_left", &[0, -1, 2, 3, 7, 4]);
    write_frames(&dir.path().join("cropped_aligned/video_1_left"), [1, 3, 4]);
    write_labels(dir.path(), "a", &[5, 5]);
    write_frames(&dir.path().join("cropped_aligned_new_50_vids/a"), [1, 2]);
    let skips = SkipLog::new(true);
    let clips = open_at(dir.path(), "#Validation_Set", &skips).unwrap();
    assert_eq!((clips.len(), clips.clip_name(0), clips.clip_name(1)), (2, "a", "video_1_left"));
    assert_eq!(clips.frames(1), 6);
    let labels: Vec<_> = (0..7).map(|frame| clips.label(1, frame)).collect();
    assert_eq!(labels, [Some(0), None, Some(2), Some(3), Some(7), Some(4), None]);
    let faces: Vec<_> = (0..7).map(|frame| clips.has_face(1, frame)).collect();
    assert_eq!(faces, [true, false, true, true, false, false, false]);
    assert_eq!(clips.picture(1, 2).unwrap().width, 16);
    assert_ne!(clips.content_hash(1, 2).unwrap(), clips.content_hash(1, 3).unwrap());
    let message = clips.picture(1, 1).unwrap_err().to_string();
    assert!(message.contains("00002.jpg") && message.contains("no face"), "{message}");
    assert_eq!((clips.classes().len(), skips.notes()), (8, 0));
}

#[test]
fn counts_that_are_one_off_are_noted_and_frames_past_the_labels_have_none() {
    let dir = tempfile::tempdir().unwrap();
    write_labels(dir.path(), "more_frames", &[1, 1]);
    write_frames(&dir.path().join("cropped_aligned/more_frames"), 1..=3);
    write_labels(dir.path(), "more_labels", &[1, 1, 1]);
    write_frames(&dir.path().join("cropped_aligned/more_labels"), 1..=2);
    write_labels(dir.path(), "right", &[1, 1]);
    write_frames(&dir.path().join("cropped_aligned/right"), 1..=2);
    let skips = SkipLog::new(true);
    let clips = open_at(dir.path(), "#val", &skips).unwrap();
    assert_eq!(skips.notes(), 2);
    assert_eq!((clips.frames(0), clips.label(0, 2), clips.has_face(0, 2)), (3, None, true));
    assert_eq!((clips.frames(1), clips.label(1, 2), clips.has_face(1, 2)), (3, Some(1), false));
}

#[test]
fn names_are_read_in_any_case_and_the_first_edition_has_seven() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("EXPR_Classification_Challenge/Train_Set");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("v.txt"), "neutral,ANGER,Disgust,Fear,Happiness,Sadness,Surprise\n6\n1\n").unwrap();
    write_frames(&dir.path().join("cropped_aligned/v"), 1..=2);
    let clips = open_at(dir.path(), "", &SkipLog::new(true)).unwrap();
    assert_eq!(clips.classes(), &CLASSES[..7]);
    assert_eq!([clips.label(0, 0), clips.label(0, 1)], [Some(6), Some(1)]);
    let message = open_at(dir.path(), "#Exam_Set", &SkipLog::new(true)).err().unwrap().to_string();
    assert!(message.contains("it has Train_Set"), "{message}");
}

#[test]
fn a_file_of_another_task_or_with_a_bad_label_is_one_error_with_its_place() {
    for (text, parts) in [
        ("valence,arousal\n0,0\n", ["v.txt, line 1", "valence-arousal"]),
        ("AU1,AU2\n0,0\n", ["v.txt, line 1", "action unit"]),
        ("Neutral,Anger,Disgust,Fear,Happiness,Sadness,Contempt\n0\n", ["line 1", "`Contempt`"]),
        ("Neutral,Anger\n0\n", ["line 1", "2 class names"]),
        ("Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise\n7\n", ["line 2", "label 7"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("EXPR_Recognition_Challenge/Train_Set");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("v.txt"), text).unwrap();
        write_frames(&dir.path().join("cropped_aligned/v"), 1..=2);
        let message = open_at(dir.path(), "", &SkipLog::new(false)).err().unwrap().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{text}: {message}");
    }
}

#[test]
fn clips_without_frames_and_hostile_names_are_skipped_and_named() {
    let dir = tempfile::tempdir().unwrap();
    for video in ["good", "nowhere", "empty", "..", "a,b"] {
        write_labels(dir.path(), video, &[1, 1]);
    }
    write_frames(&dir.path().join("cropped_aligned/good"), 1..=2);
    fs::create_dir_all(dir.path().join("cropped_aligned/empty")).unwrap();
    // What `..` would lead to, were it followed.
    write_frames(dir.path(), 1..=2);
    fs::write(dir.path().join("cropped_aligned/good/99999999.jpg"), b"").unwrap();
    fs::write(dir.path().join("cropped_aligned/good/Thumbs.db"), b"").unwrap();
    let skips = SkipLog::new(false);
    let clips = open_at(dir.path(), "", &skips).unwrap();
    assert_eq!((clips.len(), clips.frames(0), skips.count()), (1, 2, 5));
    let all = skips.first().join("\n");
    for part in ["...txt", "a,b.txt", "`nowhere`", "cropped_aligned/empty: no frame", "99999999.jpg"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(open_at(dir.path(), "", &SkipLog::new(true)).is_err());
}

#[test]
fn what_is_missing_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = || open_at(dir.path(), "", &SkipLog::new(false)).err().unwrap().to_string();
    assert!(refusal().contains("cropped_aligned"));
    fs::create_dir_all(dir.path().join("cropped_aligned")).unwrap();
    assert!(refusal().contains("Train_Set or Validation_Set in EXPR_Recognition_Challenge"), "{}", refusal());
    write_labels(dir.path(), "v", &[1]);
    assert!(refusal().contains("no usable clip"), "{}", refusal());
}

#[test]
fn the_videos_of_other_tasks_are_unlabelled_clips_without_the_frames_nobody_could_judge() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("VA_Estimation_Challenge/Train_Set");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("v.txt"), "valence,arousal\n0.1,0.2\n-5,-5\n0.3,0.1\n0,0\n").unwrap();
    write_frames(&dir.path().join("cropped_aligned/v"), 1..=3);
    let clips = open_at(dir.path(), "#train?task=va", &SkipLog::new(true)).unwrap();
    assert_eq!((clips.len(), clips.frames(0), clips.classes().len()), (1, 4, 0));
    let faces: Vec<_> = (0..4).map(|frame| clips.has_face(0, frame)).collect();
    assert_eq!(faces, [true, false, true, false]);
    assert!(clips.picture(0, 2).is_ok() && clips.picture(0, 1).is_err());
    let refusal = |rest: &str| open_at(dir.path(), rest, &SkipLog::new(true)).err().unwrap().to_string();
    assert!(refusal("?task=au").contains("AU_Detection_Challenge"));
    assert!(refusal("?task=vr").contains("expr, va or au"));
}

#[test]
fn a_test_sets_list_says_which_videos_and_how_many_frames() {
    let dir = tempfile::tempdir().unwrap();
    write_frames(&dir.path().join("cropped_aligned/b"), [1, 3, 9]);
    write_frames(&dir.path().join("cropped_aligned/a"), [2, 4]);
    let list = dir.path().join("test.csv");
    let at = |text: &str, skips: &SkipLog| {
        fs::write(&list, text).unwrap();
        open_at(dir.path(), &format!("?list={}", list.display()), skips)
    };
    let skips = SkipLog::new(true);
    let text = "image_location,Neutral,Anger\nb/00001.jpg,\nb/00004.jpg,0\nb/00002.jpg\ngone/00002.jpg,\na\n";
    let clips = at(text, &skips).unwrap();
    let names: Vec<_> = (0..clips.len()).map(|clip| (clips.clip_name(clip), clips.frames(clip))).collect();
    assert_eq!(names, [("b", 4), ("gone", 2), ("a", 4)]);
    assert_eq!([clips.has_face(0, 2), clips.has_face(0, 8), clips.has_face(1, 0)], [true, false, false]);
    assert!(skips.noted()[0].contains("`gone` has no folder"), "{:?}", skips.noted());
    let message = at("b/1.jpg\n", &skips).err().unwrap().to_string();
    assert!(message.contains("test.csv, line 1: `b/1.jpg`"), "{message}");
    assert!(at("../x/00001.jpg\n", &skips).is_err());
}

#[test]
fn the_test_set_has_rows_up_to_each_videos_last_frame_with_a_face_or_without() {
    let dir = tempfile::tempdir().unwrap();
    let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clips/plain.mp4");
    let frames = crate::media::source::count_frames(&film).unwrap() as usize;
    write_frames(&dir.path().join("cropped_aligned/a_left"), [1, 3]);
    write_frames(&dir.path().join("cropped_aligned/b"), [2]);
    let open = |skips: &SkipLog| open_at(dir.path(), "#Test_Set", skips);
    let message = open(&SkipLog::new(true)).err().unwrap().to_string();
    assert!(message.contains("no list of the test set") && message.contains("?list=FILE"), "{message}");
    let task = dir.path().join("EXPR_Recognition_Challenge");
    fs::create_dir_all(&task).unwrap();
    fs::write(task.join("EXPR_Recognition_Challenge_test_set_release.txt"), "a_left\nb\n").unwrap();
    fs::create_dir_all(dir.path().join("videos")).unwrap();
    fs::copy(&film, dir.path().join("videos/a.mp4")).unwrap();
    let skips = SkipLog::new(true);
    let clips = open(&skips).unwrap();
    assert_eq!((clips.len(), clips.frames(0), clips.frames(1)), (2, frames, 2));
    assert!(frames > 3 && clips.has_face(0, 2) && !clips.has_face(0, frames - 1));
    assert!(skips.noted()[0].contains("of 1 videos"), "{:?}", skips.noted());
    fs::write(dir.path().join("test_set.csv"), "a_left\n").unwrap();
    assert!(open(&skips).err().unwrap().to_string().contains("several lists"));
}
