//! Content hashes of whole datasets. `subject` is what is hashed, `pass` makes the hashes, `divided` in several processes, `kept_file`
//! keeps those of large sets in a file, so that they are made once; `reader` hands them out without holding millions in memory. How
//! they serve is `dedup`'s business.

mod divided;
#[cfg(test)]
mod divided_tests;
mod kept_file;
mod pass;
mod reader;
mod subject;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use pass::check_kept_hashes;
pub(crate) use reader::GatheringHasher;
pub(super) use reader::{HashReader, Hashes};
pub(super) use subject::Hashed;

/// Hash of an item that cannot be read; no content has it.
pub(super) const UNREADABLE: [u8; 32] = [0; 32];

/// A hash of an item's content, or of how it looks.
pub(super) type Digest = [u8; 32];

/// Hears how far the hashes of a dataset are: its SPEC, items done and items in all. `false` stops; what was done is kept.
pub type HashProgress = dyn Fn(&str, u64, u64) -> bool + Send + Sync;

/// The processes that make hashes together. Every call is made by all of them alike, in the same order.
pub trait HashPeers: Send + Sync {
    /// This process's number, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn processes(&self) -> usize;

    /// Everybody's bytes, in the order of ranks.
    ///
    /// # Errors
    /// A process is gone.
    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, String>;
}

/// How content hashes are come by.
#[derive(Clone)]
pub struct Hashing {
    /// Whether content is hashed at all. Without, no copy is found, and nothing that is evaluated on is kept out of training
    /// unless the sets are disjoint by themselves.
    pub on: bool,
    /// Folder in which the hashes of large sets are kept; `None` makes them anew each time.
    pub folder: Option<PathBuf>,
    /// Items from which a set is large.
    pub kept_from: usize,
    /// Who hears of it.
    pub progress: Option<Arc<HashProgress>>,
    /// Processes that have the same datasets and make the hashes together; the first alone keeps them.
    pub peers: Option<Arc<dyn HashPeers>>,
}

impl Hashing {
    /// Sets with fewer items are hashed within seconds.
    const KEPT_FROM: usize = 20_000;

    /// Kept in this folder.
    pub fn kept_in(folder: Option<PathBuf>) -> Self {
        Self { on: true, folder, kept_from: Self::KEPT_FROM, progress: None, peers: None }
    }

    /// None at all.
    pub fn off() -> Self {
        Self { on: false, ..Self::kept_in(None) }
    }
}

impl Default for Hashing {
    /// Made each time, kept nowhere.
    fn default() -> Self {
        Self::kept_in(None)
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on, folder, kept_from, .. } = self;
        f.debug_struct("Hashing")
            .field("on", on)
            .field("folder", folder)
            .field("kept_from", kept_from)
            .finish()
    }
}
