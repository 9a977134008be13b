//! Runs that are interrupted, killed, resumed, or meet a disk that takes no more.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::program::{Ended, Lab, affekt, on_a_full_disk, pretrain, program};

const STEPS: u32 = 120;

/// A semi-supervised run on two folders of faces.
fn args(lab: &Lab, out: &str) -> Vec<String> {
    of_steps(lab, out, STEPS)
}

/// The same of any length.
pub fn of_steps(lab: &Lab, out: &str, steps: u32) -> Vec<String> {
    let (labelled, unlabelled) = (lab.faces("labelled", 6), lab.faces("unlabelled", 20));
    let valid = lab.faces("valid", 3);
    pretrain(
        &lab.path(out),
        steps,
        &["--labelled", &labelled, "--unlabelled", &unlabelled, "--valid", &valid, "--eval-every", "50"],
    )
}

pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_mins(1), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts a run and waits until its first checkpoint is there.
fn begun(lab: &Lab, out: &str) -> Child {
    let child = program().args(args(lab, out)).spawn().unwrap();
    let first = lab.path(out).join("checkpoint/checkpoint-0000000005.safetensors");
    let second = lab.path(out).join("checkpoint/checkpoint-0000000010.safetensors");
    until("the first checkpoint", || first.exists() || second.exists());
    child
}

pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

pub fn waited(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The log without what depends on the clock.
pub fn log(run: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(run.join("log.jsonl")).unwrap();
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["seconds", "images_per_second"] {
            value.as_object_mut().unwrap().remove(key);
        }
        value
    };
    text.lines().map(line).collect()
}

#[track_caller]
pub fn same_outcome(lab: &Lab, a: &str, b: &str) {
    for file in ["model.safetensors", "teacher.safetensors"] {
        let read = |run: &str| std::fs::read(lab.path(run).join(file)).unwrap();
        assert!(read(a) == read(b), "{file} differs");
    }
    assert_eq!(log(&lab.path(a)), log(&lab.path(b)), "the logs tell the same steps");
}

#[test]
fn interrupted_killed_or_left_alone_a_run_ends_the_same_bit_for_bit() {
    let lab = Lab::new();
    affekt(args(&lab, "whole")).done();

    let child = begun(&lab, "interrupted");
    signal(&child, "-INT");
    let ended = waited(child);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert!(ended.err.contains("--resume") && ended.err.contains("saved"), "{ended:#?}");
    assert!(!lab.path("interrupted/report.json").exists(), "it ended before the signal came");
    let resume = |run: &str| affekt(["pretrain", "--quiet", "--threads", "2", "--resume", &lab.text(run)]);
    resume("interrupted").done();
    same_outcome(&lab, "whole", "interrupted");

    let mut child = begun(&lab, "killed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!lab.path("killed/report.json").exists(), "it ended before it was killed");
    resume("killed").done();
    same_outcome(&lab, "whole", "killed");

    // A finished run resumes to what it was.
    resume("whole").done();
    same_outcome(&lab, "whole", "killed");
}

#[test]
fn threads_and_workers_do_not_change_the_outcome() {
    let lab = Lab::new();
    affekt(args(&lab, "one")).done();
    let mut more = args(&lab, "more");
    let threads = more.iter().position(|arg| arg == "--threads").unwrap();
    more[threads + 1] = "2".into();
    more.extend(["--workers".into(), "3".into()]);
    affekt(more).done();
    same_outcome(&lab, "one", "more");
}

#[test]
fn a_full_disk_is_one_clear_error_and_the_last_checkpoint_stays_good() {
    let lab = Lab::new();
    affekt(args(&lab, "whole")).done();
    let child = begun(&lab, "full");
    signal(&child, "-INT");
    assert_eq!(waited(child).code, Some(130));
    let resume: Vec<String> =
        ["pretrain", "--quiet", "--threads", "1", "--resume", &lab.text("full")].map(str::to_owned).to_vec();
    on_a_full_disk(200, &resume).refused(1, &["full/checkpoint", "large"]);
    affekt(resume).done();
    same_outcome(&lab, "whole", "full");

    on_a_full_disk(20, &args(&lab, "never")).refused(1, &["output folder", "never", "make room"]);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_named_before_training() {
    let lab = Lab::new();
    for out in ["/proc/affekt-run", "/dev/null/run"] {
        affekt(pretrain(Path::new(out), 4, &["--method", "supervised", "--labelled", "synth:40"]))
            .refused(1, &["output folder", out]);
    }
    lab.write("locked/keep", b"");
    std::fs::remove_file(lab.path("locked/keep")).unwrap();
    let status = Command::new("chmod").args(["555", &lab.text("locked")]).status().unwrap();
    assert!(status.success());
    // The administrator may write anywhere; then the two above are the test.
    if std::fs::write(lab.path("locked/probe"), b"").is_err() {
        affekt(pretrain(&lab.path("locked"), 4, &["--method", "supervised", "--labelled", "synth:40"]))
            .refused(1, &["output folder", "locked"]);
    }
}

#[test]
fn a_folder_with_a_run_in_it_is_not_overwritten_unless_forced() {
    let lab = Lab::new();
    let first = pretrain(&lab.path("run"), 4, &["--method", "supervised", "--labelled", "synth:40"]);
    affekt(&first).done();
    lab.write("run/notes.txt", b"mine");
    let model = std::fs::read(lab.path("run/model.safetensors")).unwrap();
    affekt(&first).refused(1, &["is not empty", "--resume", "--force"]);
    assert!(std::fs::read(lab.path("run/model.safetensors")).unwrap() == model, "nothing is lost");
    affekt([first, vec!["--force".into()]].concat()).done();
    assert!(lab.path("run/notes.txt").exists(), "what is not the run's is left alone");
}
