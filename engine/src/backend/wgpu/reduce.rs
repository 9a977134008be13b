//! Adding up what blocks left.

use affekt_shaders as shaders;

use super::memory::Slice;
use super::program::{Recorder, value_groups};
use crate::backend::BackendError;

/// Adds `pieces` of `len` values that lie one behind the other.
pub(super) fn reduce(
    to: &mut Recorder<'_>,
    partial: Slice,
    pieces: usize,
    len: usize,
    target: Slice,
) -> Result<(), BackendError> {
    let uniform =
        shaders::ReduceUniform { len: len as u32, pieces: pieces as u32, stride: len as u32, first: 0 };
    to.dispatch(&shaders::REDUCE, "main", &uniform, &[Some(partial), Some(target)], value_groups(len))
}
