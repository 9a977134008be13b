//! Clips through student, encoder and vote, by the built program on generated people.

use std::path::Path;

use crate::program::{Lab, affekt, pretrain};

const FACES: &str = "synth:160?seed=1&size=32&channels=1&variation=0.3&intensity=0.8..1&identities=0..20";
const ENCODER: &str = "--set model.width=16 --set model.heads=2 --set model.layers=1 --set model.feed_forward=16 \
                       --set checkpoint_every=4 --batch 4 --lr 0.001 --quiet --threads 1";

/// A student, and clips on disk in Aff-Wild2's form.
pub fn world() -> Lab {
    let lab = Lab::new();
    affekt(pretrain(&lab.path("student"), 12, &["--method", "supervised", "--labelled", FACES])).done();
    let out = lab.text("world");
    affekt(["synth", "--kind", "clips", "--count", "4", "--frames", "90", "--size", "32", "--out", &out])
        .done();
    lab
}

pub fn refine(lab: &Lab, out: &str, steps: u32, more: &[&str]) -> Vec<String> {
    let mut args = vec!["refine".to_owned()];
    args.extend(ENCODER.split_whitespace().map(str::to_owned));
    let (student, world) = (lab.text("student"), lab.text("world"));
    let fixed = [
        "--student",
        &student,
        "--train",
        &format!("affwild2:{world}#Train_Set"),
        "--valid",
        &format!("affwild2:{world}#Validation_Set"),
        "--steps",
        &steps.to_string(),
        "--out",
        &lab.text(out),
    ]
    .map(str::to_owned);
    args.extend(fixed);
    args.extend(more.iter().map(|&arg| arg.to_owned()));
    args
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn clips_are_refined_resumed_measured_and_listed() {
    let lab = world();
    let whole = affekt(refine(&lab, "whole", 10, &[])).done();
    assert!(whole.out.contains("temporal encoder") && whole.out.contains("centred vote"), "{}", whole.out);
    let report = lab.json("whole/report.json");
    let scores = &report["scores"];
    assert_eq!(scores["per_frame"]["n"], scores["vote"]["n"], "the same frames at every stage");
    assert!(report["scores"]["per_frame"]["n"].as_u64().unwrap() > 50);

    // A run that was stopped after its checkpoint goes on to the same encoder, from features that were kept.
    affekt(refine(&lab, "part", 10, &[])).done();
    let last = lab.path("part/checkpoint/checkpoint-0000000010.safetensors");
    std::fs::remove_file(last).unwrap();
    std::fs::remove_file(lab.path("part/model.safetensors")).unwrap();
    affekt(["refine", "--resume", &lab.text("part"), "--quiet", "--threads", "2"]).done();
    assert!(bytes(&lab.path("whole/model.safetensors")) == bytes(&lab.path("part/model.safetensors")));

    // Measured by itself it has the score of its run, and its list is complete.
    let data = format!("affwild2:{}#Validation_Set", lab.text("world"));
    let (student, encoder, list) = (lab.text("student"), lab.text("whole"), lab.text("predictions.txt"));
    let measured = affekt([
        "eval",
        "--model",
        &student,
        "--temporal",
        &encoder,
        "--data",
        &data,
        "--predictions",
        &list,
        "--json",
        "--quiet",
    ])
    .done();
    let measured: serde_json::Value = serde_json::from_str(&measured.out).unwrap();
    assert_eq!(measured["vote"]["macro_f1"], scores["vote"]["macro_f1"]);
    assert_eq!(measured["temporal"]["confusion"], scores["temporal"]["confusion"]);
    affekt(["abaw", "check", &list, "--data", &data]).done();
}

#[test]
fn what_belongs_to_another_student_is_refused() {
    let lab = world();
    affekt(refine(&lab, "run", 2, &[])).done();
    let other = pretrain(&lab.path("other"), 6, &["--method", "supervised", "--labelled", FACES]);
    affekt(other).done();
    let (features, other) = (lab.text("run/features"), lab.text("other"));
    let data = format!("affwild2:{}#Validation_Set", lab.text("world"));
    affekt(["eval", "--model", &other, "--temporal", &lab.text("run"), "--data", &data, "--quiet"])
        .refused(1, &["model.safetensors", "another model"]);
    affekt(refine(&lab, "mixed", 2, &["--student", &other, "--features", &features]))
        .refused(1, &[".features", "another student", "--recompute"]);
    affekt(refine(&lab, "mended", 2, &["--student", &other, "--features", &features, "--recompute"])).done();
    affekt(["eval", "--model", &lab.text("run"), "--data", FACES, "--quiet"])
        .refused(1, &["model.safetensors", "temporal encoder"]);
}

#[test]
fn damaged_features_and_half_written_runs_are_named() {
    let lab = world();
    affekt(refine(&lab, "run", 2, &[])).done();
    let folder = lab.path("run/features/valid/0");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let whole = bytes(&file);
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let features = lab.text("run/features");
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    affekt(refine(&lab, "again", 2, &["--features", &features])).refused(1, &[&name]);
    std::fs::remove_file(lab.path("run/model.safetensors")).unwrap();
    let data = format!("affwild2:{}#Validation_Set", lab.text("world"));
    let student = lab.text("student");
    affekt(["eval", "--model", &student, "--temporal", &lab.text("run"), "--data", &data])
        .refused(1, &["run: holds a run that has not ended"]);
    affekt(refine(&lab, "none", 2, &["--valid", "clips:nowhere"])).refused(1, &["nowhere"]);
    affekt(refine(&lab, "odd", 2, &["--set", "model.heads=7"])).refused(2, &["heads"]);
}

#[test]
fn the_papers_five_rows_come_from_one_command() {
    let lab = Lab::new();
    let style = "size=32&channels=1&variation=0.3&intensity=0.8..1";
    let out = lab.text("table");
    let data = [
        ("--labelled", format!("synth:80?seed=1&{style}&identities=0..9")),
        ("--unlabelled", format!("synth:40?seed=2&{style}&identities=10..19")),
        ("--more-unlabelled", format!("synth:60?seed=3&{style}&identities=20..29")),
        ("--clips", format!("synth-clips:3?seed=4&{style}&identities=30..33&frames=70")),
        ("--valid", format!("synth-clips:2?seed=5&{style}&identities=40..42&frames=70")),
    ];
    let mut args: Vec<String> = ["eval", "--ablation", "--seeds", "2", "--json", "--quiet", "--threads", "1"]
        .map(str::to_owned)
        .to_vec();
    args.extend(["--out", &out, "--preset", "tiny", "--refine-preset", "tiny"].map(str::to_owned));
    args.extend(data.iter().flat_map(|(flag, spec)| [(*flag).to_owned(), spec.clone()]));
    let students = "model.width=0.0625 training.steps=8 training.teacher_warm_up_steps=2 training.batch=4 \
                    training.student_wait_steps=4 training.fine_tune.steps=1 training.unlabelled_batch=4 \
                    data.labels_per_class=5 checkpoint_every=0";
    args.extend(students.split_whitespace().flat_map(|set| ["--set".to_owned(), set.to_owned()]));
    let encoder = "model.width=16 training.steps=3 training.batch=4";
    args.extend(encoder.split_whitespace().flat_map(|set| ["--refine-set".to_owned(), set.to_owned()]));
    let printed = affekt(&args).done();
    let table: serde_json::Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(table, lab.json("table/ablation.json"));
    let rows = table["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["baseline", "ssl", "ssl_more", "temporal", "vote"]);
    for row in rows {
        let runs = row["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2, "a run a seed");
        let mean = runs.iter().map(|run| run["macro_f1"].as_f64().unwrap()).sum::<f64>() / 2.0;
        assert!((row["macro_f1"].as_f64().unwrap() - mean).abs() < 1e-9);
        assert_eq!(runs[0]["n"], rows[0]["runs"][0]["n"], "every row is measured on the same frames");
    }
    let timeline = lab.json("table/timeline.json");
    assert_eq!(timeline["voted"].as_array().unwrap().len(), 70);
    let page = std::fs::read_to_string(lab.path("table/report.html")).unwrap();
    assert!(page.contains("more unlabelled faces") && page.contains("clip_0000"));
    // The same command again has nothing left to do.
    assert_eq!(affekt(&args).done().out, printed.out);
    // A row that began where the baseline's warm-up ended is the run that makes those steps itself.
    let again = lab.text("again");
    let config = lab.text("table/ssl_more/config.toml");
    affekt(["pretrain", "--config", &config, "--out", &again, "--quiet"]).done();
    let read = |file: &str| std::fs::read(lab.path(file)).unwrap();
    assert_eq!(read("again/model.safetensors"), read("table/ssl_more/model.safetensors"));
    let steps = |file: &str| {
        let log = String::from_utf8(read(file)).unwrap();
        log.lines().filter(|line| line.contains("\"kind\":\"step\"")).count()
    };
    assert_eq!([steps("again/log.jsonl"), steps("table/ssl_more/log.jsonl")], [8, 8]);
}

#[test]
fn an_encoder_is_used_as_it_was_refined_unless_told_otherwise() {
    let lab = world();
    // Shorter than the defaults' stride, with another stride, and voted on in blocks.
    let odd = ["--set", "model.frames=16", "--stride", "4", "--vote", "block", "--window", "9"];
    affekt(refine(&lab, "run", 6, &odd)).done();
    let scores = lab.json("run/report.json")["scores"].clone();
    let data = format!("affwild2:{}#Validation_Set", lab.text("world"));
    let (student, run) = (lab.text("student"), lab.text("run"));
    let eval = |more: &[&str]| -> serde_json::Value {
        let fixed = ["eval", "--model", &student, "--data", &data, "--json", "--quiet", "--temporal", &run];
        let out = affekt(fixed.into_iter().chain(more.iter().copied())).done().out;
        serde_json::from_str(&out).unwrap()
    };
    let measured = eval(&[]);
    for row in ["temporal", "vote", "smoothed"] {
        assert_eq!(measured[row]["confusion"], scores[row]["confusion"], "{row}");
    }
    assert_eq!(measured["vote"]["confusion"], measured["votes"]["block"]["confusion"]);
    let told = eval(&["--vote", "centred"]);
    assert_eq!(told["vote"]["confusion"], told["votes"]["centred"]["confusion"]);
    assert_eq!(told["temporal"]["confusion"], scores["temporal"]["confusion"], "the rest is as refined");
}

#[test]
fn a_list_is_written_by_block_votes_of_a_student_alone() {
    let lab = world();
    let data = format!("affwild2:{}#Validation_Set", lab.text("world"));
    let (student, list) = (lab.text("student"), lab.text("list.txt"));
    let out = affekt([
        "eval",
        "--model",
        &student,
        "--data",
        &data,
        "--vote",
        "block",
        "--predictions",
        &list,
        "--quiet",
    ])
    .done()
    .out;
    assert!(out.contains("student alone") && out.contains("block vote") && !out.contains("encoder"), "{out}");
    affekt(["abaw", "check", &list, "--data", &data]).done();
    // Every block of thirty frames has one label.
    let text = std::fs::read_to_string(&list).unwrap();
    let labels: Vec<&str> = text.lines().skip(1).filter_map(|line| Some(line.rsplit_once(',')?.1)).collect();
    assert!(labels.len() >= 90);
    assert!(labels[..90].chunks(30).all(|block| block.iter().all(|label| label == &block[0])), "{labels:?}");
}

#[test]
fn clips_without_labels_have_no_score_but_a_list() {
    let lab = world();
    let (student, list) = (lab.text("student"), lab.text("list.txt"));
    let data = "synth-clips:2?seed=5&frames=40&size=32&channels=1&unlabelled=true";
    let eval = ["eval", "--model", &student, "--data", data, "--by-frame", "--quiet"];
    affekt(eval).refused(1, &["no frame has a label", "--predictions"]);
    let out = affekt(eval.into_iter().chain(["--predictions", &list])).done().out;
    assert!(out.contains("nothing was measured"), "{out}");
    assert!(std::fs::read_to_string(&list).unwrap().lines().count() == 81);
    affekt(["eval", "--model", &student, "--data", data, "--window", "65537"]).refused(2, &["65537"]);
    affekt(refine(&lab, "wide", 2, &["--window", "65537"])).refused(2, &["65537", "65536"]);
}
