//! Settings in layers: engine defaults, then a preset, a file, and what stands on the command line; the later wins.
//!
//! Every layer is checked alone, so that an error can name the layer and its line.

use std::marker::PhantomData;
use std::path::Path;

use thiserror::Error;
use toml::{Table, Value};

use super::Presets;
use crate::files::{LARGEST_SETTINGS, explained, nearest, printable, read_text_limited};

/// Most characters of a parser's message: a list of all names fits, a file does not.
const LONGEST_REASON: usize = 800;
/// Longest word that is compared with the names there are.
const LONGEST_NAME: usize = 60;

/// A layer that cannot be used, in one line: the layer, its line, the problem, and the name that was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct LayerError(String);

/// Lists of datasets in a run's settings.
const DATASETS: [&str; 4] = ["labelled", "unlabelled", "valid", "train"];

/// Settings collected so far.
#[derive(Debug, Clone)]
pub struct Layers<S> {
    table: Table,
    /// Whether the datasets so far are a preset's.
    preset_data: bool,
    settings: PhantomData<S>,
}

impl<S> Default for Layers<S> {
    fn default() -> Self {
        Self { table: Table::new(), preset_data: false, settings: PhantomData }
    }
}

impl<S: Presets> Layers<S> {
    /// Adds a built-in preset. Its datasets count only as long as no later layer names one: own faces are never mixed with a
    /// preset's.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn preset(&mut self, name: &str) -> Result<(), LayerError> {
        let Some(preset) = S::PRESETS.iter().find(|preset| preset.name == name) else {
            let names: Vec<&str> = S::PRESETS.iter().map(|preset| preset.name).collect();
            let meant = meant(name, names.iter().copied());
            return Err(LayerError(format!("no preset `{name}`: there are {}{meant}", names.join(", "))));
        };
        self.text(&format!("preset {name}"), preset.text)?;
        self.preset_data = names_datasets(&self.table);
        Ok(())
    }

    /// Adds a TOML file.
    ///
    /// # Errors
    /// It cannot be read, is not TOML, or has a setting that does not exist or has another type.
    pub fn file(&mut self, path: &Path) -> Result<(), LayerError> {
        let place = path.display().to_string();
        let text = read_text_limited(path, LARGEST_SETTINGS, "a file of settings")
            .map_err(|e| LayerError(format!("{place}: {}", explained(path, e))))?;
        self.text(&place, &text)
    }

    /// Adds settings that another file holds; `place` is what messages call them.
    ///
    /// # Errors
    /// As [`Layers::file`].
    pub fn table(&mut self, place: &str, table: &Table) -> Result<(), LayerError> {
        let text = toml::to_string(table).map_err(|e| LayerError(format!("{place}: {e}")))?;
        self.text(place, &text)
    }

    /// Adds `key.path=value` as `--set` takes it. A value that is no TOML is taken as text.
    ///
    /// # Errors
    /// No `=`, or the setting does not exist or has another type.
    pub fn assignment(&mut self, text: &str) -> Result<(), LayerError> {
        let place = format!("--set {text}");
        let (key, value) = text.split_once('=').ok_or_else(|| {
            LayerError(format!("{place}: write key.path=value, as in --set training.steps=200"))
        })?;
        let (key, value) = (key.trim(), value.trim());
        let line = format!("{key} = {value}");
        let line = if line.parse::<Table>().is_ok() { line } else { format!("{key} = {}", quoted(value)) };
        self.text(&place, &line)
    }

    /// Adds a setting that a named flag stands for.
    ///
    /// # Errors
    /// The value is out of range for the setting.
    pub fn flag(&mut self, flag: &str, key: &str, value: impl Into<Value>) -> Result<(), LayerError> {
        self.text(flag, &format!("{key} = {}", value.into()))
    }

    fn text(&mut self, place: &str, text: &str) -> Result<(), LayerError> {
        let layer: Table = text.parse().map_err(|e| located(place, text, &e))?;
        toml::from_str::<S>(text).map_err(|e| located(place, text, &e))?;
        if self.preset_data && names_datasets(&layer) {
            self.preset_data = false;
            if let Some(Value::Table(data)) = self.table.get_mut("data") {
                DATASETS.iter().chain(&["unlabelled_rest"]).for_each(|key| drop(data.remove(*key)));
            }
        }
        merge(&mut self.table, layer);
        Ok(())
    }

    /// The settings all layers give together.
    ///
    /// # Errors
    /// Layers that are right alone contradict each other.
    pub fn resolve(&self) -> Result<S, LayerError> {
        let text = toml::to_string_pretty(&self.table)
            .map_err(|e| LayerError(format!("settings cannot be written as TOML: {e}")))?;
        toml::from_str(&text).map_err(|e| located("the settings taken together", &text, &e))
    }
}

