//! Files of kinds that people have (`tests/cases`): what is read of each with an ffmpeg on the path, and what is said without one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use affekt_engine::media::Picture;
use affekt_engine::media::source::{Frame, OpenOptions, SourceInfo, count_frames, ffmpeg_is_there, open};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(name)
}

/// What was read of a file.
struct Read {
    info: SourceInfo,
    frames: Vec<Frame>,
    skipped: u64,
}

fn try_read(path: &Path) -> Result<Read, String> {
    let mut source = open(path, OpenOptions::default()).map_err(|e| e.to_string())?;
    let mut frames = vec![];
    while let Some(frame) = source.next_frame().map_err(|e| e.to_string())? {
        frames.push(frame);
    }
    Ok(Read { info: source.info().clone(), frames, skipped: source.skipped().count })
}

/// Reads a whole file and checks that numbers and times go on.
fn read(name: &str) -> Read {
    let read = try_read(&case(name)).unwrap_or_else(|e| panic!("{e}"));
    assert!(read.frames.iter().enumerate().all(|(k, frame)| frame.index == k as u64), "{name}");
    assert!(read.frames.windows(2).all(|pair| pair[0].seconds < pair[1].seconds), "{name}: times");
    assert_eq!((read.skipped, read.frames[0].seconds), (0, 0.0), "{name}");
    read
}

fn refused(name: &str) -> String {
    let since = Instant::now();
    let error = try_read(&case(name)).err().unwrap_or_else(|| panic!("{name} is not to be read"));
    assert!(since.elapsed() < Duration::from_secs(5), "{name} took {:?}", since.elapsed());
    assert!(error.contains(name) && !error.contains('\n') && error.len() < 1200, "{error}");
    error
}

/// Mean difference of luma.
fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let (a, b) = (a.with_channels(1), b.with_channels(1));
    let sum: u64 = a.pixels.iter().zip(&b.pixels).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.pixels.len() as f64
}

/// Whether there is an ffmpeg; where there is none, that is said where a test's captured output would hide it.
fn with_ffmpeg(test: &str) -> bool {
    let there = ffmpeg_is_there();
    if !there {
        let _ = writeln!(
            std::io::stderr(),
            "\n*** {test}: NOT TESTED, because there is no ffmpeg on the path ***\n"
        );
    }
    there
}

/// Set in a process of this program that runs one test without an ffmpeg, to the test's name.
const ALONE: &str = "AFFEKT_TEST_ALONE";

/// Runs a test in a process of its own, whose path is empty.
fn without_ffmpeg(name: &str, test: impl FnOnce()) {
    match std::env::var(ALONE) {
        Ok(alone) if alone == name => {
            assert!(!ffmpeg_is_there(), "the path was emptied");
            test();
        }
        Ok(_) => {}
        Err(_) => {
            let program = std::env::current_exe().unwrap();
            let mut run = Command::new(program);
            run.args(["--exact", name, "--nocapture"]).env(ALONE, name).env("PATH", "");
            let out = run.output().unwrap();
            let said =
                format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
            assert!(out.status.success() && said.contains("1 passed"), "{said}");
        }
    }
}

#[test]
fn grey_h264_is_read_as_grey() {
    let (mono, base) = (read("mono.mp4"), read("base.mp4"));
    assert_eq!((mono.frames.len(), base.frames.len()), (60, 60));
    assert_eq!(mono.info.reader, "MP4, H.264");
    for (mono, base) in mono.frames.iter().zip(&base.frames) {
        assert_eq!((mono.picture.channels, base.picture.channels), (1, 3));
        let off = difference(&mono.picture, &base.picture);
        assert!(off < 6.0, "frame {}: {off} levels from its twin in colour", mono.index);
    }
}

#[test]
fn what_stands_beside_the_picture_never_stops_it() {
    let base = read("base.mp4").frames;
    for name in [
        "aac96.mov",
        "cover_png_ilst.m4v",
        "empty_covr_ilst.m4v",
        "garbage_after.mp4",
        "udta_terminator_first.mov",
    ] {
        let found = read(name);
        assert_eq!((found.frames.len(), found.info.reader.as_str()), (60, "MP4, H.264"), "{name}");
        assert_eq!(found.frames[59].picture, base[59].picture, "{name}");
        assert_eq!(count_frames(&case(name)), Some(60), "{name}");
    }
}

