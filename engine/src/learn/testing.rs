//! A reference network for tests: linear, batch-norm and rectifier layers over flat inputs, computed in `f64` by the
//! definitions, with parameters stored in `f32` as every backend does.

use std::collections::HashMap;

use crate::backend::{
    Backend as _, BackendError, BackendInfo, Device, InferenceDevice, NetworkState, Slot, Training,
    TrainingDevice, TrainingPass, UpdateRule, WeightSet,
};
use crate::net::{Graph, GraphBuilder, HostTensor, Op, ParamId, Shape, Weights};

/// `inputs -> hidden (-> batch-norm) -> relu -> classes`.
pub fn mlp_graph(inputs: usize, hidden: usize, classes: usize, batch_norm: bool) -> Graph {
    let mut g = GraphBuilder::new(Shape { h: 1, w: 1, c: inputs });
    let mut x = g.linear("hidden", 0, hidden);
    if batch_norm {
        x = g.batch_norm("bn", x);
    }
    let features = g.relu(x);
    g.linear("fc", features, classes);
    g.finish(features)
}

/// A [`Reference`] with initial weights, behind its contract.
pub fn mlp(graph: &Graph, seed: u64) -> Box<dyn Training> {
    ReferenceBackend.training(graph, &Weights::initial(graph, seed)).expect("the graph's own weights")
}

/// What makes [`Reference`]s.
pub struct ReferenceBackend;

impl BackendInfo for ReferenceBackend {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn describe(&self) -> String {
        "f64 by the definitions".into()
    }

    fn is_processor(&self) -> bool {
        true
    }
}

impl Device for ReferenceBackend {
    type Inference = Reference;
    type Training = Reference;

    fn place_inference(&self, graph: &Graph, weights: &Weights) -> Result<Reference, BackendError> {
        Ok(Reference::new(graph, weights.clone()))
    }

    fn place_training(&self, graph: &Graph, weights: &Weights) -> Result<Reference, BackendError> {
        Ok(Reference::new(graph, weights.clone()))
    }
}

type Rows = Vec<f64>;

/// What backward needs of one forward pass: each node's output, and the normalised values and deviations.
struct Kept {
    items: usize,
    outputs: Vec<Rows>,
    normalised: HashMap<usize, (Rows, Rows)>,
}

/// The network.
pub struct Reference {
    graph: Graph,
    state: NetworkState,
    kept: Option<Kept>,
    slots: HashMap<Slot, Weights>,
}

impl Reference {
    pub fn new(graph: &Graph, weights: Weights) -> Self {
        let state = NetworkState { weights, ..NetworkState::default() };
        Self { graph: graph.clone(), state, kept: None, slots: HashMap::new() }
    }

    fn name(&self, id: ParamId) -> &str {
        &self.graph.params[id].name
    }

    fn param(&self, id: ParamId) -> Rows {
        self.state.weights.get(self.name(id)).iter().map(|&v| f64::from(v)).collect()
    }

    fn set_running(&mut self, id: ParamId, momentum: f64, batch: &[f64]) {
        let name = self.name(id).to_string();
        let tensor = self.state.weights.tensors.get_mut(&name).expect("a checked graph");
        for (value, now) in tensor.data.iter_mut().zip(batch) {
            *value = ((1.0 - momentum) * f64::from(*value) + momentum * now) as f32;
        }
    }

    /// A pass; without one, by running statistics.
    fn run(&mut self, input: &[f32], items: usize, pass: Option<TrainingPass>) -> Kept {
        let mut kept = Kept { items, outputs: vec![], normalised: HashMap::new() };
        for (id, node) in self.graph.nodes.clone().iter().enumerate() {
            let x = node.inputs.first().map(|&n| kept.outputs[n].clone()).unwrap_or_default();
            let out = node.shape.c;
            kept.outputs.push(match node.op {
                Op::Input => input.iter().map(|&v| f64::from(v)).collect(),
                // Unlike `max`, this lets through what is not a number, as PyTorch does.
                Op::Relu => x.iter().map(|&v| if v <= 0.0 { 0.0 } else { v }).collect(),
                Op::Linear { weight, bias } => linear(&x, &self.param(weight), &self.param(bias)),
                Op::BatchNorm { scale, shift, mean, variance, epsilon, momentum } => {
                    let (m, v) = if pass.is_none() {
                        (self.param(mean), self.param(variance))
                    } else {
                        moments(&x, out)
                    };
                    if pass == Some(TrainingPass::Train) {
                        let unbiased = items as f64 / (items as f64 - 1.0).max(1.0);
                        let variances: Rows = v.iter().map(|v| v * unbiased).collect();
                        self.set_running(mean, f64::from(momentum), &m);
                        self.set_running(variance, f64::from(momentum), &variances);
                    }
                    let deviation: Rows = v.iter().map(|v| (v + f64::from(epsilon)).sqrt()).collect();
                    let (scale, shift) = (self.param(scale), self.param(shift));
                    let unit: Rows =
                        x.iter().enumerate().map(|(i, x)| (x - m[i % out]) / deviation[i % out]).collect();
                    let y =
                        unit.iter().enumerate().map(|(i, u)| scale[i % out] * u + shift[i % out]).collect();
                    kept.normalised.insert(id, (unit, deviation));
                    y
                }
                op => unreachable!("{} is not part of the reference network", op.name()),
            });
        }
        kept
    }
}

