//! The one matrix product behind convolutions, their input gradients and linear layers.
//!
//! Row `i` of the left matrix is never built: it is a list of contiguous runs of the input (one per kernel tap),
//! found through a table of offsets, so there is neither im2col nor packing of activations. The right matrix lies in
//! panels of [`Isa::panel`] columns. A register tile is finished with bias, residual, rectifier and the column sums
//! that batch normalisation needs while it is still in registers.
//!
//! Every output value adds its products in one fixed order, so results do not depend on how rows and panels are
//! divided among threads.

mod fixed;
mod gather;
mod run;
mod single;
mod task;

pub(super) use gather::{Gather, PADDING};
pub(super) use run::row_blocks;
pub(super) use single::multiply;
pub(super) use task::{Finish, Product, ZEROS};
