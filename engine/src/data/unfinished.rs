//! Work on a folder that goes on where it was killed: a file in the folder says what was asked and how far it has come.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::DataError;
use crate::files::{FolderLock, LOCK_FILE, printable, read_limited, sweep_locked, write_atomically};

/// The file's name.
pub const UNFINISHED_FILE: &str = "unfinished.json";
/// Largest such file.
const LARGEST: u64 = 1 << 20;
/// Most characters of a request in an error.
const SHOWN: usize = 300;

/// A folder that is being filled, locked to this program.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    tool: String,
    asked: String,
    _lock: FolderLock,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Kept {
    tool: String,
    /// What was asked, as text: the same request has the same text.
    asked: String,
    state: serde_json::Value,
}

impl Unfinished {
    /// Begins to fill a folder, which is made if it is not there, or goes on where the same request was killed: then its last
    /// state is given.
    ///
    /// # Errors
    /// The folder holds something else, or unfinished work of another request; another program works in it; it cannot be
    /// written; its file is damaged.
    pub fn begin<S: DeserializeOwned>(
        folder: &Path,
        tool: &str,
        asked: &str,
    ) -> Result<(Self, Option<S>), DataError> {
        std::fs::create_dir_all(folder).map_err(|e| DataError::io(folder, e))?;
        let locked = FolderLock::take(folder);
        let lock = locked.map_err(|e| DataError::format(folder, "", e.to_string()))?;
        let path = folder.join(UNFINISHED_FILE);
        // What a kill left of a file that was being written, the first one too, is nobody's.
        if path.exists() {
            sweep(folder, &lock)?;
        } else {
            sweep_locked(folder, &lock).map_err(|e| DataError::io(folder, e))?;
        }
        let unfinished = Self { path, tool: tool.to_owned(), asked: asked.to_owned(), _lock: lock };
        if !unfinished.path.exists() {
            check_empty(folder)?;
            unfinished.save(&serde_json::Value::Null)?;
            return Ok((unfinished, None));
        }
        let kept = Kept::read(&unfinished.path)?;
        if kept.tool != tool || kept.asked != asked {
            let reason = format!(
                "the folder holds unfinished work of another request (`{}`: {}); repeat that one, or name another folder",
                printable(&kept.tool, SHOWN),
                printable(&kept.asked, SHOWN)
            );
            return Err(DataError::format(&unfinished.path, "", reason));
        }
        if kept.state.is_null() {
            return Ok((unfinished, None));
        }
        let state = serde_json::from_value(kept.state);
        let state = state.map_err(|e| damaged(&unfinished.path, &e.to_string()))?;
        Ok((unfinished, Some(state)))
    }

    /// Says how far the work has come. What the state speaks of must be on the disk before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, state: &impl Serialize) -> Result<(), DataError> {
        let failed = |e: serde_json::Error| DataError::io(&self.path, e.into());
        let state = serde_json::to_value(state).map_err(failed)?;
        let kept = Kept { tool: self.tool.clone(), asked: self.asked.clone(), state };
        let text = serde_json::to_vec(&kept).map_err(failed)?;
        write_atomically(&self.path, &text).map_err(|e| DataError::io(&self.path, e))
    }

    /// The work is done: the file goes. A folder without it is whole: a program that is killed after this has done what it was
    /// asked, and the same request is then refused, because there is something already.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn end(self) -> Result<(), DataError> {
        std::fs::remove_file(&self.path).map_err(|e| DataError::io(&self.path, e))
    }
}

/// Removes what a kill left in a folder and those below it.
fn sweep(folder: &Path, lock: &FolderLock) -> Result<(), DataError> {
    sweep_locked(folder, lock).map_err(|e| DataError::io(folder, e))?;
    for entry in std::fs::read_dir(folder).map_err(|e| DataError::io(folder, e))? {
        let entry = entry.map_err(|e| DataError::io(folder, e))?;
        // Links lead elsewhere.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&entry.path(), lock)?;
        }
    }
    Ok(())
}

fn check_empty(folder: &Path) -> Result<(), DataError> {
    for entry in std::fs::read_dir(folder).map_err(|e| DataError::io(folder, e))? {
        let name = entry.map_err(|e| DataError::io(folder, e))?.file_name();
        if name != LOCK_FILE {
            let reason = "there is something already; name a new folder with --out".to_owned();
            return Err(DataError::format(folder, "", reason));
        }
    }
    Ok(())
}

impl Kept {
    fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = read_limited(path, LARGEST, "a file about unfinished work");
        let bytes = bytes.map_err(|e| DataError::io(path, e))?;
        serde_json::from_slice(&bytes).map_err(|e| damaged(path, &e.to_string()))
    }
}

fn damaged(path: &Path, problem: &str) -> DataError {
    let reason = format!("{}; empty the folder and begin again", printable(problem, SHOWN));
    DataError::format(path, "", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_request_goes_on_and_another_one_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let out = dir.path().join("new/out");
        let begin = |asked: &str| Unfinished::begin::<u64>(&out, "pack", asked);
        let (work, state) = begin("a").expect("begun");
        assert_eq!(state, None);
        let held = begin("a").expect_err("held").to_string();
        assert!(held.contains("works in this folder"), "{held}");
        work.save(&7u64).expect("saved");
        drop(work);
        let other = begin("b").expect_err("another").to_string();
        assert!(other.contains("another request (`pack`: a)"), "{other}");
        let (work, state) = begin("a").expect("goes on");
        assert_eq!(state, Some(7));
        work.end().expect("removed");
        std::fs::write(out.join("x"), "").expect("written");
        assert!(begin("a").expect_err("full").to_string().contains("something already"));
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        for text in ["{", "[]", r#"{"tool":"pack","asked":"a","state":"x"}"#] {
            std::fs::write(dir.path().join(UNFINISHED_FILE), text).expect("written");
            let message = Unfinished::begin::<u64>(dir.path(), "pack", "a").expect_err(text).to_string();
            assert!(message.contains(UNFINISHED_FILE) && message.contains("begin again"), "{message}");
        }
    }
}
