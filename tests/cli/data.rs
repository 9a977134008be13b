//! Looking at datasets: `affekt data`.

use crate::program::{Lab, affekt, png};

fn inspected(spec: &str) -> serde_json::Value {
    let ended = affekt(["data", "inspect", spec, "--json"]).done();
    assert_eq!(ended.out.lines().count(), 1, "{ended:#?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn inspect_counts_items_classes_sizes_and_names_problems() {
    let lab = Lab::new();
    let faces = lab.faces("faces", 3);
    lab.write("faces/sad/bad.png", b"text");
    lab.write("faces/sad/again.png", &png(60, 5));
    lab.write("faces/sad/old.tif", b"II");
    lab.write("faces/.ipynb_checkpoints/a.png", &png(1, 1));
    let found = inspected(&faces);
    assert_eq!(found["items"], 8);
    assert_eq!(found["classes"], serde_json::json!({"happy": 3, "sad": 5}));
    assert_eq!(found["sizes"], serde_json::json!({"32x32": 7}));
    assert_eq!((&found["duplicates"], &found["unusable"]), (&1.into(), &1.into()));
    assert!(found["identities"].is_null());
    let problems = found["problems"].to_string();
    for part in ["bad.png", "1 .tif", ".ipynb_checkpoints"] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    let text = affekt(["data", "inspect", &faces]).done().out;
    assert!(text.contains("8 items") && text.contains("happy 3, sad 5") && text.contains("! "), "{text}");
    affekt(["data", "inspect", &faces, "--strict"]).refused(1, &["bad.png"]);
}

#[test]
fn inspect_counts_people_and_clips() {
    assert_eq!(inspected("synth:40?size=32&identities=3..5")["identities"], 2);
    let clips = inspected("synth-clips:3?frames=10&size=32&missing=0&every=5");
    assert_eq!((&clips["identities"], &clips["items"]), (&3.into(), &6.into()));
}

#[test]
fn a_spec_that_names_nothing_is_refused() {
    affekt(["data", "inspect", "affectnot:x"]).refused(2, &["affectnet", "webdataset"]);
    affekt(["data", "inspect", "expw:x?sure=1"]).refused(2, &["`sure`", "confidence"]);
    affekt(["data", "inspect", "rafdb:/nowhere/at/all"]).refused(1, &["/nowhere/at/all"]);
}

#[test]
fn every_format_is_listed_with_its_options() {
    let text = affekt(["data", "formats"]).done().out;
    for name in [
        "ferplus",
        "affectnet",
        "expw",
        "rafdb",
        "dfew",
        "ferv39k",
        "webdataset",
        "list",
        "recordio",
        "affwild2",
        "synth",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}: {text}");
    }
    assert!(text.contains("[confidence]") && text.contains("labels_per_class"), "{text}");
}

#[test]
fn split_writes_parts_that_share_no_person_and_can_be_trained_on() {
    let lab = Lab::new();
    let out = lab.text("parts");
    let spec = "synth:120?size=32&identities=0..30";
    let args = ["data", "split", spec, "--parts", "train=80,valid=20", "--out", &out, "--json"];
    let told: serde_json::Value = serde_json::from_str(&affekt(args).done().out).unwrap();
    let count = |part: &str, key: &str| told["parts"][part][key].as_u64().unwrap();
    assert_eq!(count("train", "items") + count("valid", "items"), 120);
    assert!((18..=30).contains(&count("valid", "items")), "{told}");
    let everybody = inspected(spec)["identities"].as_u64().unwrap();
    assert_eq!(count("train", "identities") + count("valid", "identities"), everybody, "nobody is in both");
    let written = inspected(&format!("folder:{out}#valid"));
    assert_eq!(written["items"], told["parts"]["valid"]["items"]);
    assert_eq!(
        written["classes"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>(),
        count("valid", "items")
    );
    affekt(args).refused(2, &["something already"]);
    affekt(["data", "split", spec, "--parts", "a=1,a=2", "--out", &lab.text("x")]).refused(2, &["`a`"]);
    affekt(["data", "split", spec, "--parts", "a=1", "--out", &lab.text("x")]).refused(2, &["two parts"]);
}

#[test]
fn a_list_of_paths_and_labels_is_a_dataset_and_a_place_without_a_format_is_told_which() {
    let lab = Lab::new();
    lab.faces("faces", 4);
    let head = "path,label\nfaces/sad/000.png,glum\nfaces/sad/001.png,\nfaces/none.png,glum\n".to_owned();
    let row = |class: &str, item: usize, label: &str| format!("faces/{class}/{item:03}.png,{label}\n");
    let rows =
        (0..4).map(|item| row("happy", item, "happy")).chain((2..4).map(|item| row("sad", item, "glum")));
    let text: String = std::iter::once(head).chain(rows).collect();
    lab.write("mine.csv", text.as_bytes());
    let spec = format!("list:{}", lab.text("mine.csv"));
    let told = affekt(["data", "inspect", &spec]).done().out;
    assert!(told.contains("8 items") && told.contains("glum 3") && told.contains("happy 4"), "{told}");
    affekt(["data", "inspect", &spec, "--strict"])
        .refused(1, &["mine.csv, line 4: there is no file `faces/none.png`"]);
    let args = ["--labelled", spec.as_str(), "--method", "supervised"];
    affekt(crate::program::pretrain(&lab.path("run"), 2, &args)).done();
    assert_eq!(lab.json("run/report.json")["data"]["labelled"], serde_json::json!({ "glum": 3, "happy": 4 }));
    for (place, meant) in [("faces", "folder"), ("mine.csv", "list")] {
        let place = lab.text(place);
        let words = ["no format", &format!("write {meant}:{place} ")];
        affekt(["pretrain", "--labelled", &place, "--out", &lab.text("no")]).refused(2, &words);
    }
}
