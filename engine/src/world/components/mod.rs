//! What samples, frames, faces, tracks and clips know of themselves. Every component here is read by a system; what has
//! to lie in one buffer for speed (a batch's input) is a resource, and says so.

mod face;
mod frame;
mod sample;
mod track;

pub use face::{Face, Features, InFrame, OfTrack, StudentAnswer, TemporalAnswer, Thumbnail, VotedLabel};
pub use frame::{ArrivedAt, ClipIndex, Detections, Faces, FrameIndex, FramePicture, Seconds, Truth};
pub use sample::{BatchIndex, Label, Pixels, PoolIndex, PseudoWeight, StrongView, Unlabelled, WeakView};
pub use track::{Ballot, EncoderWindow, Ended, NextThumbnail, RestingFace, Timeline, TrackId};
