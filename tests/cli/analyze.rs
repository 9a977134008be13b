//! `affekt analyze`: files of every kind, good and bad, side by side.

use std::path::Path;

use crate::program::{Lab, affekt, ended, program};

pub fn clip(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clips").join(name).display().to_string()
}

pub fn csv(lab: &Lab, name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(lab.path(name)).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// The default of `--unsure-below`.
const UNSURE: f64 = 0.6;

/// `analyze` with a fixed box for a face: what is tested is not the detector.
pub fn analyze(lab: &Lab, inputs: &[&str], more: &[&str]) -> crate::program::Ended {
    let out = lab.text("out");
    let fixed = ["analyze", "--quiet", "--threads", "1", "--detector", "guide", "--out", &out];
    affekt(fixed.iter().chain(inputs).chain(more).copied())
}

#[test]
fn every_frame_has_a_row_with_its_time_whatever_else_is_asked_for() {
    let lab = Lab::new();
    let more = ["--jsonl", "--srt", "--vtt", "--abaw"];
    analyze(&lab, &[&clip("varying.mp4"), &clip("turned.mp4")], &more).done();
    let rows = csv(&lab, "out/varying.csv");
    assert_eq!(rows.len(), 25);
    assert_eq!(rows[0][..4], ["frame", "seconds", "face", "x"]);
    assert_eq!(rows[0].len(), 7 + 10 + 8 + 5 + 17);
    assert_eq!(rows[0][29], "unsure");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    for (number, row) in rows[1..].iter().enumerate() {
        assert_eq!((row[0].as_str(), row[2].as_str()), (number.to_string().as_str(), "1"));
        let sum: f64 = row[17..25].iter().map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{row:?}");
        let confidence: f64 = row[28].parse().unwrap();
        assert_eq!(row[29] == "1", confidence < UNSURE, "{row:?}");
    }
    let seconds: Vec<&str> = rows[1..6].iter().map(|row| row[1].as_str()).collect();
    assert_eq!(seconds, ["0.000000", "0.033000", "0.083000", "0.100000", "0.200000"]);
    let lines = std::fs::read_to_string(lab.path("out/varying.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), first["faces"][0]["face"].as_u64()), (24, Some(1)));
    assert!(
        std::fs::read_to_string(lab.path("out/varying.srt"))
            .unwrap()
            .starts_with("1\n00:00:00,000 --> 00:00:0")
    );
    assert!(std::fs::read_to_string(lab.path("out/turned.vtt")).unwrap().starts_with("WEBVTT\n"));
    let abaw = std::fs::read_to_string(lab.path("out/varying.predictions.txt")).unwrap();
    assert_eq!(abaw.lines().count(), 25);
    assert!(abaw.lines().nth(24).unwrap().starts_with("varying/00024.jpg,"));
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    assert!(page.contains("varying") && page.contains("turned") && page.contains("data:image/jpeg;base64,"));
}

#[test]
fn a_room_without_a_face_has_rows_without_one_alone() {
    let lab = Lab::new();
    let out = lab.text("out");
    let args = ["analyze", "--quiet", "--detector", "builtin", "--out", &out, &clip("plain.mp4")];
    affekt(args).done();
    let rows = csv(&lab, "out/plain.csv");
    assert_eq!(rows.len(), 25);
    for row in &rows[1..] {
        assert!(row[2..30].iter().all(String::is_empty) && row.len() == rows[0].len());
        assert_eq!(row[30..33], ["plain", "0", "0"], "input, shot, not detected");
    }
}

#[test]
fn what_is_finished_is_skipped_unless_it_must_be_done_again() {
    let lab = Lab::new();
    let changed = |name: &str| std::fs::metadata(lab.path(name)).unwrap().modified().unwrap();
    let first = analyze(&lab, &[&clip("plain.mp4")], &[]).done();
    assert!(!first.out.contains("finished before"), "{}", first.out);
    let before = changed("out/plain.csv");
    let second = analyze(&lab, &[&clip("plain.mp4")], &[]).done();
    assert!(second.out.contains("finished before") && changed("out/plain.csv") == before, "{}", second.out);
    let forced = analyze(&lab, &[&clip("plain.mp4")], &["--force"]).done();
    assert!(!forced.out.contains("finished before"), "{}", forced.out);
    let other = analyze(&lab, &[&clip("plain.mp4")], &["--window", "5"]).done();
    assert!(!other.out.contains("finished before"), "another setting is another result");
    std::fs::remove_file(lab.path("out/plain.csv")).unwrap();
    let again = analyze(&lab, &[&clip("plain.mp4")], &["--window", "5"]).done();
    assert!(!again.out.contains("finished before") && lab.path("out/plain.csv").exists());
}

#[test]
fn a_picture_lasts_no_time_and_has_no_subtitles() {
    let lab = Lab::new();
    lab.write("photo.png", &crate::program::png(90, 3));
    for more in [&["--srt"][..], &["--srt", "--vtt", "--jsonl"]] {
        let told = analyze(&lab, &[&lab.text("photo.png")], more).done();
        assert!(!told.out.contains("0.00"), "{}", told.out);
        assert!(lab.path("out/photo.csv").is_file());
        assert!(!lab.path("out/photo.srt").exists() && !lab.path("out/photo.vtt").exists());
    }
    assert!(lab.path("out/photo.jsonl").is_file(), "what was asked for later");
}

#[test]
fn pictures_folders_and_an_annotated_copy() {
    let lab = Lab::new();
    lab.write("photo.png", &crate::program::png(90, 3));
    for number in 1..4u8 {
        lab.write(&format!("frames/{number}.jpg"), &crate::program::jpeg(number * 40));
    }
    let out = lab.text("out");
    let run = ended(
        program()
            // No ffmpeg here, whatever this machine has.
            .env("PATH", lab.path("nothing"))
            .args(["analyze", "--quiet", "--detector", "guide", "--annotated", "--fps", "2", "--out", &out])
            .args([lab.text("photo.png"), lab.text("frames")]),
    );
    run.done();
    assert_eq!(csv(&lab, "out/photo.csv").len(), 2);
    let seconds: Vec<String> = csv(&lab, "out/frames.csv")[1..].iter().map(|row| row[1].clone()).collect();
    assert_eq!(seconds, ["0.000000", "0.500000", "1.000000"]);
    assert!(lab.path("out/photo.annotated.jpg").is_file());
    // The copy is a video that can be read again, frame for frame at its time.
    let again = analyze(&lab, &[&lab.text("out/frames.annotated.mp4")], &[]).done();
    assert!(again.out.contains("frames.annotated"), "{}", again.out);
    let copied: Vec<String> =
        csv(&lab, "out/frames.annotated.csv")[1..].iter().map(|r| r[1].clone()).collect();
    assert_eq!(copied, seconds);
}

#[test]
fn a_bad_file_is_one_error_and_the_others_are_done() {
    let lab = Lab::new();
    let whole = std::fs::read(clip("plain.mp4")).unwrap();
    lab.write("cut.mp4", &whole[..whole.len() - 200]);
    lab.write("empty.mp4", b"");
    lab.write("text.mp4", b"this is no video at all");
    let missing = lab.text("missing.mp4");
    for (input, words) in [
        (lab.text("cut.mp4"), ["cut off", "copy it again"]),
        (lab.text("empty.mp4"), ["the file is empty (0 bytes)", "again"]),
        (lab.text("text.mp4"), ["neither an MP4 video nor a JPEG", "ffmpeg"]),
        (clip("sound.mp4"), ["holds sound but no video", "give a file with a picture"]),
        (missing, ["there is no such file", "check the path"]),
    ] {
        let out = lab.text("out");
        let run = ended(
            program()
                .env("PATH", lab.path("nothing"))
                .args(["analyze", "--quiet", "--force", "--detector", "guide", "--out", &out])
                .args([input.as_str(), clip("plain.mp4").as_str()]),
        );
        let name = Path::new(&input).file_name().unwrap().to_string_lossy().into_owned();
        run.refused(1, &["1 of 2 inputs failed", &name, words[0], words[1]]);
        assert_eq!(csv(&lab, "out/plain.csv").len(), 25, "the other one is done");
        let left: Vec<String> = std::fs::read_dir(lab.path("out"))
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|n| !n.starts_with("plain.") && n != "index.html")
            .collect();
        assert!(left.is_empty(), "nothing half-written: {left:?}");
    }
}

#[test]
fn a_video_that_needs_ffmpeg_says_so() {
    let lab = Lab::new();
    let out = lab.text("out");
    let run = ended(program().env("PATH", lab.path("nothing")).args([
        "analyze",
        "--quiet",
        "--detector",
        "guide",
        "--out",
        &out,
        &clip("mpeg4.mp4"),
    ]));
    run.refused(1, &["mpeg4.mp4", "needs `ffmpeg` on the path", "install it, or convert the file"]);
}

#[test]
fn damage_in_the_middle_is_counted_and_the_rest_is_read() {
    let lab = Lab::new();
    let mut bytes = std::fs::read(clip("plain.mp4")).unwrap();
    let data = bytes.windows(4).position(|w| w == b"mdat").unwrap() + 4;
    let length = bytes.len() - data;
    bytes[data + length * 60 / 100..data + length * 62 / 100].iter_mut().for_each(|b| *b ^= 0x5a);
    lab.write("damaged.mp4", &bytes);
    let run = analyze(&lab, &[&lab.text("damaged.mp4")], &[]).done();
    assert!(run.err.contains("could not be decoded") && run.err.contains("frame "), "{}", run.err);
    let summary = lab.json("out/damaged.json");
    let (frames, skipped) = (summary["frames"].as_u64().unwrap(), summary["skipped"].as_u64().unwrap());
    assert!(skipped > 0 && frames + skipped == 24, "{frames} {skipped}");
    assert_eq!(csv(&lab, "out/damaged.csv").len() as u64, frames + 1);
}

#[test]
fn a_mirrored_view_changes_the_answers_and_is_told() {
    let lab = Lab::new();
    let film = clip("varying.mp4");
    let first = |flip: &[&str]| {
        analyze(&lab, &[&film], &[&["--to", "0.5", "--force"], flip].concat()).done();
        csv(&lab, "out/varying.csv")[1][28].clone()
    };
    let (plain, flipped) = (first(&[]), first(&["--flip"]));
    assert_ne!(plain, flipped);
    assert!(std::fs::read_to_string(lab.path("out/varying.json")).unwrap().contains("mirrored view too"));
}

#[test]
fn the_page_shows_everything_that_is_finished_in_the_folder() {
    let lab = Lab::new();
    analyze(&lab, &[&clip("plain.mp4")], &[]).done();
    lab.write("out/other.json", b"{\"no\": \"summary\"}");
    lab.write("out/broken.json", b"not even JSON");
    analyze(&lab, &[&clip("turned.mp4")], &[]).done();
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    assert!(
        page.contains(">plain<") && page.contains(">turned<"),
        "both, though each had a command of its own"
    );
    assert!(!page.contains("broken"));
    std::fs::remove_file(lab.path("out/plain.csv")).unwrap();
    analyze(&lab, &[&clip("turned.mp4")], &["--force"]).done();
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    assert!(
        !page.contains(">plain<") && page.contains("turned"),
        "an input without its table is not finished"
    );
}

#[test]
fn a_copy_that_does_not_fit_on_the_disk_is_one_error_and_leaves_nothing_of_it() {
    let lab = Lab::new();
    // Noise, which cannot be compressed to a few kilobytes.
    for number in 0..40u32 {
        let noise = |x: u32, y: u32| {
            image::Rgb([0, 1, 2].map(|c: u32| {
                (x * 97 + y * 57 + c * 31 + number * 13).wrapping_mul(2_654_435_761).to_be_bytes()[0]
            }))
        };
        let mut bytes = std::io::Cursor::new(vec![]);
        image::RgbImage::from_fn(256, 192, noise).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        lab.write(&format!("frames/{number:02}.png"), &bytes.into_inner());
    }
    let (out, frames) = (lab.text("out"), lab.text("frames"));
    let args = [
        "analyze",
        "--quiet",
        "--threads",
        "1",
        "--detector",
        "guide",
        "--annotated",
        "--out",
        &out,
        &frames,
    ];
    let args: Vec<String> = args.map(str::to_owned).to_vec();
    crate::program::on_a_full_disk(300, &args).refused(1, &["frames.annotated.mp4", "make room"]);
    let left: Vec<_> = std::fs::read_dir(lab.path("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_detector_that_is_none_or_another_model_is_refused() {
    let lab = Lab::new();
    lab.write("text.onnx", b"no model");
    lab.write("other.onnx", &identity_onnx());
    let (out, input) = (lab.text("out"), clip("plain.mp4"));
    for (file, words) in [
        (lab.text("text.onnx"), ["text.onnx", "YuNet"]),
        (lab.text("other.onnx"), ["other.onnx", "its outputs are y, so it is no YuNet"]),
        (lab.text("missing.onnx"), ["missing.onnx", "there is no such detector file"]),
    ] {
        affekt(["analyze", "--quiet", "--out", &out, "--detector", &file, &input]).refused(1, &words);
    }
}

/// An ONNX model `y = Identity(x)`, x of 1x3x32x32, in the form of protocol buffers.
fn identity_onnx() -> Vec<u8> {
    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(body.len()).unwrap()], body].concat()
    }
    let dims: Vec<u8> = [1u8, 3, 32, 32].iter().flat_map(|&d| field(1, &[1 << 3, d])).collect();
    let tensor = [&[1u8 << 3, 1], field(2, &dims).as_slice()].concat();
    let value = |name: &[u8]| [field(1, name), field(2, &field(1, &tensor))].concat();
    let node = [field(1, b"x"), field(2, b"y"), field(4, b"Identity")].concat();
    let graph = [field(1, &node), field(2, b"g"), field(11, &value(b"x")), field(12, &value(b"y"))].concat();
    [vec![1 << 3, 8], field(7, &graph), field(8, &[field(1, b""), vec![2 << 3, 13]].concat())].concat()
}

#[test]
fn a_model_without_a_card_is_refused() {
    let lab = Lab::new();
    // safetensors with one tensor of one number.
    let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 4]].concat();
    lab.write("bare.safetensors", &bytes);
    let run = analyze(&lab, &[&clip("plain.mp4")], &["--model", &lab.text("bare.safetensors")]);
    run.refused(1, &["bare.safetensors", "has no affekt card"]);
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_any_work() {
    let lab = Lab::new();
    lab.write("out", b"a file is in the way");
    analyze(&lab, &[&clip("plain.mp4")], &[]).refused(1, &["cannot make the folder", "out"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::remove_file(lab.path("out")).unwrap();
        std::fs::create_dir(lab.path("out")).unwrap();
        std::fs::set_permissions(lab.path("out"), PermissionsExt::from_mode(0o555)).unwrap();
        // The system's administrator may write everywhere.
        if std::fs::File::create(lab.path("out/probe")).is_err() {
            analyze(&lab, &[&clip("plain.mp4")], &[]).refused(1, &["out"]);
        }
    }
}
