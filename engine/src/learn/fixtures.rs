//! Small batches, settings and trainers that several tests share.

use super::testing::mlp;
use super::{Schedule, SemiSupervised, Settings, TrainBatch};
use crate::backend::Input;
use crate::net::Graph;
use crate::random::{Address, Purpose, Random};

pub const INPUTS: usize = 6;
pub const CLASSES: usize = 3;

pub fn random(item: u64) -> Random {
    Address { seed: 3, purpose: Purpose::Synthesis, step: 0, item }.rng()
}

pub fn normals(item: u64, len: usize) -> Vec<f32> {
    let mut rng = random(item);
    (0..len).map(|_| rng.normal()).collect()
}

/// Three blobs: the first inputs say the class, the others are noise.
pub fn blobs(item: u64, count: usize) -> (Vec<f32>, Vec<usize>) {
    let labels: Vec<usize> = (0..count).map(|i| i % CLASSES).collect();
    let mut inputs = normals(item, count * INPUTS);
    for (row, &label) in inputs.chunks_exact_mut(INPUTS).zip(&labels) {
        row[label] += 2.5;
    }
    (inputs, labels)
}

pub fn batch(item: u64) -> TrainBatch {
    let (labelled, labels) = blobs(100 + item, 9);
    let (weak, _) = blobs(200 + item, 12);
    let strong = weak.iter().zip(normals(300 + item, weak.len())).map(|(w, n)| w + 0.5 * n).collect();
    let [labelled, weak, strong] = [labelled, weak, strong].map(Input::from);
    TrainBatch { labelled, labels, targets: None, weak, strong }
}

/// Plain gradient descent without warm-ups, decay or clipping.
pub fn plain() -> Settings {
    let mut s =
        Settings { steps: 1000, teacher_warm_up_steps: 0, student_wait_steps: 0, ..Settings::default() };
    s.batch = 9;
    s.unlabelled_batch = 12;
    s.optimiser.momentum = 0.0;
    s.optimiser.weight_decay = 0.0;
    s.optimiser.clip = 0.0;
    s.optimiser.schedule = Schedule::Constant;
    s
}

pub fn trainer(graph: &Graph, settings: &Settings) -> SemiSupervised {
    SemiSupervised::new(mlp(graph, 1), mlp(graph, 2), settings.clone()).expect("valid settings")
}

pub fn feedback_of(trainer: &mut SemiSupervised, batch: &TrainBatch) -> f64 {
    trainer.step(batch).expect("a step").feedback.expect("feedback is on")
}
