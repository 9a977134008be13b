//! The engine's errors as Python's exceptions, and computing without the GIL.

use affekt_engine::world::{ErrorKind, WorldError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The classes of `affekt._errors`, each imported once.
static REQUEST: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static FILE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static INTERRUPTED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static ENGINE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static PANIC: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// An exception of this kind.
pub fn exception(py: Python<'_>, kind: ErrorKind, message: String) -> PyErr {
    let (class, name) = match kind {
        ErrorKind::Request => (&REQUEST, "SettingError"),
        ErrorKind::File => (&FILE, "FileError"),
        ErrorKind::Interrupted => (&INTERRUPTED, "Interrupted"),
        ErrorKind::Engine => (&ENGINE, "EngineError"),
        ErrorKind::Panic => (&PANIC, "InternalError"),
    };
    match class.import(py, "affekt._errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), (message,)),
        Err(error) => error,
    }
}

/// A wrong request.
pub fn request(py: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(py, ErrorKind::Request, message.into())
}

/// The engine's error as an exception.
pub fn raised(py: Python<'_>, error: &WorldError) -> PyErr {
    exception(py, error.kind(), error.to_string())
}

/// Computes without the GIL; a panic is an exception.
///
/// # Errors
/// As `work`, or it panics.
pub fn computing<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, WorldError> + Send,
) -> PyResult<T> {
    py.detach(|| WorldError::catch(work)).map_err(|error| raised(py, &error))
}

/// Panics inside, as a mistake in affekt would: for the tests, which see an exception.
#[pyfunction(name = "_planted_panic")]
pub fn planted_panic(py: Python<'_>) -> PyResult<()> {
    computing(py, || {
        let none: [u8; 0] = [];
        if none[std::hint::black_box(3)] == 0 { Ok(()) } else { Err(WorldError::Interrupted) }
    })
}
