//! Files of events that `TensorBoard` shows, beside a run's log and with the same figures: `event` is a message, `frame` how it lies in
//! the file. When something was written stands there as the wall clock has it; nothing that is computed depends on it.
//!
//! Every start of a run writes a file of its own, whose second event says from which step on earlier files no longer count. So a run
//! that goes on from a checkpoint shows each step once, as its log does.

mod event;
mod frame;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::event::{start, summary, version};
use self::frame::framed;
use super::error::LearnError;
use crate::clock::wall_seconds;

pub use self::event::EventValue;

/// What the names of event files begin with; `TensorBoard` knows them by it.
const PREFIX: &str = "events.out.tfevents.";

/// A run's events, as they are written.
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Begins a file in a run's folder for a run that has made `steps_done` steps.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn begin(folder: &Path, steps_done: u64) -> Result<Self, LearnError> {
        let now = wall_seconds();
        let path = folder.join(next_name(&Self::all(folder)?, now as u64));
        let io = |source| LearnError::Io { path: path.clone(), source };
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(io)?;
        let mut events = Self { path, file };
        events.append(&version(now))?;
        events.append(&start(now, steps_done + 1))?;
        Ok(events)
    }

    /// The files of a folder, in the order in which they were begun.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<PathBuf>, LearnError> {
        let io = |source| LearnError::Io { path: folder.into(), source };
        let mut found = vec![];
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    /// Writes what is known of a step.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn write(&mut self, step: u64, values: &[(String, EventValue)]) -> Result<(), LearnError> {
        if values.is_empty() {
            return Ok(());
        }
        self.append(&summary(wall_seconds(), step, values))
    }

    /// Writes a line of the log: its numbers as curves, its list of counts as a histogram.
    ///
    /// # Errors
    /// As [`EventFile::write`].
    pub fn line(&mut self, line: &Value) -> Result<(), LearnError> {
        let Some(step) = line["step"].as_u64() else { return Ok(()) };
        let tag = match (line["kind"].as_str(), line["network"].as_str()) {
            (Some("evaluation"), network) => format!("evaluation/{}", network.unwrap_or("model")),
            _ => "train".to_owned(),
        };
        let mut values = vec![];
        collect(&tag, line, &mut values);
        self.write(step, &values)
    }

    /// Makes sure that what was written is on the disk.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn sync(&mut self) -> Result<(), LearnError> {
        self.file.sync_data().map_err(|source| LearnError::Io { path: self.path.clone(), source })
    }

    fn append(&mut self, event: &[u8]) -> Result<(), LearnError> {
        // One write an event, so that a killed run leaves at most one broken one, at the end, which readers pass over.
        let written = self.file.write_all(&framed(event));
        written.map_err(|source| LearnError::Io { path: self.path.clone(), source })
    }
}

/// A name behind all that are there. Readers take files in the order of their names, whatever the clocks of several machines say.
fn next_name(there: &[PathBuf], now: u64) -> String {
    let number = |path: &PathBuf| -> Option<u64> {
        let name = path.file_name()?.to_str()?.strip_prefix(PREFIX)?;
        name.split('.').next()?.parse().ok()
    };
    let last = there.iter().filter_map(number).max().unwrap_or(0);
    format!("{PREFIX}{:010}.{:06}.affekt", now.max(last), there.len())
}

/// Everything of a log's line that can be drawn, under `tag` and its own name; names of classes and the like are left out.
fn collect(tag: &str, line: &Value, values: &mut Vec<(String, EventValue)>) {
    for (name, value) in line.as_object().into_iter().flatten() {
        let tag = format!("{tag}/{name}");
        match value {
            Value::Number(_) if name == "step" => {}
            Value::Number(number) => {
                values.extend(number.as_f64().map(|value| (tag, EventValue::Scalar(value as f32))));
            }
            Value::Object(_) => collect(&tag, value, values),
            Value::Array(list) if !list.is_empty() => {
                let counts: Option<Vec<f64>> = list.iter().map(Value::as_f64).collect();
                values.extend(counts.map(|counts| (tag, EventValue::Counts(counts))));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
