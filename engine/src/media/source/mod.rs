//! Where frames come from: video files, pictures, folders of pictures. A camera is one more [`FrameSource`].
//!
//! `frame` says what a source is, `open` chooses one. `mp4` reads the container, `h264` decodes its frames (`sps`: what a stream
//! is), `ffmpeg` asks another program for all else (without the feature `video`, `no_video` refuses what they read).
//! `pictures` holds image files, `folder` folders of them, `ahead` decodes in a thread of its own, `inputs` lists what a folder
//! holds, `span` leaves frames out. Memory does not grow with the length of a video, but for 32 bytes a frame of an MP4's table.

mod ahead;
#[cfg(feature = "video")]
mod ffmpeg;
mod folder;
mod frame;
#[cfg(feature = "video")]
mod h264;
mod inputs;
#[cfg(feature = "video")]
mod mp4;
#[cfg(not(feature = "video"))]
mod no_video;
mod open;
mod pictures;
mod span;
#[cfg(feature = "video")]
mod sps;

pub use ahead::ReadAhead;
#[cfg(feature = "video")]
pub use ffmpeg::{FfmpegVersion, SoundCopy, ffmpeg_is_there, ffmpeg_version, with_sound};
pub use folder::{FolderGuess, FolderKind};
pub use frame::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
pub use inputs::{Inputs, inputs};
pub use open::{OpenOptions, count_frames, count_frames_in, open};
pub use span::FrameSpan;
