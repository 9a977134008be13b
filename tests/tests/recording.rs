//! Videos that are recorded here, and read back: every frame, its time, its picture; also of a file that ends anywhere.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use affekt_engine::media::Picture;
use affekt_engine::media::recording::{RecordError, VideoFile};
use affekt_engine::media::source::{Frame, OpenOptions, open};
use affekt_engine::synth::{Actor, Room, Style, SynthClipSettings, SynthClips};

/// A person who walks through a room of 320 x 240.
fn room() -> Room {
    let style = Style { size: 96, channels: 3, occlusion: 0.0, ..Style::default() };
    let settings =
        SynthClipSettings { clips: 1, frames: 200, style, missing: 0.0, ..SynthClipSettings::default() };
    let actors = vec![Actor { clip: 0, start: (60.0, 120.0), step: (2.0, 0.0) }];
    Room::new(SynthClips::new(settings).unwrap(), actors, (320, 240))
}

/// Times of a camera that is not even: steps of 33, 50, 17 and 100 ms, and some microseconds.
fn seconds(frame: usize) -> f64 {
    (0..frame).map(|k| [0.033, 0.050_001, 0.017, 0.1][k % 4]).sum::<f64>() + 100.0
}

fn record(path: &Path, pictures: &[Picture]) {
    let mut file = VideoFile::create(path).unwrap();
    for (number, picture) in pictures.iter().enumerate() {
        file.push(picture, seconds(number)).unwrap();
    }
    file.finish().unwrap();
}

fn frames(path: &Path) -> Vec<Frame> {
    let mut source = open(path, OpenOptions::default()).unwrap();
    let mut all = vec![];
    while let Some(frame) = source.next_frame().unwrap() {
        all.push(frame);
    }
    assert_eq!(source.skipped().count, 0);
    all
}

/// Peak signal to noise ratio in decibels; the same pictures have no noise.
fn likeness(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width, a.height, a.channels), (b.width, b.height, b.channels));
    let square = |(&a, &b): (&u8, &u8)| (f64::from(a) - f64::from(b)).powi(2);
    let noise = a.pixels.iter().zip(&b.pixels).map(square).sum::<f64>() / a.pixels.len() as f64;
    10.0 * (255.0f64.powi(2) / noise.max(1e-9)).log10()
}

#[test]
fn every_frame_comes_back_at_its_time_and_looks_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.mp4");
    let room = room();
    let pictures: Vec<Picture> = (0..90).map(|frame| room.picture(frame)).collect();
    record(&path, &pictures);
    let back = frames(&path);
    assert_eq!(back.len(), 90);
    for (number, (frame, picture)) in back.iter().zip(&pictures).enumerate() {
        assert_eq!(frame.index, number as u64);
        let off = (frame.seconds - (seconds(number) - seconds(0))).abs();
        assert!(off < 2e-6, "frame {number} is {off} s off");
        let (same, next) =
            (likeness(&frame.picture, picture), likeness(&frame.picture, &pictures[(number + 30) % 90]));
        assert!(same > 30.0 && same > next + 5.0, "frame {number}: {same:.1} dB, another frame {next:.1} dB");
    }
}

#[test]
fn colours_are_kept_in_small_and_in_large_pictures() {
    let folder = tempfile::tempdir().unwrap();
    for (name, width, height) in [("small.mp4", 64, 48), ("large.mp4", 1280, 720)] {
        for (place, colour) in
            [[200u8, 40, 40], [40, 180, 60], [30, 60, 210], [230, 230, 230]].iter().enumerate()
        {
            let path = folder.path().join(format!("{place}-{name}"));
            let picture = Picture { width, height, channels: 3, pixels: colour.repeat(width * height) };
            record(&path, &[picture.clone(), picture]);
            let back = frames(&path);
            let found = back[1].picture.pixel(width / 2, height / 2);
            let near = found.iter().zip(colour).all(|(&a, &b)| a.abs_diff(b) <= 4);
            assert!(near, "{name}: {found:?}, not {colour:?}");
        }
    }
}

#[test]
fn a_recording_that_ends_anywhere_after_its_first_fragment_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.mp4");
    let room = room();
    let pictures: Vec<Picture> = (0..60).map(|frame| room.picture(frame).resized(96, 72).unwrap()).collect();
    record(&path, &pictures);
    let whole = std::fs::read(&path).unwrap();
    let parts: Vec<(usize, Vec<u8>)> = boxes(&whole);
    let first = parts.iter().position(|(_, kind)| kind == b"mdat").unwrap();
    let playable = parts[first + 1].0;
    assert!(playable < whole.len() / 2, "a fragment is half a second");
    let cut = folder.path().join("cut.mp4");
    let mut before = 0;
    // Every byte around the ends of parts, and some in between.
    let near = |at: usize| parts.iter().any(|(start, _)| at.abs_diff(*start) <= 9);
    for length in (playable..whole.len()).filter(|&at| near(at) || at % 97 == 0) {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let back = frames(&cut);
        assert!(back.len() >= before && back.len() <= 60 && back.len() >= 5, "{length}: {}", back.len());
        before = back.len();
        let ends_whole = parts.iter().any(|(start, _)| *start == length);
        let said = open(&cut, OpenOptions::default()).unwrap().info().reader.contains("cut off");
        assert!(said || ends_whole || length + 9 > whole.len() || back.len() == 60, "{length}: it says so");
    }
    assert_eq!(before, 60, "only the index was missing");
    std::fs::write(&cut, &whole[..playable - 1]).unwrap();
    assert!(open(&cut, OpenOptions::default()).is_err(), "before that there is nothing to see");
}

