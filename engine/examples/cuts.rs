//! How many cuts the detector of cuts finds, and how many it sees where there are none, on edits made of photos, films and
//! generated people:
//! `cargo run --release -p affekt-engine --example cuts -- PHOTOS_FOLDER VIDEO VIDEO ...`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use affekt_engine::media::source::{OpenOptions, inputs, open};
use affekt_engine::media::{CutDetector, Picture};
use affekt_engine::synth::{Actor, Room, Style, SynthClipSettings, SynthClips};

type Failure = Box<dyn std::error::Error>;

/// What was counted over one kind of edit.
#[derive(Default)]
struct Count {
    cuts: usize,
    missed: usize,
    frames: usize,
    seen: usize,
    busy: Duration,
}

impl Count {
    fn push(&mut self, detector: &mut CutDetector, picture: &Picture, is_cut: bool) {
        let since = Instant::now();
        let found = detector.push(picture);
        self.busy += since.elapsed();
        if is_cut {
            self.cuts += 1;
            self.missed += usize::from(!found);
        } else {
            self.frames += 1;
            self.seen += usize::from(found);
        }
    }

    fn print(&self, kind: &str) {
        let each = self.busy.as_secs_f64() * 1e3 / (self.cuts + self.frames).max(1) as f64;
        println!(
            "{kind}: {} of {} cuts missed, {} false in {} frames without one, {each:.3} ms a frame",
            self.missed, self.cuts, self.seen, self.frames
        );
    }
}

/// Photos as shots: a camera that drifts and shakes a little over each, whose light rises and falls, with noise.
fn photos(folder: &Path, most: usize, length: usize) -> Result<Count, Failure> {
    let (mut count, mut detector) = (Count::default(), CutDetector::default());
    let mut noise = 1u32;
    let mut random = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise >> 16
    };
    for (number, file) in inputs(folder)?.pictures.iter().take(most).enumerate() {
        let Some(frame) = open(file, OpenOptions::default())?.next_frame()? else { continue };
        let photo = frame.picture.with_channels(3);
        let (w, h) = (photo.width * 9 / 10, photo.height * 9 / 10);
        let speed = (number % 5) as f32 * 0.1;
        for step in 0..length {
            let drift = |room: usize| (speed * step as f32 / length as f32 * room as f32) as i64;
            let (x, y) = (drift(photo.width - w), drift(photo.height - h));
            let (x, y) = (x + i64::from(random() % 3), y + i64::from(random() % 3));
            let mut picture = photo.cropped(x, y, w, h)?.resized(640, 360)?;
            let light = 1.0 + 0.15 * (step as f32 / 7.0).sin();
            for value in &mut picture.pixels {
                *value = (f32::from(*value) * light + (random() % 13) as f32 - 6.0).clamp(0.0, 255.0) as u8;
            }
            count.push(&mut detector, &picture, number > 0 && step == 0);
        }
    }
    Ok(count)
}

/// Photos as one shot each, in which light jumps, a flash goes off or frames are blank: where a cut is seen in it that is none. The
/// kinds of light are names, gains and what is added, and for how many frames.
fn lights(folder: &Path, most: usize) -> Result<(), Failure> {
    let kinds = [
        ("half the light", 0.5, 0.0, 10),
        ("light times 0.7", 0.7, 0.0, 10),
        ("light times 1.5", 1.5, 0.0, 10),
        ("double light", 2.0, 0.0, 10),
        ("a flash", 2.5, 60.0, 1),
        ("black frames", 0.0, 16.0, 3),
        ("white frames", 0.0, 250.0, 3),
    ];
    for (name, gain, offset, long) in kinds {
        let mut count = Count::default();
        let mut noise = 1u32;
        let mut random = move || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise >> 16
        };
        for file in inputs(folder)?.pictures.iter().take(most) {
            let Some(frame) = open(file, OpenOptions::default())?.next_frame()? else { continue };
            let photo = frame.picture.with_channels(3);
            let (w, h) = (photo.width * 9 / 10, photo.height * 9 / 10);
            let mut detector = CutDetector::default();
            for step in 0..10 + long + 5 {
                let (x, y) = (i64::from(random() % 3), i64::from(random() % 3));
                let mut picture = photo.cropped(x, y, w, h)?.resized(640, 360)?;
                let (gain, offset) =
                    if (10..10 + long).contains(&step) { (gain, offset) } else { (1.0, 0.0) };
                for value in &mut picture.pixels {
                    *value = (f32::from(*value) * gain + offset + (random() % 13) as f32 - 6.0)
                        .clamp(0.0, 255.0) as u8;
                }
                count.push(&mut detector, &picture, false);
            }
        }
        count.print(name);
    }
    Ok(())
}

/// Films one after the other in pieces, back and forth between them.
fn films(files: &[PathBuf], rounds: usize, length: usize) -> Result<Count, Failure> {
    let (mut count, mut detector) = (Count::default(), CutDetector::default());
    let mut all: Vec<Vec<Picture>> = vec![];
    for file in files {
        let (mut film, mut source) = (vec![], open(file, OpenOptions::default())?);
        while let Some(frame) = source.next_frame()? {
            film.push(frame.picture.resized(640, 360)?);
        }
        all.push(film);
    }
    // Each film whole, then pieces.
    for (number, film) in all.iter().enumerate() {
        for (place, picture) in film.iter().enumerate() {
            count.push(&mut detector, picture, number > 0 && place == 0);
        }
    }
    for round in 0..rounds {
        for (number, film) in all.iter().enumerate() {
            let start = (round * 37 + number * 11) % film.len().saturating_sub(length).max(1);
            for (place, picture) in film.iter().skip(start).take(length).enumerate() {
                // The piece before the first one is of the last film.
                count.push(&mut detector, picture, all.len() > 1 && place == 0);
            }
        }
    }
    Ok(count)
}

/// Generated people before the same grey wall, one after the other.
fn people(clips: usize, length: usize, camera: f32) -> Result<Count, Failure> {
    let (mut count, mut detector) = (Count::default(), CutDetector::default());
    let style = Style { size: 220, channels: 3, camera, ..Style::default() };
    let settings = SynthClipSettings { clips, frames: length, style, ..SynthClipSettings::default() };
    let clips_of = SynthClips::new(settings)?;
    for clip in 0..clips {
        let step = ((clip % 5) as f32 - 2.0, 0.0);
        let actor = Actor { clip, start: (320.0, 240.0), step };
        let room = Room::new(clips_of.clone(), vec![actor], (640, 480));
        for frame in 0..length {
            count.push(&mut detector, &room.picture(frame as u64), clip > 0 && frame == 0);
        }
    }
    Ok(count)
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("give a folder of photos, then videos")?;
    let videos: Vec<PathBuf> = arguments.collect();
    photos(&folder, 400, 50)?.print("photos");
    lights(&folder, 400)?;
    films(&videos, 100, 30)?.print("films");
    people(200, 40, 0.3)?.print("generated people, one wall");
    let hd = photos(&folder, 2, 4)?;
    assert!(hd.cuts == 1, "two photos, one cut");
    let large = Picture::filled(1280, 720, 3, 90);
    let (mut detector, since) = (CutDetector::default(), Instant::now());
    (0..200).for_each(|_| assert!(!detector.push(&large), "nothing changes"));
    println!("1280x720: {:.3} ms a frame", since.elapsed().as_secs_f64() * 1e3 / 200.0);
    Ok(())
}
