//! A backend of one's own: a table entry is all that it takes to be opened by name, to infer and to train.
//! `cargo run --release -p affekt-engine --example own_backend`
#![allow(dead_code, missing_docs, reason = "an example, of which tests take a part")]

use std::sync::Arc;

use affekt_engine::backend::{
    ArithmeticChoice, Availability, BACKENDS, BackendEntry, BackendError, BackendInfo, BackendSpec, Device,
    InferenceDevice, NetworkState, Slot, TrainingDevice, TrainingPass, UpdateRule, WeightSet, open_in,
};
use affekt_engine::net::{Graph, GraphBuilder, HostTensor, Shape, Weights};

pub const INPUTS: usize = 3;
pub const CLASSES: usize = 2;

/// One linear layer in plain loops, and no other graph.
#[derive(Debug, Clone, Copy)]
pub struct Linear;

pub struct LinearNetwork {
    /// `classes x inputs`, then a bias a class.
    weights: Vec<f32>,
    input: Vec<f32>,
    gradients: [Vec<f32>; 2],
    average: Vec<f32>,
}

fn named(flat: &[f32]) -> Weights {
    let (weight, bias) = flat.split_at(CLASSES * INPUTS);
    let tensor = |shape: &[usize], data: &[f32]| HostTensor { shape: shape.to_vec(), data: data.to_vec() };
    let tensors = [
        ("fc.weight".to_owned(), tensor(&[CLASSES, INPUTS], weight)),
        ("fc.bias".to_owned(), tensor(&[CLASSES], bias)),
    ];
    Weights { tensors: tensors.into_iter().collect() }
}

impl LinearNetwork {
    fn new(weights: &Weights) -> Self {
        let weights = [weights.get("fc.weight"), weights.get("fc.bias")].concat();
        Self { weights, input: vec![], gradients: [vec![], vec![]], average: vec![] }
    }

    fn logits(&self, input: &[f32]) -> Vec<f32> {
        let (weight, bias) = self.weights.split_at(CLASSES * INPUTS);
        let dot = |row: &[f32], w: &[f32]| row.iter().zip(w).map(|(a, b)| a * b).sum::<f32>();
        let answer = |row| weight.chunks(INPUTS).zip(bias).map(move |(w, b)| dot(row, w) + b);
        input.chunks(INPUTS).flat_map(answer).collect()
    }
}

impl InferenceDevice for LinearNetwork {
    fn forward(&mut self, input: &[f32], _items: usize) -> Result<Vec<f32>, BackendError> {
        Ok(self.logits(input))
    }

    fn features(&mut self, input: &[f32], _items: usize) -> Result<Vec<f32>, BackendError> {
        Ok(input.to_vec())
    }
}

impl TrainingDevice for LinearNetwork {
    fn forward(&mut self, input: &[f32], _: usize, _: TrainingPass) -> Result<Vec<f32>, BackendError> {
        self.input = input.to_vec();
        Ok(self.logits(input))
    }

    fn set_dropout_seed(&mut self, _seed: u64) {}

    fn backward(&mut self, d_logits: &[f32], _items: usize, slot: Slot) -> Result<(), BackendError> {
        let mut gradient = vec![0.0; self.weights.len()];
        for (row, d) in self.input.chunks(INPUTS).zip(d_logits.chunks(CLASSES)) {
            for (class, d) in d.iter().enumerate() {
                for (k, x) in row.iter().enumerate() {
                    gradient[class * INPUTS + k] += d * x;
                }
                gradient[CLASSES * INPUTS + class] += d;
            }
        }
        self.gradients[slot as usize] = gradient;
        Ok(())
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        let pairs = self.gradients[a as usize].iter().zip(&self.gradients[b as usize]);
        Ok(pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        let UpdateRule::Sgd { learning_rate, scale, .. } = *rule else {
            return Err(BackendError::Unavailable("this backend knows plain gradient descent only".into()));
        };
        let moved = self.weights.iter_mut().zip(&self.gradients[slot as usize]);
        moved.for_each(|(w, g)| *w -= learning_rate * scale * g);
        Ok(())
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        if self.average.is_empty() {
            self.average.clone_from(&self.weights);
        }
        let pairs = self.average.iter_mut().zip(&self.weights);
        pairs.for_each(|(a, w)| *a = decay * *a + (1.0 - decay) * w);
        Ok(())
    }

    fn read_gradient(&self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        Ok(self.gradients[slot as usize].clone())
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        self.gradients[slot as usize] = gradient.to_vec();
        Ok(())
    }

    fn read_statistics(&self) -> Result<Vec<f32>, BackendError> {
        Ok(vec![])
    }

    fn write_statistics(&mut self, _statistics: &[f32]) -> Result<(), BackendError> {
        Ok(())
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        Ok(named(if which == WeightSet::Ema { &self.average } else { &self.weights }))
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        let average = (!self.average.is_empty()).then(|| named(&self.average));
        Ok(NetworkState { weights: named(&self.weights), average, ..NetworkState::default() })
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        *self = Self::new(&state.weights);
        Ok(())
    }
}

impl BackendInfo for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn describe(&self) -> String {
        "one linear layer in plain loops".into()
    }

    fn is_processor(&self) -> bool {
        true
    }
}

impl Device for Linear {
    type Inference = LinearNetwork;
    type Training = LinearNetwork;

    fn place_inference(&self, _: &Graph, weights: &Weights) -> Result<LinearNetwork, BackendError> {
        Ok(LinearNetwork::new(weights))
    }

    fn place_training(&self, _: &Graph, weights: &Weights) -> Result<LinearNetwork, BackendError> {
        Ok(LinearNetwork::new(weights))
    }
}

pub const ENTRY: BackendEntry = BackendEntry {
    name: "linear",
    about: "one linear layer in plain loops",
    arithmetics: &[ArithmeticChoice::Single],
    has_adapters: false,
    availability: || Availability { available: true, note: "always there".into() },
    open: |_| Ok(Arc::new(Linear)),
};

pub fn graph() -> Graph {
    let mut g = GraphBuilder::new(Shape { h: 1, w: 1, c: INPUTS });
    g.linear("fc", 0, CLASSES);
    g.finish(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = [BACKENDS, &[ENTRY]].concat();
    let backend = open_in(&table, &BackendSpec { name: "linear".into(), ..BackendSpec::default() })?;
    let (graph, input) = (graph(), [1.0, 0.0, 0.5, -1.0, 0.5, 0.0]);
    let mut network = backend.training(&graph, &Weights::initial(&graph, 1))?;
    for step in 0..5 {
        let logits = network.forward(&input, 2, TrainingPass::Train)?;
        println!("step {step}: {logits:.3?}");
        // Towards the first class for the first item, the second for the second.
        network.backward(&[-0.5, 0.5, 0.5, -0.5], Slot::First)?;
        let rule = UpdateRule::Sgd { learning_rate: 0.5, momentum: 0.0, weight_decay: 0.0, scale: 1.0 };
        network.update(Slot::First, &rule)?;
    }
    Ok(())
}