#[test]
fn pixels_that_are_not_square_are_widened() {
    let (found, base) = (read("sar.mp4").frames, read("base.mp4").frames);
    assert_eq!(found.len(), 60);
    assert_eq!((found[0].picture.width, found[0].picture.height), (427, 240), "240 x 16 / 9");
    // The same scene was pressed from 427 columns into 240, or cut to them; its rows are those of the twin either way.
    assert_eq!(base[0].picture.height, 240);
}

#[test]
fn a_turned_photo_is_upright_in_any_format() {
    let (jpeg, webp) = (read("turned.jpg"), read("turned.webp"));
    assert!(jpeg.info.still && webp.info.still && webp.info.reader == "picture");
    let (jpeg, webp) = (&jpeg.frames[0].picture, &webp.frames[0].picture);
    assert_eq!((jpeg.width, jpeg.height), (320, 240), "stored as 240x320");
    let off = difference(jpeg, webp);
    assert!(off < 4.0, "{off} levels apart");
    assert!(difference(&jpeg.clone().turned(2), webp) > 3.0 * off.max(1.0), "or this proves nothing");
}

#[test]
fn a_jpeg_without_huffman_tables_is_read() {
    let found = read("no_tables.jpg").frames;
    assert_eq!((found[0].picture.width, found[0].picture.height, found[0].picture.channels), (320, 240, 3));
    let grey = found[0].picture.with_channels(1).pixels;
    let (least, most) = grey.iter().fold((255, 0), |(a, b), &v| (v.min(a), v.max(b)));
    assert!(most - least > 100, "a picture, not a grey field: {least} to {most}");
}

#[test]
fn a_picture_that_is_too_wide_is_refused_by_its_size() {
    let error = refused("wide.bmp");
    assert!(error.contains("20000x16") && error.contains("limit"), "{error}");
}

#[test]
fn tables_that_claim_more_than_the_file_are_one_error() {
    assert!(refused("bomb.mp4").contains("`stsz` claims 2147483647 frames"), "{}", refused("bomb.mp4"));
    assert!(
        refused("trun_2e30.mp4").contains("`trun` claims 1073741824 frames"),
        "{}",
        refused("trun_2e30.mp4")
    );
}

#[test]
fn without_ffmpeg_claims_cost_neither_time_nor_memory() {
    without_ffmpeg("without_ffmpeg_claims_cost_neither_time_nor_memory", || {
        let since = Instant::now();
        refused("bomb.mp4");
        refused("trun_2e30.mp4");
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
            let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            let kib: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kib < 200 << 10, "{kib} KiB");
        }
    });
}

#[test]
fn without_ffmpeg_the_limit_is_named_and_nobody_is_blamed() {
    without_ffmpeg("without_ffmpeg_the_limit_is_named_and_nobody_is_blamed", || {
        for (name, words) in [
            ("interlaced.mp4", "interlaced H.264"),
            ("open_gop_cut.mp4", "does not begin with a key picture"),
            ("photo.heic", "HEIC needs ffmpeg, or convert it"),
            ("shrink.webm", "neither an MP4 video nor"),
        ] {
            let error = refused(name);
            assert!(error.contains(words) && error.contains("needs `ffmpeg` on the path"), "{error}");
            assert!(!error.contains("damaged") && !error.contains("cut off"), "{error}");
        }
        // What needs none is read as ever.
        for name in ["base.mp4", "mono.mp4", "sar.mp4", "turned.webp", "turned.jpg", "no_tables.jpg"] {
            assert!(!read(name).frames.is_empty(), "{name}");
        }
        refused("wide.bmp");
    });
}

#[test]
fn what_the_built_in_decoder_does_not_do_ffmpeg_does() {
    if !with_ffmpeg("what_the_built_in_decoder_does_not_do_ffmpeg_does") {
        return;
    }
    for (name, frames) in [("interlaced.mp4", 60), ("open_gop_cut.mp4", 132)] {
        let found = read(name);
        assert_eq!((found.frames.len(), found.info.reader.as_str()), (frames, "ffmpeg"), "{name}");
        assert!(!found.info.still && found.frames[0].picture.width == 320);
    }
    let step = read("interlaced.mp4").frames[1].seconds;
    assert!((step - 1.0 / 30.0).abs() < 2e-6, "times are not rounded to thousandths: {step}");
}

