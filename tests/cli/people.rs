//! `affekt people`, and the tables that statistics and annotation programs read.

use std::collections::BTreeMap;

use crate::analyze::{analyze, csv};
use crate::program::{Lab, affekt};

/// A film of four seconds at ten frames a second with a hard cut in its middle: the fixed box shows face 1, then face 2.
fn film(lab: &Lab) -> String {
    // An input that is written again is another one.
    for number in (0..40u32).filter(|_| !lab.path("talk/039.png").exists()) {
        let cell = |x: u32, y: u32| {
            if number < 20 { [200, (x * 3 % 255) as u8, 40] } else { [30, 60, (y * 5 % 255) as u8] }
        };
        let picture = image::RgbImage::from_fn(160, 120, |x, y| image::Rgb(cell(x, y)));
        let mut bytes = std::io::Cursor::new(vec![]);
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        lab.write(&format!("talk/{number:03}.png"), &bytes.into_inner());
    }
    lab.text("talk")
}

pub fn analysed(lab: &Lab, more: &[&str]) {
    let fixed = ["--as", "film", "--fps", "10"];
    analyze(lab, &[&film(lab)], &[&fixed, more].concat()).done();
}

/// A table by column.
pub fn columns(lab: &Lab, name: &str) -> BTreeMap<String, Vec<String>> {
    let rows = csv(lab, name);
    let column = |at: usize| rows[1..].iter().map(|row| row[at].clone()).collect();
    rows[0].iter().enumerate().map(|(at, name)| (name.clone(), column(at))).collect()
}

fn people(lab: &Lab, action: &[&str]) -> crate::program::Ended {
    affekt([&["people", &lab.text("out/talk")], action].concat())
}

#[test]
fn corrections_reach_every_table_are_marked_and_can_be_taken_back() {
    let lab = Lab::new();
    let more = ["--jsonl", "--srt", "--elan", "--boris", "--bins", "1"];
    analysed(&lab, &more);
    let files = ["csv", "segments.csv", "people.csv", "bins.csv", "jsonl", "srt", "eaf", "boris"];
    let read = |file: &str| std::fs::read_to_string(lab.path(&format!("out/talk.{file}"))).unwrap();
    let before: Vec<String> = files.iter().map(|file| read(file)).collect();
    let table = columns(&lab, "out/talk.csv");
    assert!(table["face"][..20].iter().all(|f| f == "1") && table["face"][20..].iter().all(|f| f == "2"));
    assert!(table["cut"][19] == "0" && table["cut"][20] == "1", "the hard cut");
    assert_eq!(columns(&lab, "out/talk.people.csv")["person"], ["1", "2"]);

    let listed = people(&lab, &["merge", "1", "2"]).done();
    assert!(listed.out.contains("merge 1 2"), "{}", listed.out);
    people(&lab, &["rename", "1", "Ada"]).done();
    people(&lab, &["label", "1", "00:01-00:02", "Surprise"]).done();
    people(&lab, &["exclude", "3-3.5"]).done();

    let now = columns(&lab, "out/talk.csv");
    for machine in
        ["face", "voted_label", "frame_label", "confidence", "unsure", "p_neutral", "x", "detected"]
    {
        assert_eq!(now[machine], table[machine], "the machine's column {machine}");
    }
    assert!(now["person"].iter().all(|p| p == "1") && now["name"].iter().all(|n| n == "Ada"));
    let humans: Vec<usize> = (0..40).filter(|&at| now["label_by"][at] == "human").collect();
    assert!(humans.iter().copied().eq(10..20) && humans.iter().all(|&at| now["label"][at] == "surprise"));
    assert!((0..40).all(|at| (now["excluded"][at] == "1") == (30..35).contains(&at)));
    let persons = columns(&lab, "out/talk.people.csv");
    assert_eq!(
        (&persons["faces"][0], &persons["frames"][0], &persons["by_hand"][0]),
        (&"2".into(), &"35".into(), &"0.2857".into())
    );
    let segments = columns(&lab, "out/talk.segments.csv");
    let by_hand = segments["label_by"].iter().position(|by| by == "human").unwrap();
    assert_eq!(
        (segments["start"][by_hand].as_str(), segments["end"][by_hand].as_str()),
        ("1.000000", "2.000000")
    );
    assert!(read("srt").contains("Ada: surprise (by hand)"));
    assert!(read("eaf").contains("TIER_ID=\"Ada: by hand\" PARTICIPANT=\"Ada\" ANNOTATOR=\"human\""));
    assert!(read("boris").contains("\"by hand\"") && read("bins.csv").contains(",Ada,1,1.000,2.000,"));
    let line: serde_json::Value = serde_json::from_str(read("jsonl").lines().nth(12).unwrap()).unwrap();
    assert_eq!(line["faces"][0]["by_hand"]["label"], "surprise");
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    for words in
        ["Ada", "Corrected by hand: 10 frames", ">set by hand<", ">excluded by hand<", ">excluded</span>"]
    {
        assert!(page.contains(words), "the page, too: {words}");
    }
    // Analysing again changes nothing.
    analysed(&lab, &more);
    assert_eq!(columns(&lab, "out/talk.csv"), now);

    people(&lab, &["undo"]).done();
    assert!(columns(&lab, "out/talk.csv")["excluded"].iter().all(|e| e == "0"));
    people(&lab, &["undo", "--all"]).done();
    for (file, before) in files.iter().zip(before) {
        assert!(read(file) == before, "{file} is as the machine left it");
    }
    people(&lab, &["undo"]).refused(2, &["no correction to take back"]);
}

