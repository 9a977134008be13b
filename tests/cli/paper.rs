//! The paper's recipe and table on generated stand-ins of its four sets, as they stand on disk.

use std::io::Read as _;
use std::path::Path;

use crate::program::{Ended, Lab, affekt};

/// Stand-ins of the four sets, and the settings that say where they lie.
fn sets(lab: &Lab) -> Vec<String> {
    let sizes = ["--count", "120", "--clips", "40", "--valid", "6", "--frames", "60", "--size", "32"];
    let out = lab.text("sets");
    let args = ["synth", "--kind", "paper", "--out", &out, "--quiet", "--set", "channels=1"];
    affekt(args.into_iter().chain(sizes)).done();
    let set =
        |(name, folder): (&str, &str)| ["--set".to_owned(), format!("data.paths.{name}={out}/{folder}")];
    let places =
        [("affwild2", "Aff-Wild2"), ("affectnet", "AffectNet"), ("expw", "ExpW"), ("ms1mv2", "MS1MV2")];
    places.into_iter().flat_map(set).collect()
}

/// Networks and runs so small that they take seconds.
const TINY: [&str; 9] = [
    "model.depth=resnet18",
    "model.size=32",
    "model.channels=1",
    "model.width=0.0625",
    "input.mean=[0.5]",
    "input.std=[0.25]",
    "training.batch=8",
    "training.unlabelled_batch=8",
    "training.steps=3",
];

fn tiny(args: &mut Vec<String>) {
    let more = ["training.teacher_warm_up_steps=1", "training.student_wait_steps=1", "evaluation.every=0"];
    args.extend(TINY.into_iter().chain(more).flat_map(|set| ["--set".to_owned(), set.to_owned()]));
}

