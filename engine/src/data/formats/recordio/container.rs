//! Records in a `.rec` file: u32 magic, u32 kind and length, payload, padding to four bytes.
//!
//! A payload that contains the magic at a four-byte boundary is stored in parts (kinds 1, 2, 3: first, middle, last)
//! without those four bytes, so that a reader can find record starts anywhere; joining puts them back.
//! Layout as documented by dmlc-core `recordio.h`.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::places::{LIMIT, Places};
use super::window::WindowedFile;
use crate::data::lines::open_regular;
use crate::data::{DataError, Stamp};

const MAGIC: u32 = 0xced7_230a;
const LENGTH_BITS: u32 = 29;
/// Most bytes one joined record may have.
const MAX_RECORD: u64 = 256 << 20;

/// Reads records at given offsets from any number of threads.
pub(super) struct Reader {
    path: PathBuf,
    file: WindowedFile,
    len: u64,
    stamp: Option<Stamp>,
}

struct Part {
    kind: u32,
    start: u64,
    len: u64,
}

impl Reader {
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let error = |e| DataError::io(path, e);
        let file = open_regular(path)?;
        let metadata = file.metadata().map_err(error)?;
        let (len, stamp) = (metadata.len(), Stamp::of(&metadata, 0));
        if len > 4 * LIMIT {
            return Err(DataError::format(path, "", format!("{len} bytes are more than are told apart")));
        }
        Ok(Self { path: path.to_path_buf(), file: WindowedFile::new(file, len), len, stamp })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells whether the record at `offset` has changed.
    pub fn stamp(&self, offset: u64) -> Option<Stamp> {
        Some(self.stamp?.at(offset))
    }

    pub fn error(&self, key: u64, offset: u64, reason: impl Into<String>) -> DataError {
        DataError::format(&self.path, format!(", record {key} at offset {offset}"), reason)
    }

    /// Whether a record could begin there, judged by the file's size and the alignment alone.
    pub fn can_begin(&self, offset: u64) -> bool {
        offset.is_multiple_of(4) && offset.checked_add(8).is_some_and(|end| end <= self.len)
    }

    /// The joined payload of the record at `offset`.
    pub fn read(&self, offset: u64) -> Result<Vec<u8>, DataError> {
        let first = self.part(offset)?;
        if first.kind > 1 {
            return Err(self.damaged(offset, "it points into the middle of a split record"));
        }
        let mut payload = Vec::new();
        self.append(&first, &mut payload)?;
        let mut last = first;
        while last.kind == 1 || last.kind == 2 {
            let next = self.part(padded(last.start + last.len))?;
            if next.kind != 2 && next.kind != 3 {
                return Err(self.damaged(offset, "a split record ends without its last part"));
            }
            payload.extend_from_slice(&MAGIC.to_le_bytes());
            self.append(&next, &mut payload)?;
            last = next;
        }
        Ok(payload)
    }

    /// The first bytes of the payload of the record at `offset`, `most` at the most; a split record's first part alone.
    pub fn start(&self, offset: u64, most: u64) -> Result<Vec<u8>, DataError> {
        let mut part = self.part(offset)?;
        part.len = part.len.min(most);
        let mut payload = Vec::new();
        self.append(&part, &mut payload)?;
        Ok(payload)
    }

    /// Offsets of all records, numbered from 0, for files without an index. Of long records only the eight bytes before each are read.
    pub fn scan(&self) -> Result<Places, DataError> {
        let (mut found, mut offset) = (Places::default(), 0);
        while offset < self.len {
            let part = self.part(offset)?;
            if part.kind <= 1 {
                found.push(found.len() as u64, offset);
            }
            offset = padded(part.start + part.len);
        }
        Ok(found.shrunk())
    }

