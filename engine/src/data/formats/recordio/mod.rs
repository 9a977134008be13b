//! The `RecordIO` files of `InsightFace` (`train.rec`, `train.idx`), as MS1MV2 comes: faces with identity labels.
//!
//! The identities are not expressions, so the set is unlabelled unless `classes=` names what the label numbers mean.
//! `container.rs` reads and writes records, `header.rs` the label header inside a record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::lines::Lines;
use crate::data::{Annotation, DataError, Dataset, Format, SkipLog, Spec, Stamp, decode, quoted};
use crate::media::Picture;

mod container;
mod header;
mod list;
mod places;

use container::Reader;
pub use container::Writer;
use header::Header;
use list::List;
use places::{LIMIT, Places};

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "InsightFace .rec/.idx, by folder, file or prefix, or an im2rec .lst; classes=a,b,c names its labels, else \
        unlabelled";
    Format::new("recordio", about, &["classes"], |spec, skips| Ok(Arc::new(RecordIo::open(spec, skips)?)))
}

/// MS1MV2 by its own name.
pub(super) fn ms1mv2_format() -> Format {
    let about =
        "MS1MV2, InsightFace's train.rec, train.idx and property in a folder: faces without expressions";
    Format::new("ms1mv2", about, &[], |spec, skips| Ok(Arc::new(RecordIo::open(spec, skips)?)))
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
    items: Places,
    /// One per item where `classes` is given.
    labels: Vec<u16>,
    /// What an im2rec list says of each item, where the SPEC names one.
    list: Option<List>,
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
            Some(idx) => read_index(&idx, &reader, skips)?,
            None => reader.scan()?,
        };
        let mut items = drop_header_record(&reader, index)?;
        if items.is_empty() {
            return Err(DataError::format(&rec, "", "it holds no picture"));
        }
        let mut list = None;
        if spec.path.extension().is_some_and(|extension| extension == "lst") {
            let (read, joined) = List::join(&spec.path, &items, skips)?;
            (list, items) = (Some(read), joined);
        }
        let mut dataset =
            Self { name: spec.to_string(), classes: Vec::new(), reader, items, labels: Vec::new(), list };
        if let Some(classes) = spec.options.get("classes").filter(|_| !spec.unlabelled) {
            dataset.classes = classes.split(',').map(|name| name.trim().to_owned()).collect();
            if dataset.classes.len() > usize::from(u16::MAX) {
                return Err(spec.error(format!("{} classes are too many", dataset.classes.len())));
            }
            dataset.read_labels(skips)?;
        }
        Ok(dataset)
    }

    /// The label of an item: the list's, where there is one, else the record's own.
    fn label(&self, index: usize) -> Result<f64, DataError> {
        if let Some(list) = &self.list {
            return Ok(list.label(index));
        }
        let (key, offset) = self.items.get(index);
        if let Ok(header) = Header::parse(&self.reader.start(offset, HEADER)?) {
            return Ok(header.label);
        }
        // So many labels that the start does not hold them.
        let payload = self.reader.read(offset)?;
        Ok(Header::parse(&payload).map_err(|reason| self.reader.error(key, offset, reason))?.label)
    }

    fn read_labels(&mut self, skips: &SkipLog) -> Result<(), DataError> {
        let mut keep = vec![true; self.items.len()];
        for (index, keep) in keep.iter_mut().enumerate() {
            let (key, offset) = self.items.get(index);
            let label = self.label(index).and_then(|label| {
                if label.fract() == 0.0 && (0.0..self.classes.len() as f64).contains(&label) {
                    Ok(label as u16)
                } else {
                    let last = self.classes.len() - 1;
                    let reason = format!("label {label} is not one of 0 to {last}, the {} classes", last + 1);
                    Err(self.reader.error(key, offset, reason))
                }
            });
            match label {
                Ok(label) => self.labels.push(label),
                Err(error) => {
                    *keep = false;
                    skips.skip(&format!("{}, record {key}", self.reader.path().display()), error)?;
                }
            }
        }
        let mut kept = keep.iter();
        self.items = std::mem::take(&mut self.items).retain(|_, _| *kept.next().unwrap_or(&false));
        if let Some(list) = &mut self.list {
            list.retain(&keep);
        }
        if self.items.is_empty() {
            return Err(DataError::format(self.reader.path(), "", "no record has a label among the classes"));
        }
        Ok(())
    }

    /// The picture's stored bytes.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let (key, offset) = self.items.get(index);
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

