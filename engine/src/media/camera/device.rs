//! A camera at work in a thread of its own, whatever gives the frames: the newest frame wins, damaged ones are passed over, and a
//! camera that fails or falls silent says so.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::formats::{Layout, picture, unpadded};
use super::name;
use crate::media::source::{Frame, FrameSource, Skipped, SourceError, SourceInfo};

/// How long a camera may take to open, and how long it may be silent.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Damaged frames in a row after which a camera is given up.
const MOST_DAMAGED: u32 = 30;

/// A frame as the camera gives it.
pub(super) struct Raw<'a> {
    pub layout: Layout,
    /// Columns and rows.
    pub size: (usize, usize),
    /// Bytes from one row to the next; 0 where rows follow each other.
    pub stride: usize,
    pub bytes: &'a [u8],
}

/// What gives frames.
pub(super) trait Capture {
    /// What it gives, for people.
    fn describe(&self) -> String;

    /// Waits for the next frame.
    ///
    /// # Errors
    /// It was unplugged or fails.
    fn next(&mut self) -> Result<Raw<'_>, String>;
}

type Message = Result<Frame, SourceError>;

/// A camera that is open.
struct Device {
    info: SourceInfo,
    frames: Receiver<Message>,
    stop: Arc<AtomicBool>,
    patience: Duration,
}

/// Opens a camera by `begin`, in the thread that then reads it, and waits until it is open. `title` is its name for people.
pub(super) fn start<C: Capture>(
    number: u32,
    title: &str,
    patience: Duration,
    begin: impl FnOnce() -> Result<C, String> + Send + 'static,
) -> Result<Box<dyn FrameSource>, SourceError> {
    let called = name(number);
    let failed = |problem: String| SourceError::file(Path::new(&called), problem);
    let (sender, frames) = bounded(1);
    let (say, opened) = bounded(1);
    let (oldest, stop) = (frames.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let work = move || match begin() {
        Ok(mut camera) => {
            if say.send(Ok(format!("camera, {}", camera.describe()))).is_ok() {
                Worker { number, sender, oldest, stop: stopped }.work(&mut camera);
            }
        }
        Err(problem) => drop(say.send(Err(problem))),
    };
    // The thread ends with the frame after it is told to; of a camera that gives none it must not be waited for.
    Builder::new().name("camera".into()).spawn(work).map_err(|e| failed(e.to_string()))?;
    let reader = match opened.recv_timeout(patience) {
        Ok(Ok(reader)) => reader,
        Ok(Err(problem)) => return Err(failed(problem)),
        Err(_) => return Err(failed("it does not answer; unplug it and plug it in again".into())),
    };
    let info = SourceInfo { name: format!("{called}, {title}"), frames: None, still: false, reader };
    Ok(Box::new(Device { info, frames, stop, patience }))
}

struct Worker {
    number: u32,
    sender: Sender<Message>,
    oldest: Receiver<Message>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    /// Gives frames until nobody wants them or the camera fails.
    fn work(&self, camera: &mut impl Capture) {
        let (mut first, mut damaged) = (None, 0);
        for index in 0.. {
            let message = match camera.next() {
                Ok(Raw { layout, size, stride, bytes }) => {
                    let seconds = first.get_or_insert_with(Instant::now).elapsed().as_secs_f64();
                    match picture(layout, size, &unpadded(layout, size, stride, bytes)) {
                        Ok(picture) => {
                            damaged = 0;
                            Ok(Frame { index, seconds, picture })
                        }
                        // Cameras give broken frames while they wake up.
                        Err(_) if damaged < MOST_DAMAGED => {
                            damaged += 1;
                            if self.stop.load(Ordering::Relaxed) {
                                return;
                            }
                            continue;
                        }
                        Err(problem) => Err(format!("it gives damaged frames only: {problem}")),
                    }
                }
                Err(error) => {
                    Err(format!("it was unplugged or failed ({error}); plug it in and begin again"))
                }
            };
            let ends = message.is_err();
            let message =
                message.map_err(|problem| SourceError::file(Path::new(&name(self.number)), problem));
            if !self.give(message) || ends {
                return;
            }
        }
    }

    /// The newest frame wins: whoever is slow gets what is true now. Whether anybody listens.
    fn give(&self, message: Message) -> bool {
        let mut message = message;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            match self.sender.try_send(message) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => message = back,
            }
            let _ = self.oldest.try_recv();
        }
    }
}

