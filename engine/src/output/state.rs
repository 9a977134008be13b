//! What an input was when it was read, by which it is known again whatever it is called.

use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::media::source::inputs;

/// An input's place and what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputState {
    /// The real path: absolute, links followed. Of a name that is not Unicode the form that Rust's `Debug` gives it.
    pub path: String,
    /// Size in bytes, of a folder that of its pictures together.
    pub size: u64,
    /// When it was last changed, in seconds since 1970 with nine decimals; of a folder the BLAKE3 hash of its pictures' names,
    /// sizes and times.
    pub changed: String,
}

impl InputState {
    /// Looks at a file, or at a folder of pictures and not at the folders below it.
    ///
    /// # Errors
    /// It is not there, or the file system refuses.
    pub fn of(input: &Path) -> io::Result<Self> {
        let real = input.canonicalize()?;
        let path = real
            .to_str()
            .map_or_else(|| real.as_os_str().as_encoded_bytes().escape_ascii().to_string(), str::to_owned);
        if !real.is_dir() {
            let (size, changed) = look(&real)?;
            return Ok(Self { path, size, changed });
        }
        let found = inputs(&real).map_err(io::Error::other)?;
        let mut hash = blake3::Hasher::new();
        let mut whole = 0;
        for picture in found.pictures.iter().filter(|picture| picture.parent() == Some(&real)) {
            let (size, changed) = look(picture)?;
            whole += size;
            // A name cannot hold a zero byte, so no two lists give the same text.
            hash.update(format!("{:?}\0{size}\0{changed}\0", picture.file_name()).as_bytes());
        }
        Ok(Self { path, size: whole, changed: hash.finalize().to_hex().to_string() })
    }
}

/// Size and time of a file.
fn look(file: &Path) -> io::Result<(u64, String)> {
    let metadata = std::fs::metadata(file)?;
    // Times before 1970, and systems without times, leave the size to tell.
    let since = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Ok((metadata.len(), format!("{}.{:09}", since.as_secs(), since.subsec_nanos())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_folder_is_another_when_a_picture_is_and_the_same_when_other_files_come() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.jpg"), "one").unwrap();
        let before = InputState::of(folder.path()).unwrap();
        std::fs::write(folder.path().join("1.csv"), "a table").unwrap();
        std::fs::create_dir(folder.path().join("results")).unwrap();
        std::fs::write(folder.path().join("results/2.jpg"), "two").unwrap();
        assert_eq!(InputState::of(folder.path()).unwrap(), before);
        std::fs::write(folder.path().join("2.jpg"), "one").unwrap();
        std::fs::remove_file(folder.path().join("1.jpg")).unwrap();
        assert_ne!(InputState::of(folder.path()).unwrap().changed, before.changed);
        assert!(InputState::of(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_file_is_known_by_its_real_path_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("v.mp4");
        std::fs::write(&file, "frames").unwrap();
        let before = InputState::of(&file).unwrap();
        assert_eq!(InputState::of(&folder.path().join("./v.mp4")).unwrap(), before);
        let later = std::time::SystemTime::UNIX_EPOCH;
        std::fs::File::options().append(true).open(&file).unwrap().set_modified(later).unwrap();
        assert_ne!(InputState::of(&file).unwrap(), before);
    }
}
