//! Where frames come from: a camera, a synthetic camera, or a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use affekt_engine::media::OverflowPolicy;
use affekt_engine::media::camera::{self, CameraRequest};
use affekt_engine::media::source::{OpenOptions, open};
use affekt_engine::synth::{Room, SynthCamera};

use crate::pipeline::{Open, Opened};

/// A source, as arguments and the window name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The first camera there is; without one the synthetic camera, which then says why it stands in.
    Auto,
    /// A camera, by its number.
    Camera(u32),
    /// Two people who do not exist, whose expressions change.
    Synth,
    /// A video, a picture, or a folder of pictures.
    File(PathBuf),
}

impl Source {
    /// Its name for people.
    pub fn name(&self) -> String {
        match self {
            Self::Auto => "first camera there is".into(),
            Self::Camera(number) => format!("camera {number}"),
            Self::Synth => "synthetic camera".into(),
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        }
    }

    /// How its frames are handed on: live the newest wins, of a file every frame counts.
    pub fn bounded_outlet(&self) -> OverflowPolicy {
        match self {
            Self::Auto | Self::Camera(_) | Self::Synth => OverflowPolicy::DropOldest,
            Self::File(_) => OverflowPolicy::Block,
        }
    }

    /// The function that opens it; `note` is told when it is open.
    pub fn open(&self, note: Option<String>) -> Open {
        match self.clone() {
            Self::Auto => Box::new(move || match first_camera() {
                Ok(number) => open_camera(number, note),
                Err(why) => open_synth(Some(format!(
                    "{why}; this is the synthetic camera: two people who do not exist"
                ))),
            }),
            Self::Camera(number) => Box::new(move || open_camera(number, note)),
            Self::Synth => Box::new(move || open_synth(note)),
            Self::File(path) => Box::new(move || {
                let source = open(&path, OpenOptions::default()).map_err(|e| e.to_string())?;
                Ok(Opened { source, keeps_time: false, note })
            }),
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Camera(number) => write!(f, "camera:{number}"),
            Self::Synth => f.write_str("synth"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().split_once(':').unwrap_or((text.trim(), "0")) {
            ("", _) => {
                Err("a source is `synth`, `camera:N`, `auto`, or the path of a video, picture or folder"
                    .into())
            }
            ("auto", "0") => Ok(Self::Auto),
            ("synth", "0") => Ok(Self::Synth),
            ("camera", number) => number.parse().map(Self::Camera).map_err(|_| {
                format!("`{number}` is no camera's number; `affekt doctor` lists the cameras found")
            }),
            _ => Ok(Self::File(text.trim().into())),
        }
    }
}

/// The first camera's number, or why there is none.
fn first_camera() -> Result<u32, String> {
    if !camera::BUILT_IN {
        return Err("this program was built without cameras".into());
    }
    let cameras = camera::list().map_err(|e| e.to_string())?;
    cameras.first().map(|camera| camera.number).ok_or_else(|| "no camera is found".into())
}

fn open_camera(number: u32, note: Option<String>) -> Result<Opened, String> {
    let source = camera::open(number, CameraRequest::default()).map_err(|e| e.to_string())?;
    Ok(Opened { source, keeps_time: true, note })
}

fn open_synth(note: Option<String>) -> Result<Opened, String> {
    let room = Arc::new(Room::of_two().map_err(|e| e.to_string())?);
    let source = Box::new(SynthCamera::new(room, u64::MAX, SynthCamera::WEBCAM_RATE));
    Ok(Opened { source, keeps_time: false, note })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_as_it_is_written() {
        let all = [
            Source::Auto,
            Source::Camera(0),
            Source::Camera(3),
            Source::Synth,
            Source::File("a b/c.mp4".into()),
        ];
        for source in all {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert_eq!("camera".parse(), Ok(Source::Camera(0)));
        assert_eq!("C:\\a.mp4".parse(), Ok(Source::File("C:\\a.mp4".into())));
        assert!(" ".parse::<Source>().is_err() && "camera:x".parse::<Source>().is_err());
    }

    #[test]
    fn without_a_camera_the_synthetic_one_stands_in_and_says_so() {
        if first_camera().is_ok() {
            return;
        }
        let mut opened = Source::Auto.open(None)().unwrap();
        assert!(opened.note.is_some_and(|note| note.contains("this is the synthetic camera")));
        let frame = opened.source.next_frame().unwrap().unwrap();
        assert_eq!((frame.picture.width, frame.picture.height), (640, 480));
        let problem = Source::Camera(77).open(None)().err().unwrap();
        assert!(problem.contains("camera 77"), "{problem}");
    }
}
