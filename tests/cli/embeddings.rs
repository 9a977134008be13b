//! `affekt analyze --embedding`: who may be somebody seen before, by an embedding model.

use affekt_engine::synth::{Style, SynthClipSettings, SynthClips};

use crate::analyze::{analyze, clip};
use crate::people::columns;
use crate::program::{Ended, Lab, affekt};

/// Frames of each of the two scenes.
const SCENE: usize = 25;
/// Width of each person's half of the picture.
const HALF: usize = 320;

/// A film of two scenes of generated people. First Ada sits on the left and Bo on the right; after a cut Cy sits where Ada sat, and Ada,
/// in another light, where Bo sat.
fn film(lab: &Lab) -> String {
    let style = Style {
        channels: 3,
        identities: 0..3,
        people: Some(7),
        variation: 0.3,
        camera: 0.3,
        occlusion: 0.0,
        ..Style::default()
    };
    let settings =
        SynthClipSettings { clips: 4, frames: SCENE, missing: 0.0, style, ..SynthClipSettings::default() };
    let clips = SynthClips::new(settings).unwrap();
    assert_eq!([0, 1, 2, 3].map(|clip| clips.person(clip)), [0, 1, 2, 0], "the fourth clip shows Ada again");
    for number in 0..2 * SCENE {
        let halves = if number < SCENE { [0, 1] } else { [2, 3] };
        let halves = halves.map(|clip| clips.full_frame(clip, number % SCENE, HALF, 240).picture);
        let picture = image::RgbImage::from_fn(2 * HALF as u32, 240, |x, y| {
            let (half, x) = (&halves[x as usize / HALF], x as usize % HALF);
            let at = (y as usize * HALF + x) * 3;
            image::Rgb([half.pixels[at], half.pixels[at + 1], half.pixels[at + 2]])
        });
        let mut bytes = std::io::Cursor::new(vec![]);
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        lab.write(&format!("talk/{number:03}.png"), &bytes.into_inner());
    }
    lab.text("talk")
}

/// An ONNX model over one picture of 3 x 16 x 16 whose embedding is its values, after operations of one input each.
fn onnx(operations: &[&str]) -> Vec<u8> {
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap();
        let length =
            if length < 128 { vec![length as u8] } else { vec![length as u8 | 128, (length >> 7) as u8] };
        [&[number << 3 | 2], length.as_slice(), body].concat()
    }
    let value = |name: &str, sides: &[u8]| {
        // A side of 0 is one with a name: any.
        let side = |&side: &u8| if side == 0 { field(1, &field(2, b"n")) } else { field(1, &[1 << 3, side]) };
        let shape: Vec<u8> = sides.iter().flat_map(side).collect();
        let tensor = [&[1u8 << 3, 1], field(2, &shape).as_slice()].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let all = [operations, &["Flatten"]].concat();
    let node = |(at, operation): (usize, &&str)| {
        let name = |at: usize| if at == all.len() { "embedding".into() } else { format!("v{at}") };
        let ends = [field(1, name(at).as_bytes()), field(2, name(at + 1).as_bytes())].concat();
        field(1, &[ends, field(4, operation.as_bytes())].concat())
    };
    let nodes: Vec<u8> = all.iter().enumerate().flat_map(node).collect();
    let ends = [field(11, &value("v0", &[0, 3, 16, 16])), field(12, &value("embedding", &[0, 0]))].concat();
    let graph = [nodes, field(2, b"g"), ends].concat();
    [vec![1 << 3, 8], field(7, &graph), field(8, &[field(1, b""), vec![2 << 3, 13]].concat())].concat()
}

const CARD: &str = r#"{"input": {"size": 16, "channels": 3, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
    "template": "arcface-112"}, "similarity": 0.75}"#;

fn analysed(lab: &Lab, more: &[&str]) -> Ended {
    let fixed = ["analyze", "--threads", "1", "--detector", "builtin", "--as", "film", "--out"];
    let out = [&lab.text("out"), &lab.text("talk")].map(String::from);
    affekt(fixed.map(String::from).into_iter().chain(out).chain(more.iter().map(|arg| (*arg).to_owned())))
}

fn people(lab: &Lab, action: &[&str]) -> Ended {
    affekt([&["people", &lab.text("out/talk")], action].concat())
}

fn listed(lab: &Lab) -> serde_json::Value {
    serde_json::from_str(&people(lab, &["list", "--json"]).done().out).unwrap()
}

/// Who sits on the left and on the right in each scene, by number.
fn seats(lab: &Lab) -> [u64; 4] {
    let table = columns(lab, "out/talk.csv");
    let at = |scene: usize, right: bool| {
        let there = (0..table["frame"].len()).find(|&row| {
            let (frame, x): (usize, f64) =
                (table["frame"][row].parse().unwrap(), table["x"][row].parse().unwrap_or(-1.0));
            frame / SCENE == scene && x > 0.0 && (x > HALF as f64) == right
        });
        table["face"][there.unwrap()].parse().unwrap()
    };
    [at(0, false), at(0, true), at(1, false), at(1, true)]
}