    fn part(&self, offset: u64) -> Result<Part, DataError> {
        if !self.can_begin(offset) {
            return Err(self.damaged(offset, format!("no record can begin there in {} bytes", self.len)));
        }
        let mut head = [0; 8];
        self.file.fill(&mut head, offset).map_err(|e| DataError::io(&self.path, e))?;
        let [a, b, c, d, e, f, g, h] = head;
        let magic = u32::from_le_bytes([a, b, c, d]);
        if magic != MAGIC {
            let reason = format!(
                "magic {magic:#010x} instead of {MAGIC:#010x}: not a RecordIO file, or a wrong index"
            );
            return Err(self.damaged(offset, reason));
        }
        let word = u32::from_le_bytes([e, f, g, h]);
        let (kind, len) = (word >> LENGTH_BITS, u64::from(word & ((1 << LENGTH_BITS) - 1)));
        if kind > 3 {
            return Err(self.damaged(offset, format!("record kind {kind} does not exist")));
        }
        let start = offset + 8;
        if len > self.len - start {
            let reason = format!("{len} bytes of payload, but the file ends after {}", self.len - start);
            return Err(self.damaged(offset, reason));
        }
        Ok(Part { kind, start, len })
    }

    fn append(&self, part: &Part, payload: &mut Vec<u8>) -> Result<(), DataError> {
        let before = payload.len();
        if before as u64 + part.len > MAX_RECORD {
            return Err(self.damaged(part.start, format!("a record of more than {MAX_RECORD} bytes")));
        }
        payload.resize(before + part.len as usize, 0);
        self.file.fill(&mut payload[before..], part.start).map_err(|e| DataError::io(&self.path, e))
    }

    fn damaged(&self, offset: u64, reason: impl Into<String>) -> DataError {
        DataError::format(&self.path, format!(", record at offset {offset}"), reason)
    }
}

fn padded(offset: u64) -> u64 {
    offset.next_multiple_of(4)
}

/// The payload of a record without a picture, which says which keys are whose.
fn range(first: u64, end: u64) -> Vec<u8> {
    let [first, end] = [first, end].map(|bound| (bound as f32).to_le_bytes());
    [&2u32.to_le_bytes()[..], &[0; 20], &first, &end].concat()
}

/// Writes a `.rec` with its `.idx`, in the form [`super`] reads.
pub struct Writer {
    path: PathBuf,
    rec: BufWriter<File>,
    idx: BufWriter<File>,
    offset: u64,
}

impl Writer {
    /// Creates `<prefix>.rec` and `<prefix>.idx`.
    ///
    /// # Errors
    /// The files cannot be created.
    pub fn create(prefix: &Path) -> Result<Self, DataError> {
        let create = |extension: &str| {
            let mut name = prefix.as_os_str().to_owned();
            name.push(extension);
            let path = PathBuf::from(name);
            let file = File::create(&path).map_err(|e| DataError::io(&path, e))?;
            Ok((path, BufWriter::new(file)))
        };
        let (path, rec) = create(".rec")?;
        let (_, idx) = create(".idx")?;
        Ok(Self { path, rec, idx, offset: 0 })
    }

    /// Goes on with `<prefix>.rec` and `<prefix>.idx` where they had so many bytes; what they have beyond is cut off.
    ///
    /// # Errors
    /// The files cannot be opened, or have fewer bytes.
    pub fn resume(prefix: &Path, rec_len: u64, idx_len: u64) -> Result<Self, DataError> {
        let open = |extension: &str, length: u64| {
            let mut name = prefix.as_os_str().to_owned();
            name.push(extension);
            let path = PathBuf::from(name);
            let file = File::options().write(true).open(&path).map_err(|e| DataError::io(&path, e))?;
            let found = file.metadata().map_err(|e| DataError::io(&path, e))?.len();
            if found < length {
                let reason = format!(
                    "it has {found} bytes, but had {length} before; empty the folder and begin again"
                );
                return Err(DataError::format(&path, "", reason));
            }
            file.set_len(length).map_err(|e| DataError::io(&path, e))?;
            let mut file = BufWriter::new(file);
            file.seek(SeekFrom::End(0)).map_err(|e| DataError::io(&path, e))?;
            Ok((path, file))
        };
        let (path, rec) = open(".rec", rec_len)?;
        let (_, idx) = open(".idx", idx_len)?;
        Ok(Self { path, rec, idx, offset: rec_len })
    }

