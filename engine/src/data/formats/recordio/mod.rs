//! The `RecordIO` files of `InsightFace` (`train.rec`, `train.idx`), as MS1MV2 comes: faces with identity labels.
//!
//! The identities are not expressions, so the set is unlabelled unless `classes=` names what the label numbers mean.
//! `container.rs` reads and writes records, `header.rs` the label header inside a record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::lines::Lines;
use crate::data::{Annotation, DataError, Dataset, Format, SkipLog, Spec, decode, quoted};
use crate::media::Picture;

mod container;
mod header;

use container::Reader;
pub use container::Writer;
use header::Header;

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about =
        "InsightFace .rec/.idx, by folder, file or prefix; classes=a,b,c names its labels, else unlabelled";
    Format::new("recordio", about, &["classes"], |spec, skips| Ok(Arc::new(RecordIo::open(spec, skips)?)))
}

/// Bytes that hold the label header and the picture's signature of nearly all records.
const HEADER: u64 = 512;
/// Longest line of an index, in bytes.
const MAX_LINE: u64 = 256;

struct RecordIo {
    name: String,
    classes: Vec<String>,
    reader: Reader,
    /// Record key and offset of every picture.
    items: Vec<(u64, u64)>,
    /// One per item where `classes` is given.
    labels: Vec<u32>,
}

impl RecordIo {
    fn open(spec: &Spec, skips: &SkipLog) -> Result<Self, DataError> {
        if spec.split.is_some() {
            return Err(
                spec.error("RecordIO has no splits; give the prefix instead, e.g. recordio:dir/train")
            );
        }
        let (rec, idx) = files(&spec.path)?;
        let reader = Reader::open(&rec)?;
        let index = match idx {
            Some(idx) => read_index(&idx)?,
            None => reader.scan()?,
        };
        let mut items = usable_offsets(&reader, index, skips)?;
        drop_header_record(&reader, &mut items)?;
        if items.is_empty() {
            return Err(DataError::format(&rec, "", "it holds no picture"));
        }
        let mut dataset =
            Self { name: spec.to_string(), classes: Vec::new(), reader, items, labels: Vec::new() };
        if let Some(classes) = spec.options.get("classes").filter(|_| !spec.unlabelled) {
            dataset.classes = classes.split(',').map(|name| name.trim().to_owned()).collect();
            dataset.read_labels(skips)?;
        }
        Ok(dataset)
    }

    fn read_labels(&mut self, skips: &SkipLog) -> Result<(), DataError> {
        let mut kept = Vec::with_capacity(self.items.len());
        for &(key, offset) in &self.items {
            let label = self.reader.read(offset).and_then(|payload| {
                let header =
                    Header::parse(&payload).map_err(|reason| self.reader.error(key, offset, reason))?;
                let label = header.label;
                if label.fract() == 0.0 && (0.0..self.classes.len() as f64).contains(&label) {
                    Ok(label as u32)
                } else {
                    let last = self.classes.len() - 1;
                    let reason = format!("label {label} is not one of 0 to {last}, the {} classes", last + 1);
                    Err(self.reader.error(key, offset, reason))
                }
            });
            match label {
                Ok(label) => {
                    kept.push((key, offset));
                    self.labels.push(label);
                }
                Err(error) => {
                    skips.skip(&format!("{}, record {key}", self.reader.path().display()), error)?;
                }
            }
        }
        self.items = kept;
        if self.items.is_empty() {
            return Err(DataError::format(self.reader.path(), "", "no record has a label among the classes"));
        }
        Ok(())
    }

    /// The picture's stored bytes.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let (key, offset) = self.items[index];
        let mut payload = self.reader.read(offset)?;
        let header = Header::parse(&payload).map_err(|reason| self.reader.error(key, offset, reason))?;
        payload.drain(..header.len);
        Ok(payload)
    }
}

/// The `.rec` and, if it is there, the `.idx` that a folder, a `.rec` path or a prefix means.
fn files(path: &Path) -> Result<(PathBuf, Option<PathBuf>), DataError> {
    let rec = if path.is_dir() {
        path.join("train.rec")
    } else if path
        .extension()
        .is_some_and(|extension| ["rec", "idx", "lst"].iter().any(|known| extension == *known))
    {
        path.with_extension("rec")
    } else {
        // A prefix may contain dots.
        let mut name = path.as_os_str().to_owned();
        name.push(".rec");
        PathBuf::from(name)
    };
    if !rec.is_file() {
        return Err(DataError::format(
            &rec,
            "",
            "no such file; give a folder with train.rec, or the prefix of a .rec",
        ));
    }
    let idx = rec.with_extension("idx");
    Ok((rec, idx.is_file().then_some(idx)))
}

