//! `affekt report`: the page about a run, and every folder from which none can be made.

use crate::program::{Lab, affekt, png};

const LOG: &str = "{\"kind\":\"step\",\"step\":1,\"loss_teacher\":2.1,\"loss_student\":2.0,\"feedback\":0.01,\"pseudo_histogram\":[3,1]}\n\
                   {\"kind\":\"step\",\"step\":2,\"loss_teacher\":1.9,\"loss_student\":1.8,\"feedback\":-0.01,\"pseudo_histogram\":[2,2]}\n";
const EVIL: &str = "<script>alert(1)</script>";

fn scores() -> serde_json::Value {
    serde_json::json!({ "macro_f1": 0.5, "accuracy": 0.6, "n": 4, "classes": [EVIL, "b"],
        "per_class_f1": { EVIL: 0.4, "b": 0.6 }, "confusion": [[1, 1], [0, 2]] })
}

/// A demo's folder in small: two runs, an ablation and a clip, with a class name that would like to be a script.
fn demo(lab: &Lab) {
    let report = serde_json::json!({ "steps": 2, "method": "ssl", "model": "student",
        "scores": { "student": scores() }, "config": { "name": EVIL } });
    for run in ["supervised", "ssl", "refine"] {
        lab.write(&format!("run/{run}/log.jsonl"), LOG.as_bytes());
        lab.write(&format!("run/{run}/report.json"), report.to_string().as_bytes());
    }
    let row = |name: &str, f1: f64| {
        let run = serde_json::json!({ "seed": 1, "macro_f1": f1, "confusion": [[1, 1], [0, 2]] });
        serde_json::json!({ "name": name, "title": EVIL, "macro_f1": f1, "macro_f1_std": 0.01, "accuracy": f1,
            "per_class_f1": { EVIL: f1, "b": f1 }, "runs": [run.clone(), run] })
    };
    let ablation = serde_json::json!({ "classes": [EVIL, "b"], "seeds": [1, 2], "data": EVIL,
        "rows": [row("baseline", 0.25), row("vote", 0.75)] });
    lab.write("run/ablation.json", ablation.to_string().as_bytes());
    let clip = serde_json::json!({ "clip": EVIL, "fps": 30.0, "classes": [EVIL, "b"], "frames": 4,
        "truth": [0, 0, 1, -1], "face": [true, true, true, false], "per_frame": [0, 1, 1, 1],
        "temporal": [0, 0, 1, 1], "voted": [0, 0, 1, 1],
        "probabilities": [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]],
        "thumbnails": [{ "frame": 2, "file": "timeline/00002.png" }] });
    lab.write("run/timeline.json", clip.to_string().as_bytes());
    lab.write("run/timeline/00002.png", &png(100, 1));
}

#[test]
fn a_demos_folder_becomes_one_page_that_shows_all_of_it() {
    let lab = Lab::new();
    demo(&lab);
    let done = affekt(["report", &lab.text("run")]).done();
    assert_eq!(done.out.trim(), lab.path("run").join("report.html").display().to_string());
    let page = std::fs::read_to_string(lab.path("run/report.html")).unwrap();
    for part in [
        "What each part adds",
        "A clip, frame by frame",
        "Supervised baseline",
        "Semi-supervised",
        "Temporal refinement",
        "Feedback f",
        "Pseudo-labels by class",
        "0.750",
        "data:image/png;base64,",
        "prefers-color-scheme",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(!page.contains("<script>alert"), "what a file says is text");
    assert!(page.contains("&lt;script&gt;alert"));
    for outside in ["http://", "https://", "<link", " src=\"/"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.len() < 300_000, "{}", page.len());
}

#[test]
fn what_a_run_lacks_is_left_out_and_out_says_where_the_page_goes() {
    let lab = Lab::new();
    lab.write("run/log.jsonl", LOG.as_bytes());
    let (run, out) = (lab.text("run"), lab.text("page.html"));
    affekt(["report", &run, "--out", &out]).done();
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("Feedback f"));
    for part in ["What each part adds", "frame by frame", "<h4>Scores"] {
        assert!(!page.contains(part), "{part} is made up");
    }
    assert!(!lab.path("run/report.html").exists());
}

