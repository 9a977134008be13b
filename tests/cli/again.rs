//! `affekt analyze` again: only what has changed is done again.

use crate::analyze::{clip, csv};
use crate::program::{Ended, Lab, affekt};

/// Files that tables decide.
const FILES: [&str; 10] =
    ["csv", "segments.csv", "people.csv", "bins.csv", "jsonl", "srt", "vtt", "eaf", "boris", "json"];

/// `talk.mp4` with everything that tables decide; a label is unsure below a confidence of `threshold`.
fn analysed(lab: &Lab, out: &str, threshold: &str, more: &[&str]) -> Ended {
    let (input, out) = (lab.text("talk.mp4"), lab.text(out));
    let words = ["analyze", "--quiet", "--threads", "1", "--detector", "guide", &input, "--out", &out];
    let asked = ["--jsonl", "--srt", "--vtt", "--elan", "--boris", "--bins", "0.2"];
    let threshold = ["--unsure-below", threshold];
    affekt(words.iter().chain(&asked).chain(&threshold).chain(more).copied()).done()
}

/// Takes away what a film shows and leaves all by which it is known: path, size and time.
fn emptied(lab: &Lab, film: &str) {
    let before = std::fs::metadata(lab.path(film)).unwrap();
    lab.write(film, &vec![0; before.len() as usize]);
    let file = std::fs::File::options().append(true).open(lab.path(film)).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
}

#[test]
fn another_threshold_of_what_is_unsure_gives_the_same_files_without_reading_the_film_again() {
    let lab = Lab::new();
    std::fs::copy(clip("plain.mp4"), lab.path("talk.mp4")).unwrap();
    let unsure = |out: &str| -> Vec<String> {
        let rows = csv(&lab, &format!("{out}/talk.csv"));
        let at = rows[0].iter().position(|column| column == "unsure").unwrap();
        rows[1..].iter().map(|row| row[at].clone()).collect()
    };
    analysed(&lab, "out", "1", &[]);
    assert!(unsure("out").iter().all(|flag| flag == "1"));
    // A confidence that stands in the table, so that one label is at the threshold: it is not below.
    let mut confidences: Vec<String> = csv(&lab, "out/talk.csv")[1..].iter().map(|r| r[28].clone()).collect();
    confidences.sort();
    confidences.dedup();
    let middle = confidences[confidences.len() / 2].clone();
    analysed(&lab, "whole", &middle, &[]);
    let split = unsure("whole");
    assert!(confidences.len() > 4 && split.contains(&"0".into()) && split.contains(&"1".into()), "{split:?}");
    for out in ["out", "whole"] {
        affekt(["people", &lab.text(&format!("{out}/talk")), "rename", "1", "Ada"]).done();
    }

    emptied(&lab, "talk.mp4");
    let again = analysed(&lab, "out", &middle, &[]);
    assert!(again.out.contains("finished before"), "{}", again.out);
    let read = |out: &str, file: &str| std::fs::read(lab.path(&format!("{out}/{file}"))).unwrap();
    for file in FILES.map(|ending| format!("talk.{ending}")).iter().chain(&["index.html".to_owned()]) {
        if file == "talk.json" {
            // All but what a copy with boxes shows, of which there is none.
            let mut summaries = ["out", "whole"].map(|out| lab.json(&format!("{out}/{file}")));
            for summary in &mut summaries {
                summary["copy_unsure_below"] = 0.into();
            }
            assert_eq!(summaries[0], summaries[1]);
            continue;
        }
        assert!(read("out", file) == read("whole", file), "{file}");
    }
    let page = String::from_utf8(read("out", "index.html")).unwrap();
    assert!(page.contains("Ada"), "corrections stay");
    // The table writes its last zeros, the page does not.
    let threshold: f32 = middle.parse().unwrap();
    assert!(page.contains(&format!("confidence below {threshold}")), "{threshold}");

    // Were it read, it would be refused; and back again nothing is lost.
    let (film, other) = (lab.text("talk.mp4"), lab.text("other"));
    affekt(["analyze", "--quiet", "--out", &other, &film]).refused(1, &["talk.mp4"]);
    analysed(&lab, "out", "1", &[]);
    assert!(unsure("out").iter().all(|flag| flag == "1"));
}

#[test]
fn files_that_a_killed_run_left_half_made_are_made_again() {
    let lab = Lab::new();
    std::fs::copy(clip("plain.mp4"), lab.path("talk.mp4")).unwrap();
    analysed(&lab, "out", "1", &[]);
    let read = |ending: &str| std::fs::read(lab.path(&format!("out/talk.{ending}"))).unwrap();
    let whole = FILES.map(read);
    // As it is between two files: the summary says that they are being made, and some are of before.
    let mut summary = lab.json("out/talk.json");
    summary["edits"] = "under way".into();
    lab.write("out/talk.json", summary.to_string().as_bytes());
    lab.write("out/talk.srt", b"of before");
    lab.write("out/talk.bins.csv", b"of before");
    emptied(&lab, "talk.mp4");
    analysed(&lab, "out", "1", &[]);
    for (ending, whole) in FILES.iter().zip(whole) {
        assert!(read(ending) == whole, "{ending}");
    }
}

#[test]
fn a_copy_with_boxes_follows_the_threshold_when_it_is_asked_for() {
    let lab = Lab::new();
    std::fs::copy(clip("plain.mp4"), lab.path("talk.mp4")).unwrap();
    let copy = || std::fs::read(lab.path("out/talk.annotated.mp4")).unwrap();
    analysed(&lab, "out", "1", &["--annotated"]);
    let doubted = copy();
    analysed(&lab, "out", "0", &[]);
    assert!(copy() == doubted, "it was not asked for");
    analysed(&lab, "out", "0", &["--annotated"]);
    let sure = copy();
    assert!(sure != doubted, "question marks are gone");
    emptied(&lab, "talk.mp4");
    analysed(&lab, "out", "0", &["--annotated"]);
    assert!(copy() == sure, "and nothing is left to do");
}
