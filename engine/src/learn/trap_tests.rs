//! The four traps found in public code: the sign of the feedback, the batch-norm artefact, feedback that is zero, and
//! resuming that forgets.

use super::fixtures::{CLASSES, INPUTS, batch, feedback_of, normals, plain, trainer};
use super::testing::{Reference, ReferenceBackend, mlp, mlp_graph};
use super::*;
use crate::backend::{Backend as _, TrainingDevice as _, TrainingPass, WeightSet};
use crate::net::{Graph, Weights};

/// Trap: the sign. Labels that help the student's labelled loss give f > 0, labels that harm it f < 0.
#[test]
fn feedback_is_positive_exactly_when_the_update_lowers_the_labelled_loss() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, false);
    let mut helps = batch(0);
    helps.weak.clone_from(&helps.labelled);
    helps.strong.clone_from(&helps.labelled);
    for estimator in [Feedback::Exact, Feedback::LossDifference] {
        let mut settings = plain();
        settings.losses.feedback = estimator;
        // A teacher that knows the classes, and one that takes each for the next.
        for (turn, sign) in [(0, 1.0), (1, -1.0)] {
            let mut weights = Weights::initial(&graph, 1);
            for (name, tensor) in &mut weights.tensors {
                let inputs = tensor.shape.last().copied().unwrap_or(1);
                for (i, value) in tensor.data.iter_mut().enumerate() {
                    let (row, column) = (i / inputs, i % inputs);
                    *value = match name.as_str() {
                        "hidden.weight" if row == column => 1.0,
                        "fc.weight" if (column + turn) % CLASSES == row && column < CLASSES => 4.0,
                        _ => 0.0,
                    };
                }
            }
            let teacher = ReferenceBackend.training(&graph, &weights).expect("fitting weights");
            let mut t = SemiSupervised::new(teacher, mlp(&graph, 2), settings.clone()).expect("valid");
            let views = helps.labelled.values();
            let loss = |t: &SemiSupervised| {
                let weights = t.student().weights(WeightSet::Current).expect("weights");
                let logits =
                    Reference::new(&graph, weights).forward(&views, 9, TrainingPass::Probe).expect("logits");
                cross_entropy(&logits, &one_hot(&helps.labels, CLASSES, 0.0), None, CLASSES).value
            };
            let before = loss(&t);
            let f = feedback_of(&mut t, &helps);
            let gain = before - loss(&t);
            assert!(f * sign > 0.0 && gain * sign > 0.0, "{estimator:?}, turn {turn}: f {f}, gain {gain}");
        }
    }
}

/// Exact and loss-difference feedback of the same step.
fn both_feedbacks(
    graph: &Graph,
    settings: &Settings,
    state: Option<&TrainingState>,
    b: &TrainBatch,
) -> [f64; 2] {
    [Feedback::Exact, Feedback::LossDifference].map(|estimator| {
        let mut settings = settings.clone();
        settings.losses.feedback = estimator;
        let mut t = trainer(graph, &settings);
        if let Some(state) = state {
            t.restore(state).expect("the same networks");
        }
        feedback_of(&mut t, b)
    })
}

/// Trap: the batch-norm artefact, first half.
#[test]
fn the_loss_difference_tends_to_the_exact_feedback_as_the_step_shrinks() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let errors: Vec<f64> = [0.1, 0.01, 0.001]
        .iter()
        .map(|&rate| {
            let mut settings = plain();
            settings.optimiser.student_learning_rate = rate;
            let [exact, difference] = both_feedbacks(&graph, &settings, None, &batch(0));
            (difference / exact - 1.0).abs()
        })
        .collect();
    assert!(errors[1] < errors[0] && errors[1] < 0.1 && errors[2] < 0.01, "{errors:?}");
}

/// Trap: the batch-norm artefact, second half: what public code does, the old loss in one context and the new in
/// another, is not f at all.
#[test]
fn two_losses_in_different_batch_norm_contexts_say_nothing_about_the_step() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = plain();
    settings.optimiser.student_learning_rate = 0.001;
    let b = batch(0);
    let mut t = trainer(&graph, &settings);
    let classes = one_hot(&b.labels, CLASSES, 0.0);
    let loss = |t: &SemiSupervised, views: &[f32], items| {
        let mut probe = Reference::new(&graph, t.student().weights(WeightSet::Current).expect("weights"));
        let logits = probe.forward(views, items, TrainingPass::Probe).expect("logits");
        cross_entropy(&logits[..9 * CLASSES], &classes, None, CLASSES).value
    };
    let joint: Vec<f32> = [b.labelled.values(), b.weak.values().iter().map(|v| v - 0.5).collect()].concat();
    let old_in_joint_batch = loss(&t, &joint, 21);
    let f = feedback_of(&mut t, &b);
    let artefact = old_in_joint_batch - loss(&t, &b.labelled.values(), 9) - f;
    assert!(artefact.abs() > 10.0 * f.abs(), "artefact {artefact}, f {f}");
}

#[test]
fn momentum_makes_the_loss_difference_about_nine_times_larger_with_the_same_sign() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = plain();
    settings.optimiser.momentum = 0.9;
    settings.optimiser.student_learning_rate = 1e-4;
    settings.optimiser.teacher_learning_rate = 1e-6;
    let mut t = trainer(&graph, &settings);
    let b = batch(0);
    (0..40).for_each(|_| drop(t.step(&b).expect("a step")));
    let [exact, difference] = both_feedbacks(&graph, &settings, Some(&t.state().expect("a state")), &b);
    assert!((8.0..10.5).contains(&(difference / exact)), "{exact} {difference}");
}

