//! What the processes of a run tell each other beside gradients: labels, answers, and items that could not be read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::WorldError;
use crate::backend::{BackendError, Team};
use crate::data::{HashPeers, SkipLog};

/// Everybody's value, in the order of ranks.
///
/// # Errors
/// Another process is gone.
pub(super) fn gather<T: Serialize + DeserializeOwned>(team: &Team, own: &T) -> Result<Vec<T>, WorldError> {
    let garbled = |error: serde_json::Error| BackendError::Device {
        device: "processes".into(),
        message: format!("what they told each other cannot be read: {error}"),
    };
    let all = team.gather(serde_json::to_vec(own).map_err(garbled)?)?;
    Ok(all.iter().map(|bytes| serde_json::from_slice(bytes).map_err(garbled)).collect::<Result<_, _>>()?)
}

/// Counts the items that other processes skipped as if they had been skipped here.
///
/// # Errors
/// Another process is gone.
pub(super) fn share_skips(team: &Team, skips: &SkipLog) -> Result<(), WorldError> {
    if team.processes() > 1 {
        gather(team, &skips.entries())?.into_iter().for_each(|entries| skips.absorb(entries));
    }
    Ok(())
}

impl HashPeers for Team {
    fn rank(&self) -> usize {
        Team::rank(self)
    }

    fn processes(&self) -> usize {
        Team::processes(self)
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, String> {
        Team::gather(self, bytes).map_err(|error| error.to_string())
    }
}
