//! Scores that stand up: tables of predictions, intervals, groups, comparisons, mistakes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::program::{Lab, affekt, pretrain};

fn json(args: &[&str]) -> Value {
    let ended = affekt(args).done();
    serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {ended:#?}"))
}

/// A model of one class more or less, and the faces it is measured on.
fn trained(lab: &Lab) -> (String, String) {
    let faces = lab.faces("faces, all", 8);
    affekt(pretrain(&lab.path("run"), 3, &["--method", "supervised", "--labelled", &faces])).done();
    (lab.text("run"), faces)
}

#[test]
fn a_table_of_pictures_scores_as_the_command_that_wrote_it() {
    let lab = Lab::new();
    let (model, faces) = trained(&lab);
    let (table, errors) = (lab.text("a.csv"), lab.text("mistakes"));
    let args =
        ["eval", "-q", "--model", &model, "--data", &faces, "--json", "--interval", "--resamples", "200"];
    let measured = json(&[&args[..], &["--predictions", &table, "--errors", &errors]].concat());
    let text = std::fs::read_to_string(&table).unwrap();
    assert!(text.starts_with("item,group,truth,answer,p_happy,p_sad\n"), "{text}");
    assert_eq!(text.lines().count(), 17);
    assert!(text.contains("faces, all/sad/000.png\",,sad,"), "{text}");
    let again = json(&["eval", "--from", &table, "--json", "--interval", "--resamples", "200"]);
    for key in ["n", "macro_f1", "accuracy", "confusion", "intervals", "balanced_accuracy"] {
        assert_eq!(measured[key], again[key], "{key}");
    }
    let of = &again["intervals"]["of"]["accuracy"];
    let [low, high] = ["low", "high"].map(|end| of[end].as_f64().unwrap());
    let accuracy = again["accuracy"].as_f64().unwrap();
    assert!(low <= accuracy && accuracy <= high, "{again:#}");
    assert_eq!((&again["cluster"], &again["intervals"]["kind"]), (&"item".into(), &"percentile".into()));
    let sheet = lab.json("mistakes/errors.json");
    let wrong = (16.0 * (1.0 - accuracy)).round();
    assert_eq!(sheet["mistakes"].as_f64(), Some(wrong), "{sheet:#}");
    let shown = sheet["shown"].as_array().unwrap();
    assert_eq!(shown.len() as f64, wrong);
    assert!(shown.windows(2).all(|pair| pair[0]["probability"].as_f64() >= pair[1]["probability"].as_f64()));
    assert_eq!(lab.path("mistakes/errors.png").is_file(), wrong > 0.0);
    let page = affekt(["report", &errors]).done().out;
    let page = std::fs::read_to_string(page.trim()).unwrap();
    assert!(page.contains("Surest mistakes") && page.contains("of 16 pictures"), "the report shows them");
}

/// A table of 40 items of two people a site; `right` says which are answered right.
fn table(lab: &Lab, name: &str, right: impl Fn(usize) -> bool) -> String {
    let mut text = String::from("item,group,truth,answer\n");
    for at in 0..40 {
        let truth = ["calm", "joy"][at % 2];
        let answer = if right(at) { truth } else { ["joy", "calm"][at % 2] };
        let _ = writeln!(text, "set/{at}.png,p{},{truth},{answer}", at / 10);
    }
    lab.write(name, text.as_bytes());
    lab.text(name)
}

#[test]
fn groups_have_scores_gaps_and_intervals_and_people_are_drawn_whole() {
    let lab = Lab::new();
    let path = table(&lab, "a.csv", |at| at >= 20 || at % 4 > 0);
    lab.write("g.csv", b"item,site\np0,north\np1,north\np2,south\np3,south\n");
    let by = lab.text("g.csv");
    let found = json(&["eval", "--from", &path, "--by", &by, "--interval", "bca", "--json"]);
    assert_eq!((&found["cluster"], &found["intervals"]["units"]), (&"group".into(), &4.into()));
    let groups = found["groups"][0]["groups"].as_array().unwrap();
    assert_eq!((&groups[0]["name"], &groups[0]["n"]), (&"north".into(), &20.into()));
    assert_eq!(
        (&groups[0]["scores"]["accuracy"], &groups[1]["scores"]["accuracy"]),
        (&0.75.into(), &1.0.into())
    );
    assert_eq!(groups[0]["gaps"]["accuracy"], -0.25);
    let text = affekt(["eval", "--from", &path, "--by", &by, "--cluster", "item"]).done().out;
    assert!(text.contains("north") && text.contains("-0.2500"), "{text}");
    let text = affekt(["eval", "--from", &path, "--interval", "--by", &by, "--cluster", "site"]).done().out;
    assert!(text.contains("2 clusters by site") && text.contains("percentile"), "{text}");
}

#[test]
fn two_models_are_compared_on_the_same_items_and_folds_are_averaged() {
    let lab = Lab::new();
    let (a, b) = (table(&lab, "a.csv", |at| at % 10 > 0), table(&lab, "b.csv", |at| at % 4 > 0));
    let found = json(&["eval", "--compare", &a, &b, "--cluster", "item", "--json"]);
    // Of 40 items 4 are wrong in A, 10 in B, 2 in both.
    assert_eq!((&found["mcnemar"]["only_a"], &found["mcnemar"]["only_b"]), (&8.into(), &2.into()));
    let p = found["mcnemar"]["exact_p"].as_f64().unwrap();
    assert!((p - 0.109_375).abs() < 1e-9, "{found:#}");
    let accuracy = &found["scores"]["accuracy"];
    assert!((accuracy["difference"].as_f64().unwrap() - 0.15).abs() < 1e-9, "{found:#}");
    let text = affekt(["eval", "--compare", &a, &b]).done().out;
    assert!(text.contains("exact (binomial, two-sided)") && text.contains("continuity"), "{text}");
    let folds = json(&["eval", "--folds", &a, &b, "--json"]);
    assert!((folds["over"]["accuracy"]["mean"].as_f64().unwrap() - 0.825).abs() < 1e-9, "{folds:#}");
    let text = affekt(["eval", "--folds", &a, &b]).done().out;
    assert!(text.contains("UAR") && text.contains("mean over folds") && text.contains("0.8250"), "{text}");
}

#[test]
fn clips_of_one_label_are_scored_as_a_whole_and_frames_go_into_a_table() {
    let lab = Lab::new();
    let faces = lab.faces("faces", 4);
    affekt(pretrain(&lab.path("run"), 3, &["--method", "supervised", "--labelled", &faces])).done();
    let (model, clips) = (lab.text("run"), lab.path("clips"));
    for (clip, tone, label) in [("a", 60u8, 0), ("b", 160, 1), ("c", 62, 0)] {
        for frame in [1u8, 2, 4] {
            lab.write(&format!("clips/{clip}/{frame:05}.jpg"), &crate::program::jpeg(tone + frame));
        }
        lab.write(
            &format!("clips/{clip}.txt"),
            format!("happy,sad\n{label}\n{label}\n{label}\n{label}\n").as_bytes(),
        );
    }
    let data = format!("clips:{}", clips.display());
    let (whole, frames) = (lab.text("whole.csv"), lab.text("frames.csv"));
    let args = ["eval", "-q", "--json", "--model", &model, "--data", &data];
    let found = json(&[&args[..], &["--per-clip", "--predictions", &whole]].concat());
    assert_eq!((&found["per_clip"]["n"], &found["per_frame"]["n"]), (&3.into(), &9.into()), "{found:#}");
    let again = json(&["eval", "--from", &whole, "--json"]);
    assert_eq!(again["confusion"], found["per_clip"]["confusion"]);
    let found = json(&[&args[..], &["--by-frame", "--predictions", &frames, "--interval"]].concat());
    let again = json(&["eval", "--from", &frames, "--json", "--interval"]);
    assert_eq!((&again["n"], &again["cluster"]), (&12.into(), &"group".into()), "held frames count");
    assert_eq!(again["macro_f1"], found["vote"]["challenge"]["macro_f1"], "as the challenge counts them");
    assert_eq!(again["intervals"], found["intervals"]);
    let text = std::fs::read_to_string(&frames).unwrap();
    assert!(text.lines().any(|row| row.starts_with("a/00003.jpg,a,happy,") && row.ends_with(",,")), "{text}");
    lab.write("clips/c.txt", b"happy,sad\n0\n1\n0\n0\n");
    affekt([&args[..], &["--per-clip"]].concat()).refused(1, &["c: its frames have several labels"]);
}

#[test]
fn what_cannot_be_read_or_compared_is_one_clear_error() {
    let lab = Lab::new();
    let a = table(&lab, "a.csv", |_| true);
    lab.write("other.csv", b"item,truth,answer\nx,calm,joy\ny,joy,joy\n");
    lab.write("bad.csv", b"item,truth,answer,p_calm,p_joy\nx,calm,joy,0.1,7\n");
    lab.write("g.csv", b"name,site\na,b\n");
    let of = |name: &str| lab.text(name);
    affekt(["eval", "--from", &of("none.csv")]).refused(1, &["none.csv"]);
    affekt(["eval", "--from", &of("bad.csv")]).refused(1, &["bad.csv, line 2", "`7`"]);
    affekt(["eval", "--from", &a, "--by", &of("g.csv")]).refused(1, &["g.csv, line 1", "`name`"]);
    affekt(["eval", "--from", &a, "--cluster", "site"]).refused(2, &["--cluster site"]);
    affekt(["eval", "--from", &a, "--interval", "--level", "100"]).refused(2, &["--level is 100"]);
    affekt(["eval", "--compare", &a, &of("other.csv")]).refused(1, &["no labelled item in common"]);
    affekt(["eval", "--from", &of("other.csv"), "--interval", "--cluster", "group"])
        .refused(1, &["person or video of `x`"]);
    assert_eq!(affekt(["eval", "--compare", &a]).code, Some(2));
    assert_eq!(affekt(["eval"]).code, Some(2), "a model or a table");
}
