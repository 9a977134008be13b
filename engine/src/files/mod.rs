//! Files of one's own and of others: `atomic` writes them whole or not at all, `lock` keeps a folder to one program at a
//! time, `leftovers` removes what killed programs left, `limits` reads files of other people only up to a size, `printable`
//! shows their words without letting them at the terminal.

mod atomic;
mod leftovers;
mod limits;
mod lock;
mod printable;

/// What the names of unfinished files and folders begin with.
const LEFTOVER_PREFIX: &str = ".affekt-";

pub use atomic::{AtomicFile, move_atomically, stream_atomically, write_atomically};
pub use leftovers::{TempFolder, sweep_leftovers};
pub use limits::{
    LARGEST_CARD, LARGEST_DETECTOR, LARGEST_MODEL, LARGEST_PICTURE, LARGEST_RESULTS, LARGEST_SETTINGS,
    ShortLines, amount, open_limited, open_regular, read_limited, read_of_system, read_text_limited,
};
pub use lock::{FolderLock, LOCK_FILE, LockError};
pub use printable::{QUOTED, printable, quoted};
