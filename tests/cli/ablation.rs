//! `affekt eval --ablation`, stopped at any moment: the same command goes on, and what comes out is the same.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Lab, affekt, ended, program};

/// A comparison with all its rows and two seeds, in `out`.
pub fn comparison(lab: &Lab, out: &str, more: &[&str]) -> Vec<String> {
    let style = "size=32&channels=1&variation=0.3&intensity=0.8..1";
    let data = [
        ("--labelled", format!("synth:80?seed=1&{style}&identities=0..9")),
        ("--unlabelled", format!("synth:40?seed=2&{style}&identities=10..19")),
        ("--more-unlabelled", format!("synth:60?seed=3&{style}&identities=20..29")),
        ("--clips", format!("synth-clips:3?seed=4&{style}&identities=30..33&frames=70")),
        ("--valid", format!("synth-clips:2?seed=5&{style}&identities=40..42&frames=70")),
    ];
    let fixed = "eval --ablation --quiet --threads 1 --preset tiny --refine-preset tiny";
    let mut args: Vec<String> = fixed.split_whitespace().map(str::to_owned).collect();
    let seeds = if more.contains(&"--seeds") { &[][..] } else { &["--seeds", "2"] };
    args.extend(seeds.iter().map(|&arg| arg.to_owned()));
    args.extend(["--out".to_owned(), lab.text(out)]);
    args.extend(data.into_iter().flat_map(|(flag, spec)| [flag.to_owned(), spec]));
    let students = "model.width=0.0625 training.steps=14 training.teacher_warm_up_steps=4 training.batch=4 \
                    training.student_wait_steps=6 training.fine_tune.steps=2 training.unlabelled_batch=4 \
                    data.labels_per_class=5 checkpoint_every=3";
    args.extend(students.split_whitespace().flat_map(|set| ["--set".to_owned(), set.to_owned()]));
    let encoder = "model.width=16 training.steps=6 training.batch=4 checkpoint_every=2";
    args.extend(encoder.split_whitespace().flat_map(|set| ["--refine-set".to_owned(), set.to_owned()]));
    args.extend(more.iter().map(|&arg| arg.to_owned()));
    args
}

/// Everything of a comparison that must not depend on where it was stopped.
pub fn outcome(lab: &Lab, out: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = vec!["ablation.json".to_owned(), "timeline.json".to_owned()];
    for seed in ["", "seed-2/"] {
        for run in ["supervised", "ssl", "ssl_more"] {
            files.extend(["model", "teacher"].map(|file| format!("{seed}{run}/{file}.safetensors")));
        }
        files.push(format!("{seed}refine/model.safetensors"));
    }
    // The baseline has no teacher.
    let read = |file: String| Some((file.clone(), std::fs::read(lab.path(out).join(&file)).ok()?));
    files.into_iter().filter_map(read).collect()
}

#[track_caller]
fn same(a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) {
    assert_eq!(a.len(), b.len());
    for ((file, a), (_, b)) in a.iter().zip(b) {
        // Where a run lies stands in its encoder's card and in the paths of reports alone.
        assert!(a == b, "{file} differs");
    }
}

#[test]
fn killed_or_interrupted_at_any_moment_the_same_command_ends_the_same() {
    let lab = Lab::new();
    let since = Instant::now();
    affekt(comparison(&lab, "out", &[])).done();
    let whole = since.elapsed();
    let first = outcome(&lab, "out");
    let names: Vec<&String> = first.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 14, "{names:?}");

    // At moments that have nothing to do with where the program is, from early to late; each time it goes on from the last.
    #[expect(clippy::disallowed_methods, reason = "a place of its own for the second comparison")]
    std::fs::rename(lab.path("out"), lab.path("whole")).unwrap();
    let mut ends = 0;
    for (number, part) in [0.05, 0.31, 0.17, 0.43, 0.23, 0.37].into_iter().enumerate() {
        let mut child = program().args(comparison(&lab, "out", &[])).spawn().unwrap();
        let until = Instant::now() + whole.mul_f64(part);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let signal = ["-KILL", "-INT", "-TERM"][number % 3];
        let _ = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        match ended.status.code() {
            Some(0) => ends += 1,
            Some(code @ (130 | 75)) => {
                assert_eq!(code == 75, signal == "-TERM", "{said}");
                assert!(
                    said.contains("saved. Go on with: affekt eval --ablation") && said.contains("--out"),
                    "{said}"
                );
            }
            None => {}
            code => panic!("{code:?}: {said}"),
        }
    }
    assert!(ends < 5, "it was stopped on its way");
    let ended = affekt(comparison(&lab, "out", &[])).done();
    assert!(ended.out.contains("+ vote"), "{ended:#?}");
    same(&outcome(&lab, "out"), &first);
}

