//! A network that answers.

use super::{BackendError, ViewBatch};
use crate::net::Shape;

/// A graph whose weights stay as they are: batch normalisation by running statistics, no dropout, and on the device only
/// what these calls need.
pub trait Inference: Send {
    /// Shape of an input.
    fn input(&self) -> Shape;

    /// Shape of what comes out of one: the classes' logits, of a clip for each frame.
    fn output(&self) -> Shape;

    /// Logits of `items` NHWC inputs, `items x classes`.
    ///
    /// # Errors
    /// `input` is not `items` times [`Inference::input`], `items` is 0, or the device failed.
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;

    /// [`Inference::forward`] of views, an item each. A backend that renders views itself
    /// ([`BackendInfo::renders_views`](super::BackendInfo::renders_views)) gives them the values that
    /// [`ViewBatch::render`] gives, within one grey level.
    ///
    /// # Errors
    /// There is no view, the network reads another shape, or the device failed.
    fn forward_views(&mut self, views: &ViewBatch) -> Result<Vec<f32>, BackendError>;

    /// The features of `items` inputs, `items x its length`: a residual network's pooled features, a
    /// temporal encoder's refined features of every frame.
    ///
    /// # Errors
    /// As [`Inference::forward`].
    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;
}
