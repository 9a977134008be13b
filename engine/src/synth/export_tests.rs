#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use super::*;
use crate::data::{Annotation, ClipFormats, Clips, Dataset, SkipLog, Spec};
use crate::media;

fn faces(count: usize) -> SynthFaces {
    SynthFaces::new(SynthSettings { seed: 3, count, ..SynthSettings::default() }).unwrap()
}

fn short_clips() -> SynthClips {
    let settings = SynthClipSettings {
        seed: 4,
        clips: 3,
        frames: 90,
        missing: 0.2,
        ignored: 0.2,
        style: Style { size: 32, ..Style::default() },
        ..SynthClipSettings::default()
    };
    SynthClips::new(settings).unwrap()
}

fn opened(spec: &str) -> std::sync::Arc<dyn Dataset> {
    crate::data::open(&spec.parse::<Spec>().unwrap(), true).unwrap()
}

/// Every file below a folder with its bytes.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![];
    let mut open = vec![folder.to_path_buf()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn an_image_folder_reads_back_with_its_classes_and_pixels() {
    let (out, faces) = (tempfile::tempdir().unwrap(), faces(24));
    assert!(write_folder(&faces, out.path(), &mut |_| true).unwrap());
    let read = opened(&format!("folder:{}", out.path().display()));
    assert_eq!(read.len(), 24);
    for index in 0..24 {
        // Items are sorted by path; the file's name holds the number of the face.
        let number: usize = read.key(index).rsplit('/').next().unwrap()[..5].parse().unwrap();
        let Annotation::Class(class) = read.annotation(index) else { panic!("no class") };
        assert_eq!(read.classes()[class], faces.class(number).name());
        assert_eq!(read.picture(index).unwrap(), faces.picture(number).unwrap());
    }
}

#[test]
fn record_files_read_back_with_their_labels() {
    let (out, faces) = (tempfile::tempdir().unwrap(), faces(100));
    assert!(write_recordio(&faces, out.path(), &mut |_| true).unwrap());
    let names: Vec<String> = content(out.path()).into_iter().map(|file| file.0).collect();
    assert_eq!(names, ["property", "train.idx", "train.rec"]);
    assert_eq!(fs::read_to_string(out.path().join("property")).unwrap(), "8,48,48");
    let classes = Class::names().join(",");
    let read = opened(&format!("recordio:{}?classes={}", out.path().display(), classes));
    assert_eq!(read.len(), 100);
    for index in 0..100 {
        assert_eq!(read.annotation(index), faces.annotation(index));
        let (a, b) = (read.picture(index).unwrap(), faces.picture(index).unwrap());
        let off: u32 = a.pixels.iter().zip(&b.pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        assert!(off < 6 * 48 * 48, "JPEG is off by {} a pixel", off / (48 * 48));
    }
}

#[test]
fn record_files_that_are_not_finished_are_not_there() {
    let (out, faces) = (tempfile::tempdir().unwrap(), faces(200));
    assert!(!write_recordio(&faces, out.path(), &mut |done| done < 100).unwrap());
    assert_eq!(content(out.path()), []);
}

#[test]
fn clips_have_aff_wild2s_numbers_gaps_and_label_lines() {
    let (out, clips) = (tempfile::tempdir().unwrap(), short_clips());
    assert!(write_aff_wild2(&clips, 1, out.path(), &mut |_| true).unwrap());
    let mut absent = 0;
    for clip in 0..3 {
        let set = if clip == 2 { "Validation_Set" } else { "Train_Set" };
        let name = clips.clip_name(clip);
        let labels = out.path().join(format!("EXPR_Recognition_Challenge/{set}/{name}.txt"));
        let text = fs::read_to_string(labels).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other");
        assert_eq!(lines.len(), 91);
        // Line i, counted from the head line as 0, is frame file i.
        for (frame, line) in lines[1..].iter().enumerate() {
            assert_eq!(
                line.parse::<i64>().unwrap(),
                clips.label(clip, frame).map_or(-1, |label| label as i64)
            );
            let file = out.path().join(format!("cropped_aligned/{name}/{:05}.jpg", frame + 1));
            assert_eq!(file.exists(), clips.has_face(clip, frame), "{}", file.display());
            absent += usize::from(!file.exists());
        }
    }
    assert!(absent > 10);
    let first = (0..90).find(|&frame| clips.has_face(0, frame)).unwrap();
    let file = out.path().join(format!("cropped_aligned/clip_0000/{:05}.jpg", first + 1));
    let read = media::decode(&fs::read(file).unwrap()).unwrap();
    let drawn = clips.picture(0, first).unwrap();
    assert_eq!((read.width, read.height, read.channels), (32, 32, 1));
    let off: u32 = read.pixels.iter().zip(&drawn.pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(off < 6 * 32 * 32);
}

#[test]
fn clips_read_back_through_the_aff_wild2_reader() {
    let (out, clips) = (tempfile::tempdir().unwrap(), short_clips());
    assert!(write_aff_wild2(&clips, 1, out.path(), &mut |_| true).unwrap());
    let open = |split: &str| {
        let spec: Spec = format!("affwild2:{}#{split}", out.path().display()).parse().unwrap();
        ClipFormats::files().open(&spec, &SkipLog::new(true)).unwrap()
    };
    for (read, drawn) in [(open("Train_Set"), 0..2), (open("Validation_Set"), 2..3)] {
        assert_eq!(read.len(), drawn.len());
        assert_eq!(read.classes(), Class::names());
        for (at, clip) in drawn.enumerate() {
            assert_eq!(read.clip_name(at), clips.clip_name(clip));
            assert_eq!(read.frames(at), 90);
            for frame in 0..90 {
                assert_eq!(read.label(at, frame), clips.label(clip, frame), "frame {frame}");
                assert_eq!(read.has_face(at, frame), clips.has_face(clip, frame), "frame {frame}");
                assert_eq!(read.picture(at, frame).is_ok(), clips.has_face(clip, frame), "frame {frame}");
            }
        }
    }
}

#[test]
fn the_same_settings_write_the_same_bytes() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for out in [&a, &b] {
        write_folder(&faces(20), out.path(), &mut |_| true).unwrap();
        write_recordio(&faces(20), out.path(), &mut |_| true).unwrap();
        write_aff_wild2(&short_clips(), 1, out.path(), &mut |_| true).unwrap();
    }
    assert!(content(a.path()) == content(b.path()));
}

#[test]
fn raw_video_has_a_frame_for_each_and_a_table_of_what_is_true() {
    let clips = short_clips();
    let (mut video, mut table) = (Vec::new(), Vec::new());
    assert!(write_y4m(&clips, 1, (64, 48), &mut video, &mut |_| true).unwrap());
    let head = b"YUV4MPEG2 W64 H48 F30:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n".len();
    let frame_bytes = 6 + 64 * 48 * 3 / 2;
    assert_eq!(video.len(), head + 90 * frame_bytes);
    // A grey picture's luma is the picture, and has no colour.
    let picture = clips.full_frame(1, 5, 64, 48).picture;
    let frame = &video[head + 5 * frame_bytes + 6..][..64 * 48 * 3 / 2];
    assert_eq!(&frame[..64 * 48], picture.pixels);
    assert!(frame[64 * 48..].iter().all(|&v| v == 128));
    assert!(write_y4m(&clips, 1, (63, 48), &mut Vec::new(), &mut |_| true).is_err());

    write_truth(&clips, 1, (64, 48), &mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 91);
    assert!(rows.iter().all(|row| row.len() == 19), "{}", rows[1].len());
    for (frame, row) in rows[1..].iter().enumerate() {
        assert_eq!(row[0], frame.to_string());
        assert_eq!(row[5].is_empty(), !clips.has_face(1, frame));
        if let Some(geometry) = clips.full_frame(1, frame, 64, 48).geometry {
            assert!((row[11].parse::<f32>().unwrap() - geometry.landmarks[1][0]).abs() < 0.006);
        }
    }
}
