//! `affekt export`, and what it writes read again.

use affekt_engine::net::{OnnxFile, Weights};

use crate::analyze::{analyze, clip, csv};
use crate::program::{Lab, affekt};

/// The labels of a table, and its probabilities.
fn read(lab: &Lab, name: &str) -> (Vec<[String; 2]>, Vec<f64>) {
    let rows = csv(lab, name);
    let labels = rows[1..].iter().map(|row| [row[25].clone(), row[27].clone()]).collect();
    let probabilities = rows[1..].iter().flat_map(|row| row[17..25].iter().map(|p| p.parse().unwrap()));
    (labels, probabilities.collect())
}

#[test]
fn a_model_exported_and_imported_with_its_card_gives_the_same_labels() {
    let lab = Lab::new();
    let video = clip("varying.mp4");
    analyze(&lab, &[&video], &["--arithmetic", "single"]).done();
    let (labels, probabilities) = read(&lab, "out/varying.csv");
    for (name, more) in
        [("plain.onnx", &[][..]), ("pixels.onnx", &["--raw-pixels"][..]), ("half.onnx", &["--f16"][..])]
    {
        let file = lab.text(name);
        affekt(["export", "--out", &file].iter().chain(more).copied()).done();
        analyze(&lab, &[&video], &["--force", "--model", &file]).done();
        let (again, others) = read(&lab, "out/varying.csv");
        assert_eq!(again, labels, "{name}");
        let off = probabilities.iter().zip(&others).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let most = if name == "half.onnx" { 5e-3 } else { 1e-4 };
        assert!(off < most && others.len() == probabilities.len(), "{name}: {off}");
    }
}

#[test]
fn weights_and_a_hubs_folder_are_written_and_nothing_is_written_over() {
    let lab = Lab::new();
    let (file, hub) = (lab.text("a.safetensors"), lab.text("hub"));
    let args = ["export", "--safetensors", &file, "--hub", &hub];
    affekt(args).done();
    let (weights, card) = Weights::read(&lab.path("a.safetensors")).unwrap();
    assert!(weights.tensors.contains_key("layer1.0.conv1.weight") && card.is_some());
    let config = lab.json("hub/config.json");
    let readme = std::fs::read_to_string(lab.path("hub/README.md")).unwrap();
    assert_eq!(config["architecture"], "resnet18");
    assert_eq!(config["label_names"].as_array().unwrap().len(), 8);
    assert!(readme.starts_with("---\n") && readme.contains("image-classification"), "{readme}");
    assert_eq!(Weights::read(&lab.path("hub/model.safetensors")).unwrap().0, weights);
    affekt(args).refused(1, &["a.safetensors is there already", "--force"]);
    affekt(args.iter().chain(&["--force"]).copied()).done();
    affekt(["export"]).refused(2, &["required"]);
}

#[test]
fn eight_bits_a_weight_are_a_quarter_of_the_size_and_for_affekt_alone() {
    let lab = Lab::new();
    let (whole, small) = (lab.text("whole.safetensors"), lab.text("small.safetensors"));
    affekt(["export", "--safetensors", &whole]).done();
    affekt(["export", "--model", &whole, "--safetensors", &small, "--i8"]).done();
    let length = |name: &str| std::fs::metadata(lab.path(name)).unwrap().len() as f64;
    let part = length("small.safetensors") / length("whole.safetensors");
    assert!((0.24..0.27).contains(&part), "{part}");
    // The built-in model has eight bits a weight itself, so they are the same.
    let read = |name: &str| Weights::read(&lab.path(name)).unwrap();
    assert_eq!(read("small.safetensors"), read("whole.safetensors"));
    affekt(["export", "--out", &lab.text("a.onnx"), "--i8"]).refused(2, &["--i8", "--f16"]);
    affekt(["export", "--hub", &lab.text("hub"), "--i8", "--safetensors", "b"])
        .refused(2, &["--i8", "--f16"]);
    assert!(!lab.path("b").exists() && !lab.path("hub").exists());
}

#[test]
fn an_onnx_file_that_cannot_be_used_is_refused_in_one_line() {
    let lab = Lab::new();
    let video = clip("varying.mp4");
    let refused = |model: &str, parts: &[&str]| {
        analyze(&lab, &[&video], &["--model", &lab.text(model)]).refused(1, parts);
    };
    refused("none.onnx", &["none.onnx", "No such file"]);
    lab.write("garbage.onnx", b"no model at all");
    refused("garbage.onnx", &["garbage.onnx", "not a usable ONNX model"]);
    affekt(["export", "--out", &lab.text("whole.onnx")]).done();
    let whole = std::fs::read(lab.path("whole.onnx")).unwrap();
    lab.write("cut.onnx", &whole[..whole.len() / 2]);
    refused("cut.onnx", &["cut.onnx", "not a usable ONNX model"]);
    lab.write("whole.json", b"{\"classes\": []}");
    refused("whole.onnx", &["whole.json", "is not the card of an ONNX file", "input"]);
    // A file of affekt's own keeps its card inside; without it none is known.
    assert!(OnnxFile::parse(&whole).unwrap().card_note().is_some());
    let note = b"affekt.card";
    let at = whole.windows(note.len()).position(|bytes| bytes == note).unwrap();
    let mut stranger = whole.clone();
    stranger[at..at + note.len()].copy_from_slice(b"strange.not");
    lab.write("stranger.onnx", &stranger);
    refused("stranger.onnx", &["stranger.onnx", "has no card", "stranger.json", "docs/onnx.md"]);
    let file = lab.text("stranger.onnx");
    affekt(["export", "--model", &file, "--out", &lab.text("again.onnx")]).refused(1, &["has no card"]);
}
