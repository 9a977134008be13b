//! A way to compute.

use super::{BackendError, BackendInfo, Inference, Training};
use crate::net::{Graph, Weights};

/// A way to compute: it puts graphs with their weights on a device, to answer or to learn. Backends are made by
/// implementing [`Device`](super::Device).
pub trait Backend: BackendInfo {
    /// A network that answers.
    ///
    /// # Errors
    /// The weights do not fit the graph, or the device cannot hold it.
    fn inference(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Inference>, BackendError>;

    /// A network that learns.
    ///
    /// # Errors
    /// The weights do not fit the graph, or the device cannot hold it.
    fn training(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Training>, BackendError>;
}
