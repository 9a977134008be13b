//! Writing: through a temporary file beside the place, synced and renamed.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::LEFTOVER_PREFIX;

/// A file that is written piece by piece beside its place and moves there when it is finished. If it is dropped before,
/// nothing is left of it and an older file of that name is untouched.
#[derive(Debug)]
pub struct AtomicFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a temporary file in the folder of `path`.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(LEFTOVER_PREFIX).suffix(".part");
        // Temporary files are private by default, but this one becomes a file that others may read as any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder_of(path))?;
        // Tells `sweep_leftovers` of other programs that somebody writes it. Where a file system has no locks, the file's
        // age protects it.
        let _ = file.as_file().try_lock();
        Ok(Self { file: BufWriter::new(file), path: path.to_path_buf() })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file, moves it to its place and syncs the folder.
    ///
    /// # Errors
    /// Whatever the file system reports; an older file of that name is untouched then.
    pub fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|e| e.error)?;
        File::open(folder_of(&self.path))?.sync_all()
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file so that it is either whole or not there: temporary file in the same folder, synced, renamed, and the
/// folder synced.
///
/// # Errors
/// Whatever the file system reports; an older file of that name is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

/// Writes a file as a stream, so that it is either whole or not there.
///
/// # Errors
/// Whatever `write` or the file system reports; an older file of that name is untouched then.
pub fn stream_atomically<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file)?;
    Ok(file.finish()?)
}

/// Moves a finished file to its place on the same file system: synced, renamed, and the folder synced.
///
/// # Errors
/// Whatever the file system reports.
pub fn move_atomically(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    tempfile::TempPath::try_from_path(from)?.persist(to).map_err(|e| e.error)?;
    File::open(folder_of(to))?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_file_is_there_when_it_is_finished_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        write_atomically(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"newer").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(b"N").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"Newer");
    }

    #[test]
    fn a_dropped_file_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create(&dir.path().join("a.bin")).unwrap();
        file.write_all(&vec![7; 100_000]).unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_stream_that_fails_leaves_the_older_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.bin");
        stream_atomically(&path, |file| file.write_all(b"first")).unwrap();
        let failed = stream_atomically(&path, |file| {
            file.write_all(b"half of the sec")?;
            Err(io::Error::other("interrupted"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_moved_file_replaces_the_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("new"), folder.path().join("old"));
        std::fs::write(&from, b"new").unwrap();
        std::fs::write(&to, b"old").unwrap();
        move_atomically(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"new");
        assert!(!from.exists());
    }
}
