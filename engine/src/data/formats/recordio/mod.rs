//! The `RecordIO` files of `InsightFace` (`train.rec`, `train.idx`), as MS1MV2 comes: faces with identity labels.
//!
//! The identities are not expressions, so the set is unlabelled unless `classes=` names what the label numbers mean.
//! `container.rs` reads and writes records, `header.rs` the label header inside a record; `places.rs` keeps where records lie,
//! `index.rs` reads it, and `window.rs` reads many small records at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::{Annotation, DataError, Dataset, Format, SkipLog, Spec, Stamp, decode};
use crate::media::Picture;

mod container;
mod header;
mod index;
mod list;
mod places;
mod window;

use container::Reader;
pub use container::Writer;
use header::Header;
use index::{drop_header_record, read_index};
use list::List;
use places::Places;

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

    /// What `take` makes of the picture's stored bytes.
    fn with_bytes<T>(
        &self,
        index: usize,
        take: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, DataError> {
        let (key, offset) = self.items.get(index);
        let payload = self.reader.read(offset)?;
        let taken = Header::parse(&payload).and_then(|header| take(&payload[header.len..]));
        taken.map_err(|reason| self.reader.error(key, offset, reason))
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
        self.with_bytes(index, |bytes| {
            decode::check_signature(bytes)?;
            Ok(blake3::hash(bytes).into())
        })
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.with_bytes(index, |bytes| Ok(Some(bytes.to_vec())))
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        self.with_bytes(index, decode::decode)
    }
}

#[cfg(test)]
mod tests;
