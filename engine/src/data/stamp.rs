//! What tells, without reading it, whether stored content has changed.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

/// Size and time of the file that holds an item, and the item's place in it. Two stamps that are equal are taken to mean
/// equal content, as by `make` and `rsync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes of the file.
    pub size: u64,
    /// Its last change, in nanoseconds since 1970.
    pub modified: u64,
    /// What tells items of one file, and files of one size, apart: an offset, or a hash of a path.
    pub place: u64,
}

impl Stamp {
    /// Of a file; `None` where the system keeps no time of it.
    pub fn of(file: &Metadata, place: u64) -> Option<Self> {
        let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self { size: file.len(), modified: modified.as_nanos() as u64, place })
    }

    /// The same file, at another place in it.
    #[must_use]
    pub fn at(self, place: u64) -> Self {
        Self { place, ..self }
    }

    /// A place that a name stands for.
    pub fn place_of(name: &[u8]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(name).as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}
