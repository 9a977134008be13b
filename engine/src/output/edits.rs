//! Corrections by hand: who is who, what they are called, what does not count, and which label is right. They are kept beside the
//! results, in the order in which they were made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files::{read_limited, shortened, write_atomically};

/// Version of the file's form.
pub const EDITS_VERSION: u32 = 1;
/// Largest file of corrections.
const LARGEST: u64 = 4 << 20;
/// Most corrections of one input.
const MOST_EDITS: usize = 10_000;

/// One correction. Times are seconds of the recording: from the first to before the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Edit {
    /// Several people are one; they get the number that is named first.
    Merge {
        /// Their numbers, two or more.
        people: Vec<u32>,
    },
    /// A person has a name; an empty one takes it away.
    Rename {
        /// Their number.
        person: u32,
        /// What they are called.
        name: String,
    },
    /// A stretch does not count.
    Exclude {
        /// From.
        from: f64,
        /// To.
        to: f64,
        /// Of this person alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<u32>,
    },
    /// A person shows this in a stretch.
    Label {
        /// Their number.
        person: u32,
        /// From.
        from: f64,
        /// To.
        to: f64,
        /// Name of the class.
        label: String,
    },
}

/// All corrections of an input; `NAME.edits.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// [`EDITS_VERSION`].
    pub version: u32,
    /// What the results were made by; other results may number people otherwise.
    pub made_for: String,
    /// In the order in which they were made.
    pub edits: Vec<Edit>,
}

/// Why corrections cannot be used.
#[derive(Debug, Error)]
pub enum EditsError {
    /// The file cannot be read or written, or is not what it should be.
    #[error("{path}: {problem}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A correction does not fit the results.
    #[error("{0}")]
    Unfit(String),
}

impl Edits {
    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no file of corrections.
    pub fn read(path: &Path) -> Result<Option<Self>, EditsError> {
        let wrong = |problem: String| EditsError::File { path: path.to_owned(), problem };
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read_limited(path, LARGEST, "a file of corrections").map_err(|e| wrong(e.to_string()))?;
        let edits: Self = serde_json::from_slice(&bytes)
            .map_err(|e| wrong(format!("no corrections of affekt: {}; move it away", shortened(e))))?;
        if edits.version != EDITS_VERSION {
            let problem = format!("version {}, and this affekt knows version {EDITS_VERSION}", edits.version);
            return Err(wrong(problem));
        }
        if edits.edits.len() > MOST_EDITS {
            return Err(wrong(format!("more than {MOST_EDITS} corrections")));
        }
        Ok(Some(edits))
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EditsError> {
        let wrong = |problem: String| EditsError::File { path: path.to_owned(), problem };
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| wrong(e.to_string()))?;
        write_atomically(path, &bytes).map_err(|e| wrong(e.to_string()))
    }

    /// A hash that is another one as soon as a correction is; empty where there is none.
    pub fn hash(&self) -> String {
        if self.edits.is_empty() {
            return String::new();
        }
        let text = serde_json::to_string(&self.edits).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_file_reads_back_and_another_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.edits.json");
        assert_eq!(Edits::read(&path).unwrap(), None);
        let edits = Edits {
            version: EDITS_VERSION,
            made_for: "model x".into(),
            edits: vec![
                Edit::Merge { people: vec![1, 2] },
                Edit::Exclude { from: 0.0, to: 1.5, person: None },
                Edit::Rename { person: 1, name: "Ada".into() },
            ],
        };
        edits.write(&path).unwrap();
        assert_eq!(Edits::read(&path).unwrap(), Some(edits.clone()));
        assert_ne!(edits.hash(), Edits { edits: vec![], ..edits.clone() }.hash());
        for (text, words) in [
            ("{\"version\":1}", "no corrections of affekt"),
            ("{\"version\":9,\"made_for\":\"\",\"edits\":[]}", "version 9"),
            ("{\"version\":1,\"made_for\":\"\",\"edits\":[{\"do\":\"delete\"}]}", "no corrections"),
            ("not JSON", "v.edits.json"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Edits::read(&path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