/// Trap: zero feedback. That it is refused is tested with the settings; this is why.
#[test]
fn soft_labels_at_temperature_one_leave_the_feedback_loss_without_a_gradient() {
    let logits = normals(9, 12 * CLASSES);
    for (temperature, vanishes) in [(1.0, true), (0.5, false)] {
        let settings = PseudoSettings { kind: LabelKind::Soft, temperature, ..PseudoSettings::default() };
        let labels = PseudoLabeller::new(&settings, CLASSES).label(&logits);
        let loss = cross_entropy(&logits, &labels.targets, Some(&labels.weights), CLASSES);
        let largest = loss.d_logits.iter().fold(0f32, |m, d| m.max(d.abs()));
        assert_eq!(largest < 1e-7, vanishes, "temperature {temperature}: {largest}");
    }
}

/// Trap: resuming. Everything is on that has a memory.
#[test]
fn a_resumed_run_is_bit_identical() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = Settings { steps: 20, teacher_warm_up_steps: 2, student_wait_steps: 3, ..plain() };
    settings.optimiser = Optimiser { warm_up_steps: 2, ..Optimiser::default() };
    settings.pseudo_labels = PseudoSettings {
        threshold: 0.6,
        curriculum: true,
        distribution_alignment: true,
        ..Default::default()
    };
    settings.student_label_step = 1.0;
    settings.student_view = ViewStrength::Strong;
    settings.student_starts_from_teacher = true;
    settings.teacher_ema = true;
    settings.fine_tune.steps = 3;
    let identity = RunIdentity::new(&settings).expect("plain values");
    for stop in [1, 3, 4, 9, 18] {
        let folder = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::open(folder.path(), identity.clone()).expect("a folder");
        let mut whole = trainer(&graph, &settings);
        let mut records = vec![];
        for step in 0..20 {
            if step == stop {
                checkpoints.save(&whole.state().expect("a state")).expect("saved");
            }
            records.push(whole.step(&batch(step)).expect("a step"));
        }
        let mut resumed =
            SemiSupervised::new(mlp(&graph, 77), mlp(&graph, 78), settings.clone()).expect("valid");
        resumed.restore(&checkpoints.latest().expect("readable").expect("there")).expect("fits");
        assert_eq!(resumed.steps_done(), stop);
        for step in stop..20 {
            assert_eq!(
                resumed.step(&batch(step)).expect("a step"),
                records[step as usize],
                "stopped at {stop}"
            );
        }
        assert_eq!(resumed.state().expect("a state"), whole.state().expect("a state"), "stopped at {stop}");
    }
}

#[test]
fn a_resumed_baseline_is_bit_identical_and_not_a_teachers() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let settings = Settings { method: Method::Supervised, steps: 10, ..Settings::default() };
    let new = |seed| Trainer::new(&settings, |_| Ok::<_, LearnError>(mlp(&graph, seed))).expect("valid");
    let (mut whole, mut resumed) = (new(1), new(2));
    (0..5).for_each(|s| drop(whole.step(&batch(s)).expect("a step")));
    resumed.restore(&whole.state().expect("a state")).expect("fits");
    for step in 5..10 {
        let record = resumed.step(&batch(step)).expect("a step");
        assert_eq!(record, whole.step(&batch(step)).expect("a step"));
    }
    assert_eq!(whole.state().expect("a state"), resumed.state().expect("a state"));
    let error = trainer(&graph, &plain())
        .restore(&whole.state().expect("a state"))
        .expect_err("one network is no pair");
    assert!(error.to_string().contains("the other method"), "{error}");
}

#[test]
fn teacher_and_student_go_on_from_a_baseline_as_if_they_had_made_its_steps() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    for teacher_ema in [false, true] {
        let ssl = Settings {
            steps: 10,
            teacher_warm_up_steps: 4,
            student_wait_steps: 5,
            student_starts_from_teacher: true,
            teacher_ema,
            ..plain()
        };
        let supervised = Settings { method: Method::Supervised, ..ssl.clone() };
        let mut baseline = Trainer::new(&supervised, |_| Ok::<_, LearnError>(mlp(&graph, 1))).expect("valid");
        (0..4).for_each(|s| drop(baseline.step(&batch(s)).expect("a step")));
        let begun = baseline.state().expect("a state");
        let (mut whole, mut after) = (trainer(&graph, &ssl), trainer(&graph, &ssl));
        (0..4).for_each(|s| drop(whole.step(&batch(s)).expect("a step")));
        let fresh = after.state().expect("a state");
        after.restore(&fresh.clone().after_baseline(&begun, &ssl).expect("shared")).expect("fits");
        for step in 4..10 {
            let [a, b] = [&mut after, &mut whole].map(|t| t.step(&batch(step)).expect("a step"));
            assert_eq!(a, b);
        }
        assert_eq!(after.state().expect("a state"), whole.state().expect("a state"));
        baseline.step(&batch(4)).expect("one too many");
        let late = baseline.state().expect("a state");
        let error = fresh.clone().after_baseline(&late, &ssl).expect_err("parted").to_string();
        assert!(error.contains("step 5") && error.contains("after 4"), "{error}");
        assert!(fresh.clone().after_baseline(&fresh, &ssl).is_err(), "no baseline");
    }
}
