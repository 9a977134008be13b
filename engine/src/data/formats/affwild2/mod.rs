//! Aff-Wild2, the expression task: `EXPR_*_Challenge/{Train_Set,Validation_Set}/<video>.txt` with the frames in
//! `cropped_aligned/<video>/00001.jpg` or `cropped_aligned_new_50_vids/<video>/00001.jpg`.
//!
//! A video with two people has a file and a folder each, `<video>_left` and `<video>_right`, or one of them beside the
//! plain name; every such name is a clip of its own. Frames without a detected face have no file.
//!
//! `task=va` and `task=au` take the videos of the other two tasks without their annotations, as `validity` says; `list=FILE`
//! takes the videos of a test set, as `frame_list` says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

mod frame_list;
mod layout;
mod validity;

use layout::{annotated_clips, frame_folders, frames_of, no_frames};

use crate::data::clip_files::{ClipFileSet, ClipFiles};
use crate::data::frame_labels;
use crate::data::{ClipFormat, DataError, SkipLog, Spec, quoted};

/// The classes of the annotation files; the first edition has no `Other`.
pub(in crate::data) const CLASSES: [&str; 8] =
    ["Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Other"];

const TASK_FOLDERS: [&str; 3] = ["", "EXPR_Recognition_Challenge", "EXPR_Classification_Challenge"];

/// The form's entry in the table.
pub(super) fn format() -> ClipFormat {
    let about = "Aff-Wild2, expressions: cropped_aligned and EXPR_*_Challenge (splits Train_Set, Validation_Set); \
        Test_Set or list=FILE takes the videos of a test set's list, task=va or au that task's videos unlabelled";
    ClipFormat::new("affwild2", about, &["task", "list"], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

/// Opens the clips of the SPEC's split, or of both.
fn open(spec: &Spec, skips: &SkipLog) -> Result<ClipFileSet, DataError> {
    let frames = frame_folders(spec)?;
    let test_set = spec.split.as_ref().is_some_and(|split| split.eq_ignore_ascii_case("Test_Set"));
    match spec.options.get("list") {
        Some(list) => return frame_list::open(spec, Path::new(list), &frames, skips),
        None if test_set => return frame_list::open(spec, &frame_list::find(spec)?, &frames, skips),
        None => {}
    }
    match spec.options.get("task").map(String::as_str) {
        None | Some("expr") => open_expressions(spec, &frames, skips),
        Some("va") => validity::open(spec, validity::Task::ValenceArousal, &frames, skips),
        Some("au") => validity::open(spec, validity::Task::ActionUnits, &frames, skips),
        Some(other) => Err(spec.error(format!("task takes expr, va or au, not `{}`", quoted(other)))),
    }
}

fn open_expressions(spec: &Spec, frames: &[PathBuf], skips: &SkipLog) -> Result<ClipFileSet, DataError> {
    let clips = annotated_clips(spec, &TASK_FOLDERS, skips, |name, path| {
        let labels = if spec.unlabelled { None } else { Some(frame_labels::read(path)?) };
        if let Some(labels) = &labels {
            check_classes(path, &labels.classes)?;
        }
        Ok(match frames_of(frames, name) {
            Some(folder) => ClipFiles::list(name, folder, labels, skips),
            None => Err(DataError::format(path, "", no_frames(name))),
        })
    })?;
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
        return error(format!(
            "`{}` is no class of Aff-Wild2; expected {} (or without Other)",
            quoted(name),
            all()
        ));
    }
    if names.len() < CLASSES.len() - 1 {
        return error(format!("{} class names; expected {} (or without Other)", names.len(), all()));
    }
    Ok(())
}

#[cfg(test)]
pub(in crate::data) mod tests;
