//! Hashes as they are asked for: by item, the same chunk again and again where items come in order; and one hash over many.

use super::kept_file::{CHUNK, KeptFile};
use super::{Digest, UNREADABLE};
use crate::data::DataError;

/// The hashes of a dataset's items.
#[derive(Debug)]
pub(in crate::data) enum Hashes {
    /// In memory, 32 bytes an item.
    Memory(Box<[Digest]>),
    /// In a file.
    Kept {
        /// The file.
        file: KeptFile,
        /// What messages call it.
        path: std::path::PathBuf,
        /// Items in all.
        items: u32,
        /// Those that cannot be read; few.
        unreadable: Vec<u32>,
    },
    /// Not made.
    Off {
        /// Items in all.
        items: u32,
    },
}

impl Hashes {
    /// Whether content is known.
    pub fn are_known(&self) -> bool {
        !matches!(self, Self::Off { .. })
    }

    /// Whether an item could be read while it was hashed.
    pub fn is_readable(&self, item: u32) -> bool {
        match self {
            Self::Memory(hashes) => hashes[item as usize] != UNREADABLE,
            Self::Kept { unreadable, .. } => unreadable.binary_search(&item).is_err(),
            Self::Off { .. } => true,
        }
    }
}

/// A hash over many small things one after the other, which are gathered first: large pieces are hashed many times as fast.
#[derive(Default)]
pub(crate) struct GatheringHasher {
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
}

impl GatheringHasher {
    const PIECE: usize = 64 << 10;

    /// Adds some bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= Self::PIECE {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
    }

    /// The hash of everything that was added.
    pub fn finalize(mut self) -> blake3::Hash {
        self.hasher.update(&self.gathered);
        self.hasher.finalize()
    }
}

/// Reads hashes of several datasets, one chunk at a time.
pub(in crate::data) struct HashReader<'a> {
    sets: Vec<&'a Hashes>,
    /// Set and chunk that the buffer holds.
    held: Option<(usize, u32)>,
    buffer: Vec<Digest>,
}

impl<'a> HashReader<'a> {
    /// Over these datasets.
    pub fn new(sets: impl IntoIterator<Item = &'a Hashes>) -> Self {
        Self { sets: sets.into_iter().collect(), held: None, buffer: Vec::new() }
    }

    /// The hash of an item of a set. Where content was not hashed, it stands for the item's place and the set's length alone.
    ///
    /// # Errors
    /// The file with the hashes can no longer be read.
    pub fn get(&mut self, set: usize, item: u32) -> Result<Digest, DataError> {
        match self.sets[set] {
            Hashes::Memory(hashes) => Ok(hashes[item as usize]),
            Hashes::Off { items } => {
                let mut hasher = blake3::Hasher::new();
                hasher.update(b"not hashed").update(&items.to_le_bytes()).update(&item.to_le_bytes());
                Ok(hasher.finalize().into())
            }
            Hashes::Kept { file, path, items, .. } => {
                let chunk = item / CHUNK;
                if self.held != Some((set, chunk)) {
                    self.held = None;
                    self.buffer.resize((items - chunk * CHUNK).min(CHUNK) as usize, UNREADABLE);
                    file.read_again(chunk, &mut self.buffer).map_err(|e| DataError::io(path, e))?;
                    self.held = Some((set, chunk));
                }
                Ok(self.buffer[(item % CHUNK) as usize])
            }
        }
    }
}
