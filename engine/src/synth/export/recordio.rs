//! Faces as InsightFace's RecordIO.

use std::path::Path;

use super::{Progress, QUALITY, in_chunks, io_error};
use crate::data::{Annotation, DataError, Dataset, recordio::Writer};
use crate::files::{TempFolder, move_atomically, write_atomically};

/// Writes a dataset as `train.rec`, `train.idx` and `property`, JPEG pictures under the keys 1 to N. A record's label is the
/// item's class number, or 0 where it has none; `property` holds the number of classes, height and width.
///
/// Returns whether it was finished; if not, nothing is left.
///
/// # Errors
/// An item cannot be read, or a file cannot be written.
pub fn write_recordio(faces: &dyn Dataset, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    let whole = |e| io_error(out, e);
    let unfinished = TempFolder::new_in(out).map_err(whole)?;
    let mut writer = Writer::create(&unfinished.path().join("train"))?;
    writer.write_bounds(faces.len() as u64 + 1)?;
    let encode = |index: usize| {
        let failed = |e| io_error(out, std::io::Error::other(e));
        faces.picture(index)?.to_jpeg(QUALITY).map_err(failed)
    };
    let done = in_chunks(0..faces.len(), progress, encode, |index, picture| {
        let label = match faces.annotation(index) {
            Annotation::Class(class) => class as f32,
            Annotation::None | Annotation::Votes(_) => 0.0,
        };
        writer.write(index as u64 + 1, label, &picture)
    })?;
    writer.finish()?;
    if !done {
        return Ok(false);
    }
    let first = faces.picture(0)?;
    let property = format!("{},{},{}", faces.classes().len().max(1), first.height, first.width);
    let path = out.join("property");
    write_atomically(&path, property.as_bytes()).map_err(|e| io_error(&path, e))?;
    for file in ["train.rec", "train.idx"] {
        let to = out.join(file);
        move_atomically(&unfinished.path().join(file), &to).map_err(|e| io_error(&to, e))?;
    }
    Ok(true)
}
