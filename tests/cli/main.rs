//! The built program as a person meets it: exit codes, messages, files. Every bad input must give one clear error and
//! lose nothing.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod ablation;
mod again;
mod analyze;
mod bad_data;
mod bad_models;
mod bad_settings;
mod clips;
mod cluster;
mod data;
mod data_tools;
mod embeddings;
mod export;
mod generating;
mod gpu;
mod install;
mod kills;
mod measuring;
mod memory;
mod names;
mod paper;
mod people;
mod privacy;
mod program;
mod report;
mod requeue;
mod runs;
mod scores;
mod shards;
mod spans;
mod start_over;
mod stream;
#[cfg(target_os = "linux")]
mod unheard;
mod video;