    /// Brings all records so far to the disk; gives the two files' lengths, for [`Writer::resume`].
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn sync(&mut self) -> Result<(u64, u64), DataError> {
        let mut sync = || {
            self.rec.flush()?;
            self.idx.flush()?;
            self.rec.get_ref().sync_data()?;
            self.idx.get_ref().sync_data()?;
            Ok((self.offset, self.idx.get_ref().metadata()?.len()))
        };
        sync().map_err(|e| DataError::io(&self.path, e))
    }

    /// Writes `InsightFace`'s record 0, which says that the pictures have the keys `1..end`, and that behind them stand
    /// `people` records of [`Writer::write_range`]. It comes first.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_bounds(&mut self, end: u64, people: u64) -> Result<(), DataError> {
        self.write_range(0, end, end + people)
    }

    /// Writes a record without a picture, which says that a person's pictures have the keys `first..end`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_range(&mut self, key: u64, first: u64, end: u64) -> Result<(), DataError> {
        self.write_payload(key, &range(first, end))
    }

    /// Writes another end into record 0, which must be there and tell of no people, and goes on at the end of the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_bounds(&mut self, end: u64) -> Result<(), DataError> {
        let mut set = || {
            // Behind the magic and the length.
            self.rec.seek(SeekFrom::Start(8))?;
            self.rec.write_all(&range(end, end))?;
            self.rec.seek(SeekFrom::End(0)).map(drop)
        };
        set().map_err(|e| DataError::io(&self.path, e))
    }

    /// Writes a picture (JPEG or PNG bytes) under a key and a label.
    ///
    /// # Errors
    /// The file cannot be written, or the picture has 512 MiB or more.
    pub fn write(&mut self, key: u64, label: f32, picture: &[u8]) -> Result<(), DataError> {
        let header = [&[0; 4][..], &label.to_le_bytes(), &key.to_le_bytes(), &[0; 8]].concat();
        self.write_payload(key, &[header.as_slice(), picture].concat())
    }

    /// Writes what is buffered and closes the files.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn finish(mut self) -> Result<(), DataError> {
        let error = |e| DataError::io(&self.path, e);
        self.rec.flush().map_err(error)?;
        self.idx.flush().map_err(error)
    }

    fn write_payload(&mut self, key: u64, payload: &[u8]) -> Result<(), DataError> {
        if payload.len() >= 1 << LENGTH_BITS {
            let reason = format!("a record of {} bytes is too long for the format", payload.len());
            return Err(DataError::format(&self.path, format!(", record {key}"), reason));
        }
        let magic = MAGIC.to_le_bytes();
        let mut cuts: Vec<usize> = (0..payload.len().saturating_sub(3))
            .step_by(4)
            .filter(|&at| payload[at..at + 4] == magic)
            .collect();
        cuts.push(payload.len());
        let offset = self.offset;
        let mut bytes = Vec::with_capacity(payload.len() + 12 * cuts.len());
        let mut start = 0;
        for (index, &cut) in cuts.iter().enumerate() {
            let kind = match (index == 0, index + 1 == cuts.len()) {
                (true, true) => 0u32,
                (true, false) => 1,
                (false, false) => 2,
                (false, true) => 3,
            };
            bytes.extend_from_slice(&magic);
            bytes.extend_from_slice(&(kind << LENGTH_BITS | (cut - start) as u32).to_le_bytes());
            bytes.extend_from_slice(&payload[start..cut]);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            start = cut + 4;
        }
        self.offset += bytes.len() as u64;
        let write = || {
            self.rec.write_all(&bytes)?;
            writeln!(self.idx, "{key}\t{offset}")
        };
        let mut write = write;
        write().map_err(|e| DataError::io(&self.path, e))
    }
}
