//! `affekt analyze`: results are known by their input, and nothing of another input or of a person is lost.

use std::path::Path;

use crate::analyze::{analyze, clip, csv};
use crate::program::{Lab, affekt};

#[test]
fn inputs_of_one_file_name_lose_nothing_together_or_one_after_the_other() {
    let lab = Lab::new();
    for (folder, tone) in [("s1", 40), ("s2", 90), ("s3", 140)] {
        lab.write(&format!("{folder}/interview.png"), &crate::program::png(tone, 3));
    }
    let of = |folder: &str| lab.text(&format!("{folder}/interview.png"));
    analyze(&lab, &[&of("s1")], &[]).done();
    let first = std::fs::read(lab.path("out/interview.csv")).unwrap();
    for folder in ["s2", "s3", "s1"] {
        analyze(&lab, &[&of(folder)], &[]).done();
    }
    assert!(std::fs::read(lab.path("out/interview.csv")).unwrap() == first, "the first one's table stands");
    for (name, folder) in [("interview", "s1"), ("s2-interview", "s2"), ("s3-interview", "s3")] {
        let path = lab.json(&format!("out/{name}.json"))["state"]["path"].as_str().unwrap().to_owned();
        assert!(Path::new(&path).ends_with(format!("{folder}/interview.png")), "{name}: {path}");
        assert_eq!(csv(&lab, &format!("out/{name}.csv")).len(), 2);
    }
    let again = analyze(&lab, &[&of("s1"), &of("s2"), &of("s3")], &[]).done();
    assert_eq!(
        again.out.matches("finished before").count(),
        3,
        "names do not depend on company: {}",
        again.out
    );
    let other = lab.text("together");
    affekt(["analyze", "--quiet", "--detector", "guide", "--out", &other, &of("s1"), &of("s2")]).done();
    assert!(
        lab.path("together/s1-interview.csv").is_file() && lab.path("together/s2-interview.csv").is_file()
    );
    assert!(!lab.path("together/interview.csv").exists());
}

