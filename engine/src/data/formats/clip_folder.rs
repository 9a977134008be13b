//! Clips of one's own: `<root>[/<split>]/<clip>/00001.jpg` and so on, with labels in `<clip>.txt` beside the folder,
//! in the form of Aff-Wild2, or without any.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::clip_files::{ClipFileSet, ClipFiles, is_plain_name};
use crate::data::frame_labels;
use crate::data::hidden::{hidden_folder, note_hidden};
use crate::data::{ClipFormat, DataError, SkipLog, Spec};

/// The form's entry in the table.
pub(super) fn format() -> ClipFormat {
    let about = "folders of frames 00001.jpg, 00002.jpg, ..., labels in <clip>.txt beside them (split: a folder above)";
    ClipFormat::new("clips", about, &[], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

/// Opens every clip of a folder. The classes are those of the first label file; the others must have the same names, in
/// any order.
fn open(spec: &Spec, skips: &SkipLog) -> Result<ClipFileSet, DataError> {
    let root = folder(spec)?;
    let mut clips = Vec::new();
    for (name, path) in clip_folders(&root, skips)? {
        let file = root.join(format!("{name}.txt"));
        let labels = if !spec.unlabelled && file.is_file() { Some(frame_labels::read(&file)?) } else { None };
        match ClipFiles::list(&name, path.clone(), labels, skips) {
            Ok(clip) => clips.push(clip),
            Err(error) => skips.skip(&path.display().to_string(), error)?,
        }
    }
    if clips.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        let reason = format!("no clip in it; expected folders with 00001.jpg, 00002.jpg and so on{first}");
        return Err(DataError::format(&root, "", reason));
    }
    let classes: Vec<String> = clips.iter().find_map(|clip| clip.own_classes()).unwrap_or_default().to_vec();
    for clip in &clips {
        let other = clip.own_classes().filter(|own| own.len() != classes.len());
        if let Some(own) = other {
            return Err(mismatch(&root, &clip.name, own, &classes));
        }
    }
    let class_of = |clip: &ClipFiles, name: &str| {
        let found = classes.iter().position(|class| class.eq_ignore_ascii_case(name));
        let own = clip.own_classes().unwrap_or_default();
        found.ok_or_else(|| mismatch(&root, &clip.name, own, &classes))
    };
    ClipFileSet::new(spec.to_string(), classes.clone(), clips, class_of)
}

fn mismatch(root: &Path, clip: &str, own: &[String], classes: &[String]) -> DataError {
    let reason = format!("the classes are {}, but another clip's are {}", own.join(","), classes.join(","));
    DataError::format(&root.join(format!("{clip}.txt")), ", line 1", reason)
}

/// The folder that holds the clips: the root, or the folder below it that the split names, whatever its case.
fn folder(spec: &Spec) -> Result<PathBuf, DataError> {
    let root = spec.path.as_path();
    if !fs::metadata(root).map_err(|e| DataError::io(root, e))?.is_dir() {
        return Err(DataError::format(root, "", "not a folder; clips are folders of numbered frames"));
    }
    let Some(split) = &spec.split else { return Ok(root.to_path_buf()) };
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(|e| DataError::io(root, e))? {
        let entry = entry.map_err(|e| DataError::io(root, e))?;
        if let Some(name) = entry.file_name().to_str().filter(|_| entry.path().is_dir()) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    let exact = names.iter().find(|name| *name == split);
    if let Some(name) = exact.or_else(|| names.iter().find(|name| name.eq_ignore_ascii_case(split))) {
        return Ok(root.join(name));
    }
    let first: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    Err(spec.error(format!("no folder of that name; the folders are {}", first.join(", "))))
}

/// Names and folders of clips, sorted. Labels without a folder are bad items.
fn clip_folders(root: &Path, skips: &SkipLog) -> Result<Vec<(String, PathBuf)>, DataError> {
    let mut found = Vec::new();
    let mut hidden = HashSet::new();
    for entry in fs::read_dir(root).map_err(|e| DataError::io(root, e))? {
        let entry = entry.map_err(|e| DataError::io(root, e))?;
        let (path, name) = (entry.path(), entry.file_name());
        let shown = name.to_string_lossy();
        let bad =
            |reason: &str| skips.skip(&path.display().to_string(), DataError::format(&path, "", reason));
        if path.is_dir() {
            if hidden_folder(&shown) {
                hidden.insert(shown.into_owned());
            } else if name.to_str().is_some() && is_plain_name(&shown) {
                found.push((shown.into_owned(), path));
            } else {
                bad("the name cannot be a clip's: it is refused")?;
            }
        } else if let Some(stem) = shown.strip_suffix(".txt")
            && !stem.starts_with('.')
            && !root.join(stem).is_dir()
        {
            bad(&format!("labels without a folder `{stem}` of frames"))?;
        }
    }
    note_hidden(root, hidden, skips);
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::affwild2::tests::write_frames;
    use super::*;
    use crate::data::Clips as _;

    fn open_at(root: &Path, rest: &str, skips: &SkipLog) -> Result<ClipFileSet, DataError> {
        open(&format!("clips:{}{rest}", root.display()).parse().unwrap(), skips)
    }

    #[test]
    fn folders_are_clips_with_or_without_labels() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("b"), [1, 2, 4]);
        write_frames(&dir.path().join("a"), [2]);
        fs::write(dir.path().join("b.txt"), "sad,happy\n1\n0\n-1\n1\n").unwrap();
        let skips = SkipLog::new(true);
        let clips = open_at(dir.path(), "", &skips).unwrap();
        assert_eq!((clips.len(), clips.classes()), (2, &["sad".to_owned(), "happy".to_owned()][..]));
        assert_eq!([clips.frames(0), clips.frames(1)], [2, 4]);
        assert_eq!([clips.label(0, 1), clips.label(1, 0), clips.label(1, 2)], [None, Some(1), None]);
        assert_eq!([clips.has_face(0, 0), clips.has_face(0, 1)], [false, true]);
        let unlabelled = open_at(dir.path(), "?unlabelled=true", &skips).unwrap();
        assert!(unlabelled.classes().is_empty() && unlabelled.label(1, 0).is_none());
    }

    #[test]
    fn a_split_is_a_folder_above_the_clips() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("Valid/x"), [1]);
        let skips = SkipLog::new(true);
        assert_eq!(open_at(dir.path(), "#valid", &skips).unwrap().clip_name(0), "x");
        let message = open_at(dir.path(), "#train", &skips).err().unwrap().to_string();
        assert!(message.contains("the folders are Valid"), "{message}");
    }

    #[test]
    fn files_may_order_the_same_classes_differently_but_not_have_others() {
        let dir = tempfile::tempdir().unwrap();
        for clip in ["a", "b"] {
            write_frames(&dir.path().join(clip), [1, 2]);
        }
        fs::write(dir.path().join("a.txt"), "sad,happy\n0\n0\n").unwrap();
        fs::write(dir.path().join("b.txt"), "Happy,Sad\n0\n0\n").unwrap();
        let clips = open_at(dir.path(), "", &SkipLog::new(true)).unwrap();
        assert_eq!([clips.label(0, 0), clips.label(1, 0)], [Some(0), Some(1)]);
        for header in ["sad,angry", "sad,happy,angry"] {
            fs::write(dir.path().join("b.txt"), format!("{header}\n0\n0\n")).unwrap();
            let message = open_at(dir.path(), "", &SkipLog::new(false)).err().unwrap().to_string();
            assert!(message.contains("b.txt, line 1") && message.contains("sad,happy"), "{message}");
        }
    }

    #[test]
    fn empty_clips_and_stray_labels_are_skipped_and_named() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("a"), [1]);
        fs::create_dir(dir.path().join("b")).unwrap();
        fs::write(dir.path().join("c.txt"), "sad,happy\n0\n").unwrap();
        let skips = SkipLog::new(false);
        assert_eq!(open_at(dir.path(), "", &skips).unwrap().len(), 1);
        let all = skips.first().join("\n");
        assert!(skips.count() == 2 && all.contains("b: no frame") && all.contains("`c`"), "{all}");
        fs::remove_dir_all(dir.path().join("a")).unwrap();
        let message = open_at(dir.path(), "", &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("no clip in it"), "{message}");
    }
}
