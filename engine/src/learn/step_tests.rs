//! The method's step as a specification: what each stage computes and when.

use super::fixtures::{CLASSES, INPUTS, batch, feedback_of, plain, trainer};
use super::testing::{Reference, mlp_graph};
use super::*;
use crate::backend::{Input, NetworkState, Slot, TrainingDevice as _, TrainingPass, WeightSet};
use crate::net::{Graph, Weights};

#[test]
fn stages_out_of_order_are_refused() {
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, true), &plain());
    let error = t.student_update(&batch(0)).expect_err("no forward yet").to_string();
    assert_eq!(error, "student_update was called out of order: call teacher_forward first");
    t.teacher_forward(&batch(0)).expect("first");
    assert!(t.meta_test(&batch(0)).is_err());
    t.student_update(&batch(0)).expect("second, in spite of the refusal between");
    assert!(t.end_step().is_err());
}

#[test]
fn feedback_is_the_step_size_times_the_dot_product_and_clipping_scales_what_the_teacher_is_given() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = plain();
    let mut t = trainer(&graph, &settings);
    let record = t.step(&batch(0)).expect("a step");
    let unclipped = record.clone();
    let dot = t.student().dot(Slot::First, Slot::Second).expect("both gradients");
    let rate = f64::from(settings.optimiser.student_learning_rate);
    assert_eq!(record.feedback, Some(rate * dot));
    let norms = [Slot::First, Slot::Second].map(|s| t.student().dot(s, s).expect("a gradient").sqrt());
    let cosine = record.feedback_cosine.expect("exact feedback");
    assert!((cosine - dot / (norms[0] * norms[1])).abs() < 1e-12);
    let norm = record.student_gradient_norm.expect("the student learned");
    settings.optimiser.clip = norm as f32 / 2.0;
    let mut clipped = trainer(&graph, &settings);
    feedback_of(&mut clipped, &batch(0));
    let dot = clipped.student().dot(Slot::First, Slot::Second).expect("both gradients");
    let mut again = trainer(&graph, &settings);
    let record = again.step(&batch(0)).expect("a step");
    let [f, scale] = [record.feedback, record.feedback_scale.map(f64::from)].map(|v| v.expect("exact"));
    assert_eq!(f, rate * dot, "equation 6, whatever was clipped");
    assert!((scale - 0.5).abs() < 1e-6, "{scale}");
    assert_eq!(unclipped.feedback_used, unclipped.feedback, "nothing was clipped");
    let used = record.feedback_used.expect("exact");
    assert!((used / (f * scale) - 1.0).abs() < 1e-12, "{used} is {f} times {scale}");
    let in_loss = record.loss_feedback.expect("on") / unclipped.loss_feedback.expect("on");
    let by_hand = used / unclipped.feedback.expect("on");
    assert!(
        (in_loss / by_hand - 1.0).abs() < 1e-6,
        "the teacher is given f times the factor: {in_loss} {by_hand}"
    );
}

/// `L_T` of the teacher's weights with labels, targets and feedback held still, by nothing but the definition.
fn teacher_loss(graph: &Graph, weights: Weights, held: &Held, b: &TrainBatch) -> f64 {
    let views = [&b.labelled, &b.weak, &b.strong].map(Input::values).concat();
    let logits = Reference::new(graph, weights).forward(&views, 33, TrainingPass::Probe).expect("logits");
    let (labelled, rest) = logits.split_at(9 * CLASSES);
    let (weak, strong) = rest.split_at(12 * CLASSES);
    let loss = |rows: &[f32], targets: &[f32]| cross_entropy(rows, targets, None, CLASSES).value;
    loss(labelled, &one_hot(&b.labels, CLASSES, 0.0))
        + loss(strong, &held.weak_probabilities)
        + held.feedback_factor * loss(weak, &held.labels)
}

struct Held {
    weak_probabilities: Vec<f32>,
    labels: Vec<f32>,
    feedback_factor: f64,
}

#[test]
fn the_teacher_descends_the_gradient_of_its_whole_loss() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = plain();
    // So that the feedback term is as strong as the others.
    settings.losses.feedback_weight = 3000.0;
    let b = batch(0);
    let start = Weights::initial(&graph, 1);
    let mut t = trainer(&graph, &settings);
    t.teacher_forward(&b).expect("forward");
    let labels = t.pseudo_labels().expect("labels").targets.clone();
    let views = [&b.labelled, &b.weak, &b.strong].map(Input::values).concat();
    let logits =
        Reference::new(&graph, start.clone()).forward(&views, 33, TrainingPass::Probe).expect("logits");
    t.student_update(&b).expect("student");
    t.meta_test(&b).expect("meta-test");
    t.teacher_update(&b).expect("teacher");
    let record = t.end_step().expect("end");
    let held = Held {
        weak_probabilities: softmax(&logits[9 * CLASSES..21 * CLASSES], CLASSES, 1.0),
        labels,
        feedback_factor: 3000.0 * record.feedback.expect("on"),
    };
    assert!(held.feedback_factor.abs() > 0.05, "{}", held.feedback_factor);
    let value = teacher_loss(&graph, start.clone(), &held, &b);
    assert!((record.loss_teacher.expect("learned") - value).abs() < 1e-6);
    let gradient = t.teacher().gradient(Slot::First).expect("kept");
    for (name, tensor) in &gradient.tensors {
        for k in (0..tensor.data.len()).step_by(5) {
            let shifted = |h: f32| {
                let mut weights = start.clone();
                weights.tensors.get_mut(name).expect("a parameter").data[k] += h;
                teacher_loss(&graph, weights, &held, &b)
            };
            let numeric = (shifted(5e-3) - shifted(-5e-3)) / 1e-2;
            let exact = f64::from(tensor.data[k]);
            assert!(
                (numeric - exact).abs() < 2e-3 * (1.0 + exact.abs()),
                "{name}[{k}]: {exact} against {numeric}"
            );
        }
    }
}

