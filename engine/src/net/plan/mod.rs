//! A plan: the graph fused into steps, with every buffer placed in one arena by its lifetime.
//!
//! Convolution, batch normalisation, residual sum and rectifier become one step; so do a linear layer and the positions,
//! GELU, dropout and residual sum that follow it. Offsets are per item, so one plan serves every batch size.

mod error;
mod fuse;
mod layout;
mod place;
mod step;
#[cfg(test)]
mod tests;

pub use error::PlanError;
pub use layout::{Plan, PlanPurpose, Region};
#[cfg(feature = "gpu-work")]
pub(crate) use place::{BufferId, LiveRange, assign};
pub use step::{Dropout, Epilogue, Norm, Step, StepKind, ValueId};
