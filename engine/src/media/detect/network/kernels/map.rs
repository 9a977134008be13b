//! What the kernels work on.

/// Channels in a group: one, two or four registers.
pub(super) const GROUP: usize = 16;

/// Channels with their padding.
pub(in crate::media::detect::network) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(GROUP)
}

/// A map's values and its size.
#[derive(Clone, Copy)]
pub(in crate::media::detect::network) struct Map<'a> {
    pub values: &'a [f32],
    pub height: usize,
    pub width: usize,
    /// With padding.
    pub channels: usize,
}

/// Weights, and what is done to each sum.
#[derive(Clone, Copy)]
pub(in crate::media::detect::network) struct Matrix<'a> {
    /// Rows of padded outputs.
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    pub relu: bool,
}