#[test]
fn suggestions_are_merged_at_once_if_that_is_asked_for() {
    let lab = Lab::new();
    analysed(&lab, &[]);
    people(&lab, &["merge", "--suggested"]).refused(2, &["nobody is suggested"]);
    // Without pictures place and size speak alone, and the fixed box never moves.
    let lab = Lab::new();
    analysed(&lab, &["--no-pictures"]);
    let listed = people(&lab, &["merge", "--suggested"]).done();
    assert!(listed.out.contains("1. merge 1 2") && !listed.out.contains("perhaps"), "{}", listed.out);
    assert_eq!(columns(&lab, "out/talk.people.csv")["person"], ["1"]);
    people(&lab, &["merge", "--suggested", "1", "2"]).refused(2, &["cannot be used with"]);
}

#[test]
fn each_persons_faces_are_clips_with_the_labels_that_people_have_set() {
    let lab = Lab::new();
    analysed(&lab, &[]);
    people(&lab, &["label", "1", "0-0.5", "fear"]).done();
    people(&lab, &["exclude", "3-4"]).done();
    let out = lab.text("clips");
    let told = people(&lab, &["clips", "--out", &out, "--size", "48"]).done().out;
    assert!(told.contains("talk-1: 20 faces, 5 labelled by hand"), "{told}");
    assert!(told.contains("talk-2: 10 faces, 0 labelled by hand"), "excluded ones are left out: {told}");
    let first = image::open(lab.path("clips/talk-1/00001.jpg")).unwrap();
    assert_eq!((first.width(), first.height()), (48, 48));
    assert!(lab.path("clips/talk-2/00030.jpg").is_file() && !lab.path("clips/talk-2/00031.jpg").exists());
    let labels = std::fs::read_to_string(lab.path("clips/talk-1.txt")).unwrap();
    assert!(
        labels.starts_with("neutral,")
            && labels.lines().count() == 21
            && !lab.path("clips/talk-2.txt").exists()
    );
    let found = affekt(["data", "inspect", &format!("clips:{out}"), "--json"]).done().out;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!((&found["items"], &found["unlabelled"]), (&30.into(), &25.into()), "{found}");
    people(&lab, &["clips", "--out", &lab.text("out")]).refused(1, &["out"]);
}

#[test]
fn corrections_that_do_not_fit_change_nothing() {
    let lab = Lab::new();
    analysed(&lab, &[]);
    let before = std::fs::read(lab.path("out/talk.csv")).unwrap();
    for (action, words) in [
        (&["merge", "1", "9"][..], "there is no person 9"),
        (&["rename", "7", "x"], "there is no person 7"),
        (&["label", "1", "0-1", "bored"], "`bored` is no class of the model"),
    ] {
        people(&lab, action).refused(1, &[words]);
    }
    for action in [&["exclude", "2-1"][..], &["label", "1", "x", "fear"], &["merge", "1"]] {
        assert_eq!(people(&lab, action).code, Some(2), "{action:?}");
    }
    affekt(["people", &lab.text("out/other")]).refused(2, &["no results of affekt analyze"]);
    assert!(
        std::fs::read(lab.path("out/talk.csv")).unwrap() == before
            && !lab.path("out/talk.edits.json").exists()
    );
    lab.write("out/talk.edits.json", b"{\"version\": 1, \"made_for\": \"\", \"edits\": 7}");
    people(&lab, &["list"]).refused(2, &["talk.edits.json", "move it away"]);
}

