//! Every kind of file that affekt reads, broken in many ways: a reader may refuse it or read it, but not panic, not end the
//! program, not take ten seconds, and not take much more memory than for the file as it should be.
//!
//! `formats` says what each kind is, how one is made and what reads it; `bytes`, `text`, `json`, `tensors` and `wire` break one in
//! ways that its form allows, so that the breaks get past the first check; a seed says which. `child` goes through seeds in a
//! process of its own, `watch` is the process that looks after it and reports what went wrong as kind, format and seed.
//!
//! `cargo test -p affekt-fuzz` is a short run with fixed seeds, `tests/fuzz/run.sh FORMAT SECONDS` a long one with new ones,
//! and `affekt-fuzz write FORMAT SEED FOLDER` writes what a seed stands for.

mod bytes;
mod child;
mod draws;
pub mod formats;
mod json;
mod tensors;
mod text;
mod watch;
mod wire;

pub use child::{run_seeds, write_seed};
pub use watch::{Finding, Kind, Limits, watch};
