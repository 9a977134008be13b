//! The method's step as a specification: what each stage computes, and the four traps found in public code.

use super::testing::{Reference, mlp, mlp_graph};
use super::*;
use crate::backend::{Mode, Network, NetworkState, Slot, Which};
use crate::net::{Graph, Weights};
use crate::random::{Address, Purpose, Random};

const INPUTS: usize = 6;
const CLASSES: usize = 3;

fn random(item: u64) -> Random {
    Address { seed: 3, purpose: Purpose::Synthesis, step: 0, item }.rng()
}

fn normals(item: u64, len: usize) -> Vec<f32> {
    let mut rng = random(item);
    (0..len).map(|_| rng.normal()).collect()
}

/// Three blobs: the first inputs say the class, the others are noise.
fn blobs(item: u64, count: usize) -> (Vec<f32>, Vec<usize>) {
    let labels: Vec<usize> = (0..count).map(|i| i % CLASSES).collect();
    let mut inputs = normals(item, count * INPUTS);
    for (row, &label) in inputs.chunks_exact_mut(INPUTS).zip(&labels) {
        row[label] += 2.5;
    }
    (inputs, labels)
}

fn batch(item: u64) -> TrainBatch {
    let (labelled, labels) = blobs(100 + item, 9);
    let (weak, _) = blobs(200 + item, 12);
    let strong = weak.iter().zip(normals(300 + item, weak.len())).map(|(w, n)| w + 0.5 * n).collect();
    TrainBatch { labelled, labels, targets: None, weak, strong }
}

/// Plain gradient descent without warm-ups, decay or clipping.
fn plain() -> Settings {
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

fn trainer(graph: &Graph, settings: &Settings) -> SemiSupervised {
    SemiSupervised::new(mlp(graph, 1), mlp(graph, 2), settings.clone()).expect("valid settings")
}

fn feedback_of(trainer: &mut SemiSupervised, batch: &TrainBatch) -> f64 {
    trainer.step(batch).expect("a step").feedback.expect("feedback is on")
}

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
            let teacher = Box::new(Reference::new(&graph, weights));
            let mut t = SemiSupervised::new(teacher, mlp(&graph, 2), settings.clone()).expect("valid");
            let loss = |t: &SemiSupervised| {
                let weights = t.student().weights(Which::Current).expect("weights");
                let logits =
                    Reference::new(&graph, weights).forward(&helps.labelled, 9, Mode::Probe).expect("logits");
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
        let mut probe = Reference::new(&graph, t.student().weights(Which::Current).expect("weights"));
        let logits = probe.forward(views, items, Mode::Probe).expect("logits");
        cross_entropy(&logits[..9 * CLASSES], &classes, None, CLASSES).value
    };
    let joint: Vec<f32> = [b.labelled.clone(), b.weak.iter().map(|v| v - 0.5).collect()].concat();
    let old_in_joint_batch = loss(&t, &joint, 21);
    let f = feedback_of(&mut t, &b);
    let artefact = old_in_joint_batch - loss(&t, &b.labelled, 9) - f;
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
    let [exact, difference] = both_feedbacks(&graph, &settings, Some(&t.state()), &b);
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

#[test]
fn feedback_is_the_step_size_times_the_clipped_dot_product() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let mut settings = plain();
    let mut t = trainer(&graph, &settings);
    let record = t.step(&batch(0)).expect("a step");
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
    let f = feedback_of(&mut again, &batch(0));
    assert!((f / (rate * 0.5 * dot) - 1.0).abs() < 1e-6, "{f}");
}

