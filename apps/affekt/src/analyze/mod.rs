//! Whole inputs through the engine's `Recognizer`: what `affekt analyze` does with one file after the other.
//!
//! `expand` finds what lies in folders, `results` reads what stands in the folder of results and says whose it is, `names` gives
//! names that nobody else has, `input` takes one input through, `annotate` places the copy with boxes; what files hold is the
//! engine's `output`. Every file is whole or not there; the summary comes last, so it stands for a finished input.

mod annotate;
mod expand;
mod input;
mod names;
mod results;

pub use expand::{Expanded, expand};
pub use input::{Analysis, Outcome, Outputs};
pub use names::{Named, name};
pub use results::Results;
