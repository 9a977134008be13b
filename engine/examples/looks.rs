//! How far apart looks are: of pictures and changed copies of them, and of different pictures. From it follows what
//! `near_duplicates` can be.
//!
//!     cargo run --release --example looks -- SPEC [COUNT]

use affekt_engine::data::{look, look_distance, open};
use affekt_engine::media::{MediaError, Picture, decode};
use rayon::prelude::*;

type Change = fn(&Picture) -> Result<Picture, MediaError>;

fn saved(picture: &Picture, quality: u8) -> Result<Picture, MediaError> {
    decode(&picture.to_jpeg(quality)?)
}

fn scaled(picture: &Picture, factor: f32) -> Result<Picture, MediaError> {
    let side = |side: usize| ((side as f32 * factor) as usize).max(8);
    picture.resized(side(picture.width), side(picture.height))
}

fn toned(picture: &Picture, change: impl Fn(f32) -> f32) -> Picture {
    let pixels = picture.pixels.iter().map(|&value| change(f32::from(value)).clamp(0.0, 255.0) as u8);
    Picture { pixels: pixels.collect(), ..picture.clone() }
}

fn cut(picture: &Picture, part: f32) -> Result<Picture, MediaError> {
    let by = |side: usize| (side as f32 * part).round() as usize;
    let (x, y) = (by(picture.width), by(picture.height));
    picture.cropped(x as i64, y as i64, picture.width - 2 * x, picture.height - 2 * y)
}

const CHANGES: [(&str, Change); 8] = [
    ("saved as JPEG 75", |picture| saved(picture, 75)),
    ("saved as JPEG 40", |picture| saved(picture, 40)),
    ("three quarters of the size", |picture| scaled(picture, 0.75)),
    ("half the size", |picture| scaled(picture, 0.5)),
    ("brighter by 25", |picture| Ok(toned(picture, |value| value + 25.0))),
    ("contrast down by a third", |picture| Ok(toned(picture, |value| 128.0 + (value - 128.0) / 1.5))),
    ("half the size, saved as JPEG 60", |picture| saved(&scaled(picture, 0.5)?, 60)),
    ("a fiftieth cut off each side", |picture| cut(picture, 0.02)),
];

fn percentiles(mut values: Vec<u32>) -> String {
    values.sort_unstable();
    let at = |part: f64| values[((values.len() - 1) as f64 * part) as usize];
    format!("| {} | {} | {} | {} |", at(0.5), at(0.95), at(0.99), at(1.0))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let spec = args.next().ok_or("SPEC [COUNT]")?.parse()?;
    let set = open(&spec, false)?;
    let count = args.next().map_or(Ok(set.len()), |count| count.parse())?.min(set.len());
    let pictures: Vec<Picture> =
        (0..count).into_par_iter().filter_map(|nth| set.picture(nth * set.len() / count).ok()).collect();
    let looks: Vec<[u8; 32]> = pictures.par_iter().filter_map(|picture| look(picture).ok()).collect();
    println!(
        "{} pictures of {spec}\n\n| change | median | 95 % | 99 % | most |\n|---|---|---|---|---|",
        looks.len()
    );
    for (name, change) in CHANGES {
        let distance = |(picture, one): (&Picture, &[u8; 32])| {
            Some(look_distance(one, &look(&change(picture).ok()?).ok()?))
        };
        let distances: Vec<u32> = pictures.par_iter().zip(&looks).filter_map(distance).collect();
        println!("| {name} {}", percentiles(distances));
    }
    let nearest = |index: usize| {
        let others = looks.iter().enumerate().filter(|(other, _)| *other != index);
        others.map(|(_, other)| look_distance(&looks[index], other)).min().unwrap_or(256)
    };
    let nearest: Vec<u32> = (0..looks.len()).into_par_iter().map(nearest).collect();
    println!("\n| bits | pictures with another one so near |\n|---|---|");
    for bits in [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48] {
        println!("| {bits} | {} |", nearest.iter().filter(|distance| **distance <= bits).count());
    }
    Ok(())
}