#[test]
fn a_film_that_ffmpeg_reads_is_gone_to_by_time_and_says_its_length() {
    if !with_ffmpeg("a_film_that_ffmpeg_reads_is_gone_to_by_time_and_says_its_length") {
        return;
    }
    for name in ["interlaced.mp4", "shrink.webm"] {
        let all = read(name).frames;
        let last = all.last().unwrap().seconds;
        let mut source = open(&case(name), OpenOptions::default()).unwrap();
        let length = source.seconds().expect("ffprobe is beside ffmpeg");
        assert!(length > last - 1e-3 && length < last + 0.2, "{name}: {length} {last}");
        for (number, time) in [last / 2.0, last / 5.0, 0.0, last * 0.9].into_iter().enumerate() {
            assert!(source.go_to(time).unwrap(), "{name}");
            let frame = source.next_frame().unwrap().unwrap();
            let wanted = all.iter().find(|frame| frame.seconds >= time - 1e-3).unwrap();
            assert!(
                (frame.seconds - wanted.seconds).abs() < 2e-3,
                "{name} {time}: {} {}",
                frame.seconds,
                wanted.seconds
            );
            assert!(difference(&frame.picture, &wanted.picture) < 1.0, "{name} {time}");
            assert!(frame.index == number as u64, "numbers go on: {} {number}", frame.index);
        }
        assert!(source.go_to(1e9).unwrap());
        let mut rest = vec![];
        while let Some(frame) = source.next_frame().unwrap() {
            rest.push(frame.seconds);
        }
        assert!(
            !rest.is_empty() && rest[0] > last - 0.4 && (rest[rest.len() - 1] - last).abs() < 2e-3,
            "{name}: {rest:?}"
        );
    }
}

#[test]
fn a_film_whose_size_changes_has_all_its_frames_at_the_size_of_the_first() {
    if !with_ffmpeg("a_film_whose_size_changes_has_all_its_frames_at_the_size_of_the_first") {
        return;
    }
    let found = read("shrink.webm").frames;
    assert_eq!(found.len(), 120);
    assert!(found.iter().all(|f| (f.picture.width, f.picture.height) == (320, 240)));
    let jump = found.windows(2).map(|p| difference(&p[0].picture, &p[1].picture)).fold(0.0, f64::max);
    assert!(jump < 25.0, "the same scene goes on in the same place: {jump}");
}

#[test]
fn a_heic_photo_is_read_or_the_ffmpeg_that_cannot_is_named() {
    if !with_ffmpeg("a_heic_photo_is_read_or_the_ffmpeg_that_cannot_is_named") {
        return;
    }
    match try_read(&case("photo.heic")) {
        Ok(found) => assert!(found.info.still && found.frames.len() == 1, "one still"),
        Err(error) => assert!(
            error.contains("HEIC needs ffmpeg, or convert it") && error.contains("ffmpeg "),
            "{error}"
        ),
    }
}

#[test]
fn of_a_photo_in_tiles_the_whole_is_read_or_it_is_refused_and_never_a_tile_in_its_place() {
    if !with_ffmpeg("of_a_photo_in_tiles_the_whole_is_read_or_it_is_refused_and_never_a_tile_in_its_place") {
        return;
    }
    match try_read(&case("tiled.heic")) {
        Ok(found) => {
            let picture = &found.frames[0].picture;
            assert_eq!(
                (picture.width, picture.height, found.frames.len()),
                (320, 240, 1),
                "of tiles of 192 x 144"
            );
            let off = difference(picture, &read("turned.jpg").frames[0].picture);
            assert!(off < 8.0, "{off} levels from the same photo as a JPEG");
        }
        Err(error) => {
            let words = ["which is stored in tiles", "HEIC needs ffmpeg, or convert it"];
            assert!(words.iter().any(|words| error.contains(words)) && error.contains("ffmpeg "), "{error}");
        }
    }
}

/// Makes a file by ffmpeg, or says loudly that this one cannot.
fn made(test: &str, out: &Path, arguments: &[&str]) -> bool {
    let status = Command::new("ffmpeg").args(["-y", "-loglevel", "error"]).args(arguments).arg(out).status();
    let made = status.is_ok_and(|status| status.success());
    if !made {
        let _ = writeln!(
            std::io::stderr(),
            "\n*** {test}: NOT TESTED, this ffmpeg does not make {} ***\n",
            out.display()
        );
    }
    made
}

