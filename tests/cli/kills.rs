//! Killed at moments that have nothing to do with what the program is at, again and again, a command ends as if it had been left
//! alone. `AFFEKT_KILLS=100` makes so many kills of each command; without it there are a few.
#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use crate::ablation::{comparison, outcome};
use crate::analyze::clip;
use crate::program::{Lab, affekt, pretrain, program};
use crate::video::{refine, world};

/// Kills of one run before it is left alone.
const OF_ONE_RUN: u32 = 4;

fn kills() -> u32 {
    std::env::var("AFFEKT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Numbers from 0 to 1 that are the same every time.
pub fn draws() -> impl FnMut() -> f64 {
    let mut state = 0x5851_f42d_4c95_7f2d_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    }
}

/// Kills runs of `command` until there were enough kills, leaves each alone after some, and hands it to `same`.
fn kill(
    whole: Duration,
    command: impl Fn(u32) -> Vec<String>,
    go_on: impl Fn(u32) -> Vec<String>,
    mut same: impl FnMut(u32),
) {
    let (mut draw, wanted) = (draws(), kills());
    let (mut killed, mut run, mut tries) = (0, 0, 0);
    while killed < wanted {
        run += 1;
        let mut of_this = 0;
        while of_this < OF_ONE_RUN && killed < wanted {
            tries += 1;
            assert!(tries < 20 * wanted, "it ends before it can be killed");
            let words = if of_this == 0 { command(run) } else { go_on(run) };
            let mut child = program().args(&words).spawn().unwrap();
            std::thread::sleep(whole.mul_f64(draw()));
            let over = child.try_wait().unwrap().is_some();
            let _ = child.kill();
            let ended = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(!over || ended.status.success(), "{words:?} after {of_this} kills: {said}");
            if over {
                break;
            }
            (of_this, killed) = (of_this + 1, killed + 1);
            // A start is known to a hundredth of a second, and what is younger than it is left to the run after.
            std::thread::sleep(Duration::from_millis(50));
        }
        affekt(go_on(run)).done();
        same(run);
    }
    eprintln!("{killed} kills of {run} runs");
}

/// How long a command takes.
fn timed(words: &[String]) -> Duration {
    let since = Instant::now();
    affekt(words).done();
    since.elapsed()
}

/// The same bytes in both folders.
#[track_caller]
fn alike(a: &Path, b: &Path, files: &[&str]) {
    for file in files {
        let [a, b] = [a, b].map(|folder| std::fs::read(folder.join(file)).unwrap_or_default());
        assert!(!a.is_empty() && a == b, "{file}");
    }
}

/// Nothing of a killed program is left over.
#[track_caller]
fn tidy(folder: &Path) {
    let names =
        |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
    let left: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(names).filter(|name| name.starts_with(".affekt")).collect();
    assert!(left.is_empty(), "{}: {left:?}", folder.display());
}

#[test]
fn analyze() {
    let lab = Lab::new();
    let words = |out: &str| -> Vec<String> {
        let fixed =
            "analyze --quiet --threads 1 --detector guide --annotated --jsonl --srt --vtt --abaw --out";
        let inputs = ["plain.mp4", "varying.mp4", "turned.mp4"].map(clip);
        fixed.split_whitespace().map(str::to_owned).chain([lab.text(out)]).chain(inputs).collect()
    };
    let whole = timed(&words("whole"));
    let files: Vec<String> = ["plain", "varying", "turned"]
        .iter()
        .flat_map(|name| {
            ["csv", "json", "jsonl", "srt", "vtt", "annotated.mp4", "predictions.txt"]
                .map(|e| format!("{name}.{e}"))
        })
        .chain(["index.html".to_owned()])
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let again = |run: u32| words(&format!("run-{run}"));
    kill(whole, again, again, |run| {
        let out = lab.path(&format!("run-{run}"));
        alike(&lab.path("whole"), &out, &files);
        tidy(&out);
    });
}

/// The command as it was given before anything was begun, else the one that resumes.
fn resumed(lab: &Lab, out: &str, command: &str, first: Vec<String>) -> Vec<String> {
    if !lab.path(out).join("config.toml").exists() {
        return first;
    }
    let words = [command, "--quiet", "--threads", "1", "--resume", &lab.text(out)];
    words.map(str::to_owned).to_vec()
}

#[test]
fn pretraining() {
    let lab = Lab::new();
    let (labelled, unlabelled) = (lab.faces("labelled", 6), lab.faces("unlabelled", 20));
    let words =
        |out: &str| pretrain(&lab.path(out), 60, &["--labelled", &labelled, "--unlabelled", &unlabelled]);
    let whole = timed(&words("whole"));
    let name = |run: u32| format!("run-{run}");
    let go_on = |run: u32| resumed(&lab, &name(run), "pretrain", words(&name(run)));
    kill(
        whole,
        |run| words(&name(run)),
        go_on,
        |run| {
            let out = lab.path(&name(run));
            alike(&lab.path("whole"), &out, &["model.safetensors", "teacher.safetensors"]);
            tidy(&out);
            tidy(&out.join("checkpoint"));
        },
    );
}

#[test]
fn refining() {
    let lab = world();
    let words = |out: &str| refine(&lab, out, 12, &[]);
    let whole = timed(&words("whole"));
    let name = |run: u32| format!("run-{run}");
    let go_on = |run: u32| resumed(&lab, &name(run), "refine", words(&name(run)));
    kill(
        whole,
        |run| words(&name(run)),
        go_on,
        |run| {
            let out = lab.path(&name(run));
            alike(&lab.path("whole"), &out, &["model.safetensors"]);
            tidy(&out);
        },
    );
}

#[test]
fn comparisons() {
    let lab = Lab::new();
    let words = |out: &str| comparison(&lab, out, &["--seeds", "1"]);
    // The folder has the same name every time, for it stands in cards and paths.
    let whole = timed(&words("out"));
    let first = outcome(&lab, "out");
    std::fs::remove_dir_all(lab.path("out")).unwrap();
    let again = |_: u32| words("out");
    kill(whole, again, again, |_| {
        let now = outcome(&lab, "out");
        assert_eq!(now.len(), first.len());
        for ((file, now), (_, first)) in now.iter().zip(&first) {
            assert!(now == first, "{file}");
        }
        std::fs::remove_dir_all(lab.path("out")).unwrap();
    });
}
