//! Whole inputs through the engine's `Recognizer`: what `affekt analyze` does with one file after the other.
//!
//! `names` finds file names that do not collide, `input` takes one input through, `annotate` places the copy with boxes;
//! what files hold is the engine's `output`. Every file is whole or not there; the summary comes last, so it stands for a
//! finished input.

mod annotate;
mod input;
mod names;

pub use input::{Analysis, Outcome, Outputs, finished};
pub use names::stems;
