//! What a walk of a graph knows beforehand.

use crate::backend::BackendError;
use crate::net::{Graph, NodeId, Op};

/// When a walk can let go of values, and where nothing but one value goes on.
pub(super) struct Route {
    /// The last node that reads each node.
    last_reader: Vec<NodeId>,
    /// Whether no later node reads what stands before a node. The backward pass forgets there what it no longer needs.
    waists: Vec<bool>,
}

impl Route {
    /// Of a graph.
    ///
    /// # Errors
    /// The graph has what these kernels do not do.
    pub(super) fn new(graph: &Graph) -> Result<Self, BackendError> {
        let count = graph.nodes.len();
        let mut last_reader: Vec<NodeId> = (0..count).collect();
        for (id, node) in graph.nodes.iter().enumerate() {
            if let Op::MaxPool { .. } = node.op
                && !matches!(graph.nodes[node.inputs[0]].op, Op::Relu)
            {
                return Err(BackendError::Unavailable(
                    "this backend has a maximum pool directly behind a rectifier only; use `--backend cpu`"
                        .into(),
                ));
            }
            node.inputs.iter().for_each(|input| last_reader[*input] = id);
        }
        // The network's input has no gradient that anybody waits for.
        let mut reach = 0;
        let waists = (0..count).map(|id| {
            let is_waist = id > 0 && reach <= id;
            if id > 0 {
                reach = reach.max(last_reader[id]);
            }
            is_waist
        });
        let waists = waists.collect();
        Ok(Self { last_reader, waists })
    }

    /// Whether nobody reads a node after this reader.
    pub(super) fn is_last(&self, node: NodeId, reader: NodeId) -> bool {
        self.last_reader[node] <= reader
    }

    /// Whether nothing before the node is read behind it.
    pub(super) fn is_waist(&self, node: NodeId) -> bool {
        self.waists[node]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::net::{Depth, GraphBuilder, ResNetSpec, Shape, Stem};

    #[test]
    fn a_block_with_a_shortcut_has_its_waist_at_its_end_only() {
        let spec = ResNetSpec {
            depth: Depth::ResNet18,
            size: 32,
            channels: 3,
            classes: 5,
            width: 0.125,
            stem: Stem::Small,
        };
        let graph = spec.graph().unwrap();
        let route = Route::new(&graph).unwrap();
        let adds = graph.nodes.iter().filter(|node| matches!(node.op, Op::Add)).count();
        assert_eq!(adds, 8);
        for (id, node) in graph.nodes.iter().enumerate().filter(|(_, node)| matches!(node.op, Op::Add)) {
            let [first, second] = node.inputs[..] else { panic!("two inputs") };
            assert!(route.is_waist(id), "the sum {id}");
            let branch = first.min(second) + 1..id;
            assert!(branch.clone().all(|inside| !route.is_waist(inside)), "{branch:?}");
        }
    }

    #[test]
    fn a_pool_over_values_that_may_be_negative_is_refused() {
        let mut g = GraphBuilder::new(Shape { h: 6, w: 6, c: 2 });
        let x = g.conv("conv", 0, 3, 3, 1, 1).unwrap();
        let x = g.max_pool("pool", x, 3, 2, 1).unwrap();
        assert!(matches!(Route::new(&g.finish(x)), Err(BackendError::Unavailable(_))));
    }
}
