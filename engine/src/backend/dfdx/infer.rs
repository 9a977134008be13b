//! A network that answers.

use dfdx::tensor::NoneTape;

use super::parameters::Trained;
use super::route::Route;
use super::rows::{Machine, Outcome, download, spread_nan, upload};
use super::tables::Tables;
use super::thread::{DeviceThread, Tenant};
use super::walk::{Folded, Walk, Walked};
use crate::backend::{BackendError, InferenceDevice};
use crate::net::{Graph, NodeId, Op, Weights};

/// What answers, on the device's thread.
pub(super) struct Answering<D: Machine> {
    graph: Graph,
    route: Route,
    trained: Trained<D>,
    folded: Folded<D>,
}

impl<D: Machine> Answering<D> {
    fn new(device: &D, graph: Graph, route: Route, weights: &Weights) -> Outcome<Self, D> {
        let trained = Trained::from_weights(device, &graph, weights)?;
        let mut folded = Folded::new();
        for (id, node) in graph.nodes.iter().enumerate() {
            let Op::BatchNorm { scale, shift, mean, variance, epsilon, .. } = node.op else { continue };
            let [scale, shift, mean, variance] =
                [scale, shift, mean, variance].map(|param| weights.get(&graph.params[param].name));
            let factor: Vec<f32> =
                scale.iter().zip(variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
            let addend: Vec<f32> =
                shift.iter().zip(mean.iter().zip(&factor)).map(|(s, (m, f))| s - m * f).collect();
            let extents = (1, factor.len());
            folded.insert(id, (upload(device, extents, &factor)?, upload(device, extents, &addend)?));
        }
        Ok(Self { graph, route, trained, folded })
    }

    fn run(
        &self,
        tables: &mut Tables<D>,
        input: &[f32],
        items: usize,
        until: NodeId,
    ) -> Outcome<Vec<f32>, D> {
        let Self { graph, route, trained, folded } = self;
        let walk = Walk { graph, route, trained, tables, items, folded: Some(folded), seed: None };
        let Walked { output, .. } = walk.run::<NoneTape>(input, until)?;
        let mut output = download(&output);
        spread_nan(input, &mut output, items);
        Ok(output)
    }
}

/// A network that answers, as others hold it.
pub(in crate::backend) struct DfdxInference<D: Machine> {
    network: Tenant<D, Answering<D>>,
    features: NodeId,
    output: NodeId,
}

impl<D: Machine> DfdxInference<D> {
    pub(super) fn new(
        thread: &std::sync::Arc<DeviceThread<D>>,
        graph: &Graph,
        weights: &Weights,
    ) -> Result<Self, BackendError> {
        let route = Route::new(graph)?;
        let (features, output) = (graph.features, graph.nodes.len() - 1);
        let (graph, weights) = (graph.clone(), weights.clone());
        let network = thread.place(move |device| Answering::new(device, graph, route, &weights))?;
        Ok(Self { network, features, output })
    }

    fn run(&self, input: &[f32], items: usize, until: NodeId) -> Result<Vec<f32>, BackendError> {
        let input = input.to_vec();
        self.network.call(move |network, tables| network.run(tables, &input, items, until))
    }
}

impl<D: Machine> InferenceDevice for DfdxInference<D> {
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.run(input, items, self.output)
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        self.run(input, items, self.features)
    }
}
