//! The `live` schedule on scenes whose truth is known: who is who, what is said, when it is said.
#![allow(clippy::unwrap_used, reason = "tests")]

mod encoders;
mod halves;
mod neutral;
mod order;
mod people;
mod scene;
