//! Clips that overlap, and the mean of what a network says of a frame in each clip that holds it.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::SignalError;

/// How a video is cut into clips of one length.
///
/// Clips start at 0, `stride`, 2 `stride` and so on, as long as they fit. If the last of them ends before the video
/// does, one more is added that ends with the video; so every frame lies in a clip, and in a video of at least `length`
/// frames no clip is padded. A shorter video has one clip, whose places past the end are missing frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClipShape {
    /// Frames a clip.
    pub length: usize,
    /// Frames from one clip's start to the next one's, 1 to `length`.
    pub stride: usize,
}

impl Default for ClipShape {
    fn default() -> Self {
        Self { length: 64, stride: 32 }
    }
}

impl ClipShape {
    /// Checks that the clips cover every frame.
    ///
    /// # Errors
    /// The stride is 0 or larger than the length.
    pub fn check(self) -> Result<(), SignalError> {
        let Self { length, stride } = self;
        if (1..=length).contains(&stride) { Ok(()) } else { Err(SignalError::Stride { length, stride }) }
    }

    /// The clips of a video of so many frames.
    ///
    /// # Errors
    /// As [`ClipShape::check`].
    pub fn windows(self, frames: usize) -> Result<ClipWindows, SignalError> {
        self.check()?;
        Ok(ClipWindows { shape: self, frames, next: (frames > 0).then_some(0) })
    }
}

/// One clip of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipWindow {
    /// The video's frame at the clip's first place.
    pub start: usize,
    /// Frames of the video that the clip holds; it begins with `start`. Places past its end are padding.
    pub present: Range<usize>,
}

/// The clips of a video whose length is known, in order.
#[derive(Debug, Clone)]
pub struct ClipWindows {
    shape: ClipShape,
    frames: usize,
    next: Option<usize>,
}

impl Iterator for ClipWindows {
    type Item = ClipWindow;

    fn next(&mut self) -> Option<ClipWindow> {
        let start = self.next?;
        let ClipShape { length, stride } = self.shape;
        let end = self.frames.min(start + length);
        self.next = (end < self.frames).then(|| (start + stride).min(self.frames - length));
        Some(ClipWindow { start, present: start..end })
    }
}

/// The clips of a video whose length is not known yet: count its frames, take each clip as soon as it is full.
#[derive(Debug, Clone)]
pub struct StreamWindows {
    shape: ClipShape,
    frames: usize,
    /// Start of the clip that is filling.
    next: usize,
    /// End of the last clip given.
    covered: usize,
}

impl StreamWindows {
    /// Clips of a video of which no frame has come yet.
    ///
    /// # Errors
    /// As [`ClipShape::check`].
    pub fn new(shape: ClipShape) -> Result<Self, SignalError> {
        shape.check()?;
        Ok(Self { shape, frames: 0, next: 0, covered: 0 })
    }

    /// Counts a frame; gives the clip that it completes.
    pub fn push(&mut self) -> Option<ClipWindow> {
        self.frames += 1;
        let start = self.next;
        (self.frames == start + self.shape.length).then(|| {
            self.next += self.shape.stride;
            self.covered = self.frames;
            ClipWindow { start, present: start..self.frames }
        })
    }

    /// Ends the video; gives the last clip where frames are left that no clip holds. It never reaches back further than
    /// `length` frames.
    pub fn finish(self) -> Option<ClipWindow> {
        let start = self.frames.saturating_sub(self.shape.length);
        (self.covered < self.frames).then_some(ClipWindow { start, present: start..self.frames })
    }
}

/// Averages the logits of overlapping clips. Frames come out in order, each as soon as no later clip can hold it; no
/// more than one clip's frames are kept.
#[derive(Debug, Clone)]
pub struct OverlapMean {
    classes: usize,
    /// The first frame that is kept.
    first: usize,
    /// Sums of the kept frames, one row each, and how many clips they are from.
    sums: VecDeque<f32>,
    counts: VecDeque<u32>,
    row: Vec<f32>,
}

impl OverlapMean {
    /// For logits of so many classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, first: 0, sums: VecDeque::new(), counts: VecDeque::new(), row: vec![0.0; classes] }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Adds a clip's logits, places x classes, and hands the frames before it with their means to `sink`. Clips come in
    /// the order of [`ClipWindows`]; places that are padding are not looked at.
    ///
    /// # Panics
    /// The clip starts before one that was added, or leaves a gap; `logits` has fewer rows than the clip has frames.
    pub fn add(&mut self, window: &ClipWindow, logits: &[f32], sink: impl FnMut(usize, &[f32])) {
        let end = self.first + self.counts.len();
        assert!((self.first..=end).contains(&window.start), "clips come in order and leave no gap");
        self.emit_before(window.start, sink);
        let frames = window.present.len();
        if self.counts.len() < frames {
            self.counts.resize(frames, 0);
            self.sums.resize(frames * self.classes, 0.0);
        }
        for (sum, value) in self.sums.iter_mut().zip(&logits[..frames * self.classes]) {
            *sum += value;
        }
        self.counts.iter_mut().take(frames).for_each(|count| *count += 1);
    }

    /// Ends the video: hands over the frames that are left. It is then as new.
    pub fn finish(&mut self, sink: impl FnMut(usize, &[f32])) {
        self.emit_before(self.first + self.counts.len(), sink);
        self.first = 0;
    }

    fn emit_before(&mut self, end: usize, mut sink: impl FnMut(usize, &[f32])) {
        while self.first < end {
            let Some(count) = self.counts.pop_front() else { break };
            for (out, sum) in self.row.iter_mut().zip(self.sums.drain(..self.classes)) {
                *out = sum / count as f32;
            }
            sink(self.first, &self.row);
            self.first += 1;
        }
    }
}
