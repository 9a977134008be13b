//! Cameras: listing them, and one as a source of frames whose newest wins.
//!
//! `formats` turns a camera's bytes into pictures, `device` reads one in a thread of its own. Where frames come from is `v4l` on
//! Linux (cargo feature `camera`) and `elsewhere` on macOS and Windows (feature `nokhwa`).

#[cfg_attr(not(any(v4l, nokhwa)), allow(dead_code, reason = "tested in every build, used with cameras"))]
mod device;
#[cfg(nokhwa)]
mod elsewhere;
#[cfg_attr(not(any(v4l, nokhwa)), allow(dead_code, reason = "tested in every build, used with cameras"))]
mod formats;
#[cfg(v4l)]
mod v4l;

#[cfg(nokhwa)]
use elsewhere as system;
#[cfg(v4l)]
use v4l as system;

use super::source::{FrameSource, SourceError};

/// Whether cameras were built in.
pub const BUILT_IN: bool = cfg!(any(v4l, nokhwa));

/// What is asked of a camera; it gives what comes nearest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraRequest {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Frames a second.
    pub rate: f64,
}

impl Default for CameraRequest {
    /// 640 x 480 at 30 frames a second, which nearly every camera has.
    fn default() -> Self {
        Self { size: (640, 480), rate: 30.0 }
    }
}

/// A camera that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraName {
    /// Its number, by which it is opened.
    pub number: u32,
    /// Its name for people.
    pub name: String,
}

/// The cameras that are there, by number; none where [`BUILT_IN`] is false.
///
/// # Errors
/// The system does not tell.
pub fn list() -> Result<Vec<CameraName>, SourceError> {
    #[cfg(any(v4l, nokhwa))]
    return system::list();
    #[cfg(not(any(v4l, nokhwa)))]
    Ok(vec![])
}

/// Opens a camera. Frames are numbered as they come from it, so one that nobody took leaves a gap; their seconds count from the
/// first.
///
/// # Errors
/// There is no such camera, another program has it, it gives nothing that can be read, or cameras were not built in. Later an
/// error ends the frames when the camera is unplugged or falls silent.
pub fn open(number: u32, request: CameraRequest) -> Result<Box<dyn FrameSource>, SourceError> {
    let failed = |problem: &str| SourceError::file(std::path::Path::new(&name(number)), problem);
    #[cfg(any(v4l, nokhwa))]
    {
        let known = list()?;
        let Some(camera) = known.iter().find(|camera| camera.number == number) else {
            let list: Vec<String> = known.iter().map(|c| format!("{} ({})", c.number, c.name)).collect();
            let there = if list.is_empty() {
                "there is none".into()
            } else {
                format!("there are {}", list.join(", "))
            };
            let problem = format!("there is no such camera; {there}; plug it in, or see `affekt doctor`");
            return Err(failed(&problem));
        };
        device::start(number, &camera.name, device::PATIENCE, move || system::begin(number, request))
    }
    #[cfg(not(any(v4l, nokhwa)))]
    {
        let _ = request;
        Err(failed(
            "this program was built without cameras; build it with `--features camera` (on macOS and Windows `nokhwa`; \
             docs/live.md)",
        ))
    }
}

/// What messages call a camera.
fn name(number: u32) -> String {
    format!("camera {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_not_there_is_one_clear_error() {
        let error = open(4096, CameraRequest::default()).err().expect("no machine has so many").to_string();
        let what_to_do = if BUILT_IN { "affekt doctor" } else { "--features camera" };
        assert!(error.starts_with("camera 4096: ") && error.contains(what_to_do), "{error}");
    }

    #[test]
    fn listing_works_where_there_is_none() {
        let cameras = list().expect("a list, if an empty one");
        assert!(cameras.windows(2).all(|pair| pair[0].number < pair[1].number), "{cameras:?}");
    }
}
