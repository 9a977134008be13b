//! Requests that cannot be understood: exit code 2, the place, and what was probably meant.

use crate::program::{Lab, affekt, pretrain};

fn with(more: &[&str]) -> Vec<String> {
    let lab = Lab::new();
    pretrain(
        &lab.path("run"),
        4,
        &[&["--labelled", "synth:40", "--unlabelled", "synth:40?seed=2"], more].concat(),
    )
}

#[test]
fn an_unknown_key_names_its_file_its_line_and_the_nearest_key() {
    let lab = Lab::new();
    lab.write("my.toml", b"seed = 3\n\n[training]\nstesp = 5\n");
    let file = lab.text("my.toml");
    affekt(with(&["--config", &file])).refused(2, &["my.toml, line 4", "`stesp`", "did you mean `steps`?"]);
    affekt(with(&["--set", "training.lossses.feedback=off"]))
        .refused(2, &["--set training.lossses.feedback=off", "did you mean `losses`?"]);
}

#[test]
fn a_file_that_is_no_toml_names_the_line() {
    let lab = Lab::new();
    lab.write("my.toml", b"seed = 3\nthis is no toml\n");
    affekt(with(&["--config", &lab.text("my.toml")])).refused(2, &["my.toml, line 2"]);
    affekt(with(&["--config", &lab.text("none.toml")])).refused(2, &["none.toml"]);
}

