//! A backend written outside the engine: a table entry is all that it takes to be opened by name, to infer and to train,
//! and the contract's checks hold for it without a line of its own.

use std::sync::Arc;

use affekt_engine::backend::{
    ArithmeticChoice, Availability, BACKENDS, Backend, BackendEntry, BackendError, BackendInfo, BackendSpec,
    Device, InferenceDevice, NetworkState, Slot, TrainingDevice, TrainingPass, UpdateRule, WeightSet,
    open_in,
};
use affekt_engine::learn::{Optimiser, cross_entropy, gradient_step, one_hot};
use affekt_engine::net::{Graph, GraphBuilder, HostTensor, Shape, Weights};

const INPUTS: usize = 3;
const CLASSES: usize = 2;

/// One linear layer in plain loops, and no other graph.
#[derive(Debug, Clone, Copy)]
struct Linear;

struct LinearNetwork {
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

const ENTRY: BackendEntry = BackendEntry {
    name: "linear",
    about: "one linear layer in plain loops",
    arithmetics: &[ArithmeticChoice::Single],
    has_adapters: false,
    availability: || Availability { available: true, note: "always there".into() },
    open: |_| Ok(Arc::new(Linear)),
};

fn graph() -> Graph {
    let mut g = GraphBuilder::new(Shape { h: 1, w: 1, c: INPUTS });
    g.linear("fc", 0, CLASSES);
    g.finish(0)
}

fn open(name: &str) -> Arc<dyn Backend> {
    let table = [BACKENDS, &[ENTRY]].concat();
    let spec = BackendSpec { name: name.into(), ..BackendSpec::default() };
    open_in(&table, &spec).expect("it is in the table")
}

const INPUT: [f32; 4 * INPUTS] = [1.0, 0.0, 0.5, -1.0, 0.5, 0.0, 2.0, 1.0, 0.0, -1.5, 0.0, 1.0];

#[test]
fn it_infers_and_trains_as_the_cpu_backend_does() {
    let (graph, labels) = (graph(), [0, 1, 0, 1]);
    let weights = Weights::initial(&graph, 1);
    let [ours, theirs] = ["linear", "cpu"].map(|name| {
        let backend = open(name);
        assert_eq!(backend.name(), name);
        let mut network = backend.training(&graph, &weights).expect("fitting weights");
        let optimiser = Optimiser { momentum: 0.0, weight_decay: 0.0, ..Optimiser::default() };
        let mut losses = vec![];
        for _ in 0..30 {
            let logits = network.forward(&INPUT, 4, TrainingPass::Train).expect("logits");
            let loss = cross_entropy(&logits, &one_hot(&labels, CLASSES, 0.0), None, CLASSES);
            losses.push(loss.value);
            let rule =
                |scale| UpdateRule::Sgd { learning_rate: 0.5, momentum: 0.0, weight_decay: 0.0, scale };
            gradient_step(network.as_mut(), &loss, Slot::First, optimiser.clip, rule)
                .expect("a step")
                .expect("a finite gradient");
        }
        assert!(losses[29] < 0.5 * losses[0], "{name} does not learn: {losses:?}");
        let learned = network.weights(WeightSet::Current).expect("weights");
        let mut answering = backend.inference(&graph, &learned).expect("fitting weights");
        answering.forward(&INPUT, 4).expect("logits")
    });
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!((ours - theirs).abs() < 1e-4, "{ours} {theirs}");
    }
}

#[test]
fn the_shell_refuses_wrong_calls_to_it() {
    let (backend, graph) = (open("linear"), graph());
    let weights = Weights::initial(&graph, 1);
    affekt_tests::contract::assert_refusals("linear", &*backend, &graph, &weights);
}

#[test]
fn a_name_that_is_not_in_the_table_is_answered_with_those_that_are() {
    let spec = BackendSpec { name: "lineal".into(), ..BackendSpec::default() };
    let error = open_in(&[ENTRY], &spec).err().expect("no such backend");
    assert!(matches!(error, BackendError::Spec(_)));
    assert_eq!(error.to_string(), "no backend is called `lineal`; there are: linear, auto");
}

#[test]
fn what_a_backend_has_not_is_asked_of_those_that_have_it() {
    let table = [BACKENDS, &[ENTRY]].concat();
    let spec = BackendSpec { name: "linear".into(), ..BackendSpec::default() };
    let error = |spec: &BackendSpec| open_in(&table, spec).err().expect("a contradiction").to_string();
    let adapter = BackendSpec { adapter: Some("0".into()), ..spec.clone() };
    assert_eq!(
        error(&adapter),
        "an adapter (`0`) names a GPU, but backend `linear` has none; use `--backend wgpu`"
    );
    let half = BackendSpec { arithmetic: Some(ArithmeticChoice::Half), ..spec };
    assert_eq!(error(&half), "backend `linear` has no arithmetic `half`; use `--backend wgpu`");
}

#[test]
fn auto_falls_back_to_the_first_of_the_table() {
    let spec = BackendSpec { name: "auto".into(), ..BackendSpec::default() };
    let unavailable = BackendEntry {
        name: "broken",
        open: |_| Err(BackendError::Unavailable("nothing is plugged in".into())),
        ..ENTRY
    };
    assert_eq!(open_in(&[ENTRY, unavailable], &spec).expect("the first").name(), "linear");
    assert!(open_in(&[], &spec).is_err());
}
