//! One line, started again and again as a cluster does it: it begins a run or goes on with it, and what tells it to stop costs nothing.
#![cfg(unix)]

use std::path::Path;
use std::process::Child;

use crate::kills::draws;
use crate::program::{Lab, affekt, program};
use crate::runs::{log, of_steps, same_outcome, signal, until, waited};
use crate::video::{refine, world};

/// How often the line is started again before it may end.
const REQUEUED: u32 = 5;

/// The same with `--auto-resume`.
fn auto(words: Vec<String>) -> Vec<String> {
    words.into_iter().chain(["--auto-resume".to_owned()]).collect()
}

/// Steps that a run's log tells, finished lines alone.
fn steps(run: &Path) -> usize {
    let text = std::fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
    text.matches("\"kind\":\"step\"").count()
}

/// Starts one line again and again, tells it to stop after a random number of `few` steps more each time, and leaves it alone in
/// the end.
fn requeue(run: &Path, words: &[String], few: f64) {
    let mut draw = draws();
    for round in 0..REQUEUED {
        let from = steps(run);
        let more = 1 + (few * draw()) as usize;
        let mut child = program().args(words).spawn().unwrap();
        until("some steps more", || {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself: {:#?}", steps(run));
            steps(run) >= from + more
        });
        let name = if round % 2 == 0 { "-TERM" } else { "-USR1" };
        signal(&child, name);
        told_to_stop(child);
        assert!(!run.join("report.json").exists(), "it ended before it was told to stop");
        // What was made is saved: nothing is made twice.
        assert!(steps(run) >= from + more);
        let saved = run.join(format!("checkpoint/checkpoint-{:010}.safetensors", steps(run)));
        assert!(saved.exists(), "{}", saved.display());
    }
    affekt(words).done();
}

/// It saved, and said so in words and by its exit code.
#[track_caller]
fn told_to_stop(child: Child) {
    let ended = waited(child);
    assert_eq!(ended.code, Some(75), "{ended:#?}");
    assert!(ended.err.contains("saved") && ended.err.contains("exit code 75"), "{ended:#?}");
}

#[test]
fn the_same_line_stopped_five_times_makes_the_run_that_nobody_stopped() {
    let lab = Lab::new();
    affekt(of_steps(&lab, "whole", 300)).done();
    let line = auto(of_steps(&lab, "stopped", 300));
    requeue(&lab.path("stopped"), &line, 30.0);
    same_outcome(&lab, "whole", "stopped");
    // A line that comes once more finds the run finished, and leaves it as it is.
    affekt(&line).done();
    same_outcome(&lab, "whole", "stopped");
}

#[test]
fn an_encoder_stopped_five_times_is_the_one_that_nobody_stopped() {
    let lab = world();
    affekt(refine(&lab, "whole", 60, &[])).done();
    requeue(&lab.path("stopped"), &auto(refine(&lab, "stopped", 60, &[])), 5.0);
    let model = |run: &str| std::fs::read(lab.path(run).join("model.safetensors")).unwrap();
    assert!(model("whole") == model("stopped"));
    assert_eq!(log(&lab.path("whole")), log(&lab.path("stopped")));
}

#[test]
fn a_signal_that_comes_twice_still_saves_and_one_of_a_person_stays_a_persons() {
    let lab = Lab::new();
    let begun = |out: &str| {
        let child = program().args(auto(of_steps(&lab, out, 4000))).spawn().unwrap();
        until("a step", || steps(&lab.path(out)) > 0);
        child
    };
    let twice = begun("twice");
    signal(&twice, "-USR1");
    let _ = std::process::Command::new("kill").args(["-TERM", &twice.id().to_string()]).output();
    told_to_stop(twice);
    let person = begun("person");
    signal(&person, "-INT");
    let _ = std::process::Command::new("kill").args(["-TERM", &person.id().to_string()]).output();
    let ended = waited(person);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert!(ended.err.contains("interrupted after step"), "{ended:#?}");
}

#[test]
fn a_line_with_other_settings_is_no_line_of_this_run() {
    let lab = Lab::new();
    let line = |steps| auto(of_steps(&lab, "run", steps));
    affekt(line(6)).done();
    let model = std::fs::read(lab.path("run/model.safetensors")).unwrap();
    affekt(line(8)).refused(2, &["run", "other settings", "training.steps is 6 there and 8 here", "--out"]);
    // What computes does not tell two runs apart.
    affekt([line(6), ["--workers", "2", "--threads", "2"].map(str::to_owned).to_vec()].concat()).done();
    let force = affekt([line(6), vec!["--force".to_owned()]].concat());
    force.refused(2, &["--auto-resume", "--force"]);
    let both = affekt(["pretrain", "--resume", &lab.text("run"), "--auto-resume"]);
    both.refused(2, &["--resume", "--auto-resume"]);
    assert!(std::fs::read(lab.path("run/model.safetensors")).unwrap() == model, "nothing was lost");
    lab.write("mine/notes.txt", b"a person's own");
    affekt(auto(of_steps(&lab, "mine", 6))).refused(1, &["mine", "is not empty"]);
}

#[test]
fn the_last_the_best_and_one_every_so_many_steps_stay() {
    let lab = Lab::new();
    let more = ["--eval-every", "10", "--keep-every", "20"].map(str::to_owned);
    affekt([of_steps(&lab, "run", 60), more.to_vec()].concat()).done();
    let best = lab.json("run/checkpoint/best.json");
    let scores: Vec<(u64, f64)> = log(&lab.path("run"))
        .iter()
        .filter(|line| line["kind"] == "evaluation" && line["step"] != 60)
        .map(|line| (line["step"].as_u64().unwrap(), line["macro_f1"].as_f64().unwrap()))
        .collect();
    assert_eq!(scores.len(), 5, "{scores:?}");
    let highest = scores.iter().fold(f64::MIN, |highest, &(_, score)| highest.max(score));
    let first = scores.iter().find(|&&(_, score)| score == highest).unwrap().0;
    assert_eq!((best["step"].as_u64(), best["score"].as_f64()), (Some(first), Some(highest)));
    let mut expected = vec![20, 40, 55, 60, first];
    expected.sort_unstable();
    expected.dedup();
    let names =
        std::fs::read_dir(lab.path("run/checkpoint")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut found: Vec<u64> = names
        .filter_map(|name| {
            name.to_str()?.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok()
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}
