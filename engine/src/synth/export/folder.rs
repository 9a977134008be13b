//! Faces as an image folder.

use std::path::Path;

use super::{Progress, in_chunks, io_error, make_folder};
use crate::data::{Annotation, DataError, Dataset, UNLABELLED_FOLDER, is_folder_name, quoted};
use crate::files::{sweep_leftovers, write_atomically};

/// Writes a dataset as `<out>/<class>/<number>.png`; items without a class go to `<out>/unlabelled`. Numbers count the
/// dataset's items from 0, with five digits or more.
///
/// Returns whether it was finished, that is, whether `progress` never said to stop.
///
/// # Errors
/// An item cannot be read, a file cannot be written, or a class's name cannot be a folder's.
pub fn write_folder(faces: &dyn Dataset, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    write_pictures(faces, out, false, progress)
}

/// As [`write_folder`], where an earlier call of it on the same dataset may have been killed: pictures that are there are whole,
/// and stay.
///
/// # Errors
/// As there.
pub fn complete_folder(faces: &dyn Dataset, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    write_pictures(faces, out, true, progress)
}

fn write_pictures(
    faces: &dyn Dataset,
    out: &Path,
    kept: bool,
    progress: Progress<'_>,
) -> Result<bool, DataError> {
    if let Some(class) = faces.classes().iter().find(|class| !is_folder_name(class)) {
        let reason = format!("the class {} cannot be a folder's name", quoted(class));
        return Err(DataError::format(out, "", reason));
    }
    if kept {
        // What was killed while it wrote left pictures under other names.
        for name in faces.classes().iter().map(String::as_str).chain([UNLABELLED_FOLDER]) {
            let folder = out.join(name);
            if folder.is_dir() {
                sweep_leftovers(&folder).map_err(|e| io_error(&folder, e))?;
            }
        }
    }
    let folder = |index: usize| match faces.annotation(index) {
        Annotation::Class(class) => out.join(&faces.classes()[class]),
        Annotation::None | Annotation::Votes(_) => out.join(UNLABELLED_FOLDER),
    };
    let write = |index: usize| {
        let folder = folder(index);
        make_folder(&folder)?;
        let path = folder.join(format!("{index:05}.png"));
        if kept && path.exists() {
            return Ok(());
        }
        let bytes = faces.picture(index)?.to_png().map_err(|e| io_error(&path, std::io::Error::other(e)))?;
        write_atomically(&path, &bytes).map_err(|e| io_error(&path, e))
    };
    in_chunks(0..faces.len(), progress, write, |_, ()| Ok(()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::data::MemoryFaces;
    use crate::media::Picture;

    #[test]
    fn a_class_whose_name_leads_elsewhere_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        for class in ["../happy", "/tmp/happy", "..", "a\\b"] {
            let items = [(Picture::filled(2, 2, 1, 0), Annotation::Class(0))];
            let faces = MemoryFaces::new("mine", [class], items).unwrap();
            let message = write_folder(&faces, &out, &mut |_| true).unwrap_err().to_string();
            assert!(message.contains("cannot be a folder's name"), "{message}");
        }
        assert!(!out.exists());
    }
}
