//! Presets: settings that are built in, each for a purpose.

use serde::de::DeserializeOwned;

use super::{RefineConfig, RunConfig};

/// Settings that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// As `--preset` takes it.
    pub name: &'static str,
    /// TOML; its first line is a comment that says what it is for.
    pub text: &'static str,
}

impl Preset {
    /// What it is for.
    pub fn purpose(&self) -> &'static str {
        self.text.lines().next().unwrap_or("").trim_start_matches('#').trim()
    }
}

/// Settings that have presets.
pub trait Presets: DeserializeOwned {
    /// All of them.
    const PRESETS: &[Preset];
}

impl Presets for RunConfig {
    const PRESETS: &[Preset] = &[
        Preset { name: "tiny", text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/tiny.toml")) },
        Preset {
            name: "ferplus-100",
            text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/ferplus-100.toml")),
        },
        Preset {
            name: "ferplus-full",
            text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/ferplus-full.toml")),
        },
        Preset { name: "adapt", text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/adapt.toml")) },
        Preset { name: "paper", text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/paper.toml")) },
    ];
}

impl Presets for RefineConfig {
    const PRESETS: &[Preset] = &[
        Preset {
            name: "tiny",
            text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/tiny-refine.toml")),
        },
        Preset {
            name: "paper",
            text: include_str!(concat!(env!("AFFEKT_ASSETS"), "/presets/paper-refine.toml")),
        },
    ];
}
