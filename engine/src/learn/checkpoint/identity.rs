//! What a run is, so that a checkpoint goes on in no other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::files::printable;
use crate::learn::error::LearnError;

/// Differences that an error lists.
const LISTED: usize = 6;
/// Most characters of a setting's name or value in an error.
const SHOWN: usize = 100;

/// What a run is: architecture, classes, settings, seed, data. A checkpoint goes on only in a run of equal identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunIdentity(BTreeMap<String, String>);

impl RunIdentity {
    /// Takes anything serde can write as a JSON object; its leaves are compared one by one under dotted names such as
    /// `settings.optimiser.clip`.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn new(run: &impl Serialize) -> Result<Self, LearnError> {
        // Through text, not `to_value`, which would widen `f32` and print 0.01 as 0.009999999776482582.
        let parsed = serde_json::to_string(run).and_then(|text| serde_json::from_str(&text));
        let value: serde_json::Value =
            parsed.map_err(|e| LearnError::Batch(format!("the run's identity cannot be written: {e}")))?;
        let mut entries = BTreeMap::new();
        flatten("", &value, &mut entries);
        Ok(Self(entries))
    }

    /// What differs, `name is THEIRS there and OURS here` for the first few; `None` where nothing does.
    pub fn differences(&self, theirs: &RunIdentity) -> Option<String> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(theirs.0.keys()).collect();
        let shown = |side: &RunIdentity, name: &String| {
            side.0.get(name).map_or("not set".into(), |value| printable(value, SHOWN))
        };
        let differing: Vec<&String> =
            names.into_iter().filter(|&name| self.0.get(name) != theirs.0.get(name)).collect();
        let listed = differing.iter().take(LISTED).map(|&name| {
            let (there, here) = (shown(theirs, name), shown(self, name));
            format!("{} is {there} there and {here} here", printable(name, SHOWN))
        });
        let mut text = listed.collect::<Vec<_>>().join("; ");
        if differing.len() > LISTED {
            let _ = write!(text, "; and {} more", differing.len() - LISTED);
        }
        (!differing.is_empty()).then_some(text)
    }
}

fn flatten(name: &str, value: &serde_json::Value, entries: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let dotted = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&dotted, inner, entries);
            }
        }
        leaf => {
            entries.insert(name.to_string(), leaf.to_string());
        }
    }
}
