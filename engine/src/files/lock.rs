//! One program at a time in a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Name of the file that is locked; a folder that holds nothing else counts as empty.
pub const LOCK_FILE: &str = ".affekt.lock";
/// How often a lock is tried whose file was removed meanwhile by the program that let go of it.
const TRIES: usize = 10;

/// Why a folder cannot be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another program works in it.
    #[error(
        "{folder}: {} works in this folder; wait for it, end it, or choose another folder",
        .holder.map_or_else(|| "another program".to_owned(), |pid| format!("another program (process {pid})")),
        folder = .folder.display()
    )]
    Held {
        /// The folder.
        folder: PathBuf,
        /// The program's process number, where it is known.
        holder: Option<u32>,
    },
    /// The lock's file cannot be made.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// A folder that is kept to this program until the lock is dropped, or the program ends in whatever way: the operating
/// system holds the lock, not the file. Only programs that ask are kept out.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    /// Nothing where the file system has no locks.
    file: Option<File>,
}

impl FolderLock {
    /// Locks a folder, which must exist.
    ///
    /// On a file system without locks (some of a network's) nothing is locked, and a warning says so.
    ///
    /// # Errors
    /// Another program has locked it, or the file cannot be made in it.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let io = |source| LockError::Io { path: path.clone(), source };
        for _ in 0..TRIES {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(io)?;
            match file.try_lock() {
                Ok(()) if is_still_there(&path, &file) => {
                    // Who reads it only wants to name the holder, so that failing to write it does no harm.
                    let _ = file.set_len(0).and_then(|()| writeln!(&file, "{}", std::process::id()));
                    return Ok(Self { path, file: Some(file) });
                }
                // Its holder removed it just now: the next one is another file.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(file);
                    return Err(LockError::Held { folder: folder.to_owned(), holder });
                }
                Err(TryLockError::Error(error)) => {
                    log::warn!(
                        "{}: this file system has no locks ({error}); make sure that no second run uses the folder",
                        folder.display()
                    );
                    return Ok(Self { path, file: None });
                }
            }
        }
        Err(LockError::Held { folder: folder.to_owned(), holder: None })
    }

    /// Whether the operating system keeps others out; it does but on file systems without locks.
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is locked, so that nobody else's is; what a killed program leaves is locked again as it lies.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The process number that the file names.
fn holder(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether the name still leads to this file.
#[cfg(unix)]
fn is_still_there(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let same = |a: &std::fs::Metadata, b: &std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((std::fs::metadata(path), file.metadata()), (Ok(a), Ok(b)) if same(&a, &b))
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_still_there(_: &Path, _: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_second_program_is_kept_out_and_told_by_whom() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        assert!(lock.is_kept());
        let message = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
        assert!(message.contains(&folder.path().display().to_string()), "{message}");
        drop(lock);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left of it");
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn the_file_of_a_killed_program_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), "4294967295 and more\n").unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join(LOCK_FILE)).unwrap(),
            format!("{}\n", std::process::id())
        );
        drop(lock);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let message = FolderLock::take(&folder.path().join("none")).unwrap_err().to_string();
        assert!(message.contains("none") && message.contains(LOCK_FILE), "{message}");
    }

    #[test]
    fn of_many_at_once_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let taken = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(_lock) = FolderLock::take(folder.path()) {
                            use std::sync::atomic::Ordering::SeqCst;
                            assert_eq!(inside.fetch_add(1, SeqCst), 0, "alone");
                            taken.fetch_add(1, SeqCst);
                            std::thread::yield_now();
                            inside.fetch_sub(1, SeqCst);
                        }
                    }
                });
            }
        });
        assert!(taken.into_inner() > 0);
    }
}
