//! Where frames come from, as arguments and settings name it: a camera, the synthetic camera, or a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::media::OverflowPolicy;
use crate::media::camera::{self, CameraRequest};
use crate::media::detect::Detector;
use crate::media::source::{FrameSource, OpenOptions, open};
use crate::world::error::WorldError;

/// A source of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// The first camera there is; without one the synthetic camera, which then says why it stands in.
    Auto,
    /// A camera, by its number.
    Camera(u32),
    /// Two people who do not exist, whose expressions change.
    Synth,
    /// A video, a picture, or a folder of pictures.
    File(PathBuf),
}

/// A source that is open.
pub struct OpenSource {
    /// Its frames.
    pub source: Box<dyn FrameSource>,
    /// Whether its frames come by themselves, as a camera's do. Others come as fast as they are asked for, so somebody must
    /// keep them to their times.
    pub keeps_time: bool,
    /// A detector that knows it.
    pub detector: Option<Box<dyn Detector>>,
    /// What people should know about it, such as that it stands in for another one.
    pub note: Option<String>,
}

impl SourceSpec {
    /// Its name for people.
    pub fn name(&self) -> String {
        match self {
            Self::Auto => "first camera there is".into(),
            Self::Camera(number) => format!("camera {number}"),
            Self::Synth => "synthetic camera".into(),
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        }
    }

    /// What happens where frames come faster than they are read: live the newest counts, of a file every one does.
    pub fn overflow(&self) -> OverflowPolicy {
        match self {
            Self::Auto | Self::Camera(_) | Self::Synth => OverflowPolicy::DropOldest,
            Self::File(_) => OverflowPolicy::Block,
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// The file cannot be read, or there is no such camera.
    pub fn open(&self, request: CameraRequest, options: OpenOptions) -> Result<OpenSource, WorldError> {
        let opened = |source, keeps_time| OpenSource { source, keeps_time, detector: None, note: None };
        match self {
            Self::Auto => match first_camera() {
                Ok(number) => Self::Camera(number).open(request, options),
                Err(why) => {
                    let note = format!(
                        "{why}; you see two drawn people instead: plug a camera in and choose it, or open a video or picture"
                    );
                    Ok(OpenSource { note: Some(note), ..Self::Synth.open(request, options)? })
                }
            },
            Self::Camera(number) => Ok(opened(camera::open(*number, request)?, true)),
            Self::Synth => synthetic_camera(),
            Self::File(path) => Ok(opened(open(path, options)?, false)),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Camera(number) => write!(f, "camera:{number}"),
            Self::Synth => f.write_str("synth"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for SourceSpec {
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

/// Two people who do not exist before a camera, and a detector that knows where they are.
#[cfg(feature = "training")]
fn synthetic_camera() -> Result<OpenSource, WorldError> {
    use crate::synth::{Room, SynthCamera, TrueFaces};

    let room = std::sync::Arc::new(Room::of_two()?);
    let camera = SynthCamera::new(std::sync::Arc::clone(&room), u64::MAX, SynthCamera::WEBCAM_RATE);
    let (source, detector) = (Box::new(camera), Box::new(TrueFaces(room)));
    Ok(OpenSource { source, keeps_time: false, detector: Some(detector), note: None })
}

/// Says that there is none in this build.
#[cfg(not(feature = "training"))]
fn synthetic_camera() -> Result<OpenSource, WorldError> {
    let problem =
        "cannot be the synthetic camera, which this program was built without (cargo feature `training`)";
    Err(WorldError::setting("source", problem))
}

/// The first camera's number, or why there is none.
fn first_camera() -> Result<u32, String> {
    if !camera::BUILT_IN {
        return Err("this program was built without cameras".into());
    }
    let cameras = camera::list().map_err(|e| e.to_string())?;
    cameras.first().map(|camera| camera.number).ok_or_else(|| "no camera is found".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_as_it_is_written() {
        let all = [
            SourceSpec::Auto,
            SourceSpec::Camera(0),
            SourceSpec::Camera(3),
            SourceSpec::Synth,
            SourceSpec::File("a b/c.mp4".into()),
        ];
        for source in all {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert_eq!("camera".parse(), Ok(SourceSpec::Camera(0)));
        assert_eq!("camera.mp4".parse(), Ok(SourceSpec::File("camera.mp4".into())));
        assert_eq!("C:\\a.mp4".parse(), Ok(SourceSpec::File("C:\\a.mp4".into())));
        assert!(" ".parse::<SourceSpec>().is_err());
        assert!("camera:front".parse::<SourceSpec>().is_err_and(|e| e.contains("affekt doctor")));
    }

    #[cfg(feature = "training")]
    #[test]
    fn without_a_camera_the_synthetic_one_stands_in_and_says_so() {
        if first_camera().is_ok() {
            return;
        }
        let open = |spec: SourceSpec| spec.open(CameraRequest::default(), OpenOptions::default());
        let mut opened = open(SourceSpec::Auto).expect("the synthetic camera");
        assert!(opened.note.is_some_and(|note| note.contains("two drawn people instead")));
        assert!(opened.detector.is_some() && !opened.keeps_time);
        let frame = opened.source.next_frame().expect("drawn").expect("a frame");
        assert_eq!((frame.picture.width, frame.picture.height), (640, 480));
        let problem = open(SourceSpec::Camera(77)).err().expect("no such camera").to_string();
        assert!(problem.contains("camera 77"), "{problem}");
    }
}
