//! A backend written outside the engine (the example `own_backend`): a table entry is all that it takes to be opened by name,
//! to infer and to train, and the contract's checks hold for it without a line of its own.

use std::sync::Arc;

use affekt_engine::backend::{
    ArithmeticChoice, BACKENDS, Backend, BackendEntry, BackendError, BackendSpec, Slot, TrainingPass,
    UpdateRule, WeightSet, open_in,
};
use affekt_engine::learn::{Optimiser, cross_entropy, gradient_step, one_hot};
use affekt_engine::net::Weights;

#[path = "../../engine/examples/own_backend.rs"]
mod own_backend;

use own_backend::{CLASSES, ENTRY, INPUTS, graph};

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
