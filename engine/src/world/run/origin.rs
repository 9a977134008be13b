//! Which program began a run, and when: `origin.json` in its folder. Nothing that a run computes depends on it, and it stands apart
//! from what does.

use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::clock::{utc, wall_seconds};
use crate::files::write_atomically;
use crate::world::error::WorldError;

/// The file's name in a run's folder.
pub(super) const ORIGIN: &str = "origin.json";
/// The program that this engine is part of, and its commit.
static PROGRAM: OnceLock<(String, String)> = OnceLock::new();

/// Where a run comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Program and version, as in `affekt 0.1.0`.
    pub program: String,
    /// The commit that it was built from; empty where that is not known.
    #[serde(default)]
    pub commit: String,
    /// When its first process began it, as in `2026-11-30T14:25:00Z`.
    pub begun: String,
}

impl Origin {
    /// Says what program this is, once; without it the engine names itself.
    pub fn name_program(program: &str, commit: &str) {
        // A second program in a process has no say.
        let _ = PROGRAM.set((program.to_owned(), commit.to_owned()));
    }

    /// Of a run that this program begins now.
    pub(super) fn now() -> Self {
        let engine = || (format!("affekt-engine {}", env!("CARGO_PKG_VERSION")), String::new());
        let (program, commit) = PROGRAM.get().cloned().unwrap_or_else(engine);
        Self { program, commit, begun: utc(wall_seconds()) }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), WorldError> {
        let text = serde_json::to_string_pretty(self).map_err(|e| WorldError::file(path, e.to_string()))?;
        write_atomically(path, text.as_bytes()).map_err(|e| WorldError::io(path, e))
    }
}
