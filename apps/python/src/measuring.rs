//! Measuring a model on labelled pictures.

use std::path::PathBuf;
use std::sync::Arc;

use affekt_engine::backend;
use affekt_engine::data::SkipLog;
use affekt_engine::synth::formats;
use affekt_engine::world::{ErrorKind, EvaluationConfig, Model, WorldError, evaluate_sources};
use pyo3::prelude::*;
use serde_json::json;

use crate::errors::{exception, request};
use crate::listener::Listener;
use crate::recognizer::backend_spec;
use crate::training::{Data, sources};

/// As `affekt.evaluate`; gives the report as JSON.
#[pyfunction(name = "_evaluate")]
#[pyo3(signature = (model, data, *, batch, flip, strict, backend, adapter, arithmetic, threads, progress))]
#[expect(
    clippy::too_many_arguments,
    clippy::needless_pass_by_value,
    reason = "Python names each of them, and gives values"
)]
pub fn evaluate(
    py: Python<'_>,
    model: Option<PathBuf>,
    data: Vec<Data>,
    batch: usize,
    flip: bool,
    strict: bool,
    backend: &str,
    adapter: Option<String>,
    arithmetic: Option<&str>,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    if !(1..=4096).contains(&batch) {
        return Err(request(py, format!("batch is {batch}, but must be between 1 and 4096")));
    }
    if data.is_empty() {
        return Err(request(py, "data names no dataset; give a SPEC such as \"folder:my_faces\", or Faces"));
    }
    let spec = backend_spec(py, backend, adapter, arithmetic, threads)?;
    let settings = EvaluationConfig { batch, flip, ..EvaluationConfig::default() };
    let skips = Arc::new(SkipLog::new(strict));
    let mut listener = Listener::new(progress);
    let measured = py.detach(|| {
        WorldError::catch(|| {
            let model = Model::open(model.as_deref())?;
            let sources = sources(&data, &formats(), &skips)?;
            let backend = backend::open(&spec)?;
            let tell = |done: usize, all: usize| listener.tell(|_| Ok((done, all)));
            evaluate_sources((&model, None), &sources, &settings, &skips, &*backend, tell)
        })
    });
    let evaluation = listener.outcome(py, measured)?;
    let mut report = json!(evaluation.report);
    report["skipped"] = json!(evaluation.skipped);
    serde_json::to_string(&report).map_err(|e| exception(py, ErrorKind::Engine, e.to_string()))
}