#[test]
fn corrections_of_other_results_are_never_lost() {
    let lab = Lab::new();
    analysed(&lab, &[]);
    people(&lab, &["rename", "1", "Ada"]).done();
    let (film, fixed) = (lab.text("talk"), ["--as", "film", "--fps", "10", "--window", "5"]);
    let other = analyze(&lab, &[&film], &fixed);
    other.refused(2, &["talk.edits.json", "corrections by hand", "--force"]);
    analyze(&lab, &[&film], &[&fixed[..], &["--force"]].concat()).done();
    assert!(std::fs::read_to_string(lab.path("out/talk.edits.old.json")).unwrap().contains("Ada"));
    assert!(columns(&lab, "out/talk.csv")["name"].iter().all(String::is_empty));
}

#[test]
fn who_speaks_is_joined_and_files_asked_for_later_need_no_second_reading() {
    let lab = Lab::new();
    analysed(&lab, &[]);
    let first = columns(&lab, "out/talk.csv");
    lab.write("words.srt", b"1\n00:00:00,500 --> 00:00:01,500\nAda: hello\n");
    let words = lab.text("words.srt");
    let (film, fixed) = (lab.text("talk"), ["--as", "film", "--fps", "10"]);
    let more = ["--speakers", &words, "--bins", "2", "--elan"];
    let again = analyze(&lab, &[&film], &[&fixed[..], &more].concat()).done();
    assert!(again.out.contains("finished before"), "{}", again.out);
    let now = columns(&lab, "out/talk.csv");
    assert!((0..40).all(|at| (now["speaker"][at] == "Ada") == (5..15).contains(&at)));
    assert_eq!(now["p_fear"], first["p_fear"]);
    assert_eq!(columns(&lab, "out/talk.bins.csv")["bin"], ["0", "1"]);
    assert!(std::fs::read_to_string(lab.path("out/talk.eaf")).unwrap().contains("Ada: speaks"));
    lab.write("bad.csv", b"start,end,speaker\n2,1,A\n");
    analyze(&lab, &[&film], &["--speakers", &lab.text("bad.csv")]).refused(2, &["bad.csv", "line 2"]);
    analyze(&lab, &[&film], &["--bins", "0"]).refused(2, &["--bins"]);
}

#[test]
fn the_schema_names_every_column_of_every_table() {
    let lab = Lab::new();
    analysed(&lab, &["--bins", "1"]);
    let schema: serde_json::Value =
        serde_json::from_str(&affekt(["analyze", "--schema"]).done().out).unwrap();
    for (file, definition) in
        [("csv", "row"), ("segments.csv", "segment"), ("people.csv", "person"), ("bins.csv", "bin")]
    {
        let of = &schema["$defs"][definition];
        for column in &csv(&lab, &format!("out/talk.{file}"))[0] {
            let named = of["properties"].get(column).is_some();
            let pattern = of["patternProperties"].as_object();
            let matched = pattern.is_some_and(|all| all.keys().any(|key| column.starts_with(&key[1..])));
            assert!(named || matched, "{file}: {column}");
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_made_from_the_table_whenever_it_is_asked_for_and_holds_corrections() {
    let lab = Lab::new();
    let read = || std::fs::read(lab.path("out/talk.parquet")).unwrap();
    analysed(&lab, &["--parquet"]);
    let at_once = read();
    assert!(at_once.starts_with(b"PAR1") && at_once.ends_with(b"PAR1"), "a whole file");
    analysed(&lab, &["--force"]);
    assert!(!lab.path("out/talk.parquet").exists(), "not asked for again");
    analysed(&lab, &["--parquet"]);
    assert!(read() == at_once, "made later it is the same");
    people(&lab, &["rename", "1", "Adele"]).done();
    let holds = |bytes: &[u8]| bytes.windows(5).any(|word| word == b"Adele");
    assert!(holds(&read()) && !holds(&at_once));
    people(&lab, &["undo"]).done();
    assert!(read() == at_once);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so_before_anything_is_read() {
    let lab = Lab::new();
    analyze(&lab, &[&film(&lab)], &["--parquet"]).refused(2, &["--parquet", "--features parquet"]);
    assert!(!lab.path("out").exists());
}
