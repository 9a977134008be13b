//! Faces as InsightFace's RecordIO.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Progress, QUALITY, in_chunks, io_error};
use crate::data::{Annotation, DataError, Dataset, recordio::Writer};
use crate::files::{TempFolder, move_atomically, write_atomically};
use crate::media::Picture;

/// Writes a dataset as `train.rec`, `train.idx` and `property`, JPEG pictures under the keys 1 to N. A record's label is the
/// item's class number, or 0 where it has none; `property` holds the number of classes, height and width.
///
/// Returns whether it was finished; if not, nothing is left.
///
/// # Errors
/// An item cannot be read, or a file cannot be written.
pub fn write_recordio(faces: &dyn Dataset, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    let label = |index: usize| match faces.annotation(index) {
        Annotation::Class(class) => class,
        Annotation::None | Annotation::Votes(_) => 0,
    };
    let labels: Vec<usize> = (0..faces.len()).map(label).collect();
    write(faces, &labels, &[], faces.classes().len().max(1), out, progress)
}

/// Writes a dataset as MS1MV2 comes: as [`write_recordio`], but a record's label is the number of the person it shows (by
/// [`Dataset::group`]), the faces of a person follow one another, and behind the faces stands a record for each person with the
/// first and last key of theirs; `property` holds the number of people.
///
/// # Errors
/// As there; an item of which it is not known whom it shows.
pub fn write_ms1mv2(faces: &dyn Dataset, out: &Path, progress: Progress<'_>) -> Result<bool, DataError> {
    let mut people: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for item in 0..faces.len() {
        let unknown =
            || DataError::format(out, "", format!("{}: nobody knows whom it shows", faces.key(item)));
        people.entry(faces.group(item)?.ok_or_else(unknown)?).or_default().push(item);
    }
    let (mut order, mut labels, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
    for (person, items) in people.values().enumerate() {
        let first = order.len() as u64 + 1;
        ranges.push((first, first + items.len() as u64));
        labels.extend(items.iter().map(|_| person));
        order.extend_from_slice(items);
    }
    write(&Reordered(faces, &order), &labels, &ranges, people.len(), out, progress)
}

/// A dataset's items in another order.
struct Reordered<'a>(&'a dyn Dataset, &'a [usize]);

impl Dataset for Reordered<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn classes(&self) -> &[String] {
        self.0.classes()
    }

    fn len(&self) -> usize {
        self.1.len()
    }

    fn key(&self, index: usize) -> String {
        self.0.key(self.1[index])
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.0.annotation(self.1[index])
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        self.0.content_hash(self.1[index])
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        self.0.picture(self.1[index])
    }
}

fn write(
    faces: &dyn Dataset,
    labels: &[usize],
    ranges: &[(u64, u64)],
    people: usize,
    out: &Path,
    progress: Progress<'_>,
) -> Result<bool, DataError> {
    let whole = |e| io_error(out, e);
    let unfinished = TempFolder::new_in(out).map_err(whole)?;
    let mut writer = Writer::create(&unfinished.path().join("train"))?;
    writer.write_bounds(faces.len() as u64 + 1, ranges.len() as u64)?;
    let encode = |index: usize| {
        let failed = |e| io_error(out, std::io::Error::other(e));
        faces.picture(index)?.to_jpeg(QUALITY).map_err(failed)
    };
    let done = in_chunks(0..faces.len(), progress, encode, |index, picture| {
        writer.write(index as u64 + 1, labels[index] as f32, &picture)
    })?;
    for (person, &(first, end)) in ranges.iter().enumerate() {
        writer.write_range((faces.len() + 1 + person) as u64, first, end)?;
    }
    writer.finish()?;
    if !done {
        return Ok(false);
    }
    let first = faces.picture(0)?;
    let property = format!("{people},{},{}", first.height, first.width);
    let path = out.join("property");
    write_atomically(&path, property.as_bytes()).map_err(|e| io_error(&path, e))?;
    for file in ["train.rec", "train.idx"] {
        let to = out.join(file);
        move_atomically(&unfinished.path().join(file), &to).map_err(|e| io_error(&to, e))?;
    }
    Ok(true)
}
