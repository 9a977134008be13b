//! Contact sheets of drawn faces, as in `docs/`. Prints how many faces a second are drawn.
//!
//! `cargo run --release -p affekt-engine --example synth_sheet -- SHEET.png STRIP.png`
//!
//! The sheet has a row a person and a column a class. The strip has whole camera pictures with face box and landmarks,
//! then a clip's crops in order, each with its label and a bar for the intensity of the expression under way.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use affekt_engine::data::Clips as _;
use affekt_engine::media::Picture;
use affekt_engine::random::{Address, Purpose};
use affekt_engine::synth::{Class, Style, SynthClipSettings, SynthClips, sample};

const GAP: usize = 2;
/// Rows that a line of text takes.
const LINE: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [sheet, strip] = arguments.as_slice() else {
        return Err("usage: synth_sheet SHEET.png STRIP.png".into());
    };
    faces().write_png(Path::new(sheet))?;
    clip()?.write_png(Path::new(strip))?;
    for (size, channels) in [(48, 1), (112, 3)] {
        let style = Style { size, channels, ..Style::default() };
        let (start, count) = (Instant::now(), 1_000);
        for item in 0..count {
            let address = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item };
            black_box(sample(address, Class::ALL[item as usize % 8], &style));
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{:.0} faces/s of {size}x{size}x{channels}", count as f64 / seconds);
    }
    let clips = SynthClips::new(SynthClipSettings { missing: 0.0, ..SynthClipSettings::default() })?;
    let (start, count) = (Instant::now(), 900);
    for frame in 0..count {
        black_box(clips.picture(0, frame)?);
    }
    println!("{:.0} frames/s of a clip, 48x48x1", count as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn faces() -> Picture {
    let (size, people) = (88, [8, 1, 2, 5, 14]);
    let step = size + GAP;
    let mut sheet = Picture::filled(GAP + 8 * step, GAP + LINE + people.len() * step, 3, 255);
    for (column, class) in Class::ALL.into_iter().enumerate() {
        write(&mut sheet, class.name(), GAP + column * step, GAP + 2, [40; 3]);
        for (row, person) in people.into_iter().enumerate() {
            let style = Style {
                size,
                channels: 3,
                identities: person..person + 1,
                intensity: (0.8, 1.0),
                camera: 0.0,
                occlusion: 0.08,
                ..Style::default()
            };
            let item = person * 8 + column as u64;
            let face = sample(Address { seed: 0, purpose: Purpose::Synthesis, step: 0, item }, class, &style);
            sheet.paste(&face, GAP + column * step, GAP + LINE + row * step);
        }
    }
    sheet
}

fn clip() -> Result<Picture, Box<dyn Error>> {
    let (size, columns, rows, every) = (72, 12, 4, 9);
    let clips = SynthClips::new(SynthClipSettings {
        seed: 3,
        clips: 3,
        missing: 0.02,
        ignored: 0.02,
        style: Style { size, channels: 3, camera: 0.0, intensity: (0.7, 1.0), ..Style::default() },
        ..SynthClipSettings::default()
    })?;
    let (step, tall) = (size + GAP, size + LINE + GAP);
    let (wide, high) = (294, 220);
    let mut strip = Picture::filled(GAP + columns * step, GAP + high + GAP + rows * tall, 3, 255);
    for camera in 0..3 {
        let whole = clips.full_frame(camera, 70, wide, high);
        let mut picture = whole.picture;
        if let Some(geometry) = whole.geometry {
            outline(&mut picture, geometry.face_box);
            geometry.landmarks.iter().for_each(|&[x, y]| dot(&mut picture, x, y));
        }
        strip.paste(&picture, GAP + camera * (wide + GAP), GAP);
    }
    for place in 0..columns * rows {
        let (frame, left) = (place * every, GAP + place % columns * step);
        let top = GAP + high + GAP + place / columns * tall;
        if clips.has_face(0, frame) {
            strip.paste(&clips.picture(0, frame)?, left, top);
        } else {
            strip.paste(&Picture::filled(size, size, 3, 60), left, top);
            write(&mut strip, "no face", left + 14, top + size / 2 - 4, [220; 3]);
        }
        let bar = (clips.expression(0, frame).1 * size as f32) as usize;
        strip.paste(&Picture::filled(bar.min(size), 2, 3, 60), left, top + size);
        let label = clips.label(0, frame).map_or("ignored", |label| Class::ALL[label].name());
        let ink = if label == "Neutral" { [150; 3] } else { [20; 3] };
        write(&mut strip, label, left, top + size + 4, ink);
    }
    Ok(strip)
}

fn set(picture: &mut Picture, x: i64, y: i64, colour: [u8; 3]) {
    if (0..picture.width as i64).contains(&x) && (0..picture.height as i64).contains(&y) {
        let at = (y as usize * picture.width + x as usize) * 3;
        picture.pixels[at..at + 3].copy_from_slice(&colour);
    }
}

fn outline(picture: &mut Picture, [x, y, width, height]: [f32; 4]) {
    let (left, top, right, bottom) = (x as i64, y as i64, (x + width) as i64, (y + height) as i64);
    for x in left..=right {
        set(picture, x, top, [80, 255, 80]);
        set(picture, x, bottom, [80, 255, 80]);
    }
    for y in top..=bottom {
        set(picture, left, y, [80, 255, 80]);
        set(picture, right, y, [80, 255, 80]);
    }
}

fn dot(picture: &mut Picture, x: f32, y: f32) {
    for (dx, dy) in [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)] {
        set(picture, x as i64 + dx, y as i64 + dy, [255, 40, 40]);
    }
}

/// Writes capital letters of 5x7 pixels.
fn write(picture: &mut Picture, text: &str, left: usize, top: usize, colour: [u8; 3]) {
    for (place, letter) in text.to_ascii_uppercase().chars().enumerate() {
        for (row, bits) in glyph(letter).into_iter().enumerate() {
            for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                set(picture, (left + 6 * place + column) as i64, (top + row) as i64, colour);
            }
        }
    }
}

/// The letters that class names need, a row a number, the leftmost pixel the highest of five bits.
fn glyph(letter: char) -> [u8; 7] {
    match letter {
        'A' => [14, 17, 17, 31, 17, 17, 17],
        'C' => [14, 17, 16, 16, 16, 17, 14],
        'D' => [30, 17, 17, 17, 17, 17, 30],
        'E' => [31, 16, 16, 30, 16, 16, 31],
        'F' => [31, 16, 16, 30, 16, 16, 16],
        'G' => [14, 17, 16, 23, 17, 17, 15],
        'H' => [17, 17, 17, 31, 17, 17, 17],
        'I' => [14, 4, 4, 4, 4, 4, 14],
        'L' => [16, 16, 16, 16, 16, 16, 31],
        'N' => [17, 25, 21, 19, 17, 17, 17],
        'O' => [14, 17, 17, 17, 17, 17, 14],
        'P' => [30, 17, 17, 30, 16, 16, 16],
        'R' => [30, 17, 17, 30, 20, 18, 17],
        'S' => [15, 16, 16, 14, 1, 1, 30],
        'T' => [31, 4, 4, 4, 4, 4, 4],
        'U' => [17, 17, 17, 17, 17, 17, 14],
        'Y' => [17, 17, 10, 4, 4, 4, 4],
        _ => [0; 7],
    }
}
