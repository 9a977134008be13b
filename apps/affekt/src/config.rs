//! Settings in layers: engine defaults, then a preset, a file, and what stands on the command line; the later wins.
//!
//! Every layer is checked alone, so that an error can name the layer and its line.

use std::marker::PhantomData;
use std::path::Path;

use affekt_engine::world::{RefineConfig, RunConfig};
use anyhow::{Context as _, anyhow, bail};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::suggest::nearest;

/// Settings that have built-in presets.
pub trait Settings: DeserializeOwned {
    /// The presets that are built in: name and text.
    const PRESETS: &[(&str, &str)];
}

impl Settings for RunConfig {
    const PRESETS: &[(&str, &str)] = &[
        ("tiny", include_str!("../../../assets/presets/tiny.toml")),
        ("ferplus-100", include_str!("../../../assets/presets/ferplus-100.toml")),
        ("ferplus-full", include_str!("../../../assets/presets/ferplus-full.toml")),
        ("paper", include_str!("../../../assets/presets/paper.toml")),
    ];
}

impl Settings for RefineConfig {
    const PRESETS: &[(&str, &str)] = &[
        ("tiny", include_str!("../../../assets/presets/tiny-refine.toml")),
        ("paper", include_str!("../../../assets/presets/paper-refine.toml")),
    ];
}

/// What a preset is for: the comment in its first line.
pub fn purpose(text: &str) -> &str {
    text.lines().next().unwrap_or("").trim_start_matches('#').trim()
}

/// Settings collected so far.
#[derive(Debug, Clone)]
pub struct Layers<S> {
    table: Table,
    settings: PhantomData<S>,
}

impl<S> Default for Layers<S> {
    fn default() -> Self {
        Self { table: Table::new(), settings: PhantomData }
    }
}

impl<S: Settings> Layers<S> {
    /// Adds a built-in preset.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn preset(&mut self, name: &str) -> anyhow::Result<()> {
        let Some((_, text)) = S::PRESETS.iter().find(|(n, _)| *n == name) else {
            let names: Vec<&str> = S::PRESETS.iter().map(|(n, _)| *n).collect();
            let meant = nearest(name, names.iter().copied()).map(|n| format!("; did you mean `{n}`?"));
            bail!("no preset `{name}`: there are {}{}", names.join(", "), meant.unwrap_or_default());
        };
        self.text(&format!("preset {name}"), text)
    }

    /// Adds a TOML file.
    ///
    /// # Errors
    /// It cannot be read, is not TOML, or has a setting that does not exist or has another type.
    pub fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        self.text(&path.display().to_string(), &text)
    }

    /// Adds `key.path=value` as `--set` takes it. A value that is no TOML is taken as text.
    ///
    /// # Errors
    /// No `=`, or the setting does not exist or has another type.
    pub fn assignment(&mut self, text: &str) -> anyhow::Result<()> {
        let place = format!("--set {text}");
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("{place}: write --set key.path=value, as in --set training.steps=200"))?;
        let (key, value) = (key.trim(), value.trim());
        let line = format!("{key} = {value}");
        let line = if line.parse::<Table>().is_ok() { line } else { format!("{key} = {}", quoted(value)) };
        self.text(&place, &line)
    }

    /// Adds a setting that a named flag stands for.
    ///
    /// # Errors
    /// The value is out of range for the setting.
    pub fn flag(&mut self, flag: &str, key: &str, value: impl Into<Value>) -> anyhow::Result<()> {
        self.text(flag, &format!("{key} = {}", value.into()))
    }

    fn text(&mut self, place: &str, text: &str) -> anyhow::Result<()> {
        let layer: Table = text.parse().map_err(|e| located(place, text, &e))?;
        toml::from_str::<S>(text).map_err(|e| located(place, text, &e))?;
        merge(&mut self.table, layer);
        Ok(())
    }

    /// The settings all layers give together.
    ///
    /// # Errors
    /// Layers that are right alone contradict each other.
    pub fn resolve(&self) -> anyhow::Result<S> {
        let text = toml::to_string_pretty(&self.table).context("settings cannot be written as TOML")?;
        toml::from_str(&text).map_err(|e| located("the settings taken together", &text, &e))
    }
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
fn located(place: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = match error.span() {
        Some(span) if text.lines().count() > 1 => {
            format!(", line {}", text[..span.start.min(text.len())].matches('\n').count() + 1)
        }
        _ => String::new(),
    };
    let message = error.message().trim();
    let mut names = message.split('`').skip(1).step_by(2);
    let meant = match names.next() {
        Some(word) if message.starts_with("unknown") => nearest(word, names),
        _ => None,
    };
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    anyhow!("{place}{line}: {message}{meant}")
}
