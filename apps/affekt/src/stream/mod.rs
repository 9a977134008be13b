//! Sources as they happen: `source` opens what an argument names, `feed` keeps its frames to the clock, `sinks` tells what was
//! read in them to whoever wants to know, `words` to the person at the screen where nobody else does.

mod feed;
mod sinks;
mod words;

pub use feed::Feed;
pub use sinks::{Sinks, Wanted};
