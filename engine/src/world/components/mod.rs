//! What samples, frames, faces, tracks and clips know of themselves. Every component here is read by a system; what has
//! to lie in one buffer for speed (a batch's input) is a resource, and says so.

mod face;
mod frame;
mod in_frame;
#[cfg(feature = "training")]
mod sample;
mod track;

pub use face::{
    FaceAffect, FaceEmbedding, FaceSight, FaceThumbnail, Features, OfTrack, StudentAnswer, TemporalAnswer,
    TrackedFace, VoteShare, VotedLabel,
};
pub use frame::{ArrivedAt, ClipIndex, Detections, FrameIndex, FrameLabel, FramePicture, InShot, Seconds};
pub use in_frame::{Faces, InFrame};
#[cfg(feature = "training")]
pub use sample::{BatchIndex, Label, Pixels, PoolIndex, PseudoWeight, StrongView, Unlabelled, WeakView};
pub use track::{Ballot, EncoderWindow, Ended, NextEmbedding, NextThumbnail, RestingFace, Timeline};
