//! What the program itself reads: a run's log and results for its page, and results of an analysis.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use affekt_engine::output::{LabelRun, Person, Summary};

use super::pictures::picture;
use super::{Form, Format, other};

pub(super) const REPORT: Format = Format {
    name: "report",
    short: 60,
    own: true,
    files: &[
        ("log.jsonl", Form::Text),
        ("report.json", Form::Json),
        ("ablation.json", Form::Json),
        ("timeline.json", Form::Json),
    ],
    make: make_report,
    read: |folder| {
        run(
            folder,
            &["report".as_ref(), folder.as_os_str(), "--out".as_ref(), folder.join("page.html").as_os_str()],
        )
    },
};

pub(super) const KEPT: Format = Format {
    name: "kept",
    short: 40,
    own: false,
    files: &[("out/a.json", Form::Json)],
    make: make_kept,
    read: read_kept,
};

/// The program beside this one; where it was not built nothing of this can be looked at.
pub fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let folders = own.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(format!("affekt{}", std::env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file())
}

/// Runs the program; how it ended if not by itself is a panic here, so that it is told as one.
fn run(folder: &Path, words: &[&std::ffi::OsStr]) -> Result<(), String> {
    let program = program().ok_or_else(|| format!("{}: affekt is not built", folder.display()))?;
    let out = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(matches!(out.status.code(), Some(0..=2)) && !said.contains("panicked"), "{} {said}", out.status);
    let error = said.lines().find_map(|line| line.strip_prefix("error: "));
    if out.status.success() { Ok(()) } else { Err(error.unwrap_or(&said).to_owned()) }
}

fn make_report(folder: &Path) -> io::Result<()> {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
    let log = "{\"kind\":\"step\",\"step\":1,\"images\":4,\"loss_teacher\":1.5,\"seconds\":0.1,\"pseudo_histogram\":[1,2]}\n\
               {\"kind\":\"evaluation\",\"step\":1,\"network\":\"student\",\"macro_f1\":0.5,\"accuracy\":0.5,\
               \"per_class_f1\":{\"calm\":0.4,\"glad\":0.6}}\n{\"kind\":\"step\",\"step\":2,\"loss_teacher\":1.25,\"skipped\":false}\n";
    write("log.jsonl", log)?;
    let frame = serde_json::json!({
        "n": 4, "classes": ["calm", "glad"], "macro_f1": 0.5, "accuracy": 0.5, "balanced_accuracy": 0.5, "ece": 0.1,
        "per_class_f1": { "calm": 0.4, "glad": 0.6 }, "confusion": [[1, 1], [1, 1]]
    });
    write(
        "report.json",
        &serde_json::json!({ "steps": 2, "model": "student", "scores": { "student": frame } }).to_string(),
    )?;
    let mut run = frame.clone();
    run["seed"] = 1.into();
    let row = |name: &str| {
        serde_json::json!({ "name": name, "title": name, "macro_f1": 0.5, "macro_f1_std": 0.0, "accuracy": 0.5,
            "per_class_f1": { "calm": 0.4, "glad": 0.6 }, "runs": [run] })
    };
    let table = serde_json::json!({ "classes": ["calm", "glad"], "seeds": [1], "data": "a", "rows": [row("baseline"), row("vote")] });
    write("ablation.json", &table.to_string())?;
    let timeline = serde_json::json!({
        "clip": "a", "fps": 30.0, "classes": ["calm", "glad"], "frames": 3, "truth": [0, 1, -1], "face": [true, true, false],
        "per_frame": [0, 1, -1], "temporal": [0, 1, 1], "voted": [0, 0, 1],
        "probabilities": [[0.5, 0.5], [0.25, 0.75], [0.0, 0.0]], "thumbnails": []
    });
    write("timeline.json", &timeline.to_string())
}

fn make_kept(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder.join("out"))?;
    std::fs::write(folder.join("b.jpg"), picture(48, 40, 3).to_jpeg(90).map_err(other)?)?;
    std::fs::write(folder.join("out/a.csv"), "frame,seconds,face\n")?;
    let runs = vec![LabelRun {
        label: 0,
        first: 0,
        frames: 3,
        start: 0.0,
        end: 0.1,
        confidence_sum: 2.5,
        unsure: 0,
        by_hand: false,
    }];
    let person = Person {
        face: 1,
        frames: 3,
        class_frames: vec![3, 0],
        class_sums: vec![2.5, 0.5],
        runs,
        ..Person::default()
    };
    let summary = Summary {
        version: affekt_engine::output::SUMMARY_VERSION,
        input: "a.mp4".into(),
        finished: true,
        files: vec!["csv".into()],
        classes: vec!["calm".into(), "glad".into()],
        frames: 3,
        seconds: 0.1,
        people: vec![person],
        ..Summary::default()
    };
    std::fs::write(folder.join("out/a.json"), serde_json::to_vec(&summary).map_err(other)?)
}

/// Another input goes into a folder of results that are broken; its page shows what can be shown.
fn read_kept(folder: &Path) -> Result<(), String> {
    let (input, out) = (folder.join("b.jpg"), folder.join("out"));
    run(
        folder,
        &[
            "analyze".as_ref(),
            input.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
            "--detector".as_ref(),
            "guide".as_ref(),
            "--threads".as_ref(),
            "1".as_ref(),
            "--quiet".as_ref(),
            "--force".as_ref(),
        ],
    )
}