#[test]
fn a_finished_comparison_is_not_made_again_and_another_one_never_replaces_it() {
    let lab = Lab::new();
    affekt(comparison(&lab, "out", &["--seeds", "1"])).done();
    let changed = |file: &str| std::fs::metadata(lab.path(file)).unwrap().modified().unwrap();
    let (student, first) = (changed("out/ssl/model.safetensors"), lab.json("out/ablation.json"));
    affekt(comparison(&lab, "out", &["--seeds", "1"])).done();
    assert_eq!(changed("out/ssl/model.safetensors"), student, "nothing was trained again");
    assert_eq!(lab.json("out/ablation.json"), first);
    // More seeds go on with those that are there.
    affekt(comparison(&lab, "out", &[])).done();
    assert_eq!(changed("out/ssl/model.safetensors"), student);
    assert_eq!(lab.json("out/ablation.json")["rows"][0]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(lab.json("out/ablation.json")["rows"][0]["runs"][0], first["rows"][0]["runs"][0]);

    affekt(comparison(&lab, "out", &["--set", "training.batch=6"]))
        .refused(2, &["out", "another comparison", "training.batch is 4 there and 6 here", "--force"]);
    let other = ["--labelled", "synth:99?size=32&channels=1"];
    affekt(comparison(&lab, "out", &other)).refused(2, &["another comparison", "--force"]);
    lab.write("mine/notes.txt", b"a person's own");
    affekt(comparison(&lab, "mine", &[])).refused(1, &["mine", "is not empty", "--force"]);
    assert_eq!(changed("out/ssl/model.safetensors"), student, "nothing was lost");
    // Starting over is what --force says; were it stopped, going on would not be starting over again.
    let child = program().args(comparison(&lab, "out", &["--force", "--seeds", "1"])).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let stopped = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    if stopped.status.code() == Some(130) {
        assert!(said.contains("Go on with:") && !said.contains("--force"), "{said}");
    }
    // Ended before it had said what it compares, it has nothing to go on with.
    let more: &[&str] = if lab.path("out/plan.json").exists() { &[] } else { &["--force"] };
    affekt(comparison(&lab, "out", &[&["--seeds", "1"], more].concat())).done();
    assert_eq!(lab.json("out/ablation.json"), first);
}

#[test]
fn two_comparisons_in_one_folder_at_once_are_one_and_an_error() {
    let lab = Lab::new();
    let mut first = program().args(comparison(&lab, "out", &[])).spawn().unwrap();
    while !lab.path("out/supervised/config.toml").exists() {
        assert!(first.try_wait().unwrap().is_none(), "it ended at once");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = ended(program().args(comparison(&lab, "out", &[])));
    second.refused(1, &["out", "works in this folder"]);
    let third = ended(program().args(comparison(&lab, "out", &["--force"])));
    third.refused(1, &["out", "works in this folder"]);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn clips_that_later_rows_cannot_use_are_told_before_the_first_student() {
    let lab = Lab::new();
    let style = "size=32&channels=1&frames=70";
    let unlabelled = format!("synth-clips:2?seed=4&{style}&unlabelled=true");
    for (flag, spec, words) in [
        (
            "--clips",
            unlabelled.as_str(),
            ["--clips", "no frame of the training clips has both a face and a label"],
        ),
        ("--valid", &unlabelled, ["--valid", "no frame of the validation clips has both a face and a label"]),
        ("--clips", "clips:nowhere", ["nowhere", "no such file or folder"]),
    ] {
        let mut args = comparison(&lab, "out", &["--seeds", "1"]);
        let place = args.iter().position(|arg| arg == flag).unwrap();
        spec.clone_into(&mut args[place + 1]);
        affekt(&args).refused(1, &words);
        assert!(!lab.path("out").exists(), "{flag} {spec}");
    }
    // Classes of faces that are none of the clips'.
    let mut args = comparison(&lab, "out", &["--seeds", "1"]);
    let place = args.iter().position(|arg| arg == "--labelled").unwrap();
    args[place + 1] = lab.faces("faces", 6) + "?map=happy:grumpy,sad:bored";
    let refused = affekt(&args);
    refused.refused(1, &["maps nowhere"]);
    assert!(!lab.path("out").exists());
}