#[test]
fn a_batch_cannot_be_changed_inside_a_step() {
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, true), &plain());
    t.teacher_forward(&batch(0)).expect("forward");
    t.student_update(&batch(0)).expect("student");
    t.meta_test(&batch(0)).expect("meta-test");
    let mut other = batch(0);
    other.labels.pop();
    assert!(t.teacher_update(&other).is_err());
}

#[test]
fn each_loss_term_can_be_left_out() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let record = |change: fn(&mut Losses)| {
        let mut settings = plain();
        change(&mut settings.losses);
        trainer(&graph, &settings).step(&batch(0)).expect("a step")
    };
    let all = record(|_| {});
    let [s, c, f] = [all.loss_supervised, all.loss_consistency, all.loss_feedback].map(|l| l.expect("on"));
    assert!((all.loss_teacher.expect("on") - (s + c + f)).abs() < 1e-9);
    let no_feedback = record(|l| l.feedback = Feedback::Off);
    assert_eq!((no_feedback.feedback, no_feedback.loss_feedback), (None, None));
    assert!(no_feedback.student_gradient_norm.is_some(), "the student learns all the same");
    let no_consistency = record(|l| l.consistency = 0.0);
    assert!(no_consistency.loss_consistency.is_none() && no_consistency.feedback.is_some());
    let unsupervised = record(|l| l.supervised = 0.0);
    let rest = unsupervised.loss_consistency.expect("on") + unsupervised.loss_feedback.expect("on");
    assert!((unsupervised.loss_teacher.expect("on") - rest).abs() < 1e-9);
}

#[test]
fn consistency_is_ramped_up_after_the_teachers_warm_up() {
    let mut settings = plain();
    settings.teacher_warm_up_steps = 2;
    settings.losses.consistency_ramp_steps = 4;
    settings.losses.feedback = Feedback::Off;
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, true), &settings);
    let shares: Vec<f64> = (0..8)
        .map(|_| {
            let r = t.step(&batch(0)).expect("a step");
            let [teacher, supervised] = [r.loss_teacher, r.loss_supervised].map(|l| l.expect("learned"));
            (teacher - supervised) / r.loss_consistency.unwrap_or(1.0)
        })
        .collect();
    for (share, expected) in shares.iter().zip([0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]) {
        assert!((share - expected).abs() < 1e-6, "{shares:?}");
    }
}

#[test]
fn a_waiting_student_does_not_move_and_then_starts_from_the_teacher() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = plain();
    settings.teacher_warm_up_steps = 3;
    settings.student_wait_steps = 3;
    settings.student_starts_from_teacher = true;
    let mut t = trainer(&graph, &settings);
    let start = t.student().state().expect("a state");
    let labelled_only = TrainBatch { weak: Input::default(), strong: Input::default(), ..batch(0) };
    for _ in 0..3 {
        let record = t.step(&labelled_only).expect("no unlabelled picture is needed");
        assert!(record.loss_student.is_none() && record.loss_consistency.is_none());
    }
    assert_eq!(t.student().state().expect("a state"), start);
    let teacher = t.teacher().weights(WeightSet::Current).expect("weights");
    let record = t.step(&batch(1)).expect("a step");
    let student = t.student().weights(WeightSet::Current).expect("weights");
    let rate = f64::from(settings.optimiser.student_learning_rate);
    let moved = distance(&student, &teacher);
    let step_length = rate * record.student_gradient_norm.expect("learned");
    // The teacher's batch-norm buffers moved in the same step; its parameters are those it had before its update.
    assert!((moved / step_length - 1.0).abs() < 0.01, "{moved} {step_length}");
}