#[test]
fn a_killed_runs_torn_last_line_is_left_out_with_a_note() {
    let lab = Lab::new();
    lab.write("run/log.jsonl", format!("{LOG}{{\"kind\":\"step\",\"st").as_bytes());
    let done = affekt(["report", &lab.text("run")]).done();
    assert!(done.err.contains("note:") && done.err.contains("line 3"), "{done:#?}");
    assert!(std::fs::read_to_string(lab.path("run/report.html")).unwrap().contains("line 3"));
}

#[test]
fn a_bad_file_is_one_error_that_names_it_and_leaves_an_older_page_alone() {
    let clip = |more: &str| format!("{{\"frames\":2,\"classes\":[\"a\"],{more}}}");
    let cases: [(&str, String, &[&str]); 8] = [
        ("log.jsonl", format!("{LOG}my notes\n{LOG}"), &["log.jsonl, line 3"]),
        (
            "log.jsonl",
            "{\"step\":1,\"feedback\":\"high\"}\n".into(),
            &["log.jsonl, line 1", "`feedback` is a string"],
        ),
        ("log.jsonl", "{\"kind\":\"step\"}\n".into(), &["log.jsonl, line 1", "`step` is missing"]),
        ("report.json", "{\"steps\":\"many\"}".into(), &["report.json", "line 1"]),
        ("ablation.json", "{\"rows\":{}}".into(), &["ablation.json", "line 1"]),
        ("timeline.json", clip("\"voted\":[0]"), &["timeline.json", "`voted` has 1 values"]),
        ("timeline.json", clip("\"voted\":[0,7]"), &["timeline.json", "`voted` of frame 1 is 7"]),
        (
            "timeline.json",
            clip("\"thumbnails\":[{\"frame\":0,\"file\":\"../../secret.png\"}]"),
            &["timeline.json", "inside the run's folder"],
        ),
    ];
    for (file, text, parts) in cases {
        let lab = Lab::new();
        lab.write("run/report.html", b"older");
        lab.write(&format!("run/{file}"), text.as_bytes());
        affekt(["report", &lab.text("run")]).refused(1, parts);
        assert_eq!(std::fs::read(lab.path("run/report.html")).unwrap(), b"older");
    }
}

#[test]
fn a_folder_that_is_no_run_is_refused() {
    let lab = Lab::new();
    affekt(["report", &lab.text("none")]).refused(1, &["none", "no folder of a run"]);
    lab.write("empty/notes.txt", b"hello");
    affekt(["report", &lab.text("empty")]).refused(1, &["empty", "nothing to report", "log.jsonl"]);
    affekt(["report", &lab.text("empty/notes.txt")]).refused(1, &["notes.txt", "give the folder"]);
    lab.write("run/log.jsonl", LOG.as_bytes());
    let nowhere = lab.text("nowhere/page.html");
    affekt(["report", &lab.text("run"), "--out", &nowhere]).refused(1, &["cannot write", "nowhere"]);
    affekt(["report"]).refused(2, &["required"]);
}

#[test]
fn a_hundred_thousand_steps_make_a_page_below_a_megabyte() {
    let lab = Lab::new();
    let line = |step: u32| {
        let value = |salt: u32| f64::from(step.wrapping_mul(2_654_435_761).rotate_left(salt)) / 4e9;
        let mut record = serde_json::json!({ "kind": "step", "step": step, "seconds": 0.1,
            "pseudo_histogram": (0..8).map(|c| (step + c) % 9).collect::<Vec<_>>() });
        let fields = "loss_teacher loss_supervised loss_consistency loss_feedback loss_student feedback \
            loss_student_labelled feedback_cosine feedback_positive_share pseudo_kept_share pseudo_confidence agreement \
            teacher_accuracy student_accuracy teacher_gradient_norm student_gradient_norm teacher_learning_rate \
            student_learning_rate images_per_second";
        for (salt, field) in fields.split_whitespace().enumerate() {
            record[field] = value(salt as u32).into();
        }
        record.to_string()
    };
    let log: String = (1..=100_000).map(|step| line(step) + "\n").collect();
    lab.write("run/log.jsonl", log.as_bytes());
    affekt(["report", &lab.text("run")]).done();
    let size = std::fs::metadata(lab.path("run/report.html")).unwrap().len();
    assert!((100_000..1_000_000).contains(&size), "{size}");
}
