//! Reads the faces in a picture: `cargo run --release -p affekt-engine --example read_picture -- photo.jpg`
#![allow(missing_docs, reason = "an example")]

use affekt_engine::Recognizer;
use affekt_engine::media::decode;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give a picture")?;
    let mut recognizer = Recognizer::builtin()?;
    let faces = recognizer.picture(decode(&std::fs::read(path)?)?)?;
    for face in &faces {
        let place = &face.face_box;
        println!(
            "face {} at {:.0},{:.0}, {:.0}x{:.0}: {} {:.0} %",
            face.face,
            place.x,
            place.y,
            place.w,
            place.h,
            recognizer.classes()[face.frame_label],
            100.0 * face.probabilities[face.frame_label]
        );
    }
    if faces.is_empty() {
        println!("no face");
    }
    Ok(())
}
