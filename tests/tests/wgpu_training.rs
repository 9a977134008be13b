//! Ten semi-supervised steps on a GPU and on the CPU tell the same losses and feedback.

use affekt_engine::backend::Backend;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::learn::{Feedback, LabelKind, SemiSupervised, Settings, StepRecord, TrainBatch};
use affekt_engine::net::{Graph, Weights};
use affekt_tests::cases::{convolutions, noise};
use affekt_tests::gpu::backends;

const BATCH: usize = 8;

/// Convolutions with batch normalisation, a sum, rectifiers and a classifier of three classes.
fn graph() -> Graph {
    convolutions().swap_remove(1).1
}

fn steps(backend: &dyn Backend) -> Vec<StepRecord> {
    let graph = graph();
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
    let network = |seed| backend.network(&graph, &Weights::initial(&graph, seed)).expect("a network");
    let mut learner = SemiSupervised::new(network(1), network(2), settings).expect("valid settings");
    let batch = |step: u64| TrainBatch {
        labelled: noise(BATCH * graph.input().len(), 3 * step),
        labels: (0..BATCH).map(|i| i % 3).collect(),
        targets: None,
        weak: noise(BATCH * graph.input().len(), 3 * step + 1),
        strong: noise(BATCH * graph.input().len(), 3 * step + 2),
    };
    (0..10).map(|step| learner.step(&batch(step)).expect("a step")).collect()
}

#[test]
fn ten_semi_supervised_steps_tell_the_same_losses_and_feedback() {
    let expected = steps(&CpuBackend::new().expect("a processor"));
    for (kernels, backend) in backends() {
        let got = steps(backend);
        let mut compared = 0;
        for (got, expected) in got.iter().zip(&expected) {
            let pairs = [
                ("supervised loss", got.loss_supervised, expected.loss_supervised),
                ("consistency loss", got.loss_consistency, expected.loss_consistency),
                ("student's loss", got.loss_student, expected.loss_student),
                ("student's labelled loss", got.loss_student_labelled, expected.loss_student_labelled),
                ("teacher's gradient", got.teacher_gradient_norm, expected.teacher_gradient_norm),
                ("student's gradient", got.student_gradient_norm, expected.student_gradient_norm),
            ];
            for (what, got_value, expected_value) in pairs {
                let place = format!("{kernels}, step {}: {what}", expected.step);
                assert_eq!(got_value.is_some(), expected_value.is_some(), "{place}");
                let (Some(got), Some(expected)) = (got_value, expected_value) else { continue };
                let close = (got - expected).abs() <= 2e-2 * expected.abs().max(0.1);
                assert!(close, "{place}: {got} vs {expected}");
                compared += 1;
            }
            let (Some(f), Some(g)) = (got.feedback_cosine, expected.feedback_cosine) else { continue };
            assert!((f - g).abs() <= 0.02, "{kernels}, step {}: cosine {f} vs {g}", expected.step);
            compared += 1;
        }
        assert!(compared > 50, "only {compared} numbers were there to compare");
    }
}
