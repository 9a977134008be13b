//! A network that learns, on the device's thread.

use dfdx::shapes::Axes2;
use dfdx::tensor::{NoneTape, OwnedTape, Tensor};
use dfdx::tensor_ops::{Backward as _, SumTo as _, TryMul as _};

use super::norm::Statistics;
use super::optimiser::{Moments, follow, update};
use super::parameters::{Running, Trained};
use super::route::Route;
use super::rows::{Machine, Outcome, Rows, download, spread_nan, upload};
use super::tables::Tables;
use super::walk::{Walk, Walked};
use crate::backend::{NetworkState, Slot, TrainingPass, UpdateRule, WeightSet};
use crate::net::{Graph, NodeId, Op, Weights};

/// What a batch's channels were, on the host.
struct BatchStatistics {
    node: NodeId,
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl BatchStatistics {
    /// What the device has of each normalisation.
    fn of<D: Machine>(statistics: Vec<(NodeId, Statistics<D>)>) -> Vec<Self> {
        let read = |(node, Statistics { mean, variance }): (NodeId, Statistics<D>)| Self {
            node,
            mean: download(&mean),
            variance: download(&variance),
        };
        statistics.into_iter().map(read).collect()
    }

    fn is_finite(&self) -> bool {
        self.mean.iter().chain(&self.variance).all(|value| value.is_finite())
    }
}

/// What learns.
pub(super) struct Learning<D: Machine> {
    graph: Graph,
    route: Route,
    parameters: Trained<D>,
    running: Running,
    moments: Moments<D>,
    average: Option<(Trained<D>, Running)>,
    gradients: [Option<Trained<D>>; 2],
    /// The logits of the pass whose gradient may be asked for, with their tape.
    kept: Option<Rows<D, OwnedTape<f32, D>>>,
}

impl<D: Machine> Learning<D> {
    pub(super) fn new(device: &D, graph: Graph, route: Route, weights: &Weights) -> Outcome<Self, D> {
        Ok(Self {
            parameters: Trained::from_weights(device, &graph, weights)?,
            running: Running::new(&graph, weights),
            graph,
            route,
            moments: Moments { first: None, second: None },
            average: None,
            gradients: [None, None],
            kept: None,
        })
    }

    /// Logits of a pass. Only a pass whose gradient may be asked for has a tape.
    pub(super) fn forward(
        &mut self,
        tables: &mut Tables<D>,
        (input, items): (&[f32], usize),
        pass: TrainingPass,
        seed: u64,
    ) -> Outcome<Vec<f32>, D> {
        // The tape of the pass before holds its activations.
        self.kept = None;
        let Self { graph, route, parameters: trained, .. } = self;
        let last = graph.nodes.len() - 1;
        let walk = Walk { graph, route, trained, tables, items, folded: None, seed: None };
        let (mut logits, statistics) = match pass {
            TrainingPass::Probe => {
                let Walked { output, statistics } = walk.run::<NoneTape>(input, last)?;
                (download(&output), BatchStatistics::of(statistics))
            }
            TrainingPass::Train => {
                let walk = Walk { seed: Some(seed), ..walk };
                let Walked { output, statistics } = walk.run::<OwnedTape<f32, D>>(input, last)?;
                let statistics = BatchStatistics::of(statistics);
                // A batch with a non-finite value moves nothing: the step it belongs to is skipped, and the statistics would
                // never recover.
                if statistics.iter().all(BatchStatistics::is_finite) {
                    for batch in &statistics {
                        self.move_running(items, batch);
                    }
                }
                let logits = download(&output.retaped::<NoneTape>());
                self.kept = Some(output);
                (logits, statistics)
            }
        };
        spread_nan(input, &mut logits, items);
        // What is no number inside is seen by the next normalisation, which spreads it to all items.
        if !statistics.iter().all(BatchStatistics::is_finite) {
            logits.fill(f32::NAN);
        }
        Ok(logits)
    }

    /// Moves a normalisation's running statistics towards a batch's.
    fn move_running(&mut self, items: usize, batch: &BatchStatistics) {
        let node = &self.graph.nodes[batch.node];
        let Op::BatchNorm { mean, variance, momentum, .. } = node.op else { return };
        let rows = items * node.shape.pixels();
        let unbias = rows as f32 / (rows.max(2) - 1) as f32;
        self.running.follow(mean, batch.mean.iter().copied(), momentum);
        self.running.follow(variance, batch.variance.iter().map(|value| value * unbias), momentum);
    }

