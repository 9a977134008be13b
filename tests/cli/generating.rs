//! `affekt synth`: what it writes, what it refuses, and that nothing half lies about.

use crate::program::{Lab, affekt};

#[test]
fn faces_are_written_once_and_not_over_what_is_there() {
    let lab = Lab::new();
    let out = lab.text("faces");
    let args = ["synth", "-q", "--out", &out, "--count", "16", "--size", "32"];
    affekt(args).done();
    assert!(lab.path("faces/Anger/00001.png").is_file());
    assert!(lab.path("faces/synth.json").is_file());
    affekt(args).refused(1, &["is not empty", "--force"]);
    std::fs::write(lab.path("faces/mine.txt"), "kept").unwrap();
    affekt(["synth", "-q", "--out", &out, "--count", "8", "--size", "32", "--force"]).done();
    assert!(!lab.path("faces/Anger/00009.png").exists(), "an earlier run's faces are gone");
    assert!(lab.path("faces/mine.txt").is_file());
}

#[test]
fn the_same_seed_writes_the_same_records() {
    let lab = Lab::new();
    for name in ["a", "b", "other"] {
        let seed = if name == "other" { "2" } else { "1" };
        let out = lab.text(name);
        affekt([
            "synth", "-q", "--kind", "recordio", "--out", &out, "--count", "20", "--size", "32", "--seed",
            seed,
        ])
        .done();
    }
    let read = |name: &str| std::fs::read(lab.path(name).join("train.rec")).unwrap();
    assert!(read("a") == read("b"));
    assert!(read("a") != read("other"));
}

#[test]
fn clips_and_video_have_their_files() {
    let lab = Lab::new();
    let out = lab.text("world");
    let small = ["--count", "2", "--frames", "12", "--size", "32", "--set", "missing=0"];
    affekt([&["synth", "-q", "--kind", "clips", "--out", &out, "--valid", "1"][..], &small].concat()).done();
    assert!(lab.path("world/cropped_aligned/clip_0001/00012.jpg").is_file());
    assert!(lab.path("world/EXPR_Recognition_Challenge/Train_Set/clip_0000.txt").is_file());
    assert!(lab.path("world/EXPR_Recognition_Challenge/Validation_Set/clip_0001.txt").is_file());
    let out = lab.text("video");
    let args = ["synth", "-q", "--kind", "frames", "--out", &out, "--frame-size", "96x64"];
    affekt([&args[..], &small].concat()).done();
    let video = std::fs::metadata(lab.path("video/clip_0000.y4m")).unwrap();
    assert!(video.len() > 12 * 96 * 64 * 3 / 2);
    let table = std::fs::read_to_string(lab.path("video/clip_0000.csv")).unwrap();
    assert_eq!(table.lines().count(), 13);
}

#[test]
fn what_cannot_be_understood_is_said_before_anything_is_written() {
    let lab = Lab::new();
    let out = lab.text("out");
    for (more, parts) in [
        (&["--set", "oclusion=1"][..], &["oclusion", "occlusion"][..]),
        (&["--set", "occlusion"], &["KEY=VALUE"]),
        (&["--set", "blend=2"], &["blend", "0.5"]),
        (&["--size", "8"], &["size = 8"]),
        (&["--kind", "frames", "--frame-size", "63x48"], &["--frame-size", "even"]),
        (&["--kind", "clips", "--count", "2", "--valid", "3"], &["--valid 3"]),
        (&["--kind", "clips", "--set", "threshold=0.9"], &["threshold"]),
    ] {
        affekt([&["synth", "-q", "--out", &out][..], more].concat()).refused(2, parts);
        assert!(!lab.path("out").exists());
    }
}
