//! `affekt stream`: readings while they happen, to lines, to a port and to a recording.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::program::{Ended, Lab, affekt, ended, on_a_full_disk, program};

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Starts the program and gives the address that it says it listens on.
fn listening(args: &[&str]) -> (Child, String) {
    let mut child = program().args(args).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = said.next().expect("it says where it listens").unwrap();
        if let Some(address) = line.strip_prefix("listening on ") {
            break address.to_owned();
        }
    };
    // Its pipe must not fill up.
    std::thread::Builder::new().name("listen".into()).spawn(move || said.for_each(drop)).unwrap();
    (child, address)
}

#[test]
fn the_synthetic_room_is_read_line_by_line_in_real_time() {
    let run = affekt(["stream", "synth", "--seconds", "1.5", "--jsonl", "-", "--threads", "1"]).done();
    let all = lines(&run.out);
    let seconds: Vec<f64> = all.iter().map(|l| l["seconds"].as_f64().unwrap()).collect();
    assert!(
        seconds.windows(2).all(|pair| pair[0] < pair[1]) && seconds.iter().all(|&s| s < 1.5),
        "{seconds:?}"
    );
    assert!(all.iter().all(|l| l["faces"].as_array().unwrap().len() == 2), "two people stand there");
    assert!(run.err.contains("source: synthetic camera") && run.err.contains("left out"), "{}", run.err);
}

#[test]
fn a_program_that_connects_hears_what_is_read() {
    let (mut child, address) =
        listening(&["stream", "synth", "--serve", "127.0.0.1:0", "--threads", "1", "--quiet"]);
    let client = TcpStream::connect(&address).unwrap();
    client.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut heard = BufReader::new(client)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let (first, second) = (heard.next().unwrap(), heard.next().unwrap());
    assert!(first["frame"].as_u64() < second["frame"].as_u64(), "{first} {second}");
    assert!(second["faces"][0]["voted_label"].is_string());
    let other = affekt(["stream", "synth", "--serve", &address]);
    other.refused(1, &[&address, "in use", "choose another port"]);
    let stopped = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success() && child.wait().unwrap().success(), "Ctrl-C is how it ends");
}

#[test]
fn of_a_file_every_frame_is_read_recorded_and_can_be_read_again() {
    let lab = Lab::new();
    let clip = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clips/varying.mp4");
    let (clip, video, list) = (clip.display().to_string(), lab.text("out.mp4"), lab.text("out.jsonl"));
    let args =
        ["stream", &clip, "--detector", "guide", "--threads", "1", "--record", &video, "--jsonl", &list];
    affekt(args).done();
    let all = lines(&std::fs::read_to_string(&list).unwrap());
    assert!(all.iter().enumerate().all(|(k, l)| l["frame"] == k) && all.len() == 24);
    let table = std::fs::read_to_string(lab.path("out.csv")).unwrap();
    let times = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().to_owned()).collect()
    };
    let out = lab.text("again");
    affekt(["analyze", "--quiet", "--detector", "guide", "--out", &out, &video]).done();
    let again = std::fs::read_to_string(lab.path("again/out.csv")).unwrap();
    assert_eq!(times(&table), times(&again), "the recording has the frames' own times");
    assert_eq!(times(&table)[1..4], ["0.033000", "0.083000", "0.100000"]);
    // Nothing is ever recorded over.
    affekt(args).refused(1, &["out.jsonl", "cannot make"]);
    std::fs::remove_file(&list).unwrap();
    affekt(args).refused(1, &["out.csv", "is there already", "another name"]);
    assert!(!std::path::Path::new(&list).exists(), "nothing new is left");
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_reading() {
    let lab = Lab::new();
    let video = lab.text("full.mp4");
    let args = [
        "stream",
        "synth",
        "--seconds",
        "6",
        "--threads",
        "1",
        "--quiet",
        "--record",
        &video,
        "--jsonl",
        "-",
    ];
    let args: Vec<String> = args.map(str::to_owned).to_vec();
    let run: Ended = on_a_full_disk(60, &args).done();
    let errors: Vec<&str> = run.err.lines().filter(|l| l.starts_with("error:")).collect();
    assert_eq!(errors.len(), 1, "{}", run.err);
    for part in ["full.mp4", "frames are kept and can be played", "make room", "reading goes on"] {
        assert!(errors[0].contains(part), "`{part}` is missing in {}", errors[0]);
    }
    let all = lines(&run.out);
    assert!(all.last().unwrap()["seconds"].as_f64().unwrap() > 5.0, "it went on to the end");
    assert!(std::fs::metadata(&video).unwrap().len() <= 60 << 10);
    let out = lab.text("again");
    affekt(["analyze", "--quiet", "--detector", "guide", "--out", &out, &video]).done();
    let frames = lab.json("again/full.json")["frames"].as_u64().unwrap();
    assert!(frames > 3 && frames < all.len() as u64, "{frames} of {}", all.len());
    // The table has those rows and no half one.
    let table = std::fs::read_to_string(lab.path("full.csv")).unwrap();
    assert!(table.ends_with('\n') && table.lines().count() as u64 > frames, "{}", table.lines().count());
}

