//! Adding up what blocks left.

use affekt_shaders as shaders;

use super::memory::Slice;
use super::recorder::{Recorder, value_groups};
use crate::backend::BackendError;

/// Adds `pieces` of `len` values that lie one behind the other.
pub(in crate::backend) fn reduce(
    to: &mut Recorder,
    partial: Slice,
    pieces: usize,
    len: usize,
    target: Slice,
) -> Result<(), BackendError> {
    let uniform =
        shaders::ReduceUniform { len: len as u32, pieces: pieces as u32, stride: len as u32, first: 0 };
    to.dispatch(&shaders::REDUCE, "main", &uniform, &[Some(partial), Some(target)], value_groups(len))
}
