//! The list of a test set, which says which frames need a prediction: lines `<video>/00001.jpg`, as the first column of a list of
//! predictions has them, or names of videos alone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::layout::{frames_of, no_frames};
use crate::data::clip_files::{ClipFileSet, ClipFiles, frame_of, is_plain_name};
use crate::data::lines::Lines;
use crate::data::{DataError, SkipLog, Spec, quoted};

/// Longest line read, in bytes.
const MAX_LINE: u64 = 4096;

/// Opens the videos of a list, without labels, in the list's order. A video has as many frames as the list's last one of it
/// says; one of which the list gives the name alone has those that there are.
pub(super) fn open(
    spec: &Spec,
    list: &Path,
    frames: &[PathBuf],
    skips: &SkipLog,
) -> Result<ClipFileSet, DataError> {
    let other_split = spec.split.as_ref().is_some_and(|split| !split.eq_ignore_ascii_case("Test_Set"));
    if other_split || spec.options.contains_key("task") {
        return Err(spec.error("a list says itself which videos it wants: leave out the split and task"));
    }
    let mut clips = Vec::new();
    for (name, last) in read(list)? {
        let clip = match (frames_of(frames, &name), last) {
            (Some(folder), Some(count)) => {
                ClipFiles::list(&name, folder, None, skips).map(|clip| clip.limited(count, None))
            }
            (Some(folder), None) => ClipFiles::list(&name, folder, None, skips),
            // Its frames need predictions all the same.
            (None, Some(count)) => {
                skips.note(&format!("{}: `{name}` has no folder of frames, so no face", list.display()));
                Ok(ClipFiles::without_faces(&name, spec.path.join(&name), count))
            }
            (None, None) => Err(DataError::format(list, "", no_frames(&name))),
        };
        match clip {
            Ok(clip) => clips.push(clip),
            Err(error) => skips.skip(&format!("{}, {name}", list.display()), error)?,
        }
    }
    if clips.is_empty() {
        return Err(DataError::format(list, "", "no usable video in the list"));
    }
    ClipFileSet::new(spec.to_string(), Vec::new(), clips, |_, _| Ok(0))
}

/// The list of the test set: the one text file below the set's folder, or a folder of it, whose name says so (`..._test_set_release.txt`
/// and the like).
pub(super) fn find(spec: &Spec) -> Result<PathBuf, DataError> {
    let listed = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    let is_list = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let words = name.replace(['-', ' '], "_");
        words.ends_with(".txt") && words.contains("test_set") && path.is_file()
    };
    let mut found: Vec<PathBuf> = Vec::new();
    for path in listed(&spec.path) {
        let below = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_Challenge"));
        found.extend(if below { listed(&path) } else { vec![path] }.into_iter().filter(&is_list));
    }
    found.sort_unstable();
    match found.as_slice() {
        [list] => Ok(list.clone()),
        [] => Err(spec.error("no list of a test set (...test_set....txt) in it; name one with list=FILE")),
        several => {
            let names: Vec<String> = several.iter().map(|path| quoted(&path.to_string_lossy())).collect();
            Err(spec
                .error(format!("several lists of test sets, {}; name one with list=FILE", names.join(", "))))
        }
    }
}

/// Videos in the order in which they first appear, with the number of their last frame where frames are named.
fn read(list: &Path) -> Result<Vec<(String, Option<usize>)>, DataError> {
    let mut videos: Vec<(String, Option<usize>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut lines = Lines::open(list, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text().into_owned());
        let location = text.split(',').next().unwrap_or_default().trim();
        if location.is_empty() || (number == 1 && location == "image_location") {
            continue;
        }
        let (name, frame) = match location.split_once('/') {
            Some((name, file)) => (name, frame_of(file).map(Some)),
            None => (location.strip_suffix(".txt").unwrap_or(location), Some(None)),
        };
        let Some(frame) = frame.filter(|_| is_plain_name(name)) else {
            let reason = format!("`{}` is neither <video>/00001.jpg nor a video's name", quoted(&text));
            return Err(lines.error(number, reason));
        };
        let place = *known.entry(name.to_owned()).or_insert_with(|| {
            videos.push((name.to_owned(), None));
            videos.len() - 1
        });
        let last = &mut videos[place].1;
        *last = (*last).max(frame.map(|frame| frame + 1));
    }
    Ok(videos)
}