/// Whether a layer names a dataset.
fn names_datasets(layer: &Table) -> bool {
    let data = layer.get("data").and_then(Value::as_table);
    data.is_some_and(|data| DATASETS.iter().any(|list| data.contains_key(*list)))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Tables merge key by key; anything else is replaced.
fn merge(base: &mut Table, layer: Table) {
    for (key, value) in layer {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// An error with its layer, its line and, for a name that does not exist, the nearest that does.
fn located(place: &str, text: &str, error: &toml::de::Error) -> LayerError {
    let line = match error.span() {
        Some(span) if text.lines().count() > 1 => {
            format!(", line {}", text[..span.start.min(text.len())].matches('\n').count() + 1)
        }
        _ => String::new(),
    };
    let message = error.message().trim();
    let mut names = message.split('`').skip(1).step_by(2);
    let meant = match names.next() {
        Some(word) if message.starts_with("unknown") && word.len() <= LONGEST_NAME => meant(word, names),
        _ => String::new(),
    };
    let message = printable(message, LONGEST_REASON);
    LayerError(format!("{place}{line}: {message}{meant}"))
}

/// The end of a message: the name that was probably meant.
fn meant<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::RunConfig;

    #[test]
    fn a_presets_datasets_leave_when_others_are_named() {
        let mut layers = Layers::<RunConfig>::default();
        layers.preset("tiny").expect("built in");
        assert!(!layers.resolve().expect("valid").data.unlabelled.is_empty(), "alone it has its own");
        layers.assignment("data.cache_mib=8").expect("a setting");
        assert!(!layers.resolve().expect("valid").data.unlabelled.is_empty(), "that was no dataset");
        layers.flag("--labelled", "data.labelled", vec!["folder:mine"]).expect("a SPEC");
        let data = layers.resolve().expect("valid").data;
        assert_eq!((data.labelled.len(), data.unlabelled.len(), data.valid.len()), (1, 0, 0));
        assert!(data.unlabelled_rest, "what labels are left over is unlabelled");
        layers.flag("--valid", "data.valid", vec!["folder:other"]).expect("a SPEC");
        assert_eq!(layers.resolve().expect("valid").data.labelled.len(), 1, "own datasets stay");
    }

    #[test]
    fn every_preset_is_whole_and_says_what_it_is_for() {
        for preset in RunConfig::PRESETS {
            let mut layers = Layers::<RunConfig>::default();
            layers.preset(preset.name).expect("built in");
            layers.resolve().expect("valid");
            assert!(preset.text.starts_with('#') && preset.purpose().len() > 10, "{}", preset.name);
        }
    }

    #[test]
    fn a_slip_is_corrected_and_a_stranger_is_not() {
        let error = |assignment: &str| {
            Layers::<RunConfig>::default().assignment(assignment).expect_err("unknown").to_string()
        };
        assert!(
            error("training.stesp=3").ends_with("did you mean `steps`?"),
            "{}",
            error("training.stesp=3")
        );
        assert!(!error("training.qqqqqqqqqqqqqqq=3").contains("did you mean"));
        let preset = Layers::<RunConfig>::default().preset("tny").expect_err("unknown").to_string();
        assert!(preset.contains("did you mean `tiny`?"), "{preset}");
    }

    #[test]
    fn the_later_layer_wins() {
        let mut layers = Layers::<RunConfig>::default();
        layers.preset("tiny").expect("built in");
        layers.assignment("training.steps=7").expect("a setting");
        layers.flag("--steps", "training.steps", 9).expect("a setting");
        let config = layers.resolve().expect("valid");
        assert_eq!((config.training.steps, config.model.size), (9, 48));
    }
}
