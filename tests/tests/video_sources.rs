//! Videos that were made for this (`tests/clips/make_clips.py`): every frame's content, number and time is known.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use affekt_engine::media::{Picture, PixelFormat};
use affekt_engine::media::source::{FolderKind, Frame, FrameSource, OpenOptions, ReadAhead, open};

const FRAMES: usize = 24;

fn clip(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clips").join(name)
}

/// All frames, decoded ahead in another thread, and how many could not be.
fn frames(path: &Path) -> (Vec<Frame>, u64) {
    let mut source = ReadAhead::spawn(open(path, OpenOptions::default()).unwrap(), 3).unwrap();
    let mut all = vec![];
    while let Some(frame) = source.next_frame().unwrap() {
        all.push(frame);
    }
    (all, source.skipped().count)
}

/// The number that a frame's square shows.
fn shown(picture: &Picture, x: usize, y: usize) -> i64 {
    ((i64::from(picture.pixel(x, y)[1]) - 20) as f64 / 8.0).round() as i64
}

fn milliseconds(frames: &[Frame]) -> Vec<i64> {
    frames.iter().map(|f| (f.seconds * 1e3).round() as i64).collect()
}

#[test]
fn every_frame_comes_once_in_the_order_of_showing_with_its_time() {
    let (all, skipped) = frames(&clip("plain.mp4"));
    assert_eq!((all.len(), skipped), (FRAMES, 0));
    for (number, frame) in all.iter().enumerate() {
        assert_eq!(frame.index, number as u64);
        assert_eq!((frame.picture.width, frame.picture.height, frame.picture.channels), (96, 64, 3));
        assert_eq!(shown(&frame.picture, 24, 28), number as i64, "B-frames are put in order");
    }
    assert_eq!(milliseconds(&all), (0..FRAMES as i64).map(|k| 40 * k).collect::<Vec<_>>());
}

#[test]
fn a_varying_rate_keeps_its_times() {
    let (all, _) = frames(&clip("varying.mp4"));
    let mut wanted = vec![0];
    for k in 0..FRAMES - 1 {
        wanted.push(wanted[k] + [33, 50, 17, 100][k % 4]);
    }
    assert_eq!(milliseconds(&all), wanted);
    assert!(all.iter().enumerate().all(|(k, f)| shown(&f.picture, 24, 28) == k as i64));
}

#[test]
fn a_turned_video_is_seen_upright() {
    let (all, _) = frames(&clip("turned.mp4"));
    assert_eq!(all.len(), FRAMES);
    let picture = &all[5].picture;
    assert_eq!((picture.width, picture.height), (64, 96));
    // The bar along the top is on the right after a quarter turn clockwise, the square in the upper right quarter.
    assert!(picture.pixel(60, 50)[1] > 200 && picture.pixel(4, 50)[1] < 140, "the bar");
    assert_eq!(shown(picture, 64 - 28, 24), 5, "the square");
}

/// Where the `n`-th part (counted from the last) of the video data lies: bytes that a decoder reads.
fn damaged(name: &str, from: f64, to: f64) -> (tempfile::TempDir, PathBuf) {
    let mut bytes = std::fs::read(clip(name)).unwrap();
    let data = bytes.windows(4).position(|w| w == b"mdat").unwrap() + 4;
    let length = bytes.len() - data;
    let (from, to) = (data + (length as f64 * from) as usize, data + (length as f64 * to) as usize);
    bytes[from..to].iter_mut().for_each(|b| *b ^= 0x5a);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.mp4");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn damage_in_the_middle_costs_frames_and_not_the_rest() {
    let mut most = 0;
    for tenth in [5.0, 6.0, 7.0, 8.0, 9.0] {
        let (_folder, path) = damaged("plain.mp4", tenth / 10.0, tenth / 10.0 + 0.02);
        most = most.max(read_around_damage(&path));
    }
    assert!((1..=14).contains(&most), "at most a key frame's group and its neighbours are lost: {most}");
}

/// Reads a damaged video and checks what is left of it; gives the number of lost frames.
fn read_around_damage(path: &Path) -> u64 {
    let (all, skipped) = frames(path);
    assert_eq!(all.len() as u64 + skipped, FRAMES as u64, "each frame is shown or counted");
    let first = all.windows(2).all(|pair| pair[0].index < pair[1].index);
    assert!(first && all[0].index == 0, "frames keep their numbers");
    for frame in &all {
        let off = (frame.seconds * 1e3 - 40.0 * frame.index as f64).abs();
        assert!(off < 0.5, "and their times: {} {}", frame.index, frame.seconds);
    }
    let sound = all.iter().take_while(|f| f.index < 4).all(|f| shown(&f.picture, 24, 28) == f.index as i64);
    assert!(sound, "what comes before the damage is untouched");
    skipped
}

#[test]
fn a_whole_file_is_told_from_one_that_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(clip("plain.mp4")).unwrap();
    let message = |bytes: &[u8], name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        open(&path, OpenOptions::default()).err().expect("refused").to_string()
    };
    let cut = message(&whole[..whole.len() - 200], "cut.mp4");
    assert!(cut.contains("cut.mp4") && cut.contains("cut off") && cut.contains("`mdat`"), "{cut}");
    let moov = whole.windows(4).position(|w| w == b"moov").unwrap() - 4;
    let stopped = message(&whole[..moov], "stopped.mp4");
    assert!(stopped.contains("no index (`moov`)"), "{stopped}");
    let empty = message(&[], "empty.mp4");
    assert!(empty.contains("0 bytes"), "{empty}");
    let mute = open(&clip("sound.mp4"), OpenOptions::default()).err().expect("refused").to_string();
    assert!(mute.contains("holds sound but no video"), "{mute}");
}

