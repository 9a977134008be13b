//! The way of a frame to the window, without the window: capture -> inference, each a thread, joined by bounded channels.
//!
//! `capture` reads a source at its own rate, `inference` holds the recognizer and opens another one beside it when
//! asked to, the engine's bounded outlets join them: live the newest frame wins and what is thrown out is counted, of a file
//! every frame is read. `recording` writes every frame of the source and what is read to disk, in a thread of its own; capture leaves frames for it at a `tap`. The window's thread owns a [`Pipeline`], none of
//! whose calls waits. `opening` opens recognizers, `controls` and `event` are what passes between window and
//! stages. `latency` books when labels were drawn, `time` is the clock of it all. Nothing here knows what is drawn.

mod capture;
mod controls;
mod event;
mod hold;
mod inference;
mod latency;
mod opening;
mod reading;
mod recording;
mod tap;
mod time;

pub use capture::{CapturedFrame, Open, Play};
pub use controls::Slow;
pub use event::Event;
pub use hold::{Pipeline, Setup, Tally};
pub use latency::Latency;
pub use opening::Make;
pub use reading::{Seen, Shown, image};
pub use time::Time;

pub use affekt_engine::world::live::About;
