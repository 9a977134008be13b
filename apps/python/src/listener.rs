//! Progress to Python and Ctrl-C from it, in the midst of computing without the GIL.

use affekt_engine::world::{ErrorKind, WorldError};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::errors::{exception, raised};

/// A `progress` function, if there is one, and why it or the user has stopped the work.
pub struct Listener {
    progress: Option<Py<PyAny>>,
    stopped: Option<PyErr>,
}

impl Listener {
    pub fn new(progress: Option<Py<PyAny>>) -> Self {
        Self { progress, stopped: None }
    }

    /// Looks for Ctrl-C and tells the function; `false` where the work is to stop. `arguments` are made only where somebody
    /// listens.
    pub fn tell<A>(&mut self, arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<A>) -> bool
    where
        A: for<'py> PyCallArgs<'py>,
    {
        let told = Python::attach(|py| -> PyResult<()> {
            py.check_signals()?;
            let Some(progress) = &self.progress else { return Ok(()) };
            let answer = progress.call1(py, arguments(py)?)?;
            if answer.bind(py).cast::<PyBool>().is_ok_and(|answer| !answer.is_true()) {
                return Err(exception(py, ErrorKind::Interrupted, "progress gave False".into()));
            }
            Ok(())
        });
        self.stopped = told.err();
        self.stopped.is_none()
    }

    /// Why it was stopped, if it was: an error that came before it, or after, counts more.
    pub fn outcome<T>(self, py: Python<'_>, result: Result<T, WorldError>) -> PyResult<T> {
        match (result, self.stopped) {
            (Err(WorldError::Interrupted) | Ok(_), Some(stopped)) => Err(stopped),
            (Err(error), _) => Err(raised(py, &error)),
            (Ok(value), None) => Ok(value),
        }
    }
}
