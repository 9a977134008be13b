//! Pictures of faces that must not be anywhere, parts of recordings, resting faces.

use affekt_engine::media::source::{OpenOptions, open};

use crate::analyze::analyze;
use crate::people::{analysed, columns};
use crate::program::{Lab, affekt};

/// Whether a file holds a picture as JPEG, in bytes or in base 64.
fn holds_pictures(lab: &Lab, name: &str) -> bool {
    let bytes = std::fs::read(lab.path(name)).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.contains("/9j/") || text.contains("data:image/") || bytes.windows(3).any(|w| w == [0xff, 0xd8, 0xff])
}

fn files(lab: &Lab) -> Vec<String> {
    let all = std::fs::read_dir(lab.path("out")).unwrap();
    all.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn without_pictures_no_file_holds_one_and_the_page_says_so() {
    let lab = Lab::new();
    analysed(&lab, &[]);
    assert!(
        holds_pictures(&lab, "out/talk.json") && holds_pictures(&lab, "out/index.html"),
        "else this proves nothing"
    );
    analysed(&lab, &["--no-pictures", "--elan", "--boris", "--jsonl"]);
    for file in files(&lab) {
        assert!(!holds_pictures(&lab, &format!("out/{file}")), "{file}");
    }
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    assert!(page.contains("Privacy.") && page.contains("no pictures of faces"));
    let run = analyze(&lab, &[&lab.text("talk")], &["--no-pictures", "--annotated"]);
    run.refused(2, &["--annotated shows faces", "--anonymise"]);
}

/// Colours of a frame's middle, where the fixed box is.
fn middles(lab: &Lab, name: &str) -> Vec<[u8; 3]> {
    let mut video = open(&lab.path(name), OpenOptions::default()).unwrap();
    let mut found = vec![];
    while let Some(frame) = video.next_frame().unwrap() {
        let at = (frame.picture.height / 2 * frame.picture.width + frame.picture.width / 2) * 3;
        found.push([0, 1, 2].map(|c| frame.picture.pixels[at + c]));
    }
    found
}

#[test]
fn faces_in_an_anonymised_copy_are_hidden_in_every_frame() {
    let lab = Lab::new();
    analysed(&lab, &["--annotated"]);
    let grey = |[r, g, b]: [u8; 3]| [r, g, b].iter().all(|v| v.abs_diff(96) < 12);
    let shown = middles(&lab, "out/talk.annotated.mp4");
    assert!(shown.len() == 40 && !shown.iter().any(|&pixel| grey(pixel)), "{shown:?}");
    analysed(&lab, &["--anonymise", "solid"]);
    let hidden = middles(&lab, "out/talk.annotated.mp4");
    assert!(hidden.len() == 40 && hidden.iter().all(|&pixel| grey(pixel)), "{hidden:?}");
    for file in files(&lab).iter().filter(|file| !file.contains("annotated")) {
        assert!(!holds_pictures(&lab, &format!("out/{file}")), "{file}");
    }
    let page = std::fs::read_to_string(lab.path("out/index.html")).unwrap();
    assert!(page.contains("faces hidden (solid)"));
    // Another way to hide them needs no second analysis.
    let film = lab.text("talk");
    let more = ["--as", "film", "--fps", "10", "--anonymise", "mosaic"];
    let again = analyze(&lab, &[&film], &more).done();
    assert!(again.out.contains("finished before"), "{}", again.out);
    assert!(!middles(&lab, "out/talk.annotated.mp4").iter().all(|&pixel| grey(pixel)));
    assert_eq!(analyze(&lab, &[&film], &["--anonymise", "pixels"]).code, Some(2));
}

#[test]
fn a_part_and_every_third_frame_keep_numbers_and_times() {
    let lab = Lab::new();
    analysed(&lab, &["--from", "1", "--to", "00:03", "--every", "3"]);
    let table = columns(&lab, "out/talk.csv");
    assert_eq!(table["frame"], ["12", "15", "18", "21", "24", "27"]);
    assert_eq!(table["seconds"][0], "1.200000");
    let segments = columns(&lab, "out/talk.segments.csv");
    assert!(
        segments["frames"].iter().any(|frames| frames != "1"),
        "frames that are left out end no stretch: {segments:?}"
    );
    let film = lab.text("talk");
    analyze(&lab, &[&film], &["--from", "3", "--to", "2"]).refused(2, &["--from 3 is not before --to 2"]);
    analyze(&lab, &[&film], &["--every", "2", "--abaw"])
        .refused(2, &["--abaw needs a label for every frame"]);
    assert_eq!(analyze(&lab, &[&film], &["--from", "x"]).code, Some(2));
}

#[test]
fn a_resting_face_is_taken_off_from_the_first_frame_on() {
    let lab = Lab::new();
    // A generated face that the model reads as surprised more than as neutral.
    affekt(["synth", "--count", "16", "--seed", "3", "--quiet", "--out", &lab.text("faces")]).done();
    let face = std::fs::read(lab.path("faces/Neutral/00000.png")).unwrap();
    for number in 0..46 {
        lab.write(&format!("rest/{number:02}.png"), &face);
    }
    let film = lab.text("rest");
    let run = |more: &[&str]| analyze(&lab, &[&film], &[&["--as", "film", "--fps", "10"], more].concat());
    run(&[]).done();
    let number = |text: &String| text.parse::<f64>().unwrap();
    let column = |name: &str| columns(&lab, "out/rest.csv")[name].iter().map(number).collect::<Vec<f64>>();
    let before = (column("p_neutral"), column("p_surprise"));
    assert!(before.0[0] < 1.9 * before.1[0], "else this proves nothing");
    for who in ["calm", "1=0-00:04"] {
        run(&["--neutral", who]).done();
        let after = (column("p_neutral"), column("p_surprise"));
        let leads = after.0.iter().zip(&after.1).all(|(neutral, surprise)| *neutral > 1.9 * surprise);
        assert!(leads && after.0.len() == 46, "{who}: neutral leads from the first frame on: {after:?}");
    }
    run(&["--neutral", "9=0-1"]).refused(1, &["there is no face 9"]);
    run(&["--neutral", "1=3-3.3"]).refused(1, &["fewer than 5 frames"]);
    assert_eq!(run(&["--neutral", "sad"]).code, Some(2));
}

/// Needs ffmpeg, as sound does.
#[test]
fn an_annotated_copy_keeps_its_sound_and_a_hidden_one_does_not() {
    let lab = Lab::new();
    if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("left out: there is no ffmpeg on the path");
        return;
    }
    let source = lab.text("heard.mp4");
    let arguments = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=128x96:rate=10:duration=2",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:duration=2",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        &source,
    ];
    let made = std::process::Command::new("ffmpeg").args(arguments).status().unwrap();
    assert!(made.success(), "ffmpeg makes a film with sound");
    let sound = |name: &str| {
        let bytes = std::fs::read(lab.path(name)).unwrap();
        bytes.windows(4).any(|w| w == b"mp4a")
    };
    analyze(&lab, &[&source], &["--annotated"]).done();
    assert!(sound("out/heard.annotated.mp4"));
    assert_eq!(middles(&lab, "out/heard.annotated.mp4").len(), 20, "and every frame");
    analyze(&lab, &[&source], &["--anonymise", "blur"]).done();
    assert!(!sound("out/heard.annotated.mp4"), "a voice tells who somebody is");
}
