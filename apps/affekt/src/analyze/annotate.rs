//! The input again with a box and a label on every face: an MP4 where there is an ffmpeg, else numbered pictures.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use affekt_engine::media::source::ffmpeg_is_there;
use affekt_engine::net::{move_atomically, write_atomically};
use affekt_engine::output::annotated;
use affekt_engine::world::live::FrameReading;
use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// Quality of numbered pictures.
const QUALITY: u8 = 90;
/// Where annotated frames go.
pub struct Annotated {
    place: PathBuf,
    folder: TempDir,
    video: Option<Video>,
    still: bool,
    as_video: bool,
    rate: f64,
}

struct Video {
    ffmpeg: Child,
    pipe: BufWriter<ChildStdin>,
    size: (usize, usize),
}

impl Annotated {
    /// Begins `DIR/<name>.annotated.mp4`, a folder `DIR/<name>.annotated`, or of a still `DIR/<name>.annotated.jpg`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(out: &Path, name: &str, still: bool, rate: f64) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(".affekt-").tempdir_in(out)?;
        let as_video = !still && ffmpeg_is_there();
        let ending = match (still, as_video) {
            (true, _) => ".jpg",
            (_, true) => ".mp4",
            _ => "",
        };
        let place = out.join(format!("{name}.annotated{ending}"));
        Ok(Self { place, folder, video: None, still, as_video, rate })
    }

    /// Draws a frame's faces on it and adds it.
    ///
    /// # Errors
    /// It cannot be written, ffmpeg fails, or a video changes its size.
    pub fn push(&mut self, reading: &FrameReading, classes: &[String]) -> anyhow::Result<()> {
        let Some(picture) = &reading.picture else { return Ok(()) };
        let picture = annotated(picture, reading, classes);
        if !self.as_video {
            let file = self.folder.path().join(format!("{:06}.jpg", reading.frame + 1));
            return Ok(write_atomically(&file, &picture.to_jpeg(QUALITY)?)?);
        }
        // H.264 as players expect it has even sides.
        let size = (picture.width & !1, picture.height & !1);
        let picture = picture.cropped(0, 0, size.0, size.1)?;
        if self.video.is_none() {
            self.video = Some(self.start(size)?);
        }
        let Some(video) = &mut self.video else { return Ok(()) };
        if video.size != size {
            bail!("the video changes its size at frame {}; leave out --annotated", reading.frame);
        }
        video.pipe.write_all(&picture.pixels).context("ffmpeg takes no more frames")
    }

    fn start(&self, (width, height): (usize, usize)) -> anyhow::Result<Video> {
        let mut ffmpeg = Command::new("ffmpeg")
            .args(["-loglevel", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", "rgb24"])
            .args(["-s", &format!("{width}x{height}"), "-r", &format!("{:.6}", self.rate), "-i", "pipe:0"])
            .args(["-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"])
            .arg(self.folder.path().join("video.mp4"))
            .stdin(Stdio::piped())
            .spawn()
            .context("ffmpeg cannot be started")?;
        let pipe = BufWriter::new(ffmpeg.stdin.take().context("ffmpeg takes no input")?);
        Ok(Video { ffmpeg, pipe, size: (width, height) })
    }

    /// Moves what was written to its place.
    ///
    /// # Errors
    /// It cannot be written, or ffmpeg fails.
    pub fn finish(mut self) -> anyhow::Result<()> {
        if let Some(Video { mut ffmpeg, mut pipe, .. }) = self.video.take() {
            let flushed = pipe.flush();
            // Closing the pipe tells ffmpeg that this was all.
            drop(pipe);
            let status = ffmpeg.wait()?;
            if !status.success() {
                bail!("ffmpeg failed on {} ({status}); what it said stands above", self.place.display());
            }
            flushed?;
            return Ok(move_atomically(&self.folder.path().join("video.mp4"), &self.place)?);
        }
        if self.still {
            return Ok(move_atomically(&self.folder.path().join("000001.jpg"), &self.place)?);
        }
        std::fs::create_dir_all(&self.place)?;
        // Pictures of an earlier, longer run would stand behind these; whatever else lies here stays.
        for entry in std::fs::read_dir(&self.place)? {
            let path = entry?.path();
            if is_numbered(&path) {
                std::fs::remove_file(path)?;
            }
        }
        for entry in std::fs::read_dir(self.folder.path())? {
            let entry = entry?;
            move_atomically(&entry.path(), &self.place.join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// Whether a file is called as numbered pictures are.
fn is_numbered(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let digits = stem.len() >= 6 && stem.bytes().all(|b| b.is_ascii_digit());
    digits && path.extension().is_some_and(|e| e == "jpg")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn pictures_of_a_longer_run_before_are_gone_and_other_files_stay() {
        let out = tempfile::tempdir().unwrap();
        let place = out.path().join("talk.annotated");
        std::fs::create_dir(&place).unwrap();
        for name in ["000001.jpg", "000009.jpg", "notes.txt", "12.jpg"] {
            std::fs::write(place.join(name), "before").unwrap();
        }
        let folder = tempfile::tempdir_in(out.path()).unwrap();
        std::fs::write(folder.path().join("000001.jpg"), "now").unwrap();
        let written = Annotated {
            place: place.clone(),
            folder,
            video: None,
            still: false,
            as_video: false,
            rate: 30.0,
        };
        written.finish().unwrap();
        let mut names: Vec<_> = std::fs::read_dir(&place)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["000001.jpg", "12.jpg", "notes.txt"]);
        assert_eq!(std::fs::read_to_string(place.join("000001.jpg")).unwrap(), "now");
    }
}