#[test]
fn a_recording_that_is_killed_can_be_played() {
    let lab = Lab::new();
    let video = lab.text("killed.mp4");
    let mut command = program();
    command.args(["stream", "synth", "--threads", "1", "--record", &video, "--jsonl", "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut read = BufReader::new(child.stdout.take().unwrap()).lines();
    while !std::fs::metadata(&video).is_ok_and(|m| m.len() > 20_000) {
        assert!(read.next().is_some(), "it reads on");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let out = lab.text("again");
    affekt(["analyze", "--quiet", "--detector", "guide", "--out", &out, &video]).done();
    assert!(lab.json("again/killed.json")["frames"].as_u64().unwrap() > 3);
}

#[test]
fn a_source_that_is_not_there_says_what_to_do() {
    affekt(["stream", "camera:4096"]).refused(1, &["camera 4096"]);
    affekt(["stream", "nothing.mp4"]).refused(1, &["nothing.mp4", "check the path"]);
    let odd = affekt(["stream", "camera:front"]);
    assert_eq!(odd.code, Some(2));
    assert!(odd.err.contains("affekt doctor"), "{}", odd.err);
    affekt(["stream", "synth", "--serve", "nowhere"])
        .refused(1, &["`nowhere` is no address", "127.0.0.1:9000"]);
    affekt(["stream", "synth", "--neutral", "600"]).refused(2, &["600", "60 s"]);
    affekt(["stream", "synth", "--fps", "0"]).refused(2, &["--fps is 0"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = program().args(["stream", "synth", "--jsonl", "-", "--threads", "1"]).spawn().unwrap();
    let mut first = [0u8; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    // Its pipe is closed now.
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn doctor_names_the_detector_and_says_what_is_with_cameras() {
    let run = ended(program().env_remove("AFFEKT_MODELS").args(["doctor", "--json"])).done();
    let found: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert!(found["detector"].as_str().unwrap().len() > 10, "{found}");
    assert!(found["cameras"].is_array() && found["camera_note"].is_string());
    let text = affekt(["doctor"]).done().out;
    assert!(text.contains("face detector") && text.contains("camera"), "{text}");
}

#[test]
fn without_a_place_for_readings_labels_are_told_when_they_change() {
    let run = affekt(["stream", "synth", "-q", "--seconds", "1.5", "--threads", "1"]).done();
    let lines: Vec<&str> = run.out.lines().collect();
    for face in ["face 1: ", "face 2: "] {
        let labels: Vec<&str> =
            lines.iter().filter_map(|l| l.split(face).nth(1)?.split(' ').next()).collect();
        assert!(!labels.is_empty(), "{run:#?}");
    }
    assert!(lines.iter().all(|line| line.contains(" s  face ") && line.contains(" %")), "{run:#?}");
    assert!(run.err.is_empty(), "quiet: {}", run.err);
    let told = affekt(["stream", "synth", "-q", "--seconds", "1", "--threads", "1", "--jsonl", "-"]).done();
    assert!(told.out.lines().all(|line| line.starts_with('{')), "{}", told.out);
}

#[test]
fn a_recording_is_an_mp4_and_says_so() {
    let lab = Lab::new();
    let file = lab.text("talk.mkv");
    affekt(["stream", "synth", "--seconds", "0.2", "--record", &file])
        .refused(1, &["talk.mkv", "ends in .mp4"]);
    assert!(!lab.path("talk.mkv").exists() && !lab.path("talk.csv").exists());
}

#[test]
fn what_is_printed_and_what_goes_nowhere_is_said_as_it_is() {
    let told = affekt(["stream", "synth", "--seconds", "1", "--threads", "1"]).done();
    assert!(told.out.contains(" s  face 1: "), "{}", told.out);
    assert!(
        told.err.contains("note: a line is printed whenever a label changes; every frame's boxes"),
        "{}",
        told.err
    );
    assert!(!told.err.contains("not shown"), "{}", told.err);
    let lines = affekt(["stream", "synth", "--seconds", "1", "--threads", "1", "--jsonl", "-"]).done();
    assert!(!lines.err.contains("go nowhere"), "{}", lines.err);
}
