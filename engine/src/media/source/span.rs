//! A part of a film, or every so many of its frames. Frames keep their numbers and times.

use std::path::Path;

use super::frame::{Frame, FrameSource, Skipped, SourceError, SourceInfo};

/// Which frames are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameSpan {
    /// From this moment on, in seconds.
    pub from: f64,
    /// Until before this moment.
    pub to: f64,
    /// Every so many, by number, from 1.
    pub every: u64,
}

impl Default for FrameSpan {
    /// All of them.
    fn default() -> Self {
        Self { from: 0.0, to: f64::INFINITY, every: 1 }
    }
}

impl FrameSpan {
    /// Whether a frame is read.
    fn holds(self, index: u64, seconds: f64) -> bool {
        seconds >= self.from - SAME && !self.is_over(seconds) && index.is_multiple_of(self.every.max(1))
    }

    /// Whether a moment lies behind it.
    fn is_over(self, seconds: f64) -> bool {
        seconds >= self.to - SAME
    }

    /// How many of the frames are read that are shown at these times.
    pub(super) fn count(self, times: impl IntoIterator<Item = f64>) -> u64 {
        (0..).zip(times).filter(|&(index, seconds)| self.holds(index, seconds)).count() as u64
    }

    /// What is asked for, as options of a command.
    fn in_words(self) -> String {
        let from = (self.from > 0.0).then(|| format!("--from {}", self.from));
        let to = self.to.is_finite().then(|| format!("--to {}", self.to));
        let every = (self.every > 1).then(|| format!("--every {}", self.every));
        [from, to, every].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Times closer than this, in seconds, are one: what was written with a few digits is still its frame's.
const SAME: f64 = 1e-6;

/// A source of which only some frames come.
pub(super) struct Spanned {
    source: Box<dyn FrameSource>,
    span: FrameSpan,
    info: SourceInfo,
    /// The first frame of the span, read when it was opened.
    ready: Option<Frame>,
}

impl Spanned {
    /// Reads up to the first frame of the span: who gets a source may count on a frame.
    ///
    /// # Errors
    /// The span has none, or the source cannot be read.
    pub(super) fn open(source: Box<dyn FrameSource>, span: FrameSpan) -> Result<Self, SourceError> {
        let info = SourceInfo { frames: None, ..source.info().clone() };
        let mut spanned = Self { source, span, info, ready: None };
        let mut last = None;
        spanned.ready = spanned.next_of_span(&mut last)?;
        if spanned.ready.is_none() {
            let path = Path::new(&spanned.info.name);
            return Err(SourceError::file(path, spanned.nothing(last)));
        }
        Ok(spanned)
    }

    /// The next frame that is asked for; `last` is when the last one that was read is shown.
    fn next_of_span(&mut self, last: &mut Option<f64>) -> Result<Option<Frame>, SourceError> {
        while let Some(frame) = self.source.next_frame()? {
            *last = Some(frame.seconds);
            if self.span.is_over(frame.seconds) {
                return Ok(None);
            }
            if self.span.holds(frame.index, frame.seconds) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Said of a source without a frame in the span.
    fn nothing(&self, last: Option<f64>) -> String {
        let end = self.source.seconds().or(last).unwrap_or(0.0);
        let skipped = match self.source.skipped().count {
            0 => String::new(),
            count => format!(", and {count} frames could not be decoded"),
        };
        format!(
            "no frame is left by {}: it ends at {end:.3} s{skipped}; give another part of it",
            self.span.in_words()
        )
    }
}

impl FrameSource for Spanned {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        match self.ready.take() {
            Some(frame) => Ok(Some(frame)),
            None => self.next_of_span(&mut None),
        }
    }

    fn skipped(&self) -> Skipped {
        self.source.skipped()
    }

    fn seek(&mut self, frame: u64) -> Result<bool, SourceError> {
        let goes = self.source.seek(frame)?;
        if goes {
            self.ready = None;
        }
        Ok(goes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::{FolderKind, OpenOptions, count_frames_in, open};
    use super::*;
    use crate::media::Picture;

    #[test]
    fn frames_of_a_part_keep_their_numbers_and_times() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..40u8 {
            Picture::filled(8, 8, 3, number)
                .write_png(&folder.path().join(format!("{number:02}.png")))
                .unwrap();
        }
        let options = |span| OpenOptions { folder_rate: 10.0, folder: Some(FolderKind::Film), span };
        let frames = |span: FrameSpan| -> Vec<(u64, u8)> {
            let mut source = open(folder.path(), options(span)).unwrap();
            let mut found = vec![];
            while let Some(frame) = source.next_frame().unwrap() {
                assert!((frame.seconds - frame.index as f64 / 10.0).abs() < 1e-6);
                found.push((frame.index, frame.picture.pixels[0]));
            }
            assert_eq!(count_frames_in(folder.path(), options(span)), Some(found.len() as u64));
            found
        };
        assert_eq!(frames(FrameSpan::default()).len(), 40);
        let part = FrameSpan { from: 1.0, to: 2.0, every: 4 };
        assert_eq!(frames(part), [(12, 12), (16, 16)], "an end is not part of it");
        for (span, asked) in [
            (FrameSpan { from: 9.0, to: 10.0, every: 1 }, "--from 9 --to 10: it ends at 3.900 s"),
            (FrameSpan { from: 0.1, to: f64::INFINITY, every: 50 }, "--from 0.1 --every 50: it ends"),
            (FrameSpan { from: 0.11, to: 0.19, every: 1 }, "--from 0.11 --to 0.19"),
        ] {
            let refused = open(folder.path(), options(span)).err().unwrap().to_string();
            assert!(refused.contains(asked), "{refused}");
            assert_eq!(count_frames_in(folder.path(), options(span)), Some(0));
        }
    }
}