impl Reference {
    fn flat(&self, weights: &Weights, trained: bool) -> Vec<f32> {
        let params = self.graph.params.iter().filter(|p| p.kind.is_trained() == trained);
        params.flat_map(|p| weights.get(&p.name).to_vec()).collect()
    }

    fn set_flat(&self, weights: &mut Weights, flat: &[f32], trained: bool) {
        let mut rest = flat;
        for spec in self.graph.params.iter().filter(|p| p.kind.is_trained() == trained) {
            let (data, behind) = rest.split_at(spec.len());
            weights
                .tensors
                .insert(spec.name.clone(), HostTensor { shape: spec.shape.clone(), data: data.to_vec() });
            rest = behind;
        }
    }
}

fn linear(x: &[f64], weight: &[f64], bias: &[f64]) -> Rows {
    let inputs = weight.len() / bias.len();
    let row = |x: &[f64], o: usize| -> f64 {
        bias[o] + x.iter().zip(&weight[o * inputs..]).map(|(x, w)| x * w).sum::<f64>()
    };
    x.chunks_exact(inputs).flat_map(|x| (0..bias.len()).map(move |o| row(x, o))).collect()
}

fn moments(x: &[f64], c: usize) -> (Rows, Rows) {
    let n = (x.len() / c) as f64;
    let (mut mean, mut variance) = (vec![0.0; c], vec![0.0; c]);
    x.iter().enumerate().for_each(|(i, v)| mean[i % c] += v / n);
    x.iter().enumerate().for_each(|(i, v)| variance[i % c] += (v - mean[i % c]).powi(2) / n);
    (mean, variance)
}

fn to_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

impl InferenceDevice for Reference {
    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        let kept = self.run(input, items, None);
        Ok(to_f32(kept.outputs.last().expect("a graph has nodes")))
    }

    fn features(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        let kept = self.run(input, items, None);
        Ok(to_f32(&kept.outputs[self.graph.features]))
    }
}