/// Where the outermost boxes begin, and their kinds.
fn boxes(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let (mut at, mut found) = (0, vec![]);
    while at + 8 <= bytes.len() {
        found.push((at, bytes[at + 4..at + 8].to_vec()));
        at += u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    }
    found
}

#[test]
fn what_is_on_disk_can_be_played_while_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("room.mp4");
    let room = room();
    let mut file = VideoFile::create(&path).unwrap();
    for frame in 0..40 {
        file.push(&room.picture(frame), frame as f64 / 30.0).unwrap();
    }
    // Nobody has ended it: as after a crash.
    let kept = file.kept();
    assert!((15..40).contains(&kept), "{kept}");
    assert_eq!(frames(&path).len() as u64, kept);
}

#[test]
fn odd_sides_are_cut_and_a_change_of_size_or_a_file_in_the_way_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.mp4");
    let mut file = VideoFile::create(&path).unwrap();
    let grey = Picture::filled(65, 49, 1, 120);
    file.push(&grey, 0.0).unwrap();
    // A time that does not go on is put right after the one before it.
    file.push(&grey, 0.0).unwrap();
    let error = file.push(&Picture::filled(80, 49, 1, 120), 0.1).unwrap_err().to_string();
    assert!(error.contains("odd.mp4") && error.contains("64x48") && error.contains("80x48"), "{error}");
    file.push(&grey, 0.2).unwrap();
    file.finish().unwrap();
    let back = frames(&path);
    assert_eq!(back.iter().map(|f| (f.picture.width, f.picture.height)).collect::<Vec<_>>(), [(64, 48); 3]);
    assert!(matches!(VideoFile::create(&path), Err(RecordError::Exists(_))));
    let huge = VideoFile::create(&folder.path().join("huge.mp4"))
        .unwrap()
        .push(&Picture::filled(4000, 16, 1, 0), 0.0);
    assert!(huge.unwrap_err().to_string().contains("3840x2160"));
}

/// Luma and chroma of a colour by Rec. 601, 16 to 235, and what another matrix or range makes of them.
fn misread(colour: [u8; 3], red: f64, blue: f64, full: bool) -> [f64; 3] {
    let [r, g, b] = colour.map(|v| f64::from(v) / 255.0);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let (u, v) = ((b - y) / 1.772, (r - y) / 1.402);
    // In bytes, then as the file now claims.
    let (y, u, v) = (16.0 + 219.0 * y, 224.0 * u, 224.0 * v);
    let (y, u, v) =
        if full { (y / 255.0, u / 255.0, v / 255.0) } else { ((y - 16.0) / 219.0, u / 224.0, v / 224.0) };
    let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
    let g = (y - red * r - blue * b) / (1.0 - red - blue);
    [r, g, b].map(|v| (v * 255.0).clamp(0.0, 255.0))
}

#[test]
fn what_a_file_says_of_its_colours_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("colours.mp4");
    let colour = [180u8, 70, 50];
    let picture = Picture { width: 64, height: 48, channels: 3, pixels: colour.repeat(64 * 48) };
    record(&path, &[picture.clone(), picture]);
    let whole = std::fs::read(&path).unwrap();
    let colr = whole.windows(8).position(|w| w == b"colrnclx").unwrap();
    let changed = folder.path().join("changed.mp4");
    let seen = |bytes: &[u8]| {
        std::fs::write(&changed, bytes).unwrap();
        frames(&changed)[0].picture.pixel(30, 20).to_vec()
    };
    for (matrix, red, blue) in [(6u8, 0.299, 0.114), (1, 0.2126, 0.0722), (9, 0.2627, 0.0593)] {
        for full in [false, true] {
            let mut bytes = whole.clone();
            bytes[colr + 13] = matrix;
            bytes[colr + 14] = u8::from(full) << 7;
            let (found, wanted) = (seen(&bytes), misread(colour, red, blue, full));
            let near = found.iter().zip(wanted).all(|(&f, w)| (f64::from(f) - w).abs() <= 4.0);
            assert!(near, "matrix {matrix}, full {full}: {found:?}, not {wanted:?}");
        }
    }
    // Without the box the stream's own parameter set says the same.
    let large = folder.path().join("large.mp4");
    let picture = Picture { width: 128, height: 720, channels: 3, pixels: colour.repeat(128 * 720) };
    record(&large, &[picture.clone(), picture]);
    let mut bytes = std::fs::read(&large).unwrap();
    let colr = bytes.windows(8).position(|w| w == b"colrnclx").unwrap();
    bytes[colr..colr + 4].copy_from_slice(b"free");
    let found = seen(&bytes);
    assert!(
        found.iter().zip(&colour).all(|(&a, &b)| a.abs_diff(b) <= 4),
        "Rec. 709 from the stream: {found:?}"
    );
    // And without either it is Rec. 601: here that is wrong, which shows that the two differ.
    assert!(
        misread(colour, 0.2126, 0.0722, false)
            .iter()
            .zip(&colour)
            .any(|(w, &c)| (w - f64::from(c)).abs() > 8.0)
    );
}