/// Reads `key<tab>offset` lines. A few offsets that cannot begin a record are bad items; more than half mean that the index
/// belongs to another file.
fn read_index(path: &Path, reader: &Reader, skips: &SkipLog) -> Result<Places, DataError> {
    let (mut index, mut bad, mut total) = (Places::default(), Vec::new(), 0u64);
    let mut lines = Lines::open(path, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        match entry(line.bytes) {
            Ok(None) => continue,
            Ok(Some((key, offset))) if key < LIMIT && reader.can_begin(offset) => index.push(key, offset),
            // More need not be remembered to know that it is the wrong index.
            Ok(Some(entry)) if bad.len() < MOST_BAD => bad.push(entry),
            Ok(Some(_)) => {}
            Err(NoEntry) => {
                let reason = format!("`{}` is not key<tab>offset", quoted(&line.text()));
                return Err(DataError::format(path, format!(", line {}", line.number), reason));
            }
        }
        total += 1;
    }
    let wrong = total - index.len() as u64;
    if total == 0 || wrong * 2 > total || wrong > bad.len() as u64 {
        let counts = format!("{wrong} of {total} entries of the index point outside it: ");
        let advice = "the .idx belongs to another file, or the .rec is cut short";
        return Err(DataError::format(reader.path(), "", counts + advice));
    }
    let reason = "the index points outside the .rec or between its records; it may be cut short";
    for (key, offset) in bad {
        skips
            .skip(&format!("{}, record {key}", reader.path().display()), reader.error(key, offset, reason))?;
    }
    Ok(index.shrunk())
}

/// A line of an index that is no entry.
struct NoEntry;

/// Entries of an index that may be wrong while it is used at all.
const MOST_BAD: usize = 100_000;

/// Key and offset of a line; nothing where it is empty, an error where it is something else.
fn entry(line: &[u8]) -> Result<Option<(u64, u64)>, NoEntry> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let number = |field: &[u8]| {
        let digit = |number: u64, byte: &u8| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        };
        field.iter().try_fold(0, digit)
    };
    match (fields.next(), fields.next(), fields.next()) {
        (None, ..) => Ok(None),
        (Some(key), Some(offset), None) => number(key).zip(number(offset)).map(Some).ok_or(NoEntry),
        _ => Err(NoEntry),
    }
}

/// `InsightFace` sets begin with a record without a picture, whose labels [N, M] say that keys 1..N are pictures and
/// N..M are ranges per identity. Files made by im2rec have none: there every record is a picture.
fn drop_header_record(reader: &Reader, items: Places) -> Result<Places, DataError> {
    let Some((key, offset)) = items.iter().min_by_key(|(_, offset)| *offset) else { return Ok(items) };
    // The first record also tells whether this is a RecordIO file at all.
    let payload = reader.read(offset)?;
    let Ok(header) = Header::parse(&payload) else { return Ok(items) };
    if header.len < payload.len() || header.extra.len() < 2 {
        return Ok(items);
    }
    let end = header.extra[0];
    if !(end.is_finite() && end >= 1.0) {
        let reason = format!("the first record claims that pictures end at key {end}");
        return Err(reader.error(key, offset, reason));
    }
    let pictures = key + 1..end as u64;
    let items = items.retain(|key, _| pictures.contains(&key));
    let expected = pictures.end.saturating_sub(pictures.start);
    if (items.len() as u64) < expected {
        log::warn!("{}: {} of {expected} pictures are in the index", reader.path().display(), items.len());
    }
    Ok(items)
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
        let (path, key) = (self.reader.path().display(), self.items.get(index).0);
        match self.list.as_ref().and_then(|list| list.file_name(index)) {
            Some(name) => format!("{path}, record {key} ({name})"),
            None => format!("{path}, record {key}"),
        }
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.labels.get(index).map_or(Annotation::None, |&label| Annotation::Class(label as usize))
    }

    /// The identity: what the label means unless `classes` says otherwise.
    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        if !self.classes.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.label(index)?.to_string()))
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        self.reader.stamp(self.items.get(index).1)
    }

    /// Hash of the picture's bytes, without the label header, so that copies under two identities are found.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let bytes = self.bytes(index)?;
        let (key, offset) = self.items.get(index);
        decode::check_signature(&bytes).map_err(|reason| self.reader.error(key, offset, reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.bytes(index).map(Some)
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let (key, offset) = self.items.get(index);
        decode::decode(&self.bytes(index)?).map_err(|reason| self.reader.error(key, offset, reason))
    }
}

#[cfg(test)]
mod tests;
