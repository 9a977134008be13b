//! A model's file.

use std::path::PathBuf;

use numpy::{IxDyn, PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{computing, raised};

/// A model: its card and its weights. ``path`` is a weights file or the folder of a finished run; None is the built-in model.
#[pyclass(frozen, module = "affekt")]
pub struct Model {
    model: affekt_engine::world::Model,
}

#[pymethods]
impl Model {
    #[new]
    #[pyo3(signature = (path = None))]
    #[expect(clippy::needless_pass_by_value, reason = "Python hands over a path of its own")]
    fn new(py: Python<'_>, path: Option<PathBuf>) -> PyResult<Self> {
        let model = computing(py, || affekt_engine::world::Model::open(path.as_deref()))?;
        Ok(Self { model })
    }

    /// The file it came from.
    #[getter]
    fn path(&self) -> String {
        self.model.path.display().to_string()
    }

    /// The hash of its file (BLAKE3), which a temporal encoder's card names.
    #[getter]
    fn hash(&self) -> &str {
        &self.model.hash
    }

    /// Class names, in the order of its outputs.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.model.card.classes.clone()
    }

    /// What the file says of itself: architecture, classes, input, licence, training, metrics.
    #[getter]
    fn card<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = serde_json::to_string(&self.model.card);
        let text = text.map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))?;
        py.import("json")?.call_method1("loads", (text,))
    }

    /// A copy of its tensors by torchvision's names: float32 arrays in torchvision's shapes. Of an ONNX file there are none to
    /// be had, which raises ``FileError``.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let named = PyDict::new(py);
        let (_, weights) = self.model.own().map_err(|error| raised(py, &error))?;
        for (name, tensor) in &weights.tensors {
            let values = PyArray1::from_slice(py, &tensor.data);
            named.set_item(name, values.reshape(IxDyn(&tensor.shape))?)?;
        }
        Ok(named)
    }

    fn __repr__(&self) -> String {
        format!("<affekt.Model {}: {}>", self.model.path.display(), self.model.card.classes.join(", "))
    }
}
