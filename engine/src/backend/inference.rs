//! A network that answers.

use super::{BackendError, ViewBatch};
use crate::net::Graph;

/// A graph whose weights stay as they are: batch normalisation by running statistics, no dropout, and on the device only
/// what these calls need.
pub trait Inference: Send {
    /// The graph it walks.
    fn graph(&self) -> &Graph;

    /// Logits of `items` NHWC inputs, `items x classes`.
    ///
    /// # Errors
    /// `input` is not `items` times the graph's input, `items` is 0, or the device failed.
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;

    /// [`Inference::forward`] of views, an item each. A backend that renders views itself
    /// ([`BackendInfo::renders_views`](super::BackendInfo::renders_views)) gives them the values that
    /// [`ViewBatch::render`] gives, within one grey level.
    ///
    /// # Errors
    /// There is no view, the network reads another shape, or the device failed.
    fn forward_views(&mut self, views: &ViewBatch) -> Result<Vec<f32>, BackendError>;

    /// The graph's feature node for `items` inputs, `items x its length`: a residual network's pooled features, a
    /// temporal encoder's refined features of every frame.
    ///
    /// # Errors
    /// As [`Inference::forward`].
    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError>;
}
