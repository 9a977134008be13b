//! Whatever an `ffmpeg` on the path can decode, as raw frames through a pipe.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
use crate::media::{MAX_SIDE, Picture};

/// Lines of ffmpeg's that are kept for an error.
const KEPT_LINES: usize = 3;

/// What ffmpeg says of a frame before it gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shown {
    seconds: f64,
    width: usize,
    height: usize,
}

/// A running ffmpeg.
pub(super) struct Ffmpeg {
    path: PathBuf,
    info: SourceInfo,
    child: Child,
    output: ChildStdout,
    shown: Receiver<Shown>,
    messages: Option<JoinHandle<Vec<String>>>,
    first: Option<f64>,
    index: u64,
    ended: bool,
}

/// Whether an ffmpeg can be started.
pub fn ffmpeg_is_there() -> bool {
    let started = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    started.is_ok_and(|status| status.success())
}

/// Opens a file by ffmpeg, because of `why`.
///
/// # Errors
/// There is no ffmpeg on the path; the message says why it is needed.
pub(super) fn open(path: &Path, why: &str) -> Result<Box<dyn FrameSource>, SourceError> {
    if !ffmpeg_is_there() {
        let problem = format!(
            "{why}; affekt reads MP4 with H.264, JPEG, PNG and folders of those, and needs `ffmpeg` on the path for \
             anything else: install it, or convert the file"
        );
        return Err(SourceError::file(path, problem));
    }
    Ok(Box::new(Ffmpeg::start(path)?))
}

impl Ffmpeg {
    fn start(path: &Path) -> Result<Self, SourceError> {
        let io = |e| SourceError::io(path, e);
        // A name that begins with a dash or holds a colon must stay a file.
        let file = path.canonicalize().map_err(io)?;
        let mut child = Command::new("ffmpeg")
            .args(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-i"])
            .arg(&file)
            .args(["-map", "0:v:0", "-vf", "showinfo", "-fps_mode", "passthrough"])
            .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io)?;
        let missing = || SourceError::file(path, "ffmpeg gives no output");
        let output = child.stdout.take().ok_or_else(missing)?;
        let errors = child.stderr.take().ok_or_else(missing)?;
        // ffmpeg tells of a frame before it writes it, and few frames fit into the pipe.
        let (sender, shown) = bounded(4096);
        let listen = move || listen(BufReader::new(errors), &sender);
        let messages = Builder::new().name("ffmpeg".into()).spawn(listen).map_err(io)?;
        let info = SourceInfo {
            name: path.display().to_string(),
            frames: None,
            still: false,
            reader: "ffmpeg".into(),
        };
        let path = path.to_owned();
        Ok(Self {
            path,
            info,
            child,
            output,
            shown,
            messages: Some(messages),
            first: None,
            index: 0,
            ended: false,
        })
    }

    /// Ends ffmpeg's run; an error where it gave nothing or failed.
    fn finish(&mut self) -> Result<(), SourceError> {
        self.ended = true;
        let status = self.child.wait().map_err(|e| SourceError::io(&self.path, e))?;
        let said = self.messages.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if self.index == 0 || !status.success() {
            let said = if said.is_empty() { "nothing".into() } else { said.join(" / ") };
            let got = if self.index == 0 {
                "ffmpeg finds no video in it".into()
            } else {
                format!("ffmpeg failed after frame {}", self.index - 1)
            };
            return Err(SourceError::file(
                &self.path,
                format!("{got} (it says: {said}); check or convert the file"),
            ));
        }
        Ok(())
    }
}

/// Reads ffmpeg's messages to their end; gives back the last that tell of no frame.
fn listen(errors: impl BufRead, shown: &Sender<Shown>) -> Vec<String> {
    let mut last = VecDeque::new();
    let mut errors = errors;
    let mut line = vec![];
    while errors.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        if text.contains("showinfo") {
            if let Some(frame) = parse(&text) {
                // Nobody listens any more once the source is dropped.
                let _ = shown.send(frame);
            }
        } else if !text.is_empty() {
            last.push_back(text);
            if last.len() > KEPT_LINES {
                last.pop_front();
            }
        }
    }
    last.into()
}

/// Reads a line of the filter `showinfo`: `... pts_time:0.04 ... s:640x480 ...`.
fn parse(line: &str) -> Option<Shown> {
    let field = |name: &str| {
        let rest = line.split_once(name)?.1.trim_start();
        rest.split_whitespace().next()
    };
    let seconds: f64 = field(" pts_time:")?.parse().ok()?;
    let (width, height) = field(" s:")?.split_once('x')?;
    let frame = Shown { seconds, width: width.parse().ok()?, height: height.parse().ok()? };
    let fits = |side: usize| (1..=MAX_SIDE).contains(&side);
    (frame.seconds.is_finite() && fits(frame.width) && fits(frame.height)).then_some(frame)
}

impl FrameSource for Ffmpeg {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let Ok(shown) = self.shown.recv() else {
            return self.finish().map(|()| None);
        };
        let mut pixels = vec![0u8; shown.width * shown.height * 3];
        if let Err(error) = self.output.read_exact(&mut pixels) {
            self.finish()?;
            let problem = format!("ffmpeg ended within frame {}: {error}", self.index);
            return Err(SourceError::file(&self.path, problem));
        }
        let first = *self.first.get_or_insert(shown.seconds);
        let picture = Picture { width: shown.width, height: shown.height, channels: 3, pixels };
        let frame = Frame { index: self.index, seconds: shown.seconds - first, picture };
        self.index += 1;
        Ok(Some(frame))
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // The thread must not wait for a place in the channel for ever.
        let (_, nobody) = bounded(0);
        self.shown = nobody;
        if let Some(thread) = self.messages.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_showinfo_is_read() {
        let line = "[Parsed_showinfo_0 @ 0x55] n:   3 pts:   1536 pts_time:0.12    duration:    512 fmt:yuv420p \
                    cl:left sar:1/1 s:640x480 i:P iskey:0 type:B checksum:0 plane_checksum:[0]";
        assert_eq!(parse(line), Some(Shown { seconds: 0.12, width: 640, height: 480 }));
        assert_eq!(parse("[Parsed_showinfo_0 @ 0x55] config in time_base: 1/12800, frame_rate: 25/1"), None);
        assert_eq!(parse("x pts_time:NOPTS s:640x480"), None);
        assert_eq!(parse("x pts_time:0 s:0x480"), None);
    }
}
