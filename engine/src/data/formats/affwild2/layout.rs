//! Where Aff-Wild2 keeps its annotations and frames.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::clip_files::{ClipFiles, is_plain_name};
use crate::data::{DataError, SkipLog, Spec};

const FRAME_FOLDERS: [&str; 2] = ["cropped_aligned", "cropped_aligned_new_50_vids"];
const SPLITS: [(&str, &[&str]); 2] = [
    ("Train_Set", &["train_set", "train"]),
    ("Validation_Set", &["validation_set", "validation", "valid", "val"]),
];

/// The folders that hold a folder of frames for each clip.
pub(super) fn frame_folders(spec: &Spec) -> Result<Vec<PathBuf>, DataError> {
    let root = spec.path.as_path();
    fs::metadata(root).map_err(|e| DataError::io(root, e))?;
    let found: Vec<PathBuf> =
        FRAME_FOLDERS.iter().map(|name| root.join(name)).filter(|path| path.is_dir()).collect();
    if found.is_empty() {
        let reason = format!("neither {} in it; unpack the frames there", FRAME_FOLDERS.join(" nor "));
        return Err(DataError::format(root, "", reason));
    }
    Ok(found)
}

/// The folder of a clip's frames.
pub(super) fn frames_of(frames: &[PathBuf], name: &str) -> Option<PathBuf> {
    frames.iter().map(|folder| folder.join(name)).find(|path| path.is_dir())
}

pub(super) fn no_frames(name: &str) -> String {
    format!("no folder `{name}` of frames in {}", FRAME_FOLDERS.join(" or "))
}

/// The clips of a task's annotation files. `open` makes one of name and file; its outer error ends it all, its inner one
/// means that this clip cannot be used.
pub(super) fn annotated_clips(
    spec: &Spec,
    tasks: &[&str],
    skips: &SkipLog,
    open: impl Fn(&str, &Path) -> Result<Result<ClipFiles, DataError>, DataError>,
) -> Result<Vec<ClipFiles>, DataError> {
    let mut clips = Vec::new();
    for folder in annotation_folders(spec, tasks)? {
        for (name, path) in annotation_files(&folder, skips)? {
            match open(&name, &path)? {
                Ok(clip) => clips.push(clip),
                Err(error) => skips.skip(&path.display().to_string(), error)?,
            }
        }
    }
    if clips.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(DataError::format(&spec.path, "", format!("no usable clip{first}")));
    }
    Ok(clips)
}

/// The folders of annotations that the split names, Train before Validation.
fn annotation_folders(spec: &Spec, tasks: &[&str]) -> Result<Vec<PathBuf>, DataError> {
    let root = spec.path.as_path();
    let wanted = spec.split.as_ref().map(|split| split.to_lowercase());
    let mut chosen = Vec::new();
    let mut known = Vec::new();
    for (split, names) in SPLITS {
        let candidates = tasks.iter().map(|task| root.join(task).join(split));
        let Some(folder) = candidates.into_iter().find(|folder| folder.is_dir()) else { continue };
        known.push(split);
        if wanted.as_ref().is_none_or(|wanted| names.contains(&wanted.as_str())) {
            chosen.push(folder);
        }
    }
    if known.is_empty() {
        let tasks: Vec<&str> = tasks.iter().copied().filter(|task| !task.is_empty()).collect();
        let reason =
            format!("no annotations: expected Train_Set or Validation_Set in {}", tasks.join(" or "));
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
        if !path.is_file() {
            let error =
                DataError::format(&path, "", "a folder, pipe or device, not a list: it is not opened");
            skips.skip(&path.display().to_string(), error)?;
        } else if name.to_str().is_some() && is_plain_name(stem) {
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
