//! Files that are whole or not there, for what is too long to stand in memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file as a stream, so that it is either whole or not there: temporary file in the same folder, synced,
/// renamed, and the folder synced.
///
/// # Errors
/// Whatever `write` or the file system reports; an older file of that name is untouched then.
pub fn stream_atomically<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let folder = folder_of(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".affekt-").suffix(".part");
    // Temporary files are private by default, but this one becomes a file that others may read as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut writer = BufWriter::new(builder.tempfile_in(folder)?);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(File::open(folder)?.sync_all()?)
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

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
    use super::*;

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
