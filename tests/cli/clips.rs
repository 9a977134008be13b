//! Clips in files, and lists of predictions for them.

use std::fmt::Write as _;

use crate::program::{Lab, affekt, jpeg, pretrain};

const HEADER: &str = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other";

/// An Aff-Wild2 folder with two videos of six frames, the third of which has no face, and its path.
fn affwild2(lab: &Lab, name: &str) -> String {
    for (video, label) in [("1-30-1280x720_left", 4), ("video_2", 5)] {
        let mut text = format!("{HEADER}\n");
        for frame in 1..=6u8 {
            let _ = writeln!(text, "{label}");
            if frame != 3 {
                let file = format!("{name}/cropped_aligned/{video}/{frame:05}.jpg");
                lab.write(&file, &jpeg(label * 40 + frame * 3));
            }
        }
        let folder = format!("{name}/EXPR_Recognition_Challenge/Validation_Set");
        lab.write(&format!("{folder}/{video}.txt"), text.as_bytes());
    }
    format!("affwild2:{}#Validation_Set", lab.text(name))
}

fn list(rows: &[&str]) -> Vec<u8> {
    format!("image_location,{HEADER}\n{}\n", rows.join("\n")).into_bytes()
}

#[test]
fn a_list_with_every_frame_passes_and_another_is_refused_with_its_lines() {
    let lab = Lab::new();
    let data = affwild2(&lab, "aff");
    let mut rows = vec![];
    for video in ["1-30-1280x720_left", "video_2"] {
        rows.extend((1..=6).map(|frame| format!("{video}/{frame:05}.jpg,4")));
    }
    let mut rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    lab.write("predictions.txt", &list(&rows));
    let file = lab.text("predictions.txt");
    let ended = affekt(["abaw", "check", &file, "--data", &data]).done();
    assert!(ended.out.contains("complete, 12 frames"), "{ended:#?}");

    rows[7] = "video_2/00009.jpg,4";
    rows.push("video_2/00001.jpg,0");
    lab.write("predictions.txt", &list(&rows));
    let ended = affekt(["abaw", "check", &file, "--data", &data]);
    ended.refused(1, &["predictions.txt", "without a row: 1", "repeated rows: 1", "rows of no frame: 1"]);
    for part in
        ["line 9: the data has no frame video_2/00009.jpg", "line 14: ", "no row for video_2/00002.jpg"]
    {
        assert!(ended.out.contains(part), "{part}: {ended:#?}");
    }
    let ended = affekt(["abaw", "check", &file, "--data", &data, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&report["missing"], &report["rows"]), (&1.into(), &11.into()));
}

#[test]
fn a_list_or_data_that_cannot_be_used_is_named() {
    let lab = Lab::new();
    let data = affwild2(&lab, "aff");
    lab.write("va.txt", b"image_location,valence,arousal\n");
    let check = |file: &str, data: &str| affekt(["abaw", "check", &lab.text(file), "--data", data]);
    check("va.txt", &data).refused(1, &["va.txt, line 1", "image_location,Neutral"]);
    check("none.txt", &data).refused(1, &["none.txt"]);
    check("va.txt", "folder:x").refused(2, &["affwild2, clips"]);
    check("va.txt", &data.replace("Validation", "Exam")).refused(1, &["it has Validation_Set"]);
}

#[test]
fn frames_of_clips_are_trained_on_as_any_pictures() {
    let lab = Lab::new();
    let data = format!("{}?every=2&map=Neutral:drop", affwild2(&lab, "aff"));
    let args = ["--method", "supervised", "--vocabulary", "Happiness,Sadness", "--labelled"];
    let others = "Anger:drop,Disgust:drop,Fear:drop,Surprise:drop,Other:drop";
    let data = format!("{data},{others}");
    affekt(pretrain(&lab.path("run"), 4, &[&args[..], &[&data]].concat())).done();
    let report = lab.json("run/report.json");
    assert_eq!(report["data"]["labelled_total"], 4, "frames 1 and 5 of two videos: {report:#}");
}

