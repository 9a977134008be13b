//! The script of docs/cluster.md as a cluster runs it: a keeper of jobs that sends signals and starts the job again.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::Lab;
use crate::runs::{of_steps, same_outcome, signal, until, waited};

/// The job script of the documentation.
fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cluster.md");
    let text = std::fs::read_to_string(path).unwrap();
    let found = text.split("```sh\n").find(|block| block.starts_with("#!/bin/bash")).unwrap();
    found.split("```").next().unwrap().to_owned()
}

/// A folder with the script, the program, and a keeper of jobs that only writes down what it was asked.
fn cluster(lab: &Lab) -> PathBuf {
    lab.write("bin/pretrain.sbatch", script().as_bytes());
    lab.write("bin/scontrol", b"#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/asked\"\n");
    let status = Command::new("chmod").args(["755", &lab.text("bin/scontrol")]).status().unwrap();
    assert!(status.success());
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_affekt"), lab.path("bin/affekt")).unwrap();
    lab.path("bin")
}

#[test]
fn the_documented_job_is_requeued_until_its_run_is_done() {
    let lab = Lab::new();
    let bin = cluster(&lab);
    let mut whole = of_steps(&lab, "whole", 300);
    crate::program::affekt(&whole).done();
    // The script names the command and the folder itself.
    let words = whole.split_off(1);
    let out = words.iter().position(|word| word == "--out").unwrap();
    let words = [&words[..out], &words[out + 2..]].concat();
    let job = || {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut job = Command::new("bash");
        job.arg(bin.join("pretrain.sbatch")).args(&words);
        job.envs([("PATH", path.as_str()), ("SLURM_CPUS_PER_TASK", "1"), ("SLURM_JOB_ID", "4711")]);
        job.env("RUN", lab.path("run")).env("XDG_CACHE_HOME", lab.path("cache"));
        job.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let asked = || std::fs::read_to_string(bin.join("asked")).unwrap_or_default();
    let lines = || std::fs::read_to_string(lab.path("run/log.jsonl")).unwrap_or_default().lines().count();
    for (round, name) in ["-USR1", "-TERM"].into_iter().enumerate() {
        let (child, from) = (job(), lines());
        until("some steps", || lines() > from + 5);
        signal(&child, name);
        let ended = waited(child);
        assert_eq!(ended.code, Some(75), "{ended:#?}");
        assert_eq!(asked(), "requeue 4711\n".repeat(round + 1), "{ended:#?}");
    }
    let ended = waited(job());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(asked().lines().count(), 2, "a run that is done is not started again");
    same_outcome(&lab, "whole", "run");
    // Neither is one that fails.
    std::fs::write(lab.path("run/config.toml"), "not = [toml").unwrap();
    let ended = waited(job());
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert_eq!(asked().lines().count(), 2);
}