#[test]
fn a_cover_that_comes_first_is_not_the_film() {
    let test = "a_cover_that_comes_first_is_not_the_film";
    if !with_ffmpeg(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (cover, film) = (case("turned.jpg"), case("base.mp4"));
    let (cover, film) = (cover.to_str().unwrap(), film.to_str().unwrap());
    let out = folder.path().join("cover-first.mkv");
    if !made(test, &out, &["-i", cover, "-i", film, "-map", "0:v", "-map", "1:v", "-c", "copy"]) {
        return;
    }
    let found = try_read(&out).unwrap();
    assert_eq!((found.frames.len(), found.frames[0].picture.width, found.info.still), (60, 320, false));
}

#[test]
fn a_mirrored_or_turned_film_is_upright_in_mp4() {
    // The matrix of the first track's header is the only thing that changes: built in, so no ffmpeg is needed.
    let folder = tempfile::tempdir().unwrap();
    let plain = read("base.mp4").frames;
    let whole = std::fs::read(case("base.mp4")).unwrap();
    let header = whole.windows(4).position(|w| w == b"tkhd").unwrap() + 4 + 40;
    let one = 0x1_0000i32;
    for (name, [a, b, c, d], undo) in [
        ("hflip", [-one, 0, 0, one], (true, 0)),
        ("vflip", [one, 0, 0, -one], (true, 2)),
        ("turned", [0, one, -one, 0], (false, 1)),
    ] {
        let mut bytes = whole.clone();
        for (place, value) in [(0, a), (1, b), (3, c), (4, d)] {
            bytes[header + 4 * place..][..4].copy_from_slice(&value.to_be_bytes());
        }
        let path = folder.path().join(format!("{name}.mp4"));
        std::fs::write(&path, bytes).unwrap();
        let found = try_read(&path).unwrap().frames;
        let (mirrored, quarters) = undo;
        let mut wanted = plain[7].picture.clone();
        if mirrored {
            for row in wanted.pixels.chunks_exact_mut(wanted.width * 3) {
                let mut pixels: Vec<[u8; 3]> = row.as_chunks::<3>().0.to_vec();
                pixels.reverse();
                row.copy_from_slice(pixels.as_flattened());
            }
        }
        assert_eq!(found[7].picture, wanted.turned(quarters), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.mp4");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "\n*** a_pipe_is_refused_at_once: NOT TESTED, there is no mkfifo ***\n"
        );
        return;
    }
    let since = Instant::now();
    let error = try_read(&pipe).err().unwrap();
    assert!(error.contains("only files and folders are read"), "{error}");
    assert!(count_frames(&pipe).is_none() && since.elapsed() < Duration::from_secs(2));
    // One in a folder of pictures is passed over.
    Picture::filled(8, 8, 1, 9).write_png(&folder.path().join("1.png")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a pipe has nothing that a sync could keep")]
    std::fs::rename(&pipe, folder.path().join("2.png")).unwrap();
    assert_eq!(try_read(folder.path()).unwrap().frames.len(), 1);
}

#[test]
fn every_box_that_is_zeroed_or_enlarged_is_one_error_or_a_film_and_never_a_hang() {
    without_ffmpeg("every_box_that_is_zeroed_or_enlarged_is_one_error_or_a_film_and_never_a_hang", || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.mp4");
        let since = Instant::now();
        let mut read = 0;
        for name in ["base.mp4", "aac96.mov", "trun_2e30.mp4"] {
            let whole = std::fs::read(case(name)).unwrap();
            let data = whole.windows(4).position(|w| w == b"mdat").unwrap();
            let index = whole.windows(4).position(|w| w == b"moov").unwrap();
            // The index may stand before or behind the data.
            let end = if index < data { data } else { whole.len() };
            for at in (index + 4..end - 4).step_by(4) {
                for value in [0u32, 1, 7, 0x7fff_ffff, u32::MAX] {
                    let mut bytes = whole.clone();
                    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
                    std::fs::write(&path, bytes).unwrap();
                    read += usize::from(count_frames(&path).is_some());
                }
            }
            for sector in (index / 512..end.div_ceil(512)).map(|sector| sector * 512) {
                let mut bytes = whole.clone();
                let to = (sector + 512).min(bytes.len());
                bytes[sector..to].fill(0);
                std::fs::write(&path, bytes).unwrap();
                let _either = try_read(&path);
            }
        }
        assert!(read > 100, "many fields do not matter: {read}");
        assert!(since.elapsed() < Duration::from_mins(1), "{:?}", since.elapsed());
    });
}
