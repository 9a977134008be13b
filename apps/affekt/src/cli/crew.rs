//! Processes that do a command's inputs together, each its share, into one folder.

use std::sync::Arc;

use affekt_engine::backend::Link;
use affekt_results::analyze::Shard;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::processes;
use crate::failure::Failure;

/// The processes that `mpirun` or `srun` has started; without them this one alone.
pub struct Crew(Option<Arc<dyn Link>>);

impl Crew {
    /// All of them.
    ///
    /// # Errors
    /// As [`processes::link`].
    pub fn launched() -> Result<Self, Failure> {
        Ok(Self(processes::link()?.filter(|link| link.size() > 1)))
    }

    /// This one by itself, whoever else there is.
    pub fn alone() -> Self {
        Self(None)
    }

    /// Whether this is the one that does what one alone does.
    pub fn leads(&self) -> bool {
        self.0.as_ref().is_none_or(|link| link.rank() == 0)
    }

    /// This one's share, where there are several.
    pub fn shard(&self) -> Option<Shard> {
        self.0.as_ref().and_then(|link| Shard::new(link.rank() + 1, link.size()))
    }

    /// Waits until all are here.
    ///
    /// # Errors
    /// One is gone.
    pub fn meet(&self) -> Result<(), Failure> {
        self.gather(&()).map(drop)
    }

    /// What each of them has, in their order.
    ///
    /// # Errors
    /// One is gone.
    pub fn gather<T: Serialize + DeserializeOwned>(&self, own: &T) -> Result<Vec<T>, Failure> {
        let said = serde_json::to_vec(own)?;
        let all = match &self.0 {
            Some(link) => link.all_gather(said).map_err(|error| Failure::Run(error.into()))?,
            None => vec![said],
        };
        Ok(all.iter().map(|said| serde_json::from_slice(said)).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_process_leads_has_everything_and_waits_for_nobody() {
        let crew = Crew::alone();
        assert!(crew.leads() && crew.shard().is_none());
        crew.meet().unwrap();
        assert_eq!(crew.gather(&(7, "a".to_owned())).unwrap(), [(7, "a".to_owned())]);
    }
}