impl TrainingDevice for Reference {
    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        let kept = self.run(input, items, Some(pass));
        let logits = to_f32(kept.outputs.last().expect("a graph has nodes"));
        self.kept = (pass == TrainingPass::Train).then_some(kept);
        Ok(logits)
    }

    /// There is no dropout here.
    fn set_dropout_seed(&mut self, _seed: u64) {}

    fn backward(&mut self, d_logits: &[f32], _items: usize, slot: Slot) -> Result<(), BackendError> {
        let kept = self.kept.take().expect("the shell asks for a pass first");
        let mut gradient = Weights::default();
        let mut put = |id: ParamId, values: &[f64]| {
            let spec = &self.graph.params[id];
            let tensor = HostTensor { shape: spec.shape.clone(), data: to_f32(values) };
            gradient.tensors.insert(spec.name.clone(), tensor);
        };
        let mut d: Rows = d_logits.iter().map(|&v| f64::from(v)).collect();
        for (id, node) in self.graph.nodes.iter().enumerate().rev() {
            let Some(&before) = node.inputs.first() else { break };
            let x = &kept.outputs[before];
            match node.op {
                Op::Relu => d.iter_mut().zip(x).for_each(|(d, x)| *d *= f64::from(u8::from(*x > 0.0))),
                Op::Linear { weight, bias } => {
                    let w = self.param(weight);
                    let outputs = node.shape.c;
                    let inputs = w.len() / outputs;
                    let (mut dw, mut db) = (vec![0.0; w.len()], vec![0.0; outputs]);
                    let mut dx = vec![0.0; x.len()];
                    for i in 0..kept.items {
                        for o in 0..outputs {
                            let g = d[i * outputs + o];
                            db[o] += g;
                            for k in 0..inputs {
                                dw[o * inputs + k] += g * x[i * inputs + k];
                                dx[i * inputs + k] += g * w[o * inputs + k];
                            }
                        }
                    }
                    put(weight, &dw);
                    put(bias, &db);
                    d = dx;
                }
                Op::BatchNorm { scale, shift, .. } => {
                    let (unit, deviation) = &kept.normalised[&id];
                    let (c, n) = (node.shape.c, kept.items as f64);
                    let (mut d_scale, mut d_shift) = (vec![0.0; c], vec![0.0; c]);
                    for (i, d) in d.iter().enumerate() {
                        d_scale[i % c] += d * unit[i];
                        d_shift[i % c] += d;
                    }
                    let gamma = self.param(scale);
                    for (i, d) in d.iter_mut().enumerate() {
                        let k = i % c;
                        *d = gamma[k] / deviation[k] * (*d - d_shift[k] / n - unit[i] * d_scale[k] / n);
                    }
                    put(scale, &d_scale);
                    put(shift, &d_shift);
                }
                _ => unreachable!("refused in forward"),
            }
        }
        self.slots.insert(slot, gradient);
        Ok(())
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        let (a, b) = (&self.slots[&a], &self.slots[&b]);
        let pairs = a.tensors.iter().flat_map(|(name, t)| t.data.iter().zip(b.get(name)));
        Ok(pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum())
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        let gradient = self.slots[&slot].clone();
        for spec in self.graph.params.iter().filter(|p| p.kind.is_trained()) {
            let zeros = || HostTensor { shape: spec.shape.clone(), data: vec![0.0; spec.len()] };
            let weights = self.state.weights.tensors.get_mut(&spec.name).expect("a checked graph");
            let first = self.state.momentum.tensors.entry(spec.name.clone()).or_insert_with(zeros);
            let moved = first.data.iter_mut().zip(&mut weights.data).zip(gradient.get(&spec.name));
            let decay = if spec.kind.is_decayed() { 1.0 } else { 0.0 };
            match *rule {
                UpdateRule::Sgd { learning_rate, momentum, weight_decay, scale } => {
                    for ((v, p), g) in moved {
                        *v = momentum * *v + (scale * g + decay * weight_decay * *p);
                        *p -= learning_rate * *v;
                    }
                }
                UpdateRule::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step } => {
                    let second =
                        self.state.second_moment.tensors.entry(spec.name.clone()).or_insert_with(zeros);
                    let unbias = |beta: f32| 1.0 - beta.powi(step as i32);
                    for (((m, p), g), v) in moved.zip(&mut second.data) {
                        *m = beta1 * *m + (1.0 - beta1) * scale * g;
                        *v = beta2 * *v + (1.0 - beta2) * (scale * g).powi(2);
                        *p *= 1.0 - learning_rate * decay * weight_decay;
                        *p -= learning_rate * (*m / unbias(beta1)) / ((*v / unbias(beta2)).sqrt() + epsilon);
                    }
                }
            }
        }
        Ok(())
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        let current = &self.state.weights;
        let Some(average) = &mut self.state.average else {
            self.state.average = Some(current.clone());
            return Ok(());
        };
        for (name, tensor) in &mut average.tensors {
            tensor
                .data
                .iter_mut()
                .zip(current.get(name))
                .for_each(|(a, c)| *a = decay * *a + (1.0 - decay) * c);
        }
        Ok(())
    }

    fn read_gradient(&self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        Ok(self.flat(&self.slots[&slot], true))
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        let mut weights = Weights::default();
        self.set_flat(&mut weights, gradient, true);
        self.slots.insert(slot, weights);
        Ok(())
    }

    fn read_statistics(&self) -> Result<Vec<f32>, BackendError> {
        Ok(self.flat(&self.state.weights, false))
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        let mut weights = std::mem::take(&mut self.state.weights);
        self.set_flat(&mut weights, statistics, false);
        self.state.weights = weights;
        Ok(())
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        Ok(match which {
            WeightSet::Current => self.state.weights.clone(),
            WeightSet::Ema => self.state.average.clone().expect("the shell asks whether there is one"),
        })
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        Ok(self.state.clone())
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        self.state = state.clone();
        (self.kept, self.slots) = (None, HashMap::new());
        Ok(())
    }
}
