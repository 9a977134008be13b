//! The input again with a box and a label on every face: an MP4, of a still a JPEG.

use std::path::{Path, PathBuf};

use affekt_engine::files::{TempFolder, move_atomically, write_atomically};
use affekt_engine::media::recording::{RecordError, VideoFile};
use affekt_engine::output::annotated;
use affekt_engine::world::live::FrameReading;
use anyhow::anyhow;

/// Quality of an annotated still.
const QUALITY: u8 = 90;

/// Where annotated frames go.
pub struct Annotated {
    place: PathBuf,
    /// The video under way and the folder it grows in; `None` for a still.
    video: Option<(VideoFile, TempFolder)>,
}

impl Annotated {
    /// Begins `DIR/<name>.annotated.mp4`, or of a still `DIR/<name>.annotated.jpg`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(out: &Path, name: &str, still: bool) -> anyhow::Result<Self> {
        if still {
            return Ok(Self { place: out.join(format!("{name}.annotated.jpg")), video: None });
        }
        let folder = TempFolder::new_in(out)?;
        let video = VideoFile::create(&folder.path().join("annotated.mp4"))?;
        Ok(Self { place: out.join(format!("{name}.annotated.mp4")), video: Some((video, folder)) })
    }

    /// Draws a frame's faces on it and adds it.
    ///
    /// # Errors
    /// It cannot be written, or a video changes its size.
    pub fn push(&mut self, reading: &FrameReading, classes: &[String]) -> anyhow::Result<()> {
        let Some(picture) = &reading.picture else { return Ok(()) };
        let picture = annotated(picture, reading, classes);
        match &mut self.video {
            None => Ok(write_atomically(&self.place, &picture.to_jpeg(QUALITY)?)?),
            Some((video, _)) => {
                video.push(&picture, reading.seconds).map_err(|e| failed(&self.place, reading.frame, e))
            }
        }
    }

    /// Moves what was written to its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> anyhow::Result<()> {
        let Some((video, _folder)) = self.video else { return Ok(()) };
        let written = video.path().to_owned();
        video.finish().map_err(|e| failed(&self.place, 0, e))?;
        Ok(move_atomically(&written, &self.place)?)
    }
}

/// The recording's error in the words of a copy, of which nothing is kept.
fn failed(place: &Path, frame: u64, error: RecordError) -> anyhow::Error {
    let place = place.display();
    match error {
        RecordError::Io { source, .. } => {
            anyhow!("cannot write {place}: {source}; make room or leave out --annotated")
        }
        RecordError::Frame { problem, .. } => {
            anyhow!("{place}: frame {frame}: {problem}, or leave out --annotated")
        }
        other @ RecordError::Exists(_) => other.into(),
    }
}
