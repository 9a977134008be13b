//! affekt's engine: networks, training, data and media, without a screen or a command line. To read faces in your own
//! program, begin with [`Recognizer`].
//!
//! Dependencies inside the crate point one way: `signal <- net <- backend <- learn <- score <- world` and
//! `media <- data <- synth <- world <- output`, over `random`, `clock` and `files`. A test in the `tests` crate enforces it.

pub mod backend;
pub mod clock;
pub mod data;
pub mod files;
pub mod learn;
pub mod media;
pub mod net;
pub mod output;
pub mod random;
pub mod score;
pub mod signal;
mod simd;
pub mod synth;
pub mod world;

pub use world::live::{FaceReading, Recognizer};