#[test]
fn annotations_of_another_task_and_bad_labels_end_the_run_with_their_place() {
    let lab = Lab::new();
    let data = affwild2(&lab, "aff");
    for (text, parts) in [
        ("valence,arousal\n0.1,0.2\n", ["video_2.txt, line 1", "valence-arousal task"]),
        ("AU1,AU2,AU4\n0,1,0\n", ["video_2.txt, line 1", "action unit task"]),
        (&format!("{HEADER}\n3\n8\n"), ["video_2.txt, line 3", "label 8"]),
        (&format!("{HEADER}\nhappy\n"), ["video_2.txt, line 2", "`happy`"]),
    ] {
        lab.write("aff/EXPR_Recognition_Challenge/Validation_Set/video_2.txt", text.as_bytes());
        let args = ["--method", "supervised", "--labelled", &data];
        affekt(pretrain(&lab.path("run"), 4, &args)).refused(1, &parts);
    }
}

#[test]
fn the_challenges_score_is_that_of_the_list_which_the_same_command_writes() {
    let lab = Lab::new();
    let (happy, sad) = (lab.faces("faces", 4), "Neutral,Anger,Disgust,Fear,Surprise,Other");
    affekt(pretrain(&lab.path("run"), 6, &["--method", "supervised", "--labelled", &happy])).done();
    let drop: Vec<String> = sad.split(',').map(|class| format!("{class}:drop")).collect();
    // The third frame of each video has no face, nor has any labelled one of the third.
    let data = affwild2(&lab, "aff");
    let labels = "aff/EXPR_Recognition_Challenge/Validation_Set";
    lab.write(&format!("{labels}/unseen.txt"), format!("{HEADER}\n5\n4\n-1\n").as_bytes());
    lab.write(&format!("{labels}/video_2.txt"), format!("{HEADER}\n5\n4\n4\n-1\n5\n4\n5\n").as_bytes());
    lab.write("aff/cropped_aligned/unseen/00009.jpg", &jpeg(9));
    let list = lab.text("predictions.txt");
    let model = lab.text("run");
    let data = format!("{data}?map={}", drop.join(","));
    let args = ["eval", "-q", "--json", "--model", &model, "--data", &data, "--predictions", &list];
    let ended = affekt(args.iter().chain(&["--vote", "block", "--window", "2"])).done();
    let scores: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let (vote, challenge) = (&scores["vote"], &scores["vote"]["challenge"]);
    let (mut hits, mut by_class, mut frames) = (0i32, [[0u64; 3]; 8], 0i32);
    let text = std::fs::read_to_string(&list).unwrap();
    for row in text.lines().skip(1) {
        let (location, answer) = row.split_once(',').unwrap();
        let (video, frame) = location.split_once('/').unwrap();
        let truth = std::fs::read_to_string(lab.path(&format!("{labels}/{video}.txt"))).unwrap();
        let frame: usize = frame.trim_end_matches(".jpg").parse().unwrap();
        let Some(truth) = truth.lines().nth(frame).and_then(|label| label.parse::<usize>().ok()) else {
            continue;
        };
        let answer: usize = answer.parse().unwrap();
        frames += 1;
        hits += i32::from(truth == answer);
        by_class[truth][0] += u64::from(truth == answer);
        by_class[truth][1] += 1;
        by_class[answer][2] += 1;
    }
    let f1 = |class: usize| {
        let [hits, support, predicted] = by_class[class].map(|n| n as f64);
        2.0 * hits / (support + predicted)
    };
    assert_eq!((&challenge["n"], &challenge["without_face"]), (&14.into(), &5.into()), "{scores:#}");
    assert_eq!(frames, 14);
    assert_eq!(vote["n"], 9, "frames with a face: {scores:#}");
    let same = |of: &str, figure: f64| (challenge[of].as_f64().unwrap() - figure).abs() < 1e-12;
    assert!(same("accuracy", f64::from(hits) / f64::from(frames)), "{text}\n{scores:#}");
    assert!(same("macro_f1", f64::midpoint(f1(4), f1(5))), "{text}\n{scores:#}");
    let table = affekt(args.iter().filter(|arg| **arg != "--json")).done().out;
    assert!(table.contains("challenge F1") && table.contains("14 labelled frames"), "{table}");
}
