//! What is to be written.

use crate::net::card::ModelCard;
use crate::net::graph::{Graph, Op};
use crate::net::storage::Storage;
use crate::net::weights::Weights;

/// A network that is to be written as ONNX.
#[derive(Debug, Clone, Copy)]
pub struct OnnxExport<'a> {
    /// Its graph.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a Weights,
    /// What it says of itself; it goes into the file's notes.
    pub card: &'a ModelCard,
    /// The student's classifier, weight (`classes x features`) and bias, whose answers an encoder with `residual` adds to its
    /// own.
    pub student: Option<(&'a [f32], &'a [f32])>,
    /// How the weights are stored. Halves are widened when the file is opened; everything is computed in single precision.
    pub storage: Storage,
    /// Whether the network over pictures reads pixels from 0 to 255 and normalises them itself.
    pub raw_pixels: bool,
}

/// An operation that is not written.
pub(super) fn unknown(op: &Op) -> String {
    format!("its operation `{}` cannot be written as ONNX", op.name())
}