#[test]
fn a_damaged_index_ends_nothing_but_its_file() {
    let whole = std::fs::read(clip("plain.mp4")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.mp4");
    let moov = whole.windows(4).position(|w| w == b"moov").unwrap();
    let mdat = whole.windows(4).position(|w| w == b"mdat").unwrap();
    // Every byte of the index, a few at a time: an error or some frames, and never the end of the program.
    for at in (moov + 8..mdat - 12).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(mut source) = open(&path, OpenOptions::default()) {
            for _ in 0..FRAMES {
                if !matches!(source.next_frame(), Ok(Some(_))) {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_folder_of_pictures_is_a_video_at_a_fixed_rate() {
    let folder = tempfile::tempdir().unwrap();
    for number in [2, 10, 1] {
        let picture = Picture::filled(8, 8, 1, number as u8);
        picture.write_png(&folder.path().join(format!("{number}.png"))).unwrap();
    }
    std::fs::write(folder.path().join("3.png"), "no picture").unwrap();
    let mut source =
        open(folder.path(), OpenOptions { folder_rate: 10.0, ..OpenOptions::default() }).unwrap();
    assert_eq!(source.info().frames, Some(4));
    let mut all = vec![];
    while let Some(frame) = source.next_frame().unwrap() {
        all.push((frame.index, frame.picture.pixels[0], (frame.seconds * 10.0).round() as u64));
    }
    assert_eq!(
        all,
        [(0, 1, 0), (1, 2, 1), (3, 10, 3)],
        "in the order of their numbers, a broken one is skipped"
    );
    assert_eq!(source.skipped().count, 1);
}

#[test]
fn a_frame_that_is_sought_is_the_one_that_is_given() {
    for name in ["plain.mp4", "varying.mp4"] {
        let mut source = open(&clip(name), OpenOptions::default()).unwrap();
        let times = milliseconds(&frames(&clip(name)).0);
        // Forwards, backwards, to the one that is next anyway, from the end, and again to the same one.
        for wanted in [0, 7, 8, 3, 23, 22, 0, 12, 12, 20, 5] {
            assert!(source.seek(wanted).unwrap());
            let frame = source.next_frame().unwrap().unwrap();
            assert_eq!((frame.index, shown(&frame.picture, 24, 28)), (wanted, wanted as i64), "{name}");
            assert_eq!(milliseconds(&[frame])[0], times[wanted as usize], "{name}");
        }
        assert!(source.seek(21).unwrap());
        let rest: Vec<u64> = std::iter::from_fn(|| source.next_frame().unwrap()).map(|f| f.index).collect();
        assert_eq!((rest, source.skipped().count), (vec![21, 22, 23], 0), "{name}");
        assert!(source.seek(99).unwrap());
        assert_eq!(source.next_frame().unwrap(), None, "past the end there is nothing");
    }
}

/// Writes pictures of different scenes, or of one that moves on, by name.
fn folder_of(pictures: &[(&str, usize, usize, (usize, usize))]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for &(name, scene, shift, (w, h)) in pictures {
        let value = |x: usize, y: usize| ((x + shift) / 8 * (scene * 37 + 11) + y / 8 * (scene * 53 + 29)) % 256;
        let pixels = (0..w * h).map(|at| value(at % w, at / w) as u8).collect::<Vec<_>>();
        let picture = Picture::new(w, h, PixelFormat::Grey, w, &pixels).unwrap();
        picture.write_png(&folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn photos_are_told_from_a_film_and_the_caller_has_the_last_word() {
    let size = (96, 64);
    let names = ["1.png", "2.png", "3.png", "4.png", "5.png"];
    let film: Vec<_> = names.iter().enumerate().map(|(k, &name)| (name, 1, k, size)).collect();
    let jumping: Vec<_> = names.iter().enumerate().map(|(k, &name)| (name, k + 1, 0, size)).collect();
    let sizes: Vec<_> = names.iter().enumerate().map(|(k, &name)| (name, 1, k, (96 + 8 * (k % 2), 64))).collect();
    let people: Vec<_> = ["anna.png", "bert.png", "carl.png"].iter().map(|&name| (name, 1, 0, size)).collect();
    for (pictures, kind, word) in [
        (&film, FolderKind::Film, "names that count"),
        (&jumping, FolderKind::Photos, "nothing in common"),
        (&sizes, FolderKind::Photos, "different sizes"),
        (&people, FolderKind::Photos, "names that do not count"),
    ] {
        let folder = folder_of(pictures);
        let guess = FolderKind::guess(folder.path()).unwrap();
        assert!(guess.kind == kind && guess.reason.contains(word), "{guess:?}");
        for asked in [None, Some(FolderKind::Film), Some(FolderKind::Photos)] {
            let source = open(folder.path(), OpenOptions { folder: asked, ..OpenOptions::default() }).unwrap();
            let info = source.info();
            assert_eq!(info.still, asked.unwrap_or(kind) == FolderKind::Photos, "{word} {asked:?}");
            assert_eq!(info.frames, Some(pictures.len() as u64));
            assert_eq!(asked.is_none() && info.still, info.reader.contains(word), "{}", info.reader);
        }
    }
}
