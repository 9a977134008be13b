//! The window's stages without a screen, and the window itself without a graphics card.
#![allow(clippy::unwrap_used, reason = "tests")]

mod analysing;
mod correcting;
mod opening;
mod recordings;
mod stages;
mod support;
mod viewing;
mod window;
