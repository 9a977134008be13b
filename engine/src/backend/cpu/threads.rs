//! The threads that a network computes on.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::backend::BackendError;

/// A pool of threads; where a system has none, the caller's own.
#[derive(Debug, Clone)]
pub struct Threads(Option<Arc<ThreadPool>>);

impl Threads {
    /// So many threads, 0 for one each core.
    ///
    /// # Errors
    /// The system refuses to start them.
    pub fn new(count: usize) -> Result<Self, BackendError> {
        if cfg!(target_family = "wasm") {
            return Ok(Self(None));
        }
        let pool =
            ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("affekt-cpu-{i}")).build();
        let pool = pool.map_err(|e| BackendError::Unavailable(format!("threads cannot be started: {e}")))?;
        Ok(Self(Some(Arc::new(pool))))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Runs it on them.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}