#[test]
fn a_person_who_comes_back_elsewhere_is_suggested_and_the_one_who_takes_their_seat_is_not() {
    let lab = Lab::new();
    film(&lab);
    lab.write("embed.onnx", &onnx(&[]));
    lab.write("embed.json", CARD.as_bytes());
    analysed(&lab, &["--quiet", "--no-pictures"]).done();
    let [ada, bo, cy, again] = seats(&lab);
    assert!(ada != again && bo != cy, "numbers are new after the cut");
    let pairs = |list: &serde_json::Value| -> Vec<(u64, u64)> {
        let pair = |m: &serde_json::Value| (m["before"].as_u64().unwrap(), m["later"].as_u64().unwrap());
        list["may_be_same"].as_array().unwrap().iter().map(pair).collect()
    };
    let by_place = listed(&lab);
    assert!(
        pairs(&by_place).contains(&(ada, cy)) && by_place["appearance"].is_null(),
        "by place it is the wrong one"
    );

    let said = analysed(&lab, &["--no-pictures", "--embedding", &lab.text("embed.onnx")]).done();
    assert!(said.err.contains(
        "embedding: embed.onnx; people are suggested to be one from a cosine similarity of 0.75 on"
    ));
    let list = listed(&lab);
    assert_eq!(pairs(&list), [(ada, again)], "{list}");
    let kept = &lab.json("out/talk.json")["appearance"];
    assert_eq!(
        (&list["appearance"], kept["similarity"].as_f64(), &kept["model"]),
        (kept, Some(0.75), &"embed.onnx".into())
    );
    assert_eq!(kept["views"].as_object().unwrap().len(), 4);
    let all: Vec<(u64, u64)> = kept["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["before"].as_u64().unwrap(), pair["later"].as_u64().unwrap()))
        .collect();
    assert!(all.len() == 4 && !all.contains(&(ada, bo)) && !all.contains(&(cy, again)), "{all:?}");
    let words = people(&lab, &[]).done().out;
    assert!(
        words.contains("compared by embed.onnx, suggested from a cosine similarity of 0.75 on"),
        "{words}"
    );
    assert!(
        words.contains("by a cosine similarity of 0.8") && words.contains(&format!("merge {ada} {again}")),
        "{words}"
    );

    // What is asked for now decides, and nothing is read again for it.
    let higher = ["--no-pictures", "--embedding", &lab.text("embed.onnx"), "--similarity", "1"];
    assert!(analysed(&lab, &higher).done().out.contains("finished before"));
    people(&lab, &["merge", "--suggested"]).refused(2, &["nobody is suggested"]);
    analysed(&lab, &higher[..3]).done();
    people(&lab, &["merge", "--suggested"]).done();
    let persons = columns(&lab, "out/talk.people.csv");
    assert_eq!(persons["person"].len(), 3);
    assert!(persons["faces"].contains(&"2".to_owned()), "one of them has two faces: {persons:?}");
    assert_eq!(pairs(&listed(&lab)), [], "and nothing is left to suggest");
    assert!(lab.json("out/talk.json")["appearance"]["pairs"].is_array(), "similarities outlive corrections");
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    assert!(page.contains("how similar faces are by embed.onnx"), "the page says what the folder holds");
}

#[test]
fn an_embedding_model_that_cannot_be_used_is_refused_by_name() {
    let lab = Lab::new();
    let video = clip("plain.mp4");
    let refused = |model: &str, parts: &[&str]| {
        analyze(&lab, &[&video], &["--embedding", &lab.text(model)]).refused(1, parts);
    };
    refused("none.onnx", &["none.onnx", "No such file"]);
    lab.write("text.onnx", b"no model");
    refused("text.onnx", &["text.onnx", "not a usable ONNX model"]);
    lab.write("small.onnx", &onnx(&[]));
    refused("small.onnx", &["small.onnx", "asks for 1x3x112x112", "small.json beside it may say otherwise"]);
    lab.write("small.json", b"{\"mean\": 3}");
    refused("small.onnx", &["small.json", "is not the card of an embedding model", "unknown field `mean`"]);
    // The known input has no logarithm at its zero; below the mean a face has no root.
    lab.write("small.json", CARD.as_bytes());
    lab.write("small.onnx", &onnx(&["Log"]));
    refused("small.onnx", &["small.onnx", "its output `embedding` is -inf at place 0: no finite embedding"]);
    lab.write("small.onnx", &onnx(&["Sqrt"]));
    let dark = image::RgbImage::from_fn(160, 120, |x, y| {
        image::Rgb([(x * 37 % 90) as u8, (y * 53 % 90) as u8, ((x + y) * 29 % 90) as u8])
    });
    let mut bytes = std::io::Cursor::new(vec![]);
    dark.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    lab.write("dark.png", &bytes.into_inner());
    let model = lab.text("small.onnx");
    let run = analyze(&lab, &[&lab.text("dark.png")], &["--embedding", &model]);
    run.refused(1, &["small.onnx", "its output `embedding` is NaN at place"]);
    assert!(!lab.path("out/dark.json").exists(), "nothing half made is left");
    analyze(&lab, &[&video], &["--similarity", "0.5"]).refused(2, &["required"]);
    analyze(&lab, &[&video], &["--embedding", &model, "--similarity", "2"])
        .refused(2, &["no cosine above 0"]);
}
