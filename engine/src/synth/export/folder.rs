//! Faces as an image folder.

use std::path::Path;

use super::{Progress, in_chunks, io_error, make_folder};
use crate::data::{Annotation, DataError, Dataset};
use crate::files::write_atomically;

/// Writes a dataset as `<out>/<class>/<number>.png`; items without a class go to `<out>/unlabelled`. Numbers count the
/// dataset's items from 0, with five digits or more.
///
/// Returns whether it was finished, that is, whether `progress` never said to stop.
///
/// # Errors
/// An item cannot be read, or a file cannot be written.
pub fn write_folder(faces: &dyn Dataset, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    let folder = |index: usize| match faces.annotation(index) {
        Annotation::Class(class) => out.join(&faces.classes()[class]),
        Annotation::None | Annotation::Votes(_) => out.join("unlabelled"),
    };
    let write = |index: usize| {
        let folder = folder(index);
        make_folder(&folder)?;
        let path = folder.join(format!("{index:05}.png"));
        let bytes = faces.picture(index)?.to_png().map_err(|e| io_error(&path, std::io::Error::other(e)))?;
        write_atomically(&path, &bytes).map_err(|e| io_error(&path, e))
    };
    in_chunks(0..faces.len(), progress, write, |_, ()| Ok(()))
}
