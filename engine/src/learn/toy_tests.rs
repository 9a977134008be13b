//! The whole method on a problem small enough for a test: few labels, many unlabelled points, and a strong view that
//! changes what does not matter.

use super::testing::{ReferenceBackend, mlp, mlp_graph};
use super::*;
use crate::backend::{Backend as _, WeightSet};
use crate::net::Graph;
use crate::random::{Address, Purpose, Random};

const CLASSES: usize = 3;
/// The first two inputs say the class, the others are noise.
const TELLING: usize = 2;
const INPUTS: usize = 12;
const LABELS: usize = 9;
const POOL: usize = 600;
const U: usize = 48;

struct Problem {
    seed: u64,
    labelled: (Vec<f32>, Vec<usize>),
    pool: Vec<f32>,
    test: (Vec<f32>, Vec<usize>),
}

impl Problem {
    fn new(seed: u64) -> Self {
        let blobs = |item, count: usize| {
            let mut rng = Address { seed, purpose: Purpose::Synthesis, step: 0, item }.rng();
            let labels: Vec<usize> = (0..count).map(|i| i % CLASSES).collect();
            let mut inputs = vec![];
            for &label in &labels {
                let angle = std::f32::consts::TAU * label as f32 / CLASSES as f32;
                let centre = [2.5 * angle.cos(), 2.5 * angle.sin()];
                inputs.extend((0..INPUTS).map(|k| centre.get(k).copied().unwrap_or(0.0) + rng.normal()));
            }
            (inputs, labels)
        };
        Self { seed, labelled: blobs(1, LABELS), pool: blobs(2, POOL).0, test: blobs(3, 900) }
    }

    fn batch(&self, step: u64) -> TrainBatch {
        let rng = |purpose| Address { seed: self.seed, purpose, step, item: 0 }.rng();
        let jitter = |points: &[f32], rng: &mut Random| -> Vec<f32> {
            points.iter().map(|v| v + 0.1 * rng.normal()).collect()
        };
        let mut draw = rng(Purpose::SampleUnlabelled);
        let points: Vec<f32> = (0..U)
            .flat_map(|_| {
                let start = draw.below(POOL) * INPUTS;
                &self.pool[start..start + INPUTS]
            })
            .copied()
            .collect();
        let mut redraw = rng(Purpose::AugmentStrong);
        let strong: Vec<f32> = points
            .iter()
            .enumerate()
            .map(|(i, v)| if i % INPUTS < TELLING { v + 0.3 * redraw.normal() } else { redraw.normal() })
            .collect();
        TrainBatch {
            labelled: jitter(&self.labelled.0, &mut rng(Purpose::AugmentLabelled)).into(),
            labels: self.labelled.1.clone(),
            targets: None,
            weak: jitter(&points, &mut rng(Purpose::AugmentWeak)).into(),
            strong: strong.into(),
        }
    }

    /// Macro F1 of the averaged student on the test points after the same number of steps and labels.
    fn score(&self, graph: &Graph, settings: &Settings) -> f64 {
        let mut seed = 10 * self.seed;
        let mut trainer = Trainer::new(settings, |_| {
            seed += 1;
            Ok::<_, LearnError>(mlp(graph, seed))
        })
        .expect("valid settings");
        for step in 0..settings.steps {
            trainer.step(&self.batch(step)).expect("a step");
        }
        let weights = trainer.student().weights(WeightSet::Ema).expect("an average");
        let mut network = ReferenceBackend.inference(graph, &weights).expect("fitting weights");
        let logits = network.forward(&self.test.0, self.test.1.len()).expect("logits");
        let labels: Vec<i64> = self.test.1.iter().map(|&l| l as i64).collect();
        let classes = ["a", "b", "c"].map(String::from);
        EvalReport::new(&logits, &labels, &classes, 1.0).expect("whole").macro_f1
    }
}

#[test]
fn unlabelled_points_help_where_labels_are_few() {
    let graph = mlp_graph(INPUTS, 24, CLASSES, true);
    let mut ssl = Settings {
        steps: 400,
        batch: LABELS,
        unlabelled_batch: U,
        teacher_warm_up_steps: 50,
        student_wait_steps: 50,
        student_view: ViewStrength::Strong,
        ..Settings::default()
    };
    ssl.optimiser.teacher_learning_rate = 0.05;
    ssl.optimiser.student_learning_rate = 0.05;
    let supervised = Settings { method: Method::Supervised, ..ssl.clone() };
    for seed in 1..=3 {
        let problem = Problem::new(seed);
        let [alone, helped] = [&supervised, &ssl].map(|s| problem.score(&graph, s));
        println!("seed {seed}: {alone:.3} {helped:.3}");
        assert!(helped > alone + 0.03, "seed {seed}: supervised {alone:.3}, semi-supervised {helped:.3}");
    }
}
