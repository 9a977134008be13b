//! Where frames come from: a synthetic camera, or a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use affekt_engine::media::source::{OpenOptions, open};
use affekt_engine::synth::{Actor, Room, Style, SynthCamera, SynthClipSettings, SynthClips};

use crate::pipeline::{Handover, Open, Opened};

/// Frames a second of the synthetic camera.
pub const SYNTH_RATE: f64 = 30.0;
/// Its picture's columns and rows.
const SYNTH_SIZE: (usize, usize) = (640, 480);
/// Frames after which its people do the same again: five minutes.
const SYNTH_FRAMES: usize = 9000;

/// A source, as arguments and the window name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Two people who do not exist, whose expressions change.
    Synth,
    /// A video, a picture, or a folder of pictures.
    File(PathBuf),
}

impl Source {
    /// Its name for people.
    pub fn name(&self) -> String {
        match self {
            Self::Synth => "synthetic camera".into(),
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        }
    }

    /// How its frames are handed on: live the newest wins, of a file every frame counts.
    pub fn handover(&self) -> Handover {
        match self {
            Self::Synth => Handover::Newest,
            Self::File(_) => Handover::Every,
        }
    }

    /// The function that opens it; `note` is told when it is open.
    pub fn open(&self, note: Option<String>) -> Open {
        match self.clone() {
            Self::Synth => Box::new(move || {
                let room = Arc::new(room()?);
                let source = Box::new(SynthCamera::new(room, u64::MAX, SYNTH_RATE));
                Ok(Opened { source, keeps_time: false, note })
            }),
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
            Self::Synth => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synth => f.write_str("synth"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("a source is `synth` or the path of a video, a picture or a folder of pictures".into()),
            "synth" => Ok(Self::Synth),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// The synthetic camera's room: two people who stand beside each other.
fn room() -> Result<Room, String> {
    let style = Style { size: 208, channels: 3, occlusion: 0.0, camera: 0.0, blend: 0.0, ..Style::default() };
    let settings = SynthClipSettings {
        name: "synthetic camera".into(),
        clips: 2,
        frames: SYNTH_FRAMES,
        style,
        missing: 0.0,
        ignored: 0.0,
        ..SynthClipSettings::default()
    };
    let clips = SynthClips::new(settings).map_err(|e| e.to_string())?;
    let (across, down) = (SYNTH_SIZE.0 as f32, SYNTH_SIZE.1 as f32);
    let stand = |clip: usize, x: f32| Actor { clip, start: (across * x, down * 0.5), step: (0.0, 0.0) };
    Ok(Room::new(clips, vec![stand(0, 0.25), stand(1, 0.75)], SYNTH_SIZE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_as_it_is_written() {
        for source in [Source::Synth, Source::File("a b/c.mp4".into())] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert!(" ".parse::<Source>().is_err());
    }

    #[test]
    fn the_synthetic_camera_shows_two_people_without_end() {
        let opened = Source::Synth.open(None)().unwrap();
        let mut source = opened.source;
        let frame = source.next_frame().unwrap().unwrap();
        assert_eq!((frame.picture.width, frame.picture.height), SYNTH_SIZE);
        let truth = room().unwrap().truth(1 << 40);
        assert!(truth.len() == 2 && truth.iter().all(|t| t.visible), "{truth:?}");
    }
}
