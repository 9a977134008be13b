//! affekt for Python: the module `affekt._affekt`, over the engine's `SharedRecognizer`, `Model` and `Pretraining`. What Python
//! gives is checked here, computing happens without the GIL, and no panic crosses the border.
//!
//! `errors` turns the engine's errors into exceptions, `image` arrays into pictures, `listener` tells of progress and hears
//! Ctrl-C; `recognizer`, `reading`, `analysis`, `model`, `faces`, `training` and `measuring` are what Python sees. The rest of
//! the package is in `python/affekt`.
//!
//! Without the feature `extension` the crate is empty, so that the workspace builds where there is no Python.

#[cfg(feature = "extension")]
mod analysis;
#[cfg(feature = "extension")]
mod errors;
#[cfg(feature = "extension")]
mod faces;
#[cfg(feature = "extension")]
mod image;
#[cfg(feature = "extension")]
mod listener;
#[cfg(feature = "extension")]
mod measuring;
#[cfg(feature = "extension")]
mod model;
#[cfg(feature = "extension")]
mod reading;
#[cfg(feature = "extension")]
mod recognizer;
#[cfg(feature = "extension")]
mod training;

/// The module.
#[cfg(feature = "extension")]
#[pyo3::pymodule]
mod _affekt {
    #[pymodule_export]
    use super::errors::planted_panic;
    #[pymodule_export]
    use super::faces::Faces;
    #[pymodule_export]
    use super::measuring::evaluate;
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::reading::{Face, ReadFrame};
    #[pymodule_export]
    use super::recognizer::{Recognizer, Stream};
    #[pymodule_export]
    use super::training::train;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods as _;

        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
