//! Weights and checkpoints that do not fit, are damaged or are missing.

use affekt_engine::net::{Architecture, Storage, TemporalSpec, Weights};

use crate::program::{Lab, affekt, pretrain};

/// A finished run on `faces`.
fn trained(lab: &Lab, name: &str) -> String {
    let spec = lab.faces("faces", 4);
    affekt(pretrain(&lab.path(name), 4, &["--method", "supervised", "--labelled", &spec])).done();
    lab.text(name)
}

#[test]
fn weights_of_another_shape_are_named_and_counted_in_a_short_line() {
    let lab = Lab::new();
    let file = format!("{}/model.safetensors", trained(&lab, "narrow"));
    let args = ["--method", "supervised", "--labelled", "synth:40", "--init", &file, "--width", "0.25"];
    let wide = affekt(pretrain(&lab.path("wide"), 4, &args));
    wide.refused(1, &["model.safetensors", "conv1.weight has shape", "more tensors"]);
    assert!(wide.err.len() < 600, "{}", wide.err);
    let deep = ["--method", "supervised", "--labelled", "synth:40", "--init", &file, "--model", "resnet34"];
    let deep = affekt(pretrain(&lab.path("deep"), 4, &deep));
    deep.refused(1, &["model.safetensors", "resnet18's", "model.depth is resnet34", "--model resnet18"]);
    assert!(deep.err.len() < 300, "{}", deep.err);
}

#[test]
fn a_model_or_dataset_that_is_not_there_says_so_and_which_was_meant() {
    let lab = Lab::new();
    let spec = lab.faces("labelled", 4);
    let slip = format!("folder:{}", lab.text("labeled"));
    let run = |labelled: &str, more: &[&str]| {
        let args = ["--method", "supervised", "--labelled", labelled];
        affekt(pretrain(&lab.path("run"), 4, &[&args[..], more].concat()))
    };
    run(&slip, &[]).refused(1, &["labeled", "no such file or folder", "did you mean", "labelled`?"]);
    run(&spec, &["--init", &lab.text("nomodel")]).refused(1, &["nomodel", "no such file or folder"]);
    affekt(["eval", "-q", "--model", &lab.text("labelle"), "--data", &spec])
        .refused(1, &["labelle", "did you mean", "labelled`?"]);
}

#[test]
fn weights_of_other_classes_start_a_run_with_a_fresh_classifier() {
    let lab = Lab::new();
    let file = format!("{}/model.safetensors", trained(&lab, "two"));
    let args =
        ["--method", "supervised", "--labelled", "synth:40", "--init", &file, "--valid", "synth:16?seed=3"];
    affekt(pretrain(&lab.path("eight"), 4, &args)).done();
    assert_eq!(lab.json("eight/report.json")["scores"]["student_average"]["n"], 16);
}

#[test]
fn a_truncated_weights_file_is_named() {
    let lab = Lab::new();
    let run = trained(&lab, "run");
    let spec = format!("folder:{}", lab.text("faces"));
    let whole = std::fs::read(lab.path("run/model.safetensors")).unwrap();
    for (name, length) in
        [("half.safetensors", whole.len() / 2), ("stub.safetensors", 5), ("none.safetensors", 0)]
    {
        lab.write(name, &whole[..length]);
        let file = lab.text(name);
        affekt(["eval", "-q", "--model", &file, "--data", &spec]).refused(1, &[name]);
        let args = ["--method", "supervised", "--labelled", &spec, "--init", &file];
        affekt(pretrain(&lab.path(&format!("from-{name}")), 4, &args)).refused(1, &[name]);
    }
    affekt(["eval", "-q", "--model", &run, "--data", &spec]).done();
}

/// A file of so many bytes that takes no place on the disk.
fn huge(lab: &Lab, name: &str, bytes: u64) -> String {
    lab.write(name, b"");
    std::fs::File::options().write(true).open(lab.path(name)).unwrap().set_len(bytes).unwrap();
    lab.text(name)
}

