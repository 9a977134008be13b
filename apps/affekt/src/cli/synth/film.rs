//! Whole camera pictures as video files.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use affekt_engine::data::{Clips as _, DataError};
use affekt_engine::files::{TempFolder, move_atomically, stream_atomically};
use affekt_engine::synth::{Progress, SynthClips, write_truth, write_y4m};
use anyhow::{Context as _, anyhow, bail};

use crate::failure::Failure;

/// Writes each clip as `<clip>.y4m` or `<clip>.mp4`, and `<clip>.csv` beside it. Returns whether it was finished.
///
/// # Errors
/// A file cannot be written, or ffmpeg fails.
pub fn write(
    clips: &SynthClips,
    out: &Path,
    size: (usize, usize),
    mp4: bool,
    progress: Progress<'_>,
) -> anyhow::Result<bool> {
    let mut before = 0;
    let (ending, make) = if mp4 { ("mp4", encode as Make) } else { ("y4m", stream as Make) };
    for clip in 0..clips.len() {
        let mut tell = |done: usize| progress(before + done);
        let video = out.join(format!("{}.{ending}", clips.clip_name(clip)));
        let done = make(&video, &mut |file| write_y4m(clips, clip, size, file, &mut tell))?;
        if !done {
            return Ok(false);
        }
        before += clips.frames(clip);
        let table = out.join(format!("{}.csv", clips.clip_name(clip)));
        stream_atomically(&table, |file| write_truth(clips, clip, size, file))
            .with_context(|| table.display().to_string())?;
    }
    Ok(true)
}

/// Writes a clip's frames; returns whether it was finished.
type Frames<'a> = dyn FnMut(&mut dyn Write) -> Result<bool, DataError> + 'a;
/// Makes a file of frames; returns the same.
type Make = fn(&Path, &mut Frames<'_>) -> anyhow::Result<bool>;

/// Why a stream of frames ended before its end.
enum Cut {
    Asked,
    Failed(anyhow::Error),
}

impl From<std::io::Error> for Cut {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

fn stream(path: &Path, frames: &mut Frames<'_>) -> anyhow::Result<bool> {
    // A stream that was asked to end is an error to the file, so that no half video takes its name.
    let written = stream_atomically(path, |file| match frames(file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Cut::Asked),
        Err(error) => Err(Cut::Failed(error.into())),
    });
    match written {
        Ok(()) => Ok(true),
        Err(Cut::Asked) => Ok(false),
        Err(Cut::Failed(error)) => Err(error.context(path.display().to_string())),
    }
}

/// Whether ffmpeg can be started.
///
/// # Errors
/// It cannot; says what to do.
pub fn need_ffmpeg() -> Result<(), Failure> {
    let started = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if started.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "--kind mp4 needs ffmpeg on the path; install it, or write raw video that players open by --kind frames"
    )))
}

/// Pipes the frames into ffmpeg, which writes to a folder of its own until the file is whole.
fn encode(path: &Path, frames: &mut Frames<'_>) -> anyhow::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let unfinished = TempFolder::new_in(folder)?;
    let file = unfinished.path().join("clip.mp4");
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-nostdin", "-f", "yuv4mpegpipe", "-i", "pipe:0"])
        .args(["-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart"])
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .context("ffmpeg cannot be started")?;
    let pipe = ffmpeg.stdin.take().context("ffmpeg takes no input")?;
    let mut pipe = BufWriter::new(pipe);
    let written = frames(&mut pipe);
    let flushed = pipe.flush();
    // Closing the pipe tells ffmpeg that this was all.
    drop(pipe);
    let status = ffmpeg.wait()?;
    if !matches!(written, Ok(false)) {
        if !status.success() {
            bail!("ffmpeg failed on {} ({status}); what it said stands above", path.display());
        }
        flushed?;
    }
    if !written? {
        return Ok(false);
    }
    move_atomically(&file, path).with_context(|| path.display().to_string())?;
    Ok(true)
}
