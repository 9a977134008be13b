//! What killed programs left behind.

use std::fs::{DirEntry, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::LEFTOVER_PREFIX;
use super::limits::read_of_system;
use super::lock::{FolderLock, LockError};

/// A folder for unfinished files beside their place, removed when it is dropped. It is locked, so that
/// [`sweep_leftovers`] of another program leaves it alone.
#[derive(Debug)]
pub struct TempFolder {
    /// Dropped before the folder: its file goes first.
    _lock: Option<FolderLock>,
    folder: TempDir,
}

impl TempFolder {
    /// Makes one in `parent`.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(LEFTOVER_PREFIX).tempdir_in(parent)?;
        let lock = match FolderLock::take(folder.path()) {
            Ok(lock) => Some(lock),
            // Nobody but a sweep looks into it, and that removes it only if it is older than itself.
            Err(LockError::Held { .. }) => None,
            Err(LockError::Io { source, .. }) => return Err(source),
        };
        Ok(Self { _lock: lock, folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what killed programs left in a folder: files named `.affekt-*.part` and `.affekt-probe-*`, and folders named
/// `.affekt-*`, if they were last changed before this program began and no program holds their lock. Gives how many. A
/// beginning is known to two hundredths of a second, so what is younger may be left to the next program.
///
/// Symbolic links are left alone, and so is anything that is refused; that is logged.
///
/// # Errors
/// The folder cannot be read.
pub fn sweep_leftovers(folder: &Path) -> io::Result<usize> {
    sweep_all(folder, is_old)
}

/// As [`sweep_leftovers`], in a folder that a lock keeps to this program, or one below it: what lies there is of a killed
/// program whenever it was changed, so that no clock is asked.
///
/// # Errors
/// The folder cannot be read.
pub fn sweep_locked(folder: &Path, _lock: &FolderLock) -> io::Result<usize> {
    sweep_all(folder, |_| true)
}

fn sweep_all(folder: &Path, may_go: fn(SystemTime) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match sweep(&entry, may_go) {
            Ok(true) => removed += 1,
            Ok(false) => {}
            // Somebody else swept it, or may and we may not.
            Err(error) => log::debug!("{}: not removed: {error}", entry.path().display()),
        }
    }
    if removed > 0 {
        log::info!("{}: removed {removed} unfinished files of runs that were killed", folder.display());
    }
    Ok(removed)
}

fn sweep(entry: &DirEntry, may_go: fn(SystemTime) -> bool) -> io::Result<bool> {
    let name = entry.file_name();
    let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(LEFTOVER_PREFIX)) else {
        return Ok(false);
    };
    let (kind, path) = (entry.file_type()?, entry.path());
    if kind.is_file() && (rest.strip_suffix(".part").is_some() || rest.starts_with("probe-")) {
        if !may_go(entry.metadata()?.modified()?) {
            return Ok(false);
        }
        let file = File::open(&path)?;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(false);
        }
        std::fs::remove_file(&path)?;
        return Ok(true);
    }
    if kind.is_dir() && may_go(last_change(&path)?) {
        // A lock that is refused is held; the lock itself makes the folder younger, which no longer matters.
        let Ok(_lock) = FolderLock::take(&path) else { return Ok(false) };
        std::fs::remove_dir_all(&path)?;
        return Ok(true);
    }
    Ok(false)
}

/// When a folder or something in it was last changed.
fn last_change(folder: &Path) -> io::Result<SystemTime> {
    let mut latest = std::fs::metadata(folder)?.modified()?;
    for entry in std::fs::read_dir(folder)? {
        latest = latest.max(entry?.metadata()?.modified()?);
    }
    Ok(latest)
}

/// Whether a time lies before this program's beginning.
fn is_old(time: SystemTime) -> bool {
    static BEGINNING: OnceLock<SystemTime> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the times of files, and no part of a result"
    )]
    let now = SystemTime::now;
    time < *BEGINNING.get_or_init(|| now() - age().unwrap_or_default())
}

/// How long this program has been running; nothing where the system does not say.
fn age() -> Option<Duration> {
    /// Of a second, in the files of Linux, whatever the processor.
    const TICKS: f64 = 100.0;
    let stat = read_of_system("/proc/self/stat")?;
    // The second field is the program's name in brackets, which may hold spaces; the start is the 22nd.
    let start: f64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let uptime = read_of_system("/proc/uptime")?;
    let uptime: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(uptime - start / TICKS).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::files::AtomicFile;

    /// Makes a file or folder look as if it was left long ago.
    fn leave(path: &Path) {
        File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".affekt-a.part", ".affekt-probe-b", "mine.part", ".affekt-notes", ".hidden"] {
            std::fs::write(at(name), "half").unwrap();
            leave(&at(name));
        }
        for name in [".affekt-c", "mine"] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("annotated.mp4"), "half").unwrap();
            leave(&at(name).join("annotated.mp4"));
            leave(&at(name));
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("mine"), at(".affekt-link")).unwrap();
        assert_eq!(sweep_leftovers(folder.path()).unwrap(), 3);
        let left = names(folder.path());
        assert_eq!(
            left.iter().filter(|name| *name != ".affekt-link").collect::<Vec<_>>(),
            [".affekt-notes", ".hidden", "mine", "mine.part"]
        );
        assert_eq!(names(&at("mine")), ["annotated.mp4"]);
    }

    #[test]
    fn what_somebody_works_on_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = AtomicFile::create(&folder.path().join("a.json")).unwrap();
        let inner = TempFolder::new_in(folder.path()).unwrap();
        let part = names(folder.path()).into_iter().find(|name| name.contains(".part")).unwrap();
        leave(&folder.path().join(part));
        for name in names(inner.path()) {
            leave(&inner.path().join(name));
        }
        leave(inner.path());
        assert_eq!(sweep_leftovers(folder.path()).unwrap(), 0, "locked, however old");
        drop((file, inner));
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn what_is_younger_than_this_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".affekt-a.part"), "half").unwrap();
        std::fs::create_dir(folder.path().join(".affekt-c")).unwrap();
        assert_eq!(sweep_leftovers(folder.path()).unwrap(), 0);
        assert!(sweep_leftovers(&folder.path().join("none")).is_err());
        let lock = FolderLock::take(folder.path()).unwrap();
        let file = AtomicFile::create(&folder.path().join("a.json")).unwrap();
        assert_eq!(
            sweep_locked(folder.path(), &lock).unwrap(),
            2,
            "whatever is old or young, but not what is written"
        );
        drop(file);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_programs_age_is_known() {
        let age = age().unwrap();
        assert!(age < Duration::from_hours(24), "{age:?}");
    }
}
