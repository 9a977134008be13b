//! `--backend` and `--adapter`: a run that begins on a GPU goes on on the processor.

use crate::program::{Ended, Lab, affekt, pretrain};

/// Whether there is an adapter; without one the test that asks says so, and with `REQUIRE_GPU=1` it fails.
fn has_adapter() -> bool {
    let found = affekt(["doctor", "--json"]).done().out;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let there = !found["adapters"].as_array().unwrap().is_empty();
    assert!(
        there || std::env::var_os("REQUIRE_GPU").is_none_or(|v| v != "1"),
        "REQUIRE_GPU=1, but no adapter"
    );
    if !there {
        println!("LEFT OUT: a run on a GPU, because there is no adapter");
    }
    there
}

fn run(lab: &Lab, out: &str, more: &[&str]) -> Ended {
    let (labelled, unlabelled) = (lab.faces("labelled", 6), lab.faces("unlabelled", 20));
    let mut args = pretrain(&lab.path(out), 12, &["--labelled", &labelled, "--unlabelled", &unlabelled]);
    args.extend(more.iter().map(|&arg| arg.to_owned()));
    affekt(args)
}

#[test]
fn a_run_moves_between_backends_and_both_measure_its_model_alike() {
    if !has_adapter() {
        return;
    }
    let lab = Lab::new();
    run(&lab, "gpu", &["--backend", "wgpu"]).done();
    let config = std::fs::read_to_string(lab.path("gpu/config.toml")).unwrap();
    assert!(
        config.contains("backend = \"wgpu\"") && config.contains("adapter = "),
        "what computed it: {config}"
    );
    // What is left of a run that was stopped after its checkpoint at step 10.
    for file in [
        "report.json",
        "model.safetensors",
        "teacher.safetensors",
        "checkpoint/checkpoint-0000000012.safetensors",
    ] {
        let _ = std::fs::remove_file(lab.path("gpu").join(file));
    }
    assert!(lab.path("gpu/checkpoint/checkpoint-0000000010.safetensors").exists());
    affekt(["pretrain", "--quiet", "--resume", &lab.text("gpu"), "--backend", "cpu"]).done();
    let model = lab.text("gpu/model.safetensors");
    let data = lab.faces("valid", 3);
    let score = |backend: &str| -> serde_json::Value {
        let out =
            affekt(["eval", "--model", &model, "--data", &data, "--json", "--backend", backend]).done().out;
        serde_json::from_str(&out).unwrap()
    };
    let (cpu, gpu) = (score("cpu"), score("wgpu"));
    assert_eq!(cpu["confusion"], gpu["confusion"]);
    assert!(cpu["n"].as_u64().is_some_and(|n| n > 0), "{cpu}");
}

#[test]
fn adapters_that_are_not_there_are_refused_and_auto_goes_on_without() {
    let lab = Lab::new();
    run(&lab, "a", &["--backend", "wgpu", "--adapter", "no such adapter"]).refused(2, &["adapter"]);
    run(&lab, "b", &["--adapter", "0"]).refused(2, &["--backend wgpu"]);
    let ended = run(&lab, "c", &["--backend", "auto", "--adapter", "no such adapter"]).done();
    assert!(ended.err.contains("no GPU is used"), "{ended:#?}");
}
