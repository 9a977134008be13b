//! Whole inputs through the engine's `Recognizer`: what `affekt analyze` does with one file after the other.
//!
//! `names` finds file names that do not collide, `input` takes one input through, `table`, `lines`, `subtitles` and
//! `annotate` write what comes out, `people` keeps what the summary and the page need. Every file is whole or not there; the
//! summary comes last, so it stands for a finished input.

mod annotate;
mod input;
mod letters;
mod lines;
mod names;
mod people;
mod subtitles;
mod table;

pub use input::{Outcome, Outputs, analyze};
pub use names::stems;
#[cfg(test)]
pub use people::Thumbnail;
pub use people::{Person, Summary};
