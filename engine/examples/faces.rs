//! Prints what a detector finds: `cargo run --release -p affekt-engine --example faces -- INPUT [MODEL.onnx|builtin]`.
#![allow(missing_docs, reason = "an example")]

use std::path::Path;
use std::time::Instant;

use affekt_engine::media::detect::{self, BuiltIn, Detector};
use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, rest @ ..] = args.as_slice() else {
        return Err("give a video, a picture or a folder".into());
    };
    let detector: Box<dyn Detector> = match rest.first().map(String::as_str) {
        Some("none") => Box::new(detect::GuideBox),
        Some("builtin") => Box::new(BuiltIn::new()?),
        other => detect::open(other.map(Path::new))?,
    };
    println!("{}", detector.describe());
    let mut source = ReadAhead::spawn(open(Path::new(input), OpenOptions::default())?, 4)?;
    println!("{:?}", source.info());
    let start = Instant::now();
    let mut frames = 0u32;
    while let Some(frame) = source.next_frame()? {
        let faces = detector.detect(&frame.picture)?;
        frames += 1;
        if frames % 30 == 1 {
            println!(
                "{} {:.4} {}x{} {faces:.1?}",
                frame.index, frame.seconds, frame.picture.width, frame.picture.height
            );
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{frames} frames in {seconds:.2} s, {:.1} a second; skipped {:?}",
        f64::from(frames) / seconds,
        source.skipped()
    );
    Ok(())
}