    /// The gradient of the pass that was kept into a slot.
    pub(super) fn backward(
        &mut self,
        device: &D,
        (d_logits, items): (&[f32], usize),
        slot: Slot,
    ) -> Outcome<(), D> {
        let Some(logits) = self.kept.take() else { return Ok(()) };
        let shape = self.graph.output();
        let d_logits = upload(device, (items * shape.pixels(), shape.c), d_logits)?;
        // A scalar whose gradient with respect to the logits is the one that was given.
        let scalar: Tensor<(), f32, D, _> = logits.try_mul(d_logits)?.try_sum::<(), Axes2<0, 1>>()?;
        let mut found = scalar.try_backward()?;
        let mut gradient = Trained { tensors: std::collections::BTreeMap::new() };
        for (id, parameter) in &self.parameters.tensors {
            // Of a parameter that the logits do not depend on there is none yet: zeros.
            found.try_alloc_for(parameter)?;
            gradient.tensors.insert(*id, found.get(parameter));
        }
        self.gradients[slot as usize] = Some(gradient);
        Ok(())
    }

    /// The gradient in a slot, flat; zeros where there is none, which the shell around every network never asks for.
    pub(super) fn gradient(&self, slot: Slot) -> Vec<f32> {
        let gradient = self.gradients[slot as usize].as_ref();
        gradient.map_or_else(|| vec![0.0; self.graph.trained_values()], |gradient| gradient.flat(&self.graph))
    }

    pub(super) fn write_gradient(&mut self, device: &D, slot: Slot, flat: &[f32]) -> Outcome<(), D> {
        self.gradients[slot as usize] = Some(Trained::from_flat(device, &self.graph, flat)?);
        Ok(())
    }

    /// On the host, because its sum is to be in `f64`, which dfdx has on CUDA by a compiler at run time only.
    pub(super) fn dot(&self, a: Slot, b: Slot) -> f64 {
        let products = self.gradient(a).into_iter().zip(self.gradient(b));
        products.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
    }

    pub(super) fn update(&mut self, device: &D, slot: Slot, rule: &UpdateRule) -> Outcome<(), D> {
        let Some(gradient) = &self.gradients[slot as usize] else { return Ok(()) };
        update((device, &self.graph), &mut self.parameters, &mut self.moments, gradient, rule)
    }

    pub(super) fn track_average(&mut self, decay: f32) -> Outcome<(), D> {
        if let Some((trained, running)) = &mut self.average {
            running.average(&self.running, decay);
            return follow(trained, &self.parameters, decay);
        }
        self.average = Some((self.parameters.clone(), self.running.clone()));
        Ok(())
    }

    pub(super) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// A copy of the weights; of an average that is not tracked, of the weights themselves.
    pub(super) fn weights(&self, which: WeightSet) -> Weights {
        let average = self.average.as_ref().filter(|_| which == WeightSet::Ema);
        let (trained, running) =
            average.map_or((&self.parameters, &self.running), |(trained, running)| (trained, running));
        self.named(trained, Some(running))
    }

    fn named(&self, tensors: &Trained<D>, running: Option<&Running>) -> Weights {
        let mut weights = Weights::default();
        tensors.add_to(&self.graph, &mut weights);
        if let Some(running) = running {
            running.add_to(&self.graph, &mut weights);
        }
        weights
    }

    pub(super) fn state(&self) -> NetworkState {
        let moments = |moments: &Option<Trained<D>>| {
            moments.as_ref().map(|moments| self.named(moments, None)).unwrap_or_default()
        };
        NetworkState {
            weights: self.weights(WeightSet::Current),
            momentum: moments(&self.moments.first),
            second_moment: moments(&self.moments.second),
            average: self.average.as_ref().map(|_| self.weights(WeightSet::Ema)),
        }
    }

    /// Replaces everything by a state that fits; nothing is changed where the device fails.
    pub(super) fn restore(&mut self, device: &D, state: &NetworkState) -> Outcome<(), D> {
        let graph = &self.graph;
        let placed = |weights: &Weights| Trained::from_weights(device, graph, weights);
        let moments = |weights: &Weights| {
            if weights.tensors.is_empty() { Ok(None) } else { placed(weights).map(Some) }
        };
        let parameters = placed(&state.weights)?;
        let moments = Moments { first: moments(&state.momentum)?, second: moments(&state.second_moment)? };
        let average = match &state.average {
            Some(average) => Some((placed(average)?, Running::new(graph, average))),
            None => None,
        };
        let running = Running::new(graph, &state.weights);
        (self.parameters, self.moments, self.average, self.running) = (parameters, moments, average, running);
        (self.gradients, self.kept) = ([None, None], None);
        Ok(())
    }
}
