//! Ten semi-supervised steps of two small networks, for backends whose records must tell the same.

use affekt_engine::backend::Backend;
use affekt_engine::learn::{Feedback, LabelKind, SemiSupervised, Settings, StepRecord, TrainBatch};
use affekt_engine::net::{Graph, Weights};

use crate::cases::{convolutions, noise};

/// Labelled pictures of a step, and as many unlabelled ones.
pub const BATCH: usize = 8;

/// Convolutions with batch normalisation, a sum, rectifiers and a classifier of three classes.
pub fn graph() -> Graph {
    convolutions().swap_remove(1).1
}

/// A short warm-up, then everything at work.
pub fn settings() -> Settings {
    let mut settings = Settings {
        steps: 1000,
        batch: BATCH,
        unlabelled_batch: BATCH,
        teacher_warm_up_steps: 2,
        student_wait_steps: 3,
        teacher_ema: true,
        ..Settings::default()
    };
    settings.losses.feedback = Feedback::Exact;
    // Soft labels, because a hard one may fall either way where two classes are level.
    settings.pseudo_labels.kind = LabelKind::Soft;
    settings.pseudo_labels.temperature = 0.5;
    settings.optimiser.teacher_learning_rate = 0.01;
    settings.optimiser.student_learning_rate = 0.01;
    settings
}

/// Ten steps over batches.
///
/// # Panics
/// A step fails.
pub fn ten_steps(
    backend: &dyn Backend,
    graph: &Graph,
    settings: &Settings,
    batch: impl Fn(u64) -> TrainBatch,
) -> Vec<StepRecord> {
    let network = |seed| backend.training(graph, &Weights::initial(graph, seed)).expect("a network");
    let mut learner = SemiSupervised::new(network(1), network(2), settings.clone()).expect("valid settings");
    (0..10).map(|step| learner.step(&batch(step)).expect("a step")).collect()
}

/// A batch of noise for [`graph`].
pub fn noise_batch(step: u64) -> TrainBatch {
    noise_batch_for(&graph(), step)
}

/// A batch of noise for a graph of three classes or more.
pub fn noise_batch_for(graph: &Graph, step: u64) -> TrainBatch {
    let input = |item| noise(BATCH * graph.input().len(), item).into();
    TrainBatch {
        labelled: input(3 * step),
        labels: (0..BATCH).map(|i| i % 3).collect(),
        targets: None,
        weak: input(3 * step + 1),
        strong: input(3 * step + 2),
    }
}

/// Compares what steps told: losses and norms within `tolerance` of a value or of `least`, whichever is larger, and cosines within
/// `tolerance`.
///
/// # Panics
/// One differs by more, is missing on one side, or there are too few to compare.
pub fn assert_same_steps(
    what: &str,
    got: &[StepRecord],
    expected: &[StepRecord],
    (tolerance, least): (f64, f64),
) {
    let mut compared = 0;
    for (got, expected) in got.iter().zip(expected) {
        let pairs = [
            ("supervised loss", got.loss_supervised, expected.loss_supervised, least),
            ("consistency loss", got.loss_consistency, expected.loss_consistency, least),
            ("student's loss", got.loss_student, expected.loss_student, least),
            ("student's labelled loss", got.loss_student_labelled, expected.loss_student_labelled, least),
            ("teacher's gradient", got.teacher_gradient_norm, expected.teacher_gradient_norm, least),
            ("student's gradient", got.student_gradient_norm, expected.student_gradient_norm, least),
            ("cosine", got.feedback_cosine, expected.feedback_cosine, 1.0),
        ];
        for (name, got_value, expected_value, least) in pairs {
            let place = format!("{what}, step {}: {name}", expected.step);
            assert_eq!(got_value.is_some(), expected_value.is_some(), "{place}");
            let (Some(got), Some(expected)) = (got_value, expected_value) else { continue };
            let close = (got - expected).abs() <= tolerance * expected.abs().max(least);
            assert!(close, "{place}: {got} vs {expected}");
            compared += 1;
        }
    }
    assert!(compared > 55, "only {compared} numbers were there to compare");
}
