//! A run that fails before its first step is in nobody's way: the same command, mended, begins in the same folder.

use crate::program::{Lab, affekt, pretrain};
use crate::runs::of_steps;
use crate::video::{refine, world};

/// Whatever lies in a folder; nothing where there is none.
fn names(lab: &Lab, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(lab.path(folder)).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_run_without_unlabelled_pictures_leaves_nothing_behind() {
    let lab = Lab::new();
    let labelled = lab.faces("labelled", 6);
    let args = |more: &[&str]| {
        let given =
            [&["--labelled", labelled.as_str(), "--labels-per-class", "6", "--tensorboard"], more].concat();
        affekt(pretrain(&lab.path("run"), 3, &given))
    };
    args(&[]).refused(2, &["no unlabelled picture is left", "--unlabelled"]);
    assert!(!lab.path("run").exists(), "it was made for the run: {:?}", names(&lab, "run"));
    args(&["--method", "supervised"]).done();
    assert!(lab.path("run/model.safetensors").is_file());
    // A folder that was there before stays, and so does what is a person's own.
    lab.write("own/notes.txt", b"mine");
    let own = |more: &[&str]| {
        let given = [&["--labelled", labelled.as_str(), "--labels-per-class", "6", "--force"], more].concat();
        affekt(pretrain(&lab.path("own"), 3, &given))
    };
    own(&[]).refused(2, &["no unlabelled picture is left"]);
    assert_eq!(names(&lab, "own"), ["notes.txt"]);
    // A finished run in the folder is not looked at, and stays.
    let again = affekt(pretrain(&lab.path("run"), 3, &["--labelled", &labelled, "--labels-per-class", "6"]));
    again.refused(1, &["is not empty"]);
    assert!(lab.path("run/model.safetensors").is_file());
}

#[test]
fn an_error_of_the_first_step_leaves_nothing_behind() {
    let lab = Lab::new();
    for (class, number) in [("happy", 0), ("happy", 1), ("sad", 2), ("sad", 3)] {
        // Begins as a PNG does, and is none.
        let bytes = [&b"\x89PNG\r\n\x1a\n"[..], class.as_bytes(), &[number]].concat();
        lab.write(&format!("bad/{class}/{number}.png"), &bytes);
    }
    let bad = format!("folder:{}", lab.text("bad"));
    let args = |data: &str| {
        affekt(pretrain(&lab.path("run"), 2, &["--labelled", data, "--method", "supervised", "--strict"]))
    };
    args(&bad).refused(1, &[".png"]);
    assert!(!lab.path("run").exists(), "{:?}", names(&lab, "run"));
    args(&lab.faces("good", 4)).done();
}

#[test]
fn an_interrupted_run_keeps_what_it_goes_on_from() {
    let lab = Lab::new();
    let child = crate::program::program().args(of_steps(&lab, "run", 3000)).spawn().unwrap();
    crate::runs::until("its log", || lab.path("run/log.jsonl").exists());
    crate::runs::signal(&child, "-INT");
    assert_eq!(crate::runs::waited(child).code, Some(130));
    let origin = lab.json("run/origin.json");
    assert!(lab.path("run/config.toml").is_file() && lab.path("run/checkpoint").is_dir());
    let version = affekt(["--version"]).done().out;
    let commit = origin["commit"].as_str().unwrap();
    assert!(version.contains(&format!("commit            {commit}")), "{version} {origin}");
    assert!(version.starts_with(origin["program"].as_str().unwrap()), "{version} {origin}");
    assert_eq!(origin["begun"].as_str().unwrap().len(), "2026-11-30T14:25:00Z".len());
}

#[test]
fn refining_that_cannot_begin_keeps_features_alone() {
    let lab = world();
    affekt(refine(&lab, "run", 2, &["--set", "model.heads=7"])).refused(2, &["heads"]);
    assert!(!lab.path("run").exists());
    let mut unlabelled = refine(&lab, "run", 2, &[]);
    let train = unlabelled.iter().position(|arg| arg == "--train").unwrap();
    unlabelled[train + 1] = "synth-clips:2?frames=40&size=32&channels=1&unlabelled=true".to_owned();
    affekt(unlabelled).refused(1, &["both a face and a label"]);
    assert!(!lab.path("run").exists(), "{:?}", names(&lab, "run"));
    // Features are much work: a folder that holds nothing else is as good as empty.
    affekt(refine(&lab, "run", 2, &[])).done();
    for file in names(&lab, "run").into_iter().filter(|name| name != "features") {
        let path = lab.path("run").join(file);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }
    affekt(refine(&lab, "run", 2, &[])).done();
}
