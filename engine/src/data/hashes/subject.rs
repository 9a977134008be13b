//! What is hashed: the items of a dataset, a chunk at a time, and who hears how far it is.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::kept_file::CHUNK;
use super::{Digest, Hashing, UNREADABLE};
use crate::data::{DataError, Dataset, SkipLog, Stamp};

/// Makes the hash of an item.
pub(in crate::data) type Make = dyn Fn(&dyn Dataset, usize) -> Result<Digest, DataError> + Sync;

/// What is hashed.
#[derive(Clone, Copy)]
pub(in crate::data) struct Hashed<'a> {
    /// The dataset.
    pub dataset: &'a dyn Dataset,
    /// Items in all.
    pub items: u32,
    /// What the hashes are of; it names the file.
    pub kind: &'static str,
    /// Makes one.
    pub make: &'a Make,
}

impl Hashed<'_> {
    pub(super) fn range(&self, chunk: u32) -> Range<u32> {
        let start = chunk * CHUNK;
        start..self.items.min(start.saturating_add(CHUNK))
    }

    /// A hash over the stamps of a chunk's items; `None` where one has none.
    pub(super) fn stamp(&self, chunk: u32) -> Option<Digest> {
        let mut bytes = Vec::with_capacity(CHUNK as usize * size_of::<Stamp>());
        for item in self.range(chunk) {
            let stamp = self.dataset.stamp(item as usize)?;
            for number in [stamp.size, stamp.modified, stamp.place] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        Some(blake3::hash(&bytes).into())
    }

    /// The hashes of some items, made one after the other.
    pub(super) fn hashed(&self, items: Range<u32>, skips: &SkipLog) -> Result<Vec<Digest>, DataError> {
        let hash = |item: u32| match (self.make)(self.dataset, item as usize) {
            Ok(hash) => Ok(hash),
            Err(error) => skips.skip(&self.dataset.key(item as usize), error).map(|()| UNREADABLE),
        };
        items.map(hash).collect()
    }

    /// Says of items that were found to be unreadable why they are: each run does anew. One may be readable by now, but then its
    /// stamp would be another one.
    pub(super) fn say_again(&self, unreadable: &[u32], skips: &SkipLog) -> Result<(), DataError> {
        for &item in unreadable {
            if let Err(error) = (self.make)(self.dataset, item as usize) {
                skips.skip(&self.dataset.key(item as usize), error)?;
            }
        }
        Ok(())
    }
}

/// Tells how far a pass is.
pub(super) struct Telling<'a> {
    hashing: &'a Hashing,
    name: &'a str,
    total: u64,
    done: AtomicU64,
}

impl<'a> Telling<'a> {
    pub(super) fn new(subject: Hashed<'a>, hashing: &'a Hashing) -> Self {
        let (name, total) = (subject.dataset.name(), u64::from(subject.items));
        Self { hashing, name, total, done: AtomicU64::new(0) }
    }

    pub(super) fn told(&self, more: usize) -> Result<(), DataError> {
        let done = self.done.fetch_add(more as u64, Ordering::Relaxed) + more as u64;
        let Some(progress) = &self.hashing.progress else { return Ok(()) };
        if progress(self.name, done, self.total) { Ok(()) } else { Err(DataError::Stopped) }
    }
}
