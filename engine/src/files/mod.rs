//! Files of one's own and of others: `atomic` writes them whole or not at all, `lock` keeps a folder to one program at a
//! time, `leftovers` removes what killed programs left, `limits` reads files of other people only up to a size, `printable`
//! shows their words without letting them at the terminal, `missing` says which name was meant, `user_cache` is for what can be
//! made again. What writes is behind the
//! feature `files`.

#[cfg(feature = "files")]
mod atomic;
#[cfg(feature = "files")]
mod leftovers;
mod limits;
#[cfg(feature = "files")]
mod lock;
mod missing;
mod printable;
#[cfg(any(feature = "training", feature = "wgpu"))]
mod user_cache;

/// What the names of unfinished files and folders begin with.
#[cfg(feature = "files")]
const LEFTOVER_PREFIX: &str = ".affekt-";

#[cfg(feature = "files")]
pub use atomic::{AtomicFile, move_atomically, stream_atomically, write_atomically};
#[cfg(feature = "files")]
pub use leftovers::{TempFolder, sweep_leftovers, sweep_locked};
pub use limits::{
    LARGEST_CARD, LARGEST_DETECTOR, LARGEST_MODEL, LARGEST_ONNX, LARGEST_PICTURE, LARGEST_RESULTS,
    LARGEST_SETTINGS, ShortLines, amount, open_limited, open_regular, read_limited, read_of_system,
    read_text_limited,
};
#[cfg(feature = "files")]
pub use lock::{FolderLock, LOCK_FILE, LockError};
pub use missing::{explained, nearest};
pub use printable::{QUOTED, printable, quoted, shortened};
#[cfg(any(feature = "training", feature = "wgpu"))]
pub use user_cache::user_cache_folder;
