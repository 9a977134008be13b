//! 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3): 16 multiplications where the direct
//! product needs 36 (Lavin and Gray 2016). Its transforms only add and halve, so it is as exact as the direct form
//! in practice.
//!
//! A task owns a block of 2x2 output tiles and a block of output channels; transformed inputs and products stay in
//! the L2 cache, and the output transform finishes with bias, residual, rectifier and column sums.

mod fixed;
mod run;
mod single;
mod task;
mod tiling;
mod weights;

pub(super) use task::Convolution;
pub(super) use tiling::{FEWEST_TILES, FEWEST_TILES_KEPT, Tiling};
