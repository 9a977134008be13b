//! The list of a test set, which says which frames need a prediction: lines `<video>/00001.jpg`, as the first column of a list of
//! predictions has them, or names of videos alone.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::layout::{frames_of, no_frames};
use crate::data::clip_files::{ClipFileSet, ClipFiles, frame_of, is_plain_name};
use crate::data::lines::Lines;
use crate::data::{DataError, SkipLog, Spec, quoted};
use crate::media::source::count_frames;

/// Longest line read, in bytes.
const MAX_LINE: u64 = 4096;
/// Most videos of a list; Aff-Wild2 has fewer than a thousand.
const MAX_VIDEOS: usize = 100_000;

/// Folders below the root in which the videos themselves may lie, beside the root.
const VIDEO_FOLDERS: [&str; 6] = ["videos", "batch1", "batch2", "batch1/batch1", "batch2/batch2", "new_vids"];
/// What the names of a test set's list hold.
const LISTS: [&str; 2] = ["test_set", "test set"];

/// The list that the data come with: a text file in the root or a task's folder (or in a folder `Test_Set` there) whose name speaks
/// of the test set, as in `EXPR_Recognition_Challenge_test_set_release.txt`.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn find(spec: &Spec, tasks: &[&str]) -> Result<PathBuf, DataError> {
    let mut found: Vec<PathBuf> = Vec::new();
    let folders = tasks.iter().map(|task| spec.path.join(task));
    for folder in folders.flat_map(|folder| [folder.clone(), folder.join("Test_Set")]).filter(|f| f.is_dir())
    {
        let in_test_set = folder.ends_with("Test_Set");
        for entry in fs::read_dir(&folder).map_err(|e| DataError::io(&folder, e))? {
            let path = entry.map_err(|e| DataError::io(&folder, e))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            let is_list = path
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("txt") || e.eq_ignore_ascii_case("csv"));
            if is_list && path.is_file() && (in_test_set || LISTS.iter().any(|list| name.contains(list))) {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    match &found[..] {
        [list] => Ok(list.clone()),
        [] => Err(spec.error(
            "no list of the test set in it (a .txt whose name holds `test_set`); name it with ?list=FILE and leave out the split",
        )),
        [first, second, ..] => Err(spec.error(format!(
            "several lists of the test set, {} and {}; name one with ?list=FILE and leave out the split",
            first.display(),
            second.display()
        ))),
    }
}

/// Frames of a clip's video, where it lies beside the frames: `<video>_left` and `_right` are people in one video.
fn video_frames(root: &Path, name: &str) -> Option<usize> {
    let plain = name.strip_suffix("_left").or_else(|| name.strip_suffix("_right")).unwrap_or(name);
    let folders = VIDEO_FOLDERS.iter().map(|folder| root.join(folder)).chain([root.to_path_buf()]);
    let names = [name, plain];
    let paths = folders.flat_map(|folder| {
        names.into_iter().flat_map(move |name| {
            let folder = folder.clone();
            ["mp4", "avi"].map(move |ending| folder.join(format!("{name}.{ending}")))
        })
    });
    let path = paths.into_iter().find(|path| path.is_file())?;
    count_frames(&path).and_then(|frames| usize::try_from(frames).ok()).filter(|&frames| frames > 0)
}

/// Opens the videos of a list, without labels, in the list's order. A video has as many frames as the list's last one of it
/// says. One of which the list gives the name alone has those of its video, where that lies in the root or one of
/// [`VIDEO_FOLDERS`] and tells, else those up to the last face, which is noted: the frames behind it need rows too.
pub(super) fn open(
    spec: &Spec,
    list: &Path,
    frames: &[PathBuf],
    skips: &SkipLog,
) -> Result<ClipFileSet, DataError> {
    let named = spec.options.contains_key("list") && spec.split.is_some();
    if named || spec.options.contains_key("task") {
        return Err(spec.error("a list says itself which videos it wants: leave out the split and task"));
    }
    let mut clips = Vec::new();
    let mut open_ends = 0;
    for (name, last) in read(list)? {
        let last = last.or_else(|| video_frames(&spec.path, &name));
        open_ends += usize::from(last.is_none());
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
    if open_ends > 0 {
        skips.note(&format!(
            "{}: of {open_ends} videos it is not known how many frames they have, so they end at the last face; put the videos \
             into {} for rows up to the last frame",
            list.display(),
            spec.path.join(VIDEO_FOLDERS[0]).display()
        ));
    }
    if clips.is_empty() {
        return Err(DataError::format(list, "", "no usable video in the list"));
    }
    ClipFileSet::new(spec.to_string(), Vec::new(), clips, |_, _| Ok(0))
}

/// Videos in the order in which they first appear, with the number of their last frame where frames are named.
fn read(list: &Path) -> Result<Vec<(String, Option<usize>)>, DataError> {
    let mut videos: Vec<(String, Option<usize>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut lines = Lines::open(list, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text());
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
        let place = if let Some(place) = known.get(name) {
            *place
        } else if videos.len() < MAX_VIDEOS {
            known.insert(name.to_owned(), videos.len());
            videos.push((name.to_owned(), None));
            videos.len() - 1
        } else {
            return Err(lines.error(number, format!("more than {MAX_VIDEOS} videos, as no such list has")));
        };
        let last = &mut videos[place].1;
        *last = (*last).max(frame.map(|frame| frame + 1));
    }
    Ok(videos)
}
