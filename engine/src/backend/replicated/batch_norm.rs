//! What replicas' batch normalisation is over.

use serde::{Deserialize, Serialize};

/// Over what batch normalisation takes its statistics while it learns in several replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchNorm {
    /// Over the global batch, as one process does.
    #[default]
    Sync,
    /// Over each replica's part of it; nothing is exchanged between layers.
    Local,
}
