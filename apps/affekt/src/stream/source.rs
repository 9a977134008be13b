//! What an argument names: a camera, the synthetic camera, or a file.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use affekt_engine::media::OverflowPolicy;
use affekt_engine::media::camera::{self, CameraRequest};
use affekt_engine::media::detect::Detector;
use affekt_engine::media::source::{FrameSource, OpenOptions, open};
use affekt_engine::synth::{Room, SynthCamera, TrueFaces};

/// A source, as it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceArg {
    /// A camera, by its number.
    Camera(u32),
    /// Two people who do not exist.
    SynthRoom,
    /// A video, a picture, or a folder of pictures.
    File(PathBuf),
}

impl FromStr for SourceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "0")) {
            ("camera", number) => number.parse().map(Self::Camera).map_err(|_| {
                format!("`{number}` is no camera's number; `affekt doctor` lists the cameras found")
            }),
            _ if text == "synth" => Ok(Self::SynthRoom),
            _ => Ok(Self::File(text.into())),
        }
    }
}

/// A source that is open.
pub struct Opened {
    /// Its frames.
    pub source: Box<dyn FrameSource>,
    /// Whether frames may be left out to keep up.
    pub overflow: OverflowPolicy,
    /// Whether it gives frames as fast as they are asked for, so that somebody must keep them to their times.
    pub needs_pace: bool,
    /// A detector that knows it, where one was not asked for.
    pub detector: Option<Box<dyn Detector>>,
}

impl SourceArg {
    /// Opens it.
    ///
    /// # Errors
    /// The file cannot be read, or there is no such camera.
    pub fn open(&self, request: CameraRequest, options: OpenOptions) -> anyhow::Result<Opened> {
        Ok(match self {
            Self::Camera(number) => Opened {
                source: camera::open(*number, request)?,
                overflow: OverflowPolicy::DropOldest,
                needs_pace: false,
                detector: None,
            },
            Self::SynthRoom => {
                let room = Arc::new(Room::of_two()?);
                Opened {
                    source: Box::new(SynthCamera::new(Arc::clone(&room), u64::MAX, SynthCamera::WEBCAM_RATE)),
                    overflow: OverflowPolicy::DropOldest,
                    needs_pace: true,
                    detector: Some(Box::new(TrueFaces(room))),
                }
            }
            Self::File(path) => Opened {
                source: open(path, options)?,
                overflow: OverflowPolicy::Block,
                needs_pace: true,
                detector: None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_have_numbers_and_everything_else_is_a_file() {
        assert_eq!("camera".parse(), Ok(SourceArg::Camera(0)));
        assert_eq!("camera:2".parse(), Ok(SourceArg::Camera(2)));
        assert!("camera:front".parse::<SourceArg>().is_err_and(|e| e.contains("affekt doctor")));
        assert_eq!("synth".parse(), Ok(SourceArg::SynthRoom));
        assert_eq!("camera.mp4".parse(), Ok(SourceArg::File("camera.mp4".into())));
        assert_eq!("C:\\a.mp4".parse(), Ok(SourceArg::File("C:\\a.mp4".into())));
    }
}
