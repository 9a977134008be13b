//! Whole inputs through the engine's `Recognizer`: what `affekt analyze` and the window's queue do with one file after the
//! other.
//!
//! `expand` finds what lies in folders, `rests` looks for resting faces, `results` reads what stands in the folder of results and says whose it is, `names` gives
//! names that nobody else has, `input` takes one input through, `outputs` says which files are written and `writing` writes them from rows, `shard` says which inputs are whose, `merge` puts folders of results together, `annotate` places the copy with boxes, `copy` makes it by a second reading; what files hold is the
//! engine's `output`. `plan` settles what is the same for all inputs, `corrected` keeps corrections by hand. Every file is whole or not there; the summary comes last, so it stands for a finished input.

mod annotate;
mod copy;
mod corrected;
mod expand;
mod input;
mod merge;
mod names;
mod outputs;
mod plan;
mod rests;
mod results;
mod shard;
mod writing;

pub use corrected::{Corrected, in_words};
pub use expand::{Expanded, expand};
pub use input::{Analysis, Outcome};
pub use merge::{Merged, check as check_folders, merge};
pub use names::{Named, name};
pub use outputs::Outputs;
pub use plan::{THUMBNAIL, claim, fingerprint, read_by};
pub use rests::{RestArg, Rests};
pub use results::{Results, path_of};
pub use shard::Shard;
