//! Training, step by step.

use std::path::PathBuf;
use std::sync::Arc;

use affekt_engine::backend::{self, BackendSpec};
use affekt_engine::data::{Formats, SkipLog, Source, Spec};
use affekt_engine::learn::{EvalReport, StepRecord};
use affekt_engine::synth::formats;
use affekt_engine::world::config::{LayerError, Layers};
use affekt_engine::world::{
    Advance, ErrorKind, Pretraining, Run as _, RunConfig, RunFolder, Start, TrainingData, WorldError,
};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::errors::{computing, exception, raised, request};
use crate::faces::Faces;
use crate::listener::Listener;

/// A dataset as Python gives it.
#[derive(FromPyObject)]
pub enum Data {
    /// A SPEC.
    Spec(String),
    /// Faces in memory.
    Memory(Py<Faces>),
}

/// Opens datasets in their order.
///
/// # Errors
/// A SPEC is wrong or cannot be opened.
pub fn sources(data: &[Data], formats: &Formats, skips: &SkipLog) -> Result<Vec<Source>, WorldError> {
    let open = |data: &Data| match data {
        Data::Spec(text) => Ok(Source::open(&text.parse()?, formats, skips)?),
        Data::Memory(faces) => Ok(faces.get().source()),
    };
    data.iter().map(open).collect()
}

/// What a run is made of.
struct Wanted {
    out: PathBuf,
    data: [Vec<Data>; 3],
    threads: usize,
    resume: bool,
    force: bool,
}

impl Wanted {
    /// Opens the data and begins the run, or goes on with it.
    fn begin(&self, config: Option<RunConfig>) -> Result<Pretraining, WorldError> {
        let folder = match config {
            Some(_) => RunFolder::create(&self.out, self.force)?,
            None => RunFolder::open(&self.out)?,
        };
        let config: RunConfig = match config {
            Some(config) => config,
            None => folder.load_config()?,
        };
        let spec = BackendSpec { threads: self.threads, ..config.compute().spec() };
        let backend = backend::open(&spec)?;
        let start = if self.resume { Start::Resume } else { Start::New };
        let formats = formats();
        if !self.data.iter().flatten().any(|data| matches!(data, Data::Memory(_))) {
            return Pretraining::begin(config, folder, backend, &formats, start);
        }
        let skips = Arc::new(SkipLog::new(config.strict));
        let [labelled, unlabelled, valid] = &self.data;
        let data = TrainingData {
            labelled: sources(labelled, &formats, &skips)?,
            unlabelled: sources(unlabelled, &formats, &skips)?,
            valid: sources(valid, &formats, &skips)?,
            progress: None,
        };
        Pretraining::begin_with(config, folder, backend, (data, skips), start)
    }
}

/// As `affekt.train`; gives the report as JSON.
#[pyfunction(name = "_train")]
#[pyo3(signature = (
    out, *, labelled, unlabelled, valid, preset, config, settings, resume, force, threads, progress
))]
#[expect(clippy::too_many_arguments, reason = "Python names each of them")]
pub fn train(
    py: Python<'_>,
    out: PathBuf,
    labelled: Vec<Data>,
    unlabelled: Vec<Data>,
    valid: Vec<Data>,
    preset: Option<String>,
    config: Option<PathBuf>,
    settings: Vec<(String, String)>,
    resume: bool,
    force: bool,
    threads: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let data = [labelled, unlabelled, valid];
    let specs = data.iter().flatten().any(|data| matches!(data, Data::Spec(_)));
    let config = if resume {
        if force || preset.is_some() || config.is_some() || !settings.is_empty() || specs {
            let problem = "resume goes on with the run's own settings and SPECs: leave out preset, config, settings, force, \
                           and SPECs";
            return Err(request(py, problem));
        }
        None
    } else {
        Some(resolved(py, preset, config, settings, &data)?)
    };
    let wanted = Wanted { out, data, threads, resume, force };
    let mut run = computing(py, || wanted.begin(config))?;
    let total = run.steps();
    let mut listener = Listener::new(progress);
    while !run.is_done() {
        let advance = computing(py, || run.advance())?;
        if !listener.tell(|py| Ok((record(py, &advance, total)?,))) {
            // What was learned is kept, whatever has stopped it.
            let saved = computing(py, || run.save());
            put_away(py, run)?;
            saved?;
            return listener.outcome(py, Ok(String::new()));
        }
    }
    let report = computing(py, || run.finish());
    put_away(py, run)?;
    serde_json::to_string(&report?).map_err(|e| exception(py, ErrorKind::Engine, e.to_string()))
}

/// Drops a run without the GIL: it waits for its loader.
fn put_away(py: Python<'_>, run: Pretraining) -> PyResult<()> {
    computing(py, move || {
        drop(run);
        Ok(())
    })
}

/// The settings that the layers give, with the SPECs among them.
fn resolved(
    py: Python<'_>,
    preset: Option<String>,
    file: Option<PathBuf>,
    settings: Vec<(String, String)>,
    data: &[Vec<Data>; 3],
) -> PyResult<RunConfig> {
    let told = |error: LayerError| request(py, error.to_string());
    let mut layers = Layers::<RunConfig>::default();
    if let Some(preset) = preset {
        layers.preset(&preset).map_err(told)?;
    }
    if let Some(file) = file {
        layers.file(&file).map_err(told)?;
    }
    for (key, text) in settings {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let value = toml::Value::try_from(value)
            .map_err(|_| request(py, format!("setting `{key}` is {text}, which no setting can be")))?;
        layers.flag(&format!("settings, {key}"), &key, value).map_err(told)?;
    }
    let mut config = layers.resolve().map_err(told)?;
    let of = &mut config.data;
    for (given, specs) in data.iter().zip([&mut of.labelled, &mut of.unlabelled, &mut of.valid]) {
        let texts =
            given.iter().filter_map(|data| if let Data::Spec(text) = data { Some(text) } else { None });
        let parsed: Vec<Spec> = texts
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(|e| raised(py, &WorldError::Data(e)))?;
        if !given.is_empty() {
            *specs = parsed;
        }
    }
    let memory = data.iter().flatten().any(|data| matches!(data, Data::Memory(_)));
    if memory { config.validate_settings() } else { config.validate() }.map_err(|e| raised(py, &e))?;
    config.make_paths_absolute();
    Ok(config)
}

/// A step's record as a dict.
fn record(py: Python<'_>, advance: &Advance<StepRecord, EvalReport>, steps: u64) -> PyResult<Py<PyAny>> {
    let mut record = json!(advance.record);
    record["steps"] = json!(steps);
    if let Some(report) = &advance.evaluation {
        record["evaluation"] = json!(report);
    }
    Ok(py.import("json")?.call_method1("loads", (record.to_string(),))?.unbind())
}
