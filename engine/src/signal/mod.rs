//! What happens to a sequence of predictions: votes, smoothing, overlapping clips, the ring of the live form,
//! a resting face taken off.
//!
//! Everything here is a small state machine that takes one frame at a time, in order, and keeps no more than a window of
//! them: memory is constant in the length of a video, time a frame constant in the width of the window. Nothing here
//! knows networks, files or clocks.

use thiserror::Error;

mod fixed;
mod hold;
pub mod neutral;
mod overlap;
mod post;
mod rest;
mod ring;
mod smooth;
#[cfg(test)]
mod tests;
mod vote;

pub use hold::NearestHold;
pub use neutral::{NeutralCalibration, NeutralOffset};
pub use overlap::{ClipShape, ClipWindow, ClipWindows, OverlapMean, StreamWindows};
pub use post::PostSettings;
pub use rest::{CALM, RestFinder};
pub use ring::{FeatureRing, write_feature_row};
pub use smooth::{SmoothKind, SmoothSettings, Smoothed, Smoother, smooth};
pub use vote::{VoteKind, VoteSettings, Voted, Voter, vote};

/// The most probable class and its probability; the first of equals. `None` where there is no class.
pub fn most_probable<T: PartialOrd + Copy>(probabilities: &[T]) -> Option<(usize, T)> {
    let each = probabilities.iter().copied().enumerate();
    each.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Widest window in frames; at 30 frames a second it is longer than half an hour.
pub const MAX_WINDOW: usize = 1 << 16;

/// Why a sequence cannot be processed as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignalError {
    /// A window of no frame, or of more than [`MAX_WINDOW`].
    #[error("{what} is {window}, but must be from 1 to {MAX_WINDOW} frames")]
    Window {
        /// Which window.
        what: &'static str,
        /// Its width in frames.
        window: usize,
    },
    /// Clips that leave frames between them uncovered, or are empty.
    #[error("clips of {length} frames at a stride of {stride}: the stride must be from 1 to the length")]
    Stride {
        /// Frames a clip.
        length: usize,
        /// Frames from one clip's start to the next one's.
        stride: usize,
    },
    /// A resting face is to be looked at for no time, or for too long.
    #[error("a neutral face cannot be looked at for {0} s; give a time above 0 and at most {longest} s", longest = neutral::LONGEST)]
    Rest(String),
}

/// Checks a window's width.
fn check_window(what: &'static str, window: usize) -> Result<(), SignalError> {
    if (1..=MAX_WINDOW).contains(&window) { Ok(()) } else { Err(SignalError::Window { what, window }) }
}
