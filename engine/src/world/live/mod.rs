//! Reading faces, for a camera, a video and a picture alike. [`Recognizer`] is the engine's face to other programs: frames
//! in, readings out; [`RecognizerSpec`] opens one from what a program's settings name; [`SharedRecognizer`] holds one for
//! programs in other languages. The stages a frame goes through are
//! those of [`crate::world::pipelines::Live`].

mod halves;
mod neutral_state;
mod open;
mod recognizer;
mod settings;
mod shared;
mod source;
mod stage_times;

pub use super::pipelines::LiveStage;
pub use super::reading::{FaceReading, FrameReading};
pub use crate::clock::Clock;
pub use crate::learn::Affect;
pub use neutral_state::NeutralState;
pub use open::{About, RecognizerOpener, RecognizerSpec};
pub use recognizer::Recognizer;
pub use settings::{LiveSettings, UNSURE_BELOW};
pub use shared::SharedRecognizer;
pub use source::{OpenSource, SourceSpec};
pub use stage_times::StageTimes;
