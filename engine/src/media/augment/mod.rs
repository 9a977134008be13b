//! Augmentation as data: a [`Policy`] says what may happen to a picture, compiling it with a stream of random numbers
//! gives a [`Program`], and a program turns the picture into network input.
//!
//! A program is one affine map, one colour matrix and a short list of operations, whatever was drawn, so a CPU loop
//! and a shader execute the same thing. `policy` holds the settings, `compile` the drawing, `program` the meaning,
//! `render` the loop over pixels (`four`, `wide`: several numbers at a time), `filter` the operations that need a histogram or neighbours, `strip` inputs as people see
//! them.

mod compile;
mod filter;
mod four;
mod policy;
mod program;
mod render;
#[cfg(feature = "training")]
mod strip;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use compile::View;
#[cfg(feature = "wgpu")]
pub(crate) use filter::{erased, stretch_gain};
pub use policy::{Erase, Framing, Operation, Policy, PolicyError, Reach, Strong, Weak};
pub(crate) use program::Geometry;
pub use program::{Affine, Border, Colour, PixelOp, Program, scrambled};
#[cfg(feature = "wgpu")]
pub(crate) use render::normalised;
#[cfg(feature = "training")]
pub use strip::strip;

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod tests;
