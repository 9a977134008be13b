//! What is known of clips: the features of their faces, what their frames scored, and their answers as tables.

mod clip_table;
mod features;
mod frame_table;
mod scores;

pub use clip_table::ClipTable;
pub use features::ClipFeatures;
pub use frame_table::FrameTable;
pub use scores::{ClipScores, ClipTally, ScoredFrame, VOTE_KINDS};
