//! What the window is told.

use std::net::SocketAddr;
use std::path::PathBuf;

use affekt_engine::media::source::SourceInfo;

use affekt_engine::world::live::About;

/// Something the window is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// A source is open.
    Opened {
        /// Which start of a source.
        run: u64,
        /// What it says of itself.
        info: SourceInfo,
        /// When its last frame is shown, in seconds; `None` where that is not known.
        length: Option<f64>,
        /// What people should know about it.
        note: Option<String>,
    },
    /// A source has no more frames.
    Ended {
        /// Which start of a source.
        run: u64,
    },
    /// A source could not be opened or read on.
    Failed {
        /// Which start of a source.
        run: u64,
        /// What went wrong and what to do.
        problem: String,
    },
    /// A recognizer is at work; faces are numbered anew.
    Ready(About),
    /// A recognizer could not be opened, or has failed. Where there was another one before, it goes on with that.
    Refused {
        /// What went wrong and what to do.
        problem: String,
        /// Whether the one before goes on.
        goes_on: bool,
    },
    /// Other programs are told what is read at this address, or it cannot be had; why, and what to do.
    Served(Result<SocketAddr, String>),
    /// A face cannot be looked at at rest; why.
    NotAtRest(String),
    /// A recording has ended, because it was asked to or because of a problem; the files are closed and can be played.
    Recorded {
        /// The video; its table lies beside it.
        video: PathBuf,
        /// Frames in it.
        frames: u64,
        /// Frames that were left out because encoding was behind.
        dropped: u64,
        /// What went wrong and what to do.
        problem: Option<String>,
    },
}
