//! Aff-Wild2, the expression task: `EXPR_*_Challenge/{Train_Set,Validation_Set}/<video>.txt` with the frames in
//! `cropped_aligned/<video>/00001.jpg` or `cropped_aligned_new_50_vids/<video>/00001.jpg`.
//!
//! A video with two people has a file and a folder each, `<video>_left` and `<video>_right`, or one of them beside the
//! plain name; every such name is a clip of its own. Frames without a detected face have no file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::clip_files::{ClipFileSet, ClipFiles, is_plain_name};
use crate::data::frame_labels;
use crate::data::{ClipFormat, DataError, SkipLog, Spec};

/// The classes of the annotation files; the first edition has no `Other`.
pub(in crate::data) const CLASSES: [&str; 8] =
    ["Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Other"];

const TASK_FOLDERS: [&str; 3] = ["", "EXPR_Recognition_Challenge", "EXPR_Classification_Challenge"];
const FRAME_FOLDERS: [&str; 2] = ["cropped_aligned", "cropped_aligned_new_50_vids"];
const SPLITS: [(&str, &[&str]); 2] = [
    ("Train_Set", &["train_set", "train"]),
    ("Validation_Set", &["validation_set", "validation", "valid", "val"]),
];

/// The form's entry in the table.
pub(super) fn format() -> ClipFormat {
    let about =
        "Aff-Wild2, expressions: cropped_aligned and EXPR_*_Challenge (splits Train_Set, Validation_Set)";
    ClipFormat::new("affwild2", about, &[], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

/// Opens the clips of the SPEC's split, or of both.
fn open(spec: &Spec, skips: &SkipLog) -> Result<ClipFileSet, DataError> {
    let root = spec.path.as_path();
    fs::metadata(root).map_err(|e| DataError::io(root, e))?;
    let frame_folders: Vec<PathBuf> =
        FRAME_FOLDERS.iter().map(|name| root.join(name)).filter(|path| path.is_dir()).collect();
    if frame_folders.is_empty() {
        let reason = format!("neither {} in it; unpack the frames there", FRAME_FOLDERS.join(" nor "));
        return Err(DataError::format(root, "", reason));
    }
    let mut clips = Vec::new();
    for folder in annotation_folders(spec)? {
        for (name, path) in annotation_files(&folder, skips)? {
            let labels = if spec.unlabelled { None } else { Some(frame_labels::read(&path)?) };
            if let Some(labels) = &labels {
                check_classes(&path, &labels.classes)?;
            }
            let found = frame_folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_dir());
            let clip = match found {
                Some(frames) => ClipFiles::list(&name, frames, labels, skips),
                None => Err(DataError::format(
                    &path,
                    "",
                    format!("no folder `{name}` of frames in {}", FRAME_FOLDERS.join(" or ")),
                )),
            };
            match clip {
                Ok(clip) => clips.push(clip),
                Err(error) => skips.skip(&path.display().to_string(), error)?,
            }
        }
    }
    if clips.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(DataError::format(root, "", format!("no usable clip{first}")));
    }
    let eight = clips.iter().any(|clip| clip.own_classes().is_some_and(|own| own.len() == CLASSES.len()));
    let count = if spec.unlabelled { 0 } else { CLASSES.len() - usize::from(!eight) };
    let classes = CLASSES[..count].iter().map(|&name| name.to_owned()).collect();
    ClipFileSet::new(spec.to_string(), classes, clips, |_, name| {
        class_of(name).ok_or_else(|| spec.error(format!("no class `{name}`")))
    })
}

fn class_of(name: &str) -> Option<usize> {
    CLASSES.iter().position(|class| class.eq_ignore_ascii_case(name))
}

fn check_classes(path: &Path, names: &[String]) -> Result<(), DataError> {
    let all = || CLASSES.join(",");
    let error = |reason: String| Err(DataError::format(path, ", line 1", reason));
    if let Some(name) = names.iter().find(|name| class_of(name).is_none()) {
        return error(format!("`{name}` is no class of Aff-Wild2; expected {} (or without Other)", all()));
    }
    if names.len() < CLASSES.len() - 1 {
        return error(format!("{} class names; expected {} (or without Other)", names.len(), all()));
    }
    Ok(())
}

/// The folders of annotations that the split names, Train before Validation.
fn annotation_folders(spec: &Spec) -> Result<Vec<PathBuf>, DataError> {
    let root = spec.path.as_path();
    let wanted = spec.split.as_ref().map(|split| split.to_lowercase());
    let mut chosen = Vec::new();
    let mut known = Vec::new();
    for (split, names) in SPLITS {
        let candidates = TASK_FOLDERS.iter().map(|task| root.join(task).join(split));
        let Some(folder) = candidates.into_iter().find(|folder| folder.is_dir()) else { continue };
        known.push(split);
        if wanted.as_ref().is_none_or(|wanted| names.contains(&wanted.as_str())) {
            chosen.push(folder);
        }
    }
    if known.is_empty() {
        let reason = "no annotations: expected EXPR_Recognition_Challenge/Train_Set or /Validation_Set \
            (or EXPR_Classification_Challenge)";
        return Err(DataError::format(root, "", reason));
    }
    if chosen.is_empty() {
        return Err(spec.error(format!("no split of that name; it has {}", known.join(", "))));
    }
    Ok(chosen)
}

/// Clip names and annotation files, sorted by name.
fn annotation_files(folder: &Path, skips: &SkipLog) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| DataError::io(folder, e))? {
        let name = entry.map_err(|e| DataError::io(folder, e))?.file_name();
        let shown = name.to_string_lossy();
        let Some(stem) = shown.strip_suffix(".txt") else { continue };
        let path = folder.join(&name);
        if name.to_str().is_some() && is_plain_name(stem) {
            found.push((stem.to_owned(), path));
        } else if !stem.starts_with("._") {
            // `._` are what one system leaves beside files on other systems' disks.
            let error = DataError::format(&path, "", "the name cannot be a video's: it is refused");
            skips.skip(&path.display().to_string(), error)?;
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
pub(in crate::data) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
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
        fs::write(folder.join("v.txt"), "neutral,ANGER,Disgust,Fear,Happiness,Sadness,Surprise\n6\n1\n")
            .unwrap();
        write_frames(&dir.path().join("cropped_aligned/v"), 1..=2);
        let clips = open_at(dir.path(), "", &SkipLog::new(true)).unwrap();
        assert_eq!(clips.classes(), &CLASSES[..7]);
        assert_eq!([clips.label(0, 0), clips.label(0, 1)], [Some(6), Some(1)]);
        let message = open_at(dir.path(), "#Test_Set", &SkipLog::new(true)).err().unwrap().to_string();
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
        assert!(refusal().contains("EXPR_Recognition_Challenge/Train_Set"));
        write_labels(dir.path(), "v", &[1]);
        assert!(refusal().contains("no usable clip"), "{}", refusal());
    }
}
