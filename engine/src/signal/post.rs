//! What follows the networks of a clip: how windows of the encoder overlap, how labels are voted on and smoothed.

use serde::{Deserialize, Serialize};

use super::{SignalError, SmoothKind, SmoothSettings, VoteKind, VoteSettings};

/// How a clip's answers are put together. A run of the temporal encoder writes it into the encoder's card, and whatever
/// uses the encoder goes by it unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostSettings {
    /// Frames between two windows of the encoder, 1 to its frames, or 0 for half of them; the logits of windows that
    /// overlap are averaged. A causal encoder has no use for it: it answers each frame from the frames up to it.
    pub stride: usize,
    /// The sliding-window vote over labels.
    pub vote: VoteSettings,
    /// Frames of the box filter over probabilities, which is measured beside the vote; 1 switches it off.
    pub smoothing: usize,
}

impl Default for PostSettings {
    /// Windows that overlap by half, a centred vote over 30 frames, smoothing over 30 frames.
    fn default() -> Self {
        Self { stride: 0, vote: VoteSettings { kind: VoteKind::Centred, window: 30 }, smoothing: 30 }
    }
}

impl PostSettings {
    /// These settings for an encoder of so many frames: a stride of 0 becomes half of them.
    #[must_use]
    pub fn for_frames(self, frames: usize) -> Self {
        let stride = if self.stride == 0 { (frames / 2).max(1) } else { self.stride };
        Self { stride, ..self }
    }

    /// Refuses windows that are out of range.
    ///
    /// # Errors
    /// [`SignalError::Window`] naming the window.
    pub fn check(self) -> Result<(), SignalError> {
        self.vote.check()?;
        SmoothSettings { kind: SmoothKind::Centred, window: self.smoothing }.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::MAX_WINDOW;

    #[test]
    fn windows_are_limited_as_votes_are() {
        let with = |window, smoothing| PostSettings {
            vote: VoteSettings { window, ..VoteSettings::default() },
            smoothing,
            ..PostSettings::default()
        };
        assert!(with(MAX_WINDOW, MAX_WINDOW).check().is_ok());
        assert!(with(MAX_WINDOW + 1, 30).check().is_err() && with(30, MAX_WINDOW + 1).check().is_err());
        assert!(with(0, 30).check().is_err() && with(30, 0).check().is_err());
    }

    #[test]
    fn windows_of_any_encoder_overlap_by_half() {
        let stride = |settings: PostSettings, frames| settings.for_frames(frames).stride;
        assert_eq!([1, 16, 64].map(|frames| stride(PostSettings::default(), frames)), [1, 8, 32]);
        assert_eq!(stride(PostSettings { stride: 3, ..PostSettings::default() }, 64), 3);
    }
}
