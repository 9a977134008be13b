//! `affekt analyze` of a part of a film: what `--from`, `--to` and `--every` leave.

use crate::analyze::{analyze, clip, csv};
use crate::program::{Lab, affekt, png};

#[test]
fn a_part_without_a_frame_is_an_error_and_what_was_there_stays() {
    let lab = Lab::new();
    analyze(&lab, &[&clip("plain.mp4")], &["--srt"]).done();
    let files = || {
        let names = ["plain.csv", "plain.json", "plain.srt", "index.html"];
        names.map(|name| std::fs::read(lab.path("out").join(name)).unwrap())
    };
    let before = files();
    for (part, asked) in [
        (&["--from", "300"][..], "--from 300: it ends at "),
        (&["--from", "0:05:00", "--to", "400"], "--from 300 --to 400: it ends at "),
        (&["--from", "0.001", "--every", "1000"], "--from 0.001 --every 1000: it ends at "),
    ] {
        let words = ["plain.mp4: no frame is left by ", asked, "give another part"];
        analyze(&lab, &[&clip("plain.mp4")], part).refused(1, &words);
        assert!(files() == before, "{part:?}");
    }
    // The same of a new input, and it stops no other one.
    lab.write("photo.png", &png(90, 3));
    let both = analyze(&lab, &[&lab.text("photo.png"), &clip("varying.mp4")], &["--from", "0.5"]);
    both.refused(1, &["1 of 2 inputs failed", "photo.png: no frame is left by --from 0.5"]);
    assert!(csv(&lab, "out/varying.csv").len() > 1 && !lab.path("out/photo.csv").exists());
    let kept = analyze(&lab, &[&clip("plain.mp4")], &["--srt"]).done();
    assert!(kept.out.contains("finished before"), "{}", kept.out);
}

/// What is said of progress.
fn told(lab: &Lab, input: &str, part: &[&str]) -> Vec<String> {
    let out = lab.text("told");
    let fixed = ["analyze", "--force", "--threads", "1", "--detector", "guide", "--out", &out, input];
    let run = affekt(fixed.iter().chain(part)).done();
    run.err.lines().filter(|line| line.starts_with("frame ")).map(str::to_owned).collect()
}

#[test]
fn progress_counts_the_frames_of_the_part() {
    let lab = Lab::new();
    let film = clip("varying.mp4");
    for part in [&[][..], &["--to", "0.5"], &["--from", "0.1", "--every", "3"]] {
        let lines = told(&lab, &film, part);
        let rows = csv(&lab, "told/varying.csv").len() - 1;
        assert!(lines.last().unwrap().starts_with(&format!("frame {rows}/{rows} ")), "{part:?}: {lines:?}");
        assert!(lines.iter().all(|line| line.contains(&format!("/{rows} "))), "{part:?}: {lines:?}");
    }
}

/// Needs ffmpeg: what it decodes is counted by nobody beforehand.
#[test]
fn a_film_of_unknown_length_has_no_total_and_no_time_left() {
    if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("left out: there is no ffmpeg on the path");
        return;
    }
    let lines = told(&Lab::new(), &clip("mpeg4.mp4"), &[]);
    assert!(lines[0].starts_with("frame ") && lines[0].ends_with(", mpeg4"), "{lines:?}");
    for line in &lines {
        assert!(!line.replace("frames/s", "").contains('/') && !line.contains("ETA"), "{line}");
    }
}
