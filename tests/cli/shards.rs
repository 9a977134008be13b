//! `affekt analyze --shard` and `affekt merge`: a job array's tasks share out inputs, and their results come together.

use std::collections::BTreeSet;
use std::path::Path;

use crate::program::{Lab, affekt, ended, png, program};

const SHARDS: usize = 3;

fn shard(lab: &Lab, number: usize) -> Vec<String> {
    let (part, of) = (lab.text(&format!("parts/{number}")), format!("{number}/{SHARDS}"));
    let words = [
        "analyze",
        "--quiet",
        "--detector",
        "guide",
        "--as",
        "photos",
        "--shard",
        &of,
        "--out",
        &part,
        &lab.text("photos"),
    ];
    words.map(str::to_owned).to_vec()
}

fn merge(lab: &Lab) -> Vec<String> {
    let parts = (1..=SHARDS).map(|number| lab.text(&format!("parts/{number}")));
    ["merge".to_owned(), "--out".to_owned(), lab.text("all")].into_iter().chain(parts).collect()
}

/// Inputs with finished results in a folder.
fn inputs(lab: &Lab, folder: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir(lab.path(folder)).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".json") {
            let summary = lab.json(&format!("{folder}/{name}"));
            assert!(summary["finished"].as_bool().unwrap());
            assert!(lab.path(&format!("{folder}/{stem}.csv")).is_file(), "{name}");
            found.push(summary["state"]["path"].as_str().unwrap().to_owned());
        }
    }
    found.sort_unstable();
    found
}

/// Eleven photos, three of them of one name in folders of their own, and one that is none.
fn photos(lab: &Lab) {
    for number in 0..8u8 {
        lab.write(&format!("photos/{number}.png"), &png(30 * number, number));
    }
    for folder in ["a", "b", "c"] {
        lab.write(&format!("photos/{folder}/face.png"), &png(100, folder.as_bytes()[0]));
    }
}

#[test]
fn shards_share_out_the_inputs_and_their_results_are_those_of_one_analysis() {
    let lab = Lab::new();
    photos(&lab);
    let whole = [
        "analyze",
        "--quiet",
        "--detector",
        "guide",
        "--as",
        "photos",
        "--out",
        &lab.text("one"),
        &lab.text("photos"),
    ];
    affekt(whole).done();
    for number in 1..=SHARDS {
        affekt(shard(&lab, number)).done();
    }
    let parts: Vec<Vec<String>> =
        (1..=SHARDS).map(|number| inputs(&lab, &format!("parts/{number}"))).collect();
    assert!(parts.iter().all(|part| (3..=4).contains(&part.len())), "{parts:?}");
    let told = affekt(merge(&lab)).done();
    assert!(told.out.contains("11 inputs taken over"), "{}", told.out);
    assert_eq!(inputs(&lab, "all"), inputs(&lab, "one"), "nothing is lost and nothing doubled");
    let files = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(lab.path(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let shown =
        |names: BTreeSet<String>| names.into_iter().filter(|name| !name.starts_with('.')).collect::<Vec<_>>();
    assert_eq!(shown(files("all")), shown(files("one")));
    for name in
        shown(files("one")).iter().filter(|name| Path::new(name).extension().is_some_and(|e| e == "csv"))
    {
        let read = |folder: &str| std::fs::read(lab.path(&format!("{folder}/{name}"))).unwrap();
        assert!(read("all") == read("one"), "{name}");
    }
    let again = affekt(merge(&lab)).done();
    assert!(again.out.contains("0 inputs taken over, 11 were there"), "{}", again.out);
    // What was merged is known by a later analysis of everything.
    let known = [
        "analyze",
        "--quiet",
        "--detector",
        "guide",
        "--as",
        "photos",
        "--out",
        &lab.text("all"),
        &lab.text("photos"),
    ];
    assert_eq!(affekt(known).done().out.matches("finished before").count(), 11);
}

#[test]
fn what_contradicts_or_is_not_finished_is_said_and_the_rest_is_taken_over() {
    let lab = Lab::new();
    photos(&lab);
    for number in 1..=SHARDS {
        affekt(shard(&lab, number)).done();
    }
    affekt(merge(&lab)).done();
    // One input once more with other settings, and one that a killed task left.
    let other =
        [&shard(&lab, 1)[..], &["--window".to_owned(), "9".to_owned(), "--force".to_owned()]].concat();
    affekt(other).done();
    let victim = std::fs::read_dir(lab.path("parts/2")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|ending| ending == "json").then_some(path)
    });
    let victim = victim.unwrap();
    let text = std::fs::read_to_string(&victim).unwrap().replace("\"finished\":true", "\"finished\":false");
    std::fs::write(&victim, text).unwrap();
    let before = inputs(&lab, "all");
    let ended = affekt(merge(&lab));
    ended.refused(1, &["other results of this input", "not finished", &victim.display().to_string()]);
    assert_eq!(inputs(&lab, "all"), before);
}

#[test]
fn shards_and_folders_that_make_no_sense_are_refused() {
    let lab = Lab::new();
    photos(&lab);
    for wrong in ["0/3", "4/3", "1", "a/b", "1/0"] {
        let words = ["analyze", "--shard", wrong, "--out", &lab.text("out"), &lab.text("photos")];
        affekt(words).refused(2, &[wrong, "3/16"]);
    }
    std::fs::create_dir_all(lab.path("parts/1")).unwrap();
    let part = lab.text("parts/1");
    affekt(["merge", &part, &part, "--out", &lab.text("all")]).refused(2, &["comes twice"]);
    affekt(["merge", &part, "--out", &part]).refused(2, &["comes twice, or is the one"]);
    affekt(["merge", &lab.text("nowhere"), "--out", &lab.text("all")]).refused(2, &["nowhere"]);
}

#[test]
fn a_program_without_mpi_that_was_started_several_times_says_so() {
    let lab = Lab::new();
    let words = crate::program::pretrain(&lab.path("run"), 2, &[]);
    let mut command = program();
    command.args(words).env("OMPI_COMM_WORLD_SIZE", "4").env("OMPI_COMM_WORLD_RANK", "0");
    ended(&mut command).refused(2, &["4 processes", "--features mpi", "docs/cluster.md"]);
    assert!(!lab.path("run/config.toml").exists());
}
