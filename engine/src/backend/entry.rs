//! A backend that can be asked for by name.

use std::sync::Arc;

use super::{ArithmeticChoice, Backend, BackendError, BackendSpec};

/// Whether a backend can be used on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// Whether it can.
    pub available: bool,
    /// Why, or with what, for people.
    pub note: String,
}

/// A backend that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct BackendEntry {
    /// Its name, as `--backend` takes it; not [`AUTO`](super::AUTO).
    pub name: &'static str,
    /// What it is, one line for people.
    pub about: &'static str,
    /// What it can infer in.
    pub arithmetics: &'static [ArithmeticChoice],
    /// Whether there is a choice of adapters.
    pub has_adapters: bool,
    /// Looks whether it can be used here, without opening it.
    pub availability: fn() -> Availability,
    /// Opens it. The specification's arithmetic is one of `arithmetics`, and no adapter is named where there is no choice.
    ///
    /// # Errors
    /// It is not available here.
    pub open: fn(&BackendSpec) -> Result<Arc<dyn Backend>, BackendError>,
}