/// `L_T` of the teacher's weights with labels, targets and feedback held still, by nothing but the definition.
fn teacher_loss(graph: &Graph, weights: Weights, held: &Held, b: &TrainBatch) -> f64 {
    let views = [b.labelled.clone(), b.weak.clone(), b.strong.clone()].concat();
    let logits = Reference::new(graph, weights).forward(&views, 33, Mode::Probe).expect("logits");
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
    let views = [b.labelled.clone(), b.weak.clone(), b.strong.clone()].concat();
    let logits = Reference::new(&graph, start.clone()).forward(&views, 33, Mode::Probe).expect("logits");
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
            (r.loss_teacher.unwrap() - r.loss_supervised.unwrap()) / r.loss_consistency.unwrap_or(1.0)
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
    let start = t.student().state();
    let labelled_only = TrainBatch { weak: vec![], strong: vec![], ..batch(0) };
    for _ in 0..3 {
        let record = t.step(&labelled_only).expect("no unlabelled picture is needed");
        assert!(record.loss_student.is_none() && record.loss_consistency.is_none());
    }
    assert_eq!(t.student().state(), start);
    let teacher = t.teacher().weights(Which::Current).expect("weights");
    let record = t.step(&batch(1)).expect("a step");
    let student = t.student().weights(Which::Current).expect("weights");
    let rate = f64::from(settings.optimiser.student_learning_rate);
    let moved: f64 = ["hidden.weight", "hidden.bias", "bn.weight", "bn.bias", "fc.weight", "fc.bias"]
        .iter()
        .flat_map(|name| student.get(name).iter().zip(teacher.get(name)))
        .map(|(s, t)| f64::from(s - t).powi(2))
        .sum();
    let step_length = rate * record.student_gradient_norm.expect("learned");
    // The teacher's batch-norm buffers moved in the same step; its parameters are those it had before its update.
    assert!((moved.sqrt() / step_length - 1.0).abs() < 0.01, "{} {step_length}", moved.sqrt());
}

#[test]
fn fine_tuning_moves_the_student_on_labels_and_leaves_the_teacher_alone() {
    let mut settings = Settings { steps: 4, ..plain() };
    settings.fine_tune = FineTune { steps: 2, learning_rate: 0.05 };
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, true), &settings);
    (0..2).for_each(|_| drop(t.step(&batch(0)).expect("a step")));
    let teacher = t.teacher().state();
    let labelled_only = TrainBatch { weak: vec![], strong: vec![], ..batch(0) };
    let first = t.step(&labelled_only).expect("a step");
    let second = t.step(&labelled_only).expect("a step");
    assert_eq!(t.teacher().state(), teacher);
    assert!(second.loss_student < first.loss_student && first.loss_student.is_some());
    assert_eq!(first.student_learning_rate, Some(0.05));
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
    settings.student_view = View::Strong;
    settings.student_starts_from_teacher = true;
    settings.teacher_ema = true;
    settings.fine_tune.steps = 3;
    let identity = Identity::new(&settings).expect("plain values");
    for stop in [1, 3, 4, 9, 18] {
        let folder = tempfile::tempdir().expect("a folder");
        let checkpoints = Checkpoints::open(folder.path(), identity.clone()).expect("a folder");
        let mut whole = trainer(&graph, &settings);
        let mut records = vec![];
        for step in 0..20 {
            if step == stop {
                checkpoints.save(&whole.state()).expect("saved");
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
        assert_eq!(resumed.state(), whole.state(), "stopped at {stop}");
    }
}

#[test]
fn a_resumed_baseline_is_bit_identical_and_not_a_teachers() {
    let graph = mlp_graph(INPUTS, 8, CLASSES, true);
    let settings = Settings { method: Method::Supervised, steps: 10, ..Settings::default() };
    let new = |seed| Trainer::new(&settings, |_| Ok::<_, LearnError>(mlp(&graph, seed))).expect("valid");
    let (mut whole, mut resumed) = (new(1), new(2));
    (0..5).for_each(|s| drop(whole.step(&batch(s)).expect("a step")));
    resumed.restore(&whole.state()).expect("fits");
    (5..10).for_each(|s| assert_eq!(whole.step(&batch(s)).unwrap(), resumed.step(&batch(s)).unwrap()));
    assert_eq!(whole.state(), resumed.state());
    let error = trainer(&graph, &plain()).restore(&whole.state()).expect_err("one network is no pair");
    assert!(error.to_string().contains("the other method"), "{error}");
}

#[test]
fn a_step_that_is_not_finite_moves_nothing_and_is_counted() {
    let mut t = trainer(&mlp_graph(INPUTS, 8, CLASSES, false), &plain());
    t.step(&batch(0)).expect("a good step");
    let before = (t.teacher().state(), t.student().state());
    let mut broken = batch(1);
    broken.labelled[0] = f32::NAN;
    let record = t.step(&broken).expect("not the 20th");
    assert!(record.skipped && record.skipped_total == 1);
    assert_eq!((t.teacher().state(), t.student().state()), before);
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
    let NetworkState { average, weights, .. } = t.student().state();
    assert_ne!(average.as_ref(), None);
    // The labelled pass of the meta-test comes after the average was taken and moves running statistics.
    assert_eq!(average.expect("tracked").get("fc.weight"), weights.get("fc.weight"), "it starts as a copy");
    assert!(t.teacher().weights(Which::Average).is_err(), "the teacher's is off");
}
