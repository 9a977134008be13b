//! The input again with a box and a label on every face: an MP4, of a still a JPEG.

use std::path::{Path, PathBuf};

use affekt_engine::files::{TempFolder, move_atomically, write_atomically};
use affekt_engine::media::Picture;
use affekt_engine::media::recording::{RecordError, VideoFile};
use affekt_engine::media::source::{SoundCopy, with_sound};
use affekt_engine::output::{TableRow, marked};
use anyhow::anyhow;

/// Quality of an annotated still.
const QUALITY: u8 = 90;

/// Where annotated frames go.
pub struct Annotated {
    place: PathBuf,
    /// Seconds of the first frame.
    from: Option<f64>,
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
            return Ok(Self { place: out.join(format!("{name}.annotated.jpg")), from: None, video: None });
        }
        let folder = TempFolder::new_in(out)?;
        let video = VideoFile::create(&folder.path().join("annotated.mp4"))?;
        let place = out.join(format!("{name}.annotated.mp4"));
        Ok(Self { place, from: None, video: Some((video, folder)) })
    }

    /// Draws a frame's faces on it and adds it.
    ///
    /// # Errors
    /// It cannot be written, or a video changes its size.
    pub fn push(
        &mut self,
        picture: &Picture,
        (frame, seconds): (u64, f64),
        rows: &[TableRow],
        classes: &[String],
    ) -> anyhow::Result<()> {
        let picture = marked(picture, rows, classes);
        self.from.get_or_insert(seconds);
        match &mut self.video {
            None => Ok(write_atomically(&self.place, &picture.to_jpeg(QUALITY)?)?),
            Some((video, _)) => video.push(&picture, seconds).map_err(|e| failed(&self.place, frame, e)),
        }
    }

    /// Moves what was written to its place, with the sound of `recording` where one is given and there is any.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self, recording: Option<&Path>) -> anyhow::Result<()> {
        let Some((video, folder)) = self.video else { return Ok(()) };
        let mut written = video.path().to_owned();
        video.finish().map_err(|e| failed(&self.place, 0, e))?;
        if let Some(recording) = recording.filter(|recording| recording.is_file()) {
            let heard = folder.path().join("sound.mp4");
            match with_sound(&written, recording, self.from.unwrap_or(0.0), &heard)? {
                SoundCopy::Done => written = heard,
                SoundCopy::NoFfmpeg => {
                    log::warn!("{}: without sound, which needs ffmpeg on the path", self.place.display());
                }
                SoundCopy::NoSound(said) => log::info!("{}: without sound: {said}", self.place.display()),
            }
        }
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
