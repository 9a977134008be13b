//! Pictures: decoding, resizing, writing, and augmentation as compiled operation lists.
//!
//! `decode` turns the bytes of a picture file into a [`Picture`], `header` reads and checks a file's own claims first
//! (`huffman`: tables that a JPEG may lack), `resize`, `reduce` and `orient` hold what is done to whole pictures, and `augment`
//! turns a picture into network input; `corruption` spoils it, to measure what a network can bear. None of these opens a file to read it: callers know the file and the place in it, and
//! say so in their errors.
//!
//! Frames in time: `source` opens videos, pictures and folders, `camera` cameras, `detect` finds faces, `track` says who is
//! who, `cut` where one shot ends and another begins, `align` frames a face as the network's training did, `pose` tells how a head is turned and `quality` how well a face can be seen, `hide` makes faces unrecognisable, `face` holds their boxes and landmarks, `palette` the colours of
//! classes, `recording` writes video, `yuv` knows colours. `overflow` joins the stages that frames go through, `pace` keeps them to
//! the clock.

pub mod align;
pub mod augment;
pub mod camera;
#[cfg(feature = "training")]
mod corruption;
mod cut;
mod decode;
pub mod detect;
mod face;
mod header;
mod hide;
mod huffman;
mod interleave;
mod orient;
mod overflow;
mod pace;
pub mod palette;
mod picture;
mod pose;
mod quality;
#[cfg(feature = "video")]
pub mod recording;
mod reduce;
mod resize;
pub mod source;
pub mod track;
#[cfg_attr(not(feature = "video"), allow(dead_code, reason = "used with videos and cameras"))]
mod yuv;

use thiserror::Error;

pub use augment::{Policy, Program, View};
#[cfg(feature = "training")]
pub use corruption::Corruption;
pub use cut::CutDetector;
pub use decode::decode;
pub use face::{Detection, FaceBox, Landmarks, suppress};
pub use header::{MAX_PIXELS, MAX_SIDE, PICTURE_ENDINGS, begins_as_picture, is_picture_name};
pub use hide::{Hiding, PADDING, hide, padded};
pub use orient::Orientation;
pub use overflow::{Outlet, OverflowPolicy, bounded_outlet};
pub use pace::Pace;
pub use picture::{Picture, PixelFormat};
pub use pose::HeadPose;
pub use quality::face_quality;

/// Rec. 601 weights of red, green and blue in luma, as in JPEG's own Y.
pub const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Why bytes are no usable picture. The caller adds the file and the place in it.
#[derive(Debug, Error)]
pub enum MediaError {
    /// There are no bytes.
    #[error("the picture is empty (0 bytes)")]
    Empty,
    /// The signature is that of no format that is read.
    #[error("neither a JPEG nor a PNG, WebP or BMP picture: {0}")]
    UnknownFormat(String),
    /// The header asks for more than any face picture needs.
    #[error(
        "the header claims {width}x{height} pixels, more than the limit of {MAX_SIDE} a side and \
         {} million in all; scale the picture down", MAX_PIXELS / 1_000_000
    )]
    TooLarge {
        /// Columns claimed.
        width: usize,
        /// Rows claimed.
        height: usize,
    },
    /// A side is zero.
    #[error("the header claims {width}x{height} pixels: there is nothing to see")]
    NoPixels {
        /// Columns claimed.
        width: usize,
        /// Rows claimed.
        height: usize,
    },
    /// The data end early.
    #[error("truncated {format}: {missing} (the file has {length} bytes)")]
    Truncated {
        /// `JPEG`, `PNG`, `WebP` or `BMP`.
        format: &'static str,
        /// What should have followed.
        missing: &'static str,
        /// Bytes there are.
        length: usize,
    },
    /// The data are damaged or of a kind that is not supported.
    #[error("cannot decode {format}: {reason}")]
    Decode {
        /// `JPEG`, `PNG`, `WebP` or `BMP`.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// A picture cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// A size makes no sense for the operation.
    #[error("{0}")]
    Size(String),
}
