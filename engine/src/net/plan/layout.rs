//! A plan as a whole: its steps, and the place of every buffer.

use super::error::PlanError;
use super::fuse::fuse;
use super::step::{Step, ValueId};
use crate::net::graph::{Graph, Shape};

/// A buffer's place in the arena, in values per item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// Offset per item: the buffer of `n` items starts at `n * offset`.
    pub offset: usize,
    /// Length per item.
    pub len: usize,
}

impl Region {
    /// Whether the two have a value in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.offset < other.offset + other.len && other.offset < self.offset + self.len
    }
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanPurpose {
    /// Forward only, running statistics: values are overwritten as soon as nobody reads them.
    Inference,
    /// Forward and backward: what the backward pass reads is kept.
    Training,
}

/// Steps and buffers of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In order of execution; the backward pass walks them in reverse.
    pub steps: Vec<Step>,
    /// Shape of each value.
    pub shapes: Vec<Shape>,
    /// Place of each value.
    pub values: Vec<Region>,
    /// Place of what a step keeps for its backward pass (training only; empty where nothing is kept): a convolution's
    /// result before its normalisation; what goes into a GELU; of a layer normalisation each position's mean and
    /// `1 / sqrt(variance + epsilon)`; of attention the weights, `heads x positions x positions`.
    pub saved: Vec<Region>,
    /// Place of the gradient of each value (training only; the input has none).
    pub gradients: Vec<Region>,
    /// Arena values per item.
    pub arena_len: usize,
    /// The value that is the feature vector.
    pub features: ValueId,
}

impl Plan {
    /// Fuses a graph and places its buffers.
    ///
    /// # Errors
    /// A batch normalisation or rectifier does not follow a convolution of its own.
    pub fn new(graph: &Graph, purpose: PlanPurpose) -> Result<Self, PlanError> {
        let (steps, shapes, features) = fuse(graph)?;
        let mut plan = Self {
            values: vec![Region::default(); shapes.len()],
            saved: vec![Region::default(); steps.len()],
            gradients: vec![Region::default(); shapes.len()],
            steps,
            shapes,
            arena_len: 0,
            features,
        };
        plan.place(purpose);
        Ok(plan)
    }
}
