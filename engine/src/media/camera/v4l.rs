//! Cameras on Linux, through the kernel's V4L2. Nothing but the kernel is needed: no library of the system, when built or run.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use moq_v4l::buffer::Type;
use moq_v4l::io::traits::CaptureStream as _;
use moq_v4l::prelude::{Device, MmapStream};
use moq_v4l::video::Capture as _;
use moq_v4l::video::capture::Parameters;
use moq_v4l::{Format, FourCC};

use super::device::{Capture, PATIENCE, Raw};
use super::formats::Layout;
use super::{CameraName, CameraRequest};
use crate::files::read_of_system;
use crate::media::source::SourceError;

/// Where the system's cameras are.
const FOLDER: &str = "/dev";
/// What can be read, what is preferred first. Compressed frames come at full rate through any cable.
const FORMATS: [(&[u8; 4], Layout); 7] = [
    (b"MJPG", Layout::Mjpeg),
    (b"JPEG", Layout::Mjpeg),
    (b"YUYV", Layout::Yuyv),
    (b"NV12", Layout::Nv12),
    (b"RGB3", Layout::Rgb),
    (b"BGR3", Layout::Bgr),
    (b"GREY", Layout::Grey),
];
/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;

fn place(number: u32) -> PathBuf {
    Path::new(FOLDER).join(format!("video{number}"))
}

/// The cameras that are there. Of a camera that may not be opened the name says so.
pub(super) fn list() -> Result<Vec<CameraName>, SourceError> {
    let entries = match fs::read_dir(FOLDER) {
        Ok(entries) => entries,
        Err(e) => return Err(SourceError::file(Path::new(FOLDER), e.to_string())),
    };
    let number = |name: &str| name.strip_prefix("video")?.parse::<u32>().ok();
    let numbers = entries.filter_map(|entry| number(entry.ok()?.file_name().to_str()?));
    let mut cameras: Vec<CameraName> = numbers.filter_map(camera).collect();
    cameras.sort_by_key(|camera| camera.number);
    Ok(cameras)
}

/// One camera has several numbers; those that give no pictures are none.
fn camera(number: u32) -> Option<CameraName> {
    let told = read_of_system(&format!("/sys/class/video4linux/video{number}/name"));
    let told = told.unwrap_or_default().trim().to_owned();
    let name = if told.is_empty() { format!("video{number}") } else { told };
    match Device::with_path(place(number)) {
        Ok(device) => {
            let gives = device.enum_formats().is_ok_and(|formats| !formats.is_empty());
            gives.then_some(CameraName { number, name })
        }
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Some(CameraName {
            number,
            name: format!("{name}, which you may not open (be in the group `video`)"),
        }),
        Err(_) => None,
    }
}

/// A camera whose frames come into memory that it shares with the kernel.
pub(super) struct Video4Linux {
    stream: MmapStream<'static>,
    layout: Layout,
    size: (usize, usize),
    stride: usize,
    described: String,
}

/// Opens a camera with what comes nearest to the request.
pub(super) fn begin(number: u32, request: CameraRequest) -> Result<Video4Linux, String> {
    let advice = "close other programs that use it, and see that you may read it (be in the group `video`)";
    let failed = |why: String| format!("it cannot be opened ({why}); {advice}");
    let device = Device::with_path(place(number)).map_err(|e| failed(e.to_string()))?;
    let offered = device.enum_formats().map_err(|e| failed(e.to_string()))?;
    let known = FORMATS.iter().map(|(code, layout)| (FourCC::new(code), *layout));
    let known = known.filter(|(code, _)| offered.iter().any(|format| format.fourcc == *code));
    let mut problems = vec![];
    for (code, layout) in known {
        match prepared(&device, code, request) {
            Ok((format, stream)) => {
                let (size, stride) =
                    ((format.width as usize, format.height as usize), format.stride as usize);
                // Drivers state a row's bytes of compressed frames as they like.
                let stride = if layout == Layout::Mjpeg { 0 } else { stride };
                let described = format!("{code}, {}x{}", format.width, format.height);
                return Ok(Video4Linux { stream, layout, size, stride, described });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        let names: Vec<String> = offered.iter().map(|format| format.fourcc.to_string()).collect();
        return Err(format!(
            "it gives {} alone, of which none is read; use another camera, or a program that converts it (v4l2loopback)",
            if names.is_empty() { "no pictures".into() } else { names.join(", ") }
        ));
    }
    problems.dedup();
    Err(failed(problems.join("; ")))
}

fn prepared(
    device: &Device,
    code: FourCC,
    request: CameraRequest,
) -> Result<(Format, MmapStream<'static>), String> {
    let wanted = Format::new(request.size.0, request.size.1, code);
    let format = device.set_format(&wanted).map_err(|e| format!("{code}: {e}"))?;
    if format.fourcc != code || format.width == 0 || format.height == 0 {
        return Err(format!("{code}: the driver chose {}", format.fourcc));
    }
    // Many drivers have one rate; what they answer changes nothing here.
    let rate = request.rate.round().clamp(1.0, 1000.0) as u32;
    let _ = device.set_params(&Parameters::with_fps(rate));
    let mut stream = MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS)
        .map_err(|e| format!("{code}: no memory is shared: {e}"))?;
    stream.set_timeout(PATIENCE);
    Ok((format, stream))
}

impl Capture for Video4Linux {
    fn describe(&self) -> String {
        self.described.clone()
    }

    fn next(&mut self) -> Result<Raw<'_>, String> {
        let (bytes, about) = self.stream.next().map_err(|e| match e.kind() {
            ErrorKind::TimedOut => format!("no picture in {} s", PATIENCE.as_secs()),
            _ => e.to_string(),
        })?;
        let used = bytes.get(..about.bytesused as usize).unwrap_or(bytes);
        Ok(Raw { layout: self.layout, size: self.size, stride: self.stride, bytes: used })
    }
}