/// Reads `key<tab>offset` lines.
fn read_index(path: &Path) -> Result<Vec<(u64, u64)>, DataError> {
    let mut index = Vec::new();
    let mut lines = Lines::open(path, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text());
        let mut fields = text.split_ascii_whitespace().map(str::parse::<u64>);
        match (fields.next(), fields.next(), fields.next()) {
            (None, ..) => {}
            (Some(Ok(key)), Some(Ok(offset)), None) => index.push((key, offset)),
            _ => {
                let reason = format!("`{}` is not key<tab>offset", quoted(&text));
                return Err(DataError::format(path, format!(", line {number}"), reason));
            }
        }
    }
    Ok(index)
}

/// Drops offsets that cannot begin a record. A few are bad items; more than half mean that the index belongs to
/// another file.
fn usable_offsets(
    reader: &Reader,
    index: Vec<(u64, u64)>,
    skips: &SkipLog,
) -> Result<Vec<(u64, u64)>, DataError> {
    let total = index.len();
    let mut items = Vec::with_capacity(total);
    let mut bad = Vec::new();
    for (key, offset) in index {
        if reader.can_begin(offset) { items.push((key, offset)) } else { bad.push((key, offset)) }
    }
    let reason = "the index points outside the .rec or between its records; it may be cut short";
    if total == 0 || bad.len() * 2 > total {
        let counts = format!("{} of {total} entries of the index point outside it: ", bad.len());
        let advice = "the .idx belongs to another file, or the .rec is cut short";
        return Err(DataError::format(reader.path(), "", counts + advice));
    }
    for (key, offset) in bad {
        skips
            .skip(&format!("{}, record {key}", reader.path().display()), reader.error(key, offset, reason))?;
    }
    Ok(items)
}

/// `InsightFace` sets begin with a record without a picture, whose labels [N, M] say that keys 1..N are pictures and
/// N..M are ranges per identity. Files made by im2rec have none: there every record is a picture.
fn drop_header_record(reader: &Reader, items: &mut Vec<(u64, u64)>) -> Result<(), DataError> {
    let Some(&(key, offset)) = items.iter().min_by_key(|(_, offset)| *offset) else { return Ok(()) };
    // The first record also tells whether this is a RecordIO file at all.
    let payload = reader.read(offset)?;
    let Ok(header) = Header::parse(&payload) else { return Ok(()) };
    if header.len < payload.len() || header.extra.len() < 2 {
        return Ok(());
    }
    let end = header.extra[0];
    if !(end.is_finite() && end >= 1.0) {
        let reason = format!("the first record claims that pictures end at key {end}");
        return Err(reader.error(key, offset, reason));
    }
    let pictures = key + 1..end as u64;
    items.retain(|(key, _)| pictures.contains(key));
    let expected = pictures.end.saturating_sub(pictures.start);
    if (items.len() as u64) < expected {
        log::warn!("{}: {} of {expected} pictures are in the index", reader.path().display(), items.len());
    }
    Ok(())
}

impl Dataset for RecordIo {
    fn name(&self) -> &str {
        &self.name
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn key(&self, index: usize) -> String {
        format!("{}, record {}", self.reader.path().display(), self.items[index].0)
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.labels.get(index).map_or(Annotation::None, |&label| Annotation::Class(label as usize))
    }

    /// The identity: what the label means unless `classes` says otherwise.
    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        if !self.classes.is_empty() {
            return Ok(None);
        }
        let (key, offset) = self.items[index];
        let parsed = Header::parse(&self.reader.start(offset, HEADER)?);
        let label = if let Ok(header) = parsed {
            header.label
        } else {
            // So many labels that the start does not hold them.
            let payload = self.reader.read(offset)?;
            Header::parse(&payload).map_err(|reason| self.reader.error(key, offset, reason))?.label
        };
        Ok(Some(label.to_string()))
    }

    /// Hash of the picture's bytes, without the label header, so that copies under two identities are found.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let bytes = self.bytes(index)?;
        let (key, offset) = self.items[index];
        decode::check_signature(&bytes).map_err(|reason| self.reader.error(key, offset, reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.bytes(index).map(Some)
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let (key, offset) = self.items[index];
        decode::decode(&self.bytes(index)?).map_err(|reason| self.reader.error(key, offset, reason))
    }
}

#[cfg(test)]
mod tests;