#[test]
fn fifty_participants_with_the_same_file_names_lose_nothing_in_a_loop_over_their_folders() {
    let lab = Lab::new();
    let place = |number: u32| format!("p{number:02}/frames/interview.png");
    for number in 0..50u32 {
        lab.write(&place(number), &crate::program::png(number as u8 * 4, 3));
    }
    for number in 0..50 {
        let folder = lab.text(&format!("p{number:02}/frames"));
        analyze(&lab, &[&folder], &[]).done();
    }
    let mut inputs = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(lab.path("out")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let summary = lab.json(&format!("out/{name}"));
            assert!(summary["finished"].as_bool().unwrap() && path.with_extension("csv").is_file(), "{name}");
            inputs.insert(summary["state"]["path"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(inputs.len(), 50, "{inputs:?}");
    for number in 0..50 {
        assert!(inputs.iter().any(|input| Path::new(input).ends_with(place(number))), "{number}");
    }
    // Together they are known as what they are.
    let again = analyze(&lab, &[&lab.text("")], &[]);
    assert_eq!(again.out.matches("finished before").count(), 50, "{}", again.out);
}

#[cfg(unix)]
#[test]
fn two_programs_in_one_folder_of_results_are_one_and_an_error() {
    let lab = Lab::new();
    let frames: Vec<u8> = (0..200).map(|number| number as u8).collect();
    for (number, tone) in frames.iter().enumerate() {
        lab.write(&format!("film/{number:03}.png"), &crate::program::png(*tone, 3));
    }
    let (out, film) = (lab.text("out"), lab.text("film"));
    let words =
        ["analyze", "--quiet", "--threads", "1", "--as", "film", "--detector", "guide", "--out", &out, &film];
    let mut first = crate::program::program().args(words).spawn().unwrap();
    let since = std::time::Instant::now();
    while !lab.path("out/.affekt.lock").exists() && first.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < std::time::Duration::from_mins(1));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let second = affekt(words);
    let over = first.try_wait().unwrap().is_some();
    assert!(first.wait().unwrap().success());
    if over {
        second.done();
    } else {
        second.refused(1, &["out", "works in this folder"]);
    }
    assert_eq!(csv(&lab, "out/film.csv").len(), 201);
    assert!(!lab.path("out/.affekt.lock").exists(), "nothing is left");
}

#[test]
fn an_input_that_was_touched_is_read_again_under_its_name() {
    let lab = Lab::new();
    lab.write("v.png", &crate::program::png(90, 3));
    analyze(&lab, &[&lab.text("v.png")], &["--srt"]).done();
    let kept = analyze(&lab, &[&lab.text("v.png")], &["--srt"]).done();
    assert!(kept.out.contains("finished before"), "{}", kept.out);
    std::fs::File::options()
        .append(true)
        .open(lab.path("v.png"))
        .unwrap()
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    let again = analyze(&lab, &[&lab.text("v.png")], &[]).done();
    assert!(!again.out.contains("finished before"), "{}", again.out);
    assert!(
        !lab.path("out/v.srt").exists(),
        "subtitles of the older reading do not stay beside the new table"
    );
    assert!(analyze(&lab, &[&lab.text("v.png")], &[]).done().out.contains("finished before"));
}

#[test]
fn files_of_a_person_are_never_overwritten() {
    let lab = Lab::new();
    lab.write("a/v.png", &crate::program::png(90, 3));
    lab.write("out/v.csv", b"my own");
    let input = lab.text("a/v.png");
    analyze(&lab, &[&input], &[]).done();
    assert_eq!(std::fs::read(lab.path("out/v.csv")).unwrap(), b"my own");
    assert_eq!(csv(&lab, "out/a-v.csv").len(), 2);
    lab.write("out/a-v.srt", b"my own");
    analyze(&lab, &[&input], &["--srt"]).refused(2, &["a-v.srt", "is not of affekt", "move it"]);
    assert_eq!(std::fs::read(lab.path("out/a-v.srt")).unwrap(), b"my own");
    lab.write("out/index.html", b"<!DOCTYPE html><title>my page</title>");
    analyze(&lab, &[&input], &["--force"]).refused(1, &["index.html", "was not made by affekt", "--out"]);
    assert!(std::fs::read_to_string(lab.path("out/index.html")).unwrap().contains("my page"));
    // A list and a page that were named are replaced where they are affekt's, and only then.
    let list = lab.text("mine.txt");
    lab.write("mine.txt", b"my notes");
    lab.write("run/log.jsonl", b"{\"kind\":\"step\",\"step\":1,\"loss_teacher\":1.0}\n");
    affekt(["report", &lab.text("run"), "--out", &list]).refused(1, &["mine.txt", "was not made by affekt"]);
    assert_eq!(std::fs::read(&list).unwrap(), b"my notes");
    affekt(["report", &lab.text("run")]).done();
    affekt(["report", &lab.text("run")]).done();
}

#[test]
fn a_folder_of_photos_gives_an_output_each_and_says_why() {
    let lab = Lab::new();
    lab.write("all/anna.png", &crate::program::png(90, 3));
    lab.write("all/below/bert.png", &crate::program::png(40, 3));
    lab.write("all/below/carl.png", &crate::program::png(140, 3));
    lab.write("all/.cache/dora.png", &crate::program::png(200, 3));
    lab.write("all/notes.txt", b"text");
    std::fs::copy(clip("plain.mp4"), lab.path("all/talk.mp4")).unwrap();
    let run = analyze(&lab, &[&lab.text("all")], &[]).done();
    for (name, frames) in [("anna", 1), ("bert", 1), ("carl", 1), ("talk", 24)] {
        assert_eq!(csv(&lab, &format!("out/{name}.csv")).len(), frames + 1, "{name}");
    }
    assert!(!lab.path("out/dora.csv").exists());
    assert_eq!(run.err.matches(".cache").count(), 1, "{}", run.err);
    assert!(run.err.contains("read as photos: names that do not count; --as film"), "{}", run.err);
    let film = lab.text("film");
    let below = lab.text("all/below");
    affekt(["analyze", "--quiet", "--detector", "guide", "--as", "film", "--out", &film, &below]).done();
    assert_eq!(csv(&lab, "film/below.csv").len(), 3);
    lab.write("empty/notes.txt", b"text");
    analyze(&lab, &[&lab.text("empty")], &[]).refused(1, &["empty", "no video and no picture"]);
}

#[test]
fn subtitles_that_are_asked_for_later_come_without_reading_again() {
    let lab = Lab::new();
    analyze(&lab, &[&clip("plain.mp4")], &[]).done();
    // Whatever read the film again would write its table anew.
    let table = lab.path("out/plain.csv");
    let mut marked = std::fs::read(&table).unwrap();
    marked.extend(b"# marked\n");
    std::fs::write(&table, &marked).unwrap();
    let later = analyze(&lab, &[&clip("plain.mp4")], &["--srt", "--vtt"]).done();
    assert!(later.out.contains("finished before"), "{}", later.out);
    assert!(std::fs::read(&table).unwrap() == marked, "the table is untouched");
    assert!(std::fs::read_to_string(lab.path("out/plain.vtt")).unwrap().starts_with("WEBVTT\n"));
    let late = std::fs::read(lab.path("out/plain.srt")).unwrap();
    analyze(&lab, &[&clip("plain.mp4")], &["--srt", "--force"]).done();
    assert!(
        std::fs::read(lab.path("out/plain.srt")).unwrap() == late,
        "as if they had been asked for at once"
    );
    assert!(std::fs::read(&table).unwrap() != marked);
}

#[test]
fn a_name_that_abaw_cannot_write_is_refused_before_reading() {
    let lab = Lab::new();
    lab.write("Interview, part 2.png", &crate::program::png(90, 3));
    lab.write("plain.png", &crate::program::png(40, 3));
    let (bad, good) = (lab.text("Interview, part 2.png"), lab.text("plain.png"));
    analyze(&lab, &[&good, &bad], &["--abaw"])
        .refused(2, &["Interview, part 2.png", "comma", "rename the file"]);
    assert!(!lab.path("out/plain.csv").exists(), "nothing was read");
    analyze(&lab, &[&good, &bad], &[]).done();
}

#[test]
fn results_whose_labels_are_none_of_the_classes_are_not_trusted() {
    let lab = Lab::new();
    analyze(&lab, &[&clip("plain.mp4")], &[]).done();
    let mut summary = lab.json("out/plain.json");
    summary["people"][0]["runs"][0]["label"] = 8.into();
    summary["people"][0]["class_frames"] = serde_json::json!([1]);
    lab.write("out/plain.json", summary.to_string().as_bytes());
    let run = analyze(&lab, &[&clip("plain.mp4")], &[]).done();
    assert!(!run.out.contains("finished before") && !run.err.contains("panicked"), "{run:?}");
}
