//! Where readings go while they happen.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use affekt_engine::media::source::Frame;
use affekt_engine::output::{Port, Recorder, lines};
use affekt_engine::world::live::FrameReading;
use anyhow::Context as _;

use super::words::Words;

/// Which of them are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// A file of JSON Lines, or `-` for standard output.
    pub json_lines: Option<&'a Path>,
    /// An address to listen on.
    pub serve: Option<&'a str>,
    /// A video with its table.
    pub record: Option<&'a Path>,
}

impl Wanted<'_> {
    /// Whether only the person at the screen is told.
    pub fn nothing(&self) -> bool {
        self.json_lines.is_none() && self.serve.is_none() && self.record.is_none()
    }
}

/// All that are open.
pub struct Sinks {
    lines: Option<(PathBuf, Box<dyn Write>)>,
    words: Option<Words>,
    port: Option<Port>,
    recorder: Option<Recorder>,
    classes: Vec<String>,
    recorded: u64,
    over: bool,
}

impl Sinks {
    /// Opens them. `classes` are the names that labels stand for.
    ///
    /// # Errors
    /// A file cannot be made or is in the way, or the port cannot be had.
    pub fn open(wanted: &Wanted<'_>, classes: &[String]) -> anyhow::Result<Self> {
        let lines = wanted.json_lines.map(|path| -> anyhow::Result<(PathBuf, Box<dyn Write>)> {
            if path == Path::new("-") {
                return Ok(("standard output".into(), Box::new(io::stdout())));
            }
            // Whoever follows the file is to see each frame at once, so it lies where it will stay.
            let file = File::options().write(true).create_new(true).open(path);
            let file = file.with_context(|| format!("cannot make {}", path.display()))?;
            Ok((path.to_owned(), Box::new(BufWriter::new(file))))
        });
        let lines = lines.transpose()?;
        let port = wanted.serve.map(Port::open).transpose();
        let recorder = wanted.record.map(|path| Recorder::create(path, classes)).transpose();
        if let (Some((path, _)), true) = (&lines, port.is_err() || recorder.is_err()) {
            // An empty file would be in the way of the next try.
            let _ = std::fs::remove_file(path);
        }
        let (port, recorder) = (port?, recorder?);
        let words = wanted.nothing().then(Words::default);
        Ok(Self { lines, words, port, recorder, classes: classes.to_vec(), recorded: 0, over: false })
    }

    /// The open port.
    pub fn port(&self) -> Option<&Port> {
        self.port.as_ref()
    }

    /// Whether nobody reads the lines any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Frames recorded.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Records a frame, whether it is read or not; gives what has gone wrong with the recording, which then is over.
    pub fn record(&mut self, frame: &Frame) -> Option<String> {
        let recorder = self.recorder.as_mut()?;
        let pushed = recorder.push_frame((frame.index, frame.seconds), &frame.picture);
        self.recorded = recorder.frames();
        let failed = pushed.err()?;
        self.recorder = None;
        Some(failed.to_string())
    }

    /// Tells of a frame; gives what has gone wrong with the recording, which then is over while everything else goes on.
    ///
    /// # Errors
    /// The lines cannot be written.
    pub fn tell(&mut self, reading: &FrameReading) -> anyhow::Result<Option<String>> {
        if let Some((path, file)) = &mut self.lines {
            match lines::write(file, reading, &self.classes).and_then(|()| file.flush()) {
                // A reader such as `head` that has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.over = true,
                written => written.with_context(|| format!("cannot write {}", path.display()))?,
            }
        }
        if let Some(words) = &mut self.words {
            let mut out = io::stdout().lock();
            match out.write_all(words.of(reading, &self.classes).as_bytes()).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.over = true,
                written => written.context("standard output")?,
            }
        }
        if let Some(port) = &self.port {
            port.publish(reading, &self.classes);
        }
        let bare = || FrameReading { picture: None, ..reading.clone() };
        let failed = self.recorder.as_mut().and_then(|recorder| recorder.push_reading(bare()).err());
        if failed.is_some() {
            self.recorder = None;
        }
        Ok(failed.map(|error| error.to_string()))
    }

    /// Ends them.
    ///
    /// # Errors
    /// The recording cannot be ended as it should; what was kept can be played.
    pub fn finish(self) -> anyhow::Result<()> {
        if let Some(recorder) = self.recorder {
            recorder.finish()?;
        }
        Ok(())
    }
}