#[cfg(unix)]
#[test]
fn files_that_are_far_too_large_are_refused_before_they_take_memory() {
    let lab = Lab::new();
    let file = huge(&lab, "huge", 20 << 30);
    let input = crate::analyze::clip("plain.mp4");
    let out = lab.text("out");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["eval", "--model", &file, "--data", "synth:8"], 1, "a weights file has at most"),
        (&["analyze", &input, "--out", &out, "--model", &file, "--detector", "guide"], 1, "a weights file"),
        (&["analyze", &input, "--out", &out, "--detector", &file], 1, "a detector has at most"),
        (&["pretrain", "--labelled", "synth:8", "--out", &out, "--config", &file], 2, "settings has at most"),
        (
            &[
                "pretrain",
                "--method",
                "supervised",
                "--labelled",
                "synth:8",
                "--model",
                "resnet18",
                "--size",
                "32",
                "--out",
                &out,
                "--vocabulary",
                &file,
            ],
            1,
            "a vocabulary has at most",
        ),
        (&["data", "inspect", "fer2013:HUGE"], 1, "huge"),
    ];
    for (words, code, part) in cases {
        let words: Vec<String> = words.iter().map(|word| word.replace("HUGE", &file)).collect();
        // With half a gigabyte of address space beside what the program needs, reading the file would end in an abort.
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "ulimit -v 3000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_affekt")])
            .args(&words);
        let ended = crate::program::ended(command.stdin(std::process::Stdio::null()));
        ended.refused(code, &["huge", part]);
    }
}

#[test]
fn a_model_that_is_missing_or_unfinished_says_so() {
    let lab = Lab::new();
    let spec = lab.faces("faces", 4);
    let eval = |model: &str| affekt(["eval", "-q", "--model", model, "--data", &spec]);
    eval(&lab.text("nothing.safetensors")).refused(1, &["nothing.safetensors"]);
    lab.write("begun/config.toml", b"");
    eval(&lab.text("begun")).refused(1, &["has not ended", "--resume"]);
    lab.write("other/notes.txt", b"");
    eval(&lab.text("other")).refused(1, &["model.safetensors"]);
    affekt(["pretrain", "--resume", &lab.text("other")]).refused(1, &["no run was begun"]);
}

#[test]
fn a_checkpoint_of_another_model_names_what_differs() {
    let lab = Lab::new();
    let run = trained(&lab, "run");
    let config = std::fs::read_to_string(lab.path("run/config.toml")).unwrap();
    let other = config.replace("width = 0.0625", "width = 0.125");
    assert_ne!(config, other);
    std::fs::write(lab.path("run/config.toml"), other).unwrap();
    let before = std::fs::read(lab.path("run/checkpoint/checkpoint-0000000004.safetensors")).unwrap();
    affekt(["pretrain", "-q", "--resume", &run])
        .refused(1, &["checkpoint", "model.width", "0.0625", "0.125"]);
    let after = std::fs::read(lab.path("run/checkpoint/checkpoint-0000000004.safetensors")).unwrap();
    assert!(before == after, "the checkpoint is untouched");
}

#[test]
fn data_that_changed_since_the_checkpoint_is_noticed() {
    let lab = Lab::new();
    let run = trained(&lab, "run");
    lab.write("faces/happy/new.png", &crate::program::png(99, 99));
    affekt(["pretrain", "-q", "--resume", &run]).refused(1, &["data"]);
}

#[test]
fn classes_that_do_not_fit_the_model_list_both() {
    let lab = Lab::new();
    let run = trained(&lab, "run");
    affekt(["eval", "-q", "--model", &run, "--data", "synth:16"]).refused(1, &["Anger", "happy, sad"]);
}

#[test]
fn a_temporal_encoder_is_told_apart_from_a_network_over_pictures() {
    let lab = Lab::new();
    let run = trained(&lab, "run");
    let spec = format!("folder:{}", lab.text("faces"));
    let (_, card) = Weights::read(&lab.path("run/model.safetensors")).unwrap();
    let mut card = card.unwrap();
    let temporal = TemporalSpec { width: 16, layers: 1, ..TemporalSpec::new(8, card.classes.len()) };
    let weights = Weights::initial(&temporal.graph().unwrap(), 1);
    card.architecture = Architecture::Temporal(temporal);
    let file = lab.path("temporal.safetensors");
    weights.write(&file, Storage::F32, Some(&card)).unwrap();
    assert_eq!(Weights::read(&file).unwrap().1.unwrap().architecture, card.architecture);
    affekt(["eval", "-q", "--model", &lab.text("temporal.safetensors"), "--data", &spec])
        .refused(1, &["temporal.safetensors", "holds a temporal encoder", "resnet"]);
    affekt(["eval", "-q", "--model", &run, "--data", &spec]).done();
}
