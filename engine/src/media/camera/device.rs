//! The system's cameras, through `nokhwa`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use nokhwa::Camera;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};

use super::formats::{Layout, picture};
use super::{CameraName, CameraRequest, name};
use crate::media::source::{Frame, FrameSource, Skipped, SourceError, SourceInfo};

/// What can be read, what is preferred first.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];
/// How long a camera may take to open, and how long it may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Damaged frames in a row after which a camera is given up.
const MOST_DAMAGED: u32 = 30;

/// The cameras that are there.
pub(super) fn list() -> Result<Vec<CameraName>, SourceError> {
    let found = nokhwa::query(ApiBackend::Auto).map_err(|e| {
        SourceError::file(Path::new("cameras"), format!("the system does not list them: {e}"))
    })?;
    let mut cameras: Vec<CameraName> = found
        .iter()
        .filter_map(|info| {
            Some(CameraName { number: info.index().as_index().ok()?, name: info.human_name() })
        })
        .collect();
    cameras.sort_by_key(|camera| camera.number);
    Ok(cameras)
}

type Message = Result<Frame, SourceError>;

/// A camera at work in a thread of its own, which opens it too: systems want it used where it was opened.
struct Device {
    info: SourceInfo,
    frames: Receiver<Message>,
    stop: Arc<AtomicBool>,
}

/// Opens a camera and waits until it is open.
pub(super) fn open(number: u32, request: CameraRequest) -> Result<Box<dyn FrameSource>, SourceError> {
    let called = name(number);
    let failed = |problem: String| SourceError::file(Path::new(&called), problem);
    let known = list()?;
    let Some(camera) = known.iter().find(|camera| camera.number == number) else {
        let list: Vec<String> = known.iter().map(|c| format!("{} ({})", c.number, c.name)).collect();
        let there =
            if list.is_empty() { "there is none".into() } else { format!("there are {}", list.join(", ")) };
        return Err(failed(format!("there is no such camera; {there}; plug it in, or see `affekt doctor`")));
    };
    let (sender, frames) = bounded(1);
    let (say, opened) = bounded(1);
    let (oldest, stop) = (frames.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let work = move || match begin(number, request) {
        Ok(mut camera) => {
            let reader = format!("camera, {}", camera.camera_format());
            if say.send(Ok(reader)).is_ok() {
                Worker { number, sender, oldest, stop: stopped }.work(&mut camera);
            }
            // What a camera says while it is put away helps nobody.
            let _ = camera.stop_stream();
        }
        Err(problem) => drop(say.send(Err(problem))),
    };
    // The thread ends with the frame after it is told to; of a camera that gives none it must not be waited for.
    Builder::new().name("camera".into()).spawn(work).map_err(|e| failed(e.to_string()))?;
    let reader = match opened.recv_timeout(PATIENCE) {
        Ok(Ok(reader)) => reader,
        Ok(Err(problem)) => return Err(failed(problem)),
        Err(_) => return Err(failed("it does not answer; unplug it and plug it in again".into())),
    };
    let info = SourceInfo { name: format!("{called}, {}", camera.name), frames: None, still: false, reader };
    Ok(Box::new(Device { info, frames, stop }))
}

fn begin(number: u32, request: CameraRequest) -> Result<Camera, String> {
    let size = Resolution::new(request.size.0, request.size.1);
    let rate = request.rate.round().clamp(1.0, 1000.0) as u32;
    let mut errors = vec![];
    // A camera that has no compressed frames is asked for those that it has.
    for format in FORMATS {
        let wanted = RequestedFormatType::Closest(CameraFormat::new(size, format, rate));
        let opened =
            Camera::new(CameraIndex::Index(number), RequestedFormat::with_formats(wanted, &[format]))
                .and_then(|mut camera| camera.open_stream().map(|()| camera));
        match opened {
            Ok(camera) => return Ok(camera),
            Err(error) => errors.push(error.to_string()),
        }
    }
    errors.dedup();
    Err(format!(
        "it cannot be opened ({}); close other programs that use it, and see that you may read it (on Linux: be in the \
         group `video`)",
        errors.join("; ")
    ))
}

struct Worker {
    number: u32,
    sender: Sender<Message>,
    oldest: Receiver<Message>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    /// Gives frames until nobody wants them or the camera fails.
    fn work(&self, camera: &mut Camera) {
        let (mut first, mut damaged) = (None, 0);
        for index in 0.. {
            let message = match camera.frame() {
                Ok(buffer) => {
                    let seconds = first.get_or_insert_with(Instant::now).elapsed().as_secs_f64();
                    let size = buffer.resolution();
                    let size = (size.width() as usize, size.height() as usize);
                    match picture(layout(buffer.source_frame_format()), size, buffer.buffer()) {
                        Ok(picture) => {
                            damaged = 0;
                            Ok(Frame { index, seconds, picture })
                        }
                        // Cameras give broken frames while they wake up.
                        Err(_) if damaged < MOST_DAMAGED => {
                            damaged += 1;
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

fn layout(format: FrameFormat) -> Layout {
    match format {
        FrameFormat::MJPEG => Layout::Mjpeg,
        FrameFormat::YUYV => Layout::Yuyv,
        FrameFormat::NV12 => Layout::Nv12,
        FrameFormat::GRAY => Layout::Grey,
        FrameFormat::RAWRGB => Layout::Rgb,
        FrameFormat::RAWBGR => Layout::Bgr,
    }
}

impl FrameSource for Device {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        match self.frames.recv_timeout(PATIENCE) {
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