fn run(args: &[String]) -> Ended {
    affekt(args.iter().map(String::as_str))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn manifest(path: &Path) -> Vec<Vec<String>> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn the_whole_table_is_made_by_one_command_and_made_again_from_its_own_file() {
    let lab = Lab::new();
    let places = sets(&lab);
    let mut args = words("eval --ablation --preset paper-ablation --json --quiet --threads 1");
    args.extend(places);
    tiny(&mut args);
    args.extend(
        words("--refine-set model.frames=16 --refine-set model.width=16 --refine-set model.layers=1")
            .into_iter()
            .chain(words(
                "--refine-set model.heads=2 --refine-set model.feed_forward=16 --refine-set post.stride=8",
            ))
            .chain(words("--refine-set training.steps=2 --refine-set training.batch=2")),
    );
    args.extend(["--out".to_owned(), lab.text("table")]);
    let table: serde_json::Value = serde_json::from_str(&run(&args).done().out).unwrap();
    let rows: Vec<&str> =
        table["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(rows, ["baseline", "ssl", "ssl_more", "temporal", "vote"]);
    let classes = ["Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise", "Other"];
    assert_eq!(table["classes"], serde_json::json!(classes));
    // Row 1 learns from Aff-Wild2 alone, row 2 from the union, row 3 has a third of MS1MV2 besides.
    let uses = |run: &str| {
        let data = lab.json(&format!("table/{run}/data.json"));
        let sets = data["sets"].as_array().unwrap().clone();
        sets.into_iter()
            .map(|set| (set["spec"].as_str().unwrap().to_owned(), set["uses"].clone()))
            .collect::<Vec<_>>()
    };
    let (first, second, third) = (uses("supervised"), uses("ssl"), uses("ssl_more"));
    assert_eq!(first.len(), 2, "Aff-Wild2 to learn from and to measure on: {first:?}");
    assert!(first.iter().all(|(spec, _)| spec.starts_with("affwild2:")));
    assert!(second.iter().all(|(spec, _)| !spec.starts_with("ms1mv2:")));
    let (_, ms1mv2) = third.iter().find(|(spec, _)| spec.starts_with("ms1mv2:")).unwrap();
    assert_eq!(*ms1mv2, serde_json::json!({ "unlabelled": 40, "not_drawn": 80 }));
    let (_, affectnet) = second.iter().find(|(spec, _)| spec.starts_with("affectnet:")).unwrap();
    assert!(affectnet["unlabelled"].as_u64().unwrap() > 0, "contempt: {affectnet}");
    // `Other` is Aff-Wild2's alone.
    let other = manifest(&lab.path("table/ssl_more/manifest.csv.gz"));
    assert!(other.iter().any(|line| line[3] == "Other"));
    assert!(other.iter().all(|line| line[3] != "Other" || line[0] == "0" || line[2] == "valid"), "{other:?}");
    let text = std::fs::read_to_string(lab.path("table/ablation.toml")).unwrap();
    assert!(!text.contains('{') || !text.contains("{affwild2}"), "{text}");
    let again = [
        words("eval --ablation --json --quiet --threads 1 --config"),
        vec![lab.text("table/ablation.toml"), "--out".to_owned(), lab.text("again")],
    ];
    let again: serde_json::Value = serde_json::from_str(&run(&again.concat()).done().out).unwrap();
    assert_eq!(table, again);
}

#[test]
fn the_recipe_draws_the_same_again_from_a_runs_own_config() {
    let lab = Lab::new();
    let mut args = words("pretrain --preset paper --data-only --quiet");
    args.extend(sets(&lab));
    tiny(&mut args);
    args.extend(words("--labels-per-class max5"));
    let (one, other) = (lab.text("one"), lab.text("other"));
    let told = run(&[args.clone(), vec!["--out".to_owned(), one.clone()]].concat()).done().out;
    assert!(told.contains("labelled (Anger ") && told.contains("manifest.csv.gz"), "{told}");
    let data = lab.json("one/data.json");
    assert_eq!(data["not_promised"], serde_json::json!([]));
    let lines = manifest(&lab.path("one/manifest.csv.gz"));
    let drawn = |set: &str, class: &str| {
        lines.iter().filter(|line| line[0] == set && line[2] == "labelled" && line[3] == class).count()
    };
    for class in ["Neutral", "Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise"] {
        assert_eq!(drawn("1", class) + drawn("2", class), 5, "{class} of AffectNet and ExpW taken together");
    }
    assert!(["1", "2"].iter().all(|set| drawn(set, "Other") == 0));
    assert!(
        lines.iter().filter(|line| line[0] == "0" && line[2] == "labelled").count() > 35,
        "Aff-Wild2 is not limited"
    );
    assert!(
        lines
            .iter()
            .any(|line| line[1].starts_with("Manually_Annotated_Images/") && line[1].contains("face at"))
    );
    assert!(lines.iter().any(|line| line[1].starts_with("image/origin/") && line[2] == "unlabelled"));
    let config = format!("{one}/config.toml");
    run(&[words("pretrain --data-only --quiet --config"), vec![config.clone(), "--out".into(), other]]
        .concat())
    .done();
    let bytes = |run: &str| std::fs::read(lab.path(&format!("{run}/manifest.csv.gz"))).unwrap();
    assert_eq!(bytes("one"), bytes("other"));
    assert_eq!(lab.json("other/data.json"), data);
    let seeded = [
        words("pretrain --data-only --quiet --seed 2 --config"),
        vec![config, "--out".into(), lab.text("third")],
    ];
    run(&seeded.concat()).done();
    assert_ne!(bytes("one"), bytes("third"), "another seed draws otherwise");
    // What was opened goes on as any run.
    run(&[words("pretrain --quiet --resume"), vec![one]].concat()).done();
    assert!(lab.path("one/model.safetensors").is_file());
}

#[test]
fn a_set_whose_place_is_not_said_is_named_with_what_to_do() {
    let lab = Lab::new();
    let out = lab.text("out");
    affekt(["pretrain", "--preset", "paper", "--out", &out])
        .refused(2, &["affwild2:{affwild2}", "--set data.paths.affwild2=FOLDER"]);
    affekt(["eval", "--ablation", "--preset", "paper-ablation", "--out", &out])
        .refused(2, &["--set data.paths.affwild2=FOLDER"]);
    affekt(["eval", "--ablation", "--out", &out]).refused(2, &["--labelled SPEC", "--preset paper-ablation"]);
    lab.write("bad.toml", b"labeled = []\n");
    affekt(["eval", "--ablation", "--config", &lab.text("bad.toml"), "--out", &out])
        .refused(2, &["bad.toml", "did you mean `labelled`?"]);
    lab.write("bad.toml", b"labelled = ['folder:a']\nclips = ['clips:a']\nvalid = ['clips:a']\n[students]\ntraining.stesp = 1\n");
    affekt(["eval", "--ablation", "--config", &lab.text("bad.toml"), "--out", &out])
        .refused(2, &["bad.toml, students", "did you mean `steps`?"]);
    assert!(!lab.path("out").exists());
}

#[test]
fn without_hashing_the_output_and_the_record_say_what_is_not_promised() {
    let lab = Lab::new();
    let faces = lab.faces("faces", 4);
    let out = lab.text("run");
    let mut args = words("pretrain --data-only --quiet --no-hash --method supervised --labelled");
    args.extend([faces.clone(), "--labelled".to_owned(), faces, "--out".to_owned(), out]);
    tiny(&mut args);
    let told = run(&args).done().out;
    assert!(told.contains("not hashed") && told.contains("16 labelled"), "{told}");
    let promised = lab.json("run/data.json")["not_promised"].to_string();
    assert!(promised.contains("nothing of the validation sets is learned from"), "{promised}");
    assert!(manifest(&lab.path("run/manifest.csv.gz")).iter().all(|line| line[4].is_empty()));
}
