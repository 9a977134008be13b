//! Cameras on macOS and Windows, through `nokhwa`.

use std::path::Path;

use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{Buffer, Camera};

use super::device::{Capture, Raw};
use super::formats::Layout;
use super::{CameraName, CameraRequest};
use crate::media::source::SourceError;

/// What can be read, what is preferred first.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

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

/// A camera at work, and the frame that it gave last.
pub(super) struct Nokhwa {
    camera: Camera,
    last: Option<Buffer>,
}

/// Opens a camera with what comes nearest to the request.
pub(super) fn begin(number: u32, request: CameraRequest) -> Result<Nokhwa, String> {
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
            Ok(camera) => return Ok(Nokhwa { camera, last: None }),
            Err(error) => errors.push(error.to_string()),
        }
    }
    errors.dedup();
    Err(format!(
        "it cannot be opened ({}); close other programs that use it, and allow this one to use cameras in the \
         system's settings",
        errors.join("; ")
    ))
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

impl Capture for Nokhwa {
    fn describe(&self) -> String {
        self.camera.camera_format().to_string()
    }

    fn next(&mut self) -> Result<Raw<'_>, String> {
        let buffer = self.camera.frame().map_err(|e| e.to_string())?;
        let buffer = self.last.insert(buffer);
        let size = buffer.resolution();
        let size = (size.width() as usize, size.height() as usize);
        Ok(Raw { layout: layout(buffer.source_frame_format()), size, stride: 0, bytes: buffer.buffer() })
    }
}

impl Drop for Nokhwa {
    fn drop(&mut self) {
        // What a camera says while it is put away helps nobody.
        let _ = self.camera.stop_stream();
    }
}
