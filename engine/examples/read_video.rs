//! Reads the faces in a video, a line whenever somebody's label changes:
//! `cargo run --release -p affekt-engine --example read_video -- talk.mp4`
#![allow(missing_docs, reason = "an example")]

use std::collections::HashMap;
use std::path::Path;

use affekt_engine::Recognizer;
use affekt_engine::media::source::{OpenOptions, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give a video")?;
    let mut recognizer = Recognizer::builtin()?;
    let mut video = open(Path::new(&path), OpenOptions::default())?;
    let mut labels = HashMap::new();
    let mut read = vec![];
    while let Some(frame) = video.next_frame()? {
        read.extend(recognizer.push(frame)?);
    }
    // The vote looks at later frames too, so the last ones come when there are no more.
    read.extend(recognizer.finish()?.into_iter().flat_map(|frame| frame.faces));
    for face in read {
        if labels.insert(face.face, face.voted_label) != Some(face.voted_label) {
            let class = &recognizer.classes()[face.voted_label];
            println!("{:8.2} s  face {}: {class} {:.0} %", face.seconds, face.face, 100.0 * face.confidence);
        }
    }
    Ok(())
}
