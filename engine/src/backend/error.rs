//! Why a backend could not do what it was asked.

use thiserror::Error;

use crate::net::{PlanError, WeightsError};

/// Why a backend could not do what it was asked.
#[derive(Debug, Error)]
pub enum BackendError {
    /// A slice has the wrong length.
    #[error("{what}: expected {expected} values ({shape}), got {got}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Values needed.
        expected: usize,
        /// How they come about, e.g. `4 items of 64x64x3`.
        shape: String,
        /// Values given.
        got: usize,
    },
    /// An operation came out of order.
    #[error("{0}")]
    Order(&'static str),
    /// Weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The graph cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A device failed.
    #[error("{device}: {message}")]
    Device {
        /// What kind of device it is and its name, e.g. ``GPU `NVIDIA L4` ``.
        device: String,
        /// What happened, and what to do.
        message: String,
    },
    /// There is not enough memory, found out before any was taken.
    #[error("this needs at least {needed} of {memory} ({parts}), and {there} are there: {advice}")]
    Memory {
        /// What is needed.
        needed: String,
        /// Of which memory.
        memory: &'static str,
        /// What there is.
        there: String,
        /// The largest parts.
        parts: String,
        /// What to make smaller.
        advice: String,
    },
    /// What was asked for is not available on this machine.
    #[error("{0}")]
    Unavailable(String),
    /// What was asked for contradicts itself, on any machine: a mistake of whoever asked.
    #[error("{0}")]
    Spec(String),
}
