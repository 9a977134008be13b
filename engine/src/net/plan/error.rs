//! What no plan can be made of.

use thiserror::Error;

use crate::net::graph::NodeId;

/// Why a graph cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("node {node} ({op}) stands where no fused step takes it in: {expected}")]
pub struct PlanError {
    /// Position in the graph.
    pub node: NodeId,
    /// Operation.
    pub op: &'static str,
    /// What would be needed.
    pub expected: &'static str,
}