#[test]
fn a_value_of_the_wrong_type_or_range_names_the_setting() {
    affekt(with(&["--set", "training.batch=many"])).refused(2, &["training.batch"]);
    affekt(with(&["--set", "training.losses.feedback=exactly"])).refused(2, &["did you mean `exact`?"]);
    affekt(with(&["--batch", "1"])).refused(2, &["`training.batch`", "between 2"]);
    affekt(with(&["--size", "16"])).refused(2, &["size is 16", "between 32 and 1024"]);
    affekt(with(&["--width", "100"])).refused(2, &["width"]);
    affekt(with(&["--set", "input.std=[0.0]"])).refused(2, &["input.std"]);
    affekt(with(&["--set", "augmentation.crop=3.0"])).refused(2, &["augmentation", "crop"]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_memory_cannot_hold_is_refused_with_its_figure_before_any_is_taken() {
    let huge =
        ["--model", "resnet50", "--width", "8", "--size", "1024", "--batch", "60000", "--channels", "3"];
    let since = std::time::Instant::now();
    affekt(with(&huge))
        .refused(2, &["GiB of memory", "the student's activations", "training.batch", "model.width"]);
    affekt(with(&[
        "--set",
        "evaluation.batch=4096",
        "--size",
        "1024",
        "--batch",
        "4096",
        "--valid",
        "synth:5000?seed=3",
    ]))
    .refused(2, &["GiB of memory"]);
    affekt(["bench", "--mode", "train", "--batch", "4096", "--size", "1024"])
        .refused(2, &["GiB of memory", "--batch"]);
    affekt(["bench", "--batch", "4096", "--size", "1024", "--width", "8"]).refused(2, &["GiB of memory"]);
    assert!(since.elapsed() < std::time::Duration::from_mins(1), "{:?}", since.elapsed());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_its_full_path() {
    let lab = Lab::new();
    let args = [
        "pretrain",
        "--labelled",
        "synth:40",
        "--unlabelled",
        "synth:40?seed=2",
        "--steps",
        "100",
        "--batch",
        "1",
    ];
    let out = lab.text("run");
    affekt([&args[..], &["--workers", "0", "--out", &out]].concat()).refused(
        2,
        &[
            "`training.teacher_warm_up_steps`: is 500",
            "set it to 0 up to 99 or train for more steps",
            "`training.student_wait_steps`",
            "`training.batch`: is 1",
            "`workers`",
        ],
    );
    affekt(["refine", "--out", &out, "--steps", "0", "--batch", "0"])
        .refused(2, &["`student`", "`data.train`", "`training.steps`", "`training.batch`"]);
    assert!(!lab.path("run").exists());
    // Also what the parser could have asked for alone: the folder, and a setting that does not exist.
    affekt(["pretrain", "--preset", "ferplus-100", "--steps", "20"]).refused(
        2,
        &[
            "--out RUN is missing",
            "`data.labelled`",
            "`training.teacher_warm_up_steps`: is 4000",
            "`training.student_wait_steps`: is 5000",
            "set it to 1 up to 19",
        ],
    );
    let unknown = ["pretrain", "--set", "training.stesp=5", "--set", "seeed=1", "--preset", "tinny"];
    affekt(unknown).refused(2, &["`stesp`", "`seeed`", "`tinny`", "--out RUN is missing"]);
    let formats = ["pretrain", "--labelled", "ferpuls:a", "--valid", "foldr:b", "--out", &out];
    affekt(formats).refused(2, &["ferpuls", "foldr", "`data.unlabelled`"]);
    assert!(!lab.path("run").exists());
}

#[test]
fn a_presets_own_faces_are_never_mixed_with_others() {
    let lab = Lab::new();
    let spec = lab.faces("faces", 4);
    let args = ["pretrain", "--quiet", "--preset", "tiny", "--labelled", &spec, "--out"];
    affekt([&args[..], &[&lab.text("a")]].concat()).refused(2, &["data.unlabelled", "--unlabelled SPEC"]);
    let small = ["--method", "supervised", "--steps", "4", "--width", "0.0625", "--threads", "1"];
    affekt([&args[..], &[&lab.text("b")], &small].concat()).done();
    let config = std::fs::read_to_string(lab.path("b/config.toml")).unwrap();
    assert!(config.contains(&lab.text("faces")) && !config.contains("synth"), "{config}");
}

#[test]
fn settings_that_contradict_each_other_are_explained() {
    affekt(with(&["--set", "training.pseudo_labels.kind=soft"])).refused(2, &["exactly zero"]);
    let lab = Lab::new();
    affekt(pretrain(&lab.path("run"), 4, &["--labelled", "synth:40"]))
        .refused(2, &["data.unlabelled", "--unlabelled SPEC"]);
    affekt(pretrain(&lab.path("run"), 4, &[])).refused(2, &["data.labelled", "--labelled SPEC"]);
}

#[test]
fn an_unknown_preset_format_or_option_lists_what_there_is() {
    affekt(with(&["--preset", "tinny"])).refused(2, &["did you mean `tiny`?"]);
    affekt(with(&["--valid", "ferpuls:a.tar"])).refused(2, &["ferpuls", "ferplus, folder"]);
    affekt(with(&["--valid", "folder:a?clases=x"])).refused(2, &["clases"]);
    affekt(with(&["--valid", "no format"])).refused(2, &["FORMAT:PATH"]);
    affekt(["eval", "--model", "m", "--data", "ferpuls:a.tar"]).refused(2, &["ferpuls"]);
}

#[test]
fn nothing_is_written_where_a_request_is_refused() {
    let lab = Lab::new();
    let run = lab.path("run");
    affekt(pretrain(&run, 4, &["--set", "no.such=1"])).refused(2, &["unknown field"]);
    assert!(!run.exists());
}

#[test]
fn resuming_takes_no_other_settings() {
    let beside = |more: &[&str]| affekt([&["pretrain", "--resume", "run"], more].concat());
    let why = ["own settings", "begin a new run", "--init run/model.safetensors"];
    beside(&["--steps", "3"]).refused(2, &[&why[..], &["--steps"]].concat());
    beside(&["--preset", "tiny"]).refused(2, &[&why[..], &["--preset"]].concat());
    beside(&["-o", "new"]).refused(2, &[&why[..], &["--out"]].concat());
    affekt(["refine", "--resume", "run", "--causal"])
        .refused(2, &["--causal", "own settings", "run/features"]);
}

#[test]
fn help_teaches_by_example() {
    for command in ["pretrain", "eval", "bench", "doctor", "demo"] {
        let help = affekt([command, "--help"]).done().out;
        assert!(help.contains("Examples:") && help.contains(&format!("affekt {command}")), "{help}");
    }
    assert!(affekt(["--help"]).done().out.contains("Exit codes"));
}
