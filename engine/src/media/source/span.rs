//! A part of a film, or every so many of its frames. Frames keep their numbers and times.

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

/// A source of which only some frames come.
pub(super) struct Spanned {
    source: Box<dyn FrameSource>,
    span: FrameSpan,
    info: SourceInfo,
}

impl Spanned {
    pub(super) fn new(source: Box<dyn FrameSource>, span: FrameSpan) -> Self {
        let info = SourceInfo { frames: None, ..source.info().clone() };
        Self { source, span: FrameSpan { every: span.every.max(1), ..span }, info }
    }
}

impl FrameSource for Spanned {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        while let Some(frame) = self.source.next_frame()? {
            if frame.seconds >= self.span.to - 1e-6 {
                return Ok(None);
            }
            if frame.seconds >= self.span.from - 1e-6 && frame.index.is_multiple_of(self.span.every) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        self.source.skipped()
    }

    fn seek(&mut self, frame: u64) -> Result<bool, SourceError> {
        self.source.seek(frame)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::{FolderKind, OpenOptions, open};
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
        let frames = |span: FrameSpan| -> Vec<(u64, u8)> {
            let options = OpenOptions { folder_rate: 10.0, folder: Some(FolderKind::Film), span };
            let mut source = open(folder.path(), options).unwrap();
            let mut found = vec![];
            while let Some(frame) = source.next_frame().unwrap() {
                assert!((frame.seconds - frame.index as f64 / 10.0).abs() < 1e-6);
                found.push((frame.index, frame.picture.pixels[0]));
            }
            found
        };
        assert_eq!(frames(FrameSpan::default()).len(), 40);
        let part = FrameSpan { from: 1.0, to: 2.0, every: 4 };
        assert_eq!(frames(part), [(12, 12), (16, 16)], "an end is not part of it");
        assert_eq!(frames(FrameSpan { from: 9.0, ..part }), [], "beyond the end");
    }
}
