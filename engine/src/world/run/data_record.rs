//! What a run learns from, as `data.json` says it set by set and `manifest.csv.gz` item by item.

use serde::Serialize;

use super::folder::RunFolder;
use super::sets::{Sets, SetsSummary};
use crate::data::{Manifest, SetUse};
use crate::files::write_atomically;
use crate::world::error::WorldError;

/// Said where content was not hashed.
const NOT_HASHED: [&str; 3] = [
    "that no picture stands in the data twice",
    "that nothing of the validation sets is learned from",
    "that a run which goes on, or is repeated, finds the same pictures in the files",
];

/// What `data.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataRecord {
    /// The seed that what is drawn follows from.
    pub seed: u64,
    /// Hash over the content and label of everything that is learned from: runs with the same one learn from the same.
    pub fingerprint: String,
    /// Sizes.
    pub summary: SetsSummary,
    /// Every dataset, in the order of the numbers in the manifest.
    pub sets: Vec<SetUse>,
    /// What cannot be promised of the data; empty where content was hashed.
    pub not_promised: Vec<&'static str>,
}

impl DataRecord {
    /// Of a run's data; `fingerprint` is [`Sets::fingerprint`]'s.
    ///
    /// # Errors
    /// The kept hashes can no longer be read.
    pub fn new(seed: u64, fingerprint: String, sets: &Sets, manifest: &Manifest) -> Result<Self, WorldError> {
        let not_promised = if sets.hashed { Vec::new() } else { NOT_HASHED.to_vec() };
        Ok(Self { seed, fingerprint, summary: sets.summary(), sets: manifest.summary()?, not_promised })
    }

    /// Writes both files.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, manifest: &Manifest, folder: &RunFolder) -> Result<(), WorldError> {
        manifest.write(&folder.manifest())?;
        let path = folder.data();
        let text = serde_json::to_string_pretty(self).map_err(|e| WorldError::file(&path, e.to_string()))?;
        write_atomically(&path, text.as_bytes()).map_err(|e| WorldError::io(&path, e))
    }
}