fn distance(a: &Weights, b: &Weights) -> f64 {
    let names = ["hidden.weight", "hidden.bias", "bn.weight", "bn.bias", "fc.weight", "fc.bias"];
    let pairs = names.iter().flat_map(|name| a.get(name).iter().zip(b.get(name)));
    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_students_label_step_goes_along_the_gradient_that_the_feedback_measured() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut without = trainer(&graph, &plain());
    let record = without.step(&batch(0)).expect("a step");
    let gradient = without.student().dot(Slot::Second, Slot::Second).expect("measured").sqrt();
    let mut settings = plain();
    settings.student_label_step = 0.5;
    let mut with = trainer(&graph, &settings);
    assert_eq!(with.step(&batch(0)).expect("a step"), record, "f and all losses are taken before it");
    let [with, without] =
        [&with, &without].map(|t| t.student().weights(WeightSet::Current).expect("weights"));
    let step_length = 0.5 * f64::from(settings.optimiser.student_learning_rate) * gradient;
    let moved = distance(&with, &without);
    assert!((moved / step_length - 1.0).abs() < 0.01, "{moved} {step_length}");
}

#[test]
fn fine_tuning_moves_the_student_on_labels_and_leaves_the_teacher_alone() {
    let mut settings = Settings { steps: 4, ..plain() };
    settings.fine_tune = FineTune { steps: 2, learning_rate: 0.05 };
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, true), &settings);
    (0..2).for_each(|_| drop(t.step(&batch(0)).expect("a step")));
    let teacher = t.teacher().state().expect("a state");
    let labelled_only = TrainBatch { weak: Input::default(), strong: Input::default(), ..batch(0) };
    let first = t.step(&labelled_only).expect("a step");
    let second = t.step(&labelled_only).expect("a step");
    assert_eq!(t.teacher().state().expect("a state"), teacher);
    assert!(second.loss_student < first.loss_student && first.loss_student.is_some());
    assert_eq!(first.student_learning_rate, Some(0.05));
}

#[test]
fn a_step_that_is_not_finite_moves_nothing_and_is_counted() {
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, false), &plain());
    t.step(&batch(0)).expect("a good step");
    let before = (t.teacher().state().expect("a state"), t.student().state().expect("a state"));
    let mut broken = batch(1);
    let mut values = broken.labelled.values();
    values[0] = f32::NAN;
    broken.labelled = values.into();
    let record = t.step(&broken).expect("not the 20th");
    assert!(record.skipped && record.skipped_total == 1);
    assert_eq!((t.teacher().state().expect("a state"), t.student().state().expect("a state")), before);
    for _ in 0..18 {
        t.step(&broken).expect("not the 20th");
    }
    let error = t.step(&broken).expect_err("the 20th").to_string();
    assert!(error.starts_with("step 21: 20 steps in a row"), "{error}");
}

#[test]
fn the_average_follows_the_student() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut t = trainer(&graph, &plain());
    t.step(&batch(0)).expect("a step");
    let NetworkState { average, weights, .. } = t.student().state().expect("a state");
    assert_ne!(average.as_ref(), None);
    // The labelled pass of the meta-test comes after the average was taken and moves running statistics.
    assert_eq!(average.expect("tracked").get("fc.weight"), weights.get("fc.weight"), "it starts as a copy");
    assert!(t.teacher().weights(WeightSet::Ema).is_err(), "the teacher's is off");
}

#[test]
fn micro_batches_learn_what_whole_batches_learn_where_nothing_is_normalised_by_the_batch() {
    for feedback in [Feedback::Exact, Feedback::LossDifference] {
        let steps = |normalises: bool, micro_batch: Option<usize>| {
            let mut settings = Settings { micro_batch, ..plain() };
            settings.losses.feedback = feedback;
            settings.optimiser.momentum = 0.9;
            settings.optimiser.clip = 0.5;
            let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, normalises), &settings);
            (0..4).map(|step| t.step(&batch(step)).expect("a step")).collect::<Vec<_>>()
        };
        // Labelled 9, unlabelled 12, the teacher's views 33.
        for most in [33, 12, 5, 2] {
            let (whole, cut) = (steps(false, None), steps(false, Some(most)));
            for (whole, cut) in whole.iter().zip(&cut) {
                for (what, a, b) in [
                    ("L_T", whole.loss_teacher, cut.loss_teacher),
                    ("L_u", whole.loss_student, cut.loss_student),
                    ("f", whole.feedback, cut.feedback),
                    ("used", whole.feedback_used, cut.feedback_used),
                    ("teacher", whole.teacher_gradient_norm, cut.teacher_gradient_norm),
                    ("student", whole.student_gradient_norm, cut.student_gradient_norm),
                ] {
                    let (a, b) = (a.expect("told"), b.expect("told"));
                    assert!((a - b).abs() <= 1e-4 * a.abs().max(1e-3), "{what} by {most}: {a} and {b}");
                }
                assert_eq!(whole.pseudo_histogram, cut.pseudo_histogram);
            }
        }
        assert_eq!(steps(true, None), steps(true, Some(33)), "one slice is the batch");
        let (whole, cut) = (steps(true, None), steps(true, Some(5)));
        assert_ne!(whole[0].loss_teacher, cut[0].loss_teacher, "statistics are those of a slice");
    }
}
