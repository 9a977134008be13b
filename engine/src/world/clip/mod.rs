//! What is known of clips: the features of their faces, and what their frames scored.

mod features;
mod scores;

pub use features::ClipFeatures;
pub use scores::{ClipScores, ClipTally, ScoredFrame, VOTE_KINDS};