impl FrameSource for Device {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        match self.frames.recv_timeout(self.patience) {
            Ok(message) => message.map(Some),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let problem = "it gives no more pictures; unplug it and plug it in again";
                Err(SourceError::file(Path::new(&self.info.name), problem))
            }
        }
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Grey frames of 4 x 2 pixels in rows of 6 bytes, from a file, as a driver would give them: a frame whose first byte is 0 is
    /// cut short, and after the last one the device is gone or silent.
    struct FileCamera {
        bytes: Vec<u8>,
        at: usize,
        pause: Duration,
        silent: bool,
    }

    impl FileCamera {
        fn open(path: &Path, pause: Duration, silent: bool) -> Result<Self, String> {
            let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
            Ok(Self { bytes, at: 0, pause, silent })
        }
    }

    impl Capture for FileCamera {
        fn describe(&self) -> String {
            "grey, 4x2".into()
        }

        fn next(&mut self) -> Result<Raw<'_>, String> {
            std::thread::sleep(self.pause);
            let Some(bytes) = self.bytes.get(self.at..self.at + 12) else {
                if self.silent {
                    std::thread::sleep(Duration::from_secs(2));
                }
                return Err("no such device".into());
            };
            self.at += 12;
            let bytes = if bytes[0] == 0 { &bytes[..3] } else { bytes };
            Ok(Raw { layout: Layout::Grey, size: (4, 2), stride: 6, bytes })
        }
    }

    /// A file with a frame for each of these values; what lies between rows is 255.
    fn file(values: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let frame = |v: &u8| [*v, *v, *v, *v, 255, 255, *v, *v, *v, *v, 255, 255];
        std::fs::write(file.path(), values.iter().flat_map(frame).collect::<Vec<u8>>()).unwrap();
        file
    }

    fn camera(values: &[u8], pause: u64, silent: bool) -> Box<dyn FrameSource> {
        let file = file(values);
        let begin = move || FileCamera::open(file.path(), Duration::from_millis(pause), silent);
        start(3, "a file", Duration::from_millis(900), begin).unwrap()
    }

    #[test]
    fn frames_come_in_order_without_their_padding_and_damaged_ones_are_passed_over() {
        let mut camera = camera(&[9, 0, 0, 7, 8], 60, false);
        assert_eq!(
            (camera.info().name.as_str(), camera.info().reader.as_str()),
            ("camera 3, a file", "camera, grey, 4x2")
        );
        let mut seen = vec![];
        let error = loop {
            match camera.next_frame() {
                Ok(frame) => {
                    let frame = frame.unwrap();
                    assert_eq!((frame.picture.width, frame.picture.height), (4, 2));
                    assert!(frame.picture.pixels.iter().all(|&v| v == frame.picture.pixels[0]));
                    seen.push((frame.index, frame.picture.pixels[0]));
                }
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(seen, [(0, 9), (3, 7), (4, 8)]);
        assert!(
            error.contains("camera 3") && error.contains("unplugged") && error.contains("plug it in"),
            "{error}"
        );
    }

    #[test]
    fn whoever_is_slow_gets_the_newest_frame() {
        let values: Vec<u8> = (1..=40).collect();
        let mut camera = camera(&values, 5, true);
        std::thread::sleep(Duration::from_millis(120));
        let first = camera.next_frame().unwrap().unwrap();
        assert!(first.index > 5, "frame {} is old", first.index);
        let next = camera.next_frame().unwrap().unwrap();
        assert!(next.index > first.index && next.seconds > first.seconds);
    }

    #[test]
    fn a_camera_that_is_silent_gives_damage_alone_or_does_not_open_is_an_error() {
        let mut silent = camera(&[5], 0, true);
        silent.next_frame().unwrap();
        let error = silent.next_frame().unwrap_err().to_string();
        assert!(error.contains("no more pictures"), "{error}");
        let error = camera(&[0; 40], 0, false).next_frame().unwrap_err().to_string();
        assert!(error.contains("damaged frames only") && error.contains("4x2"), "{error}");
        let missing = || FileCamera::open(Path::new("/no/such"), Duration::ZERO, false);
        let error = start(4, "", PATIENCE, missing).err().unwrap().to_string();
        assert!(error.starts_with("camera 4: ") && error.contains("No such file"), "{error}");
    }
}
