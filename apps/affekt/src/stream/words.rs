//! What is read, in words for a person: a line whenever the label of somebody changes.

use std::collections::HashMap;
use std::fmt::Write as _;

use affekt_engine::world::live::FrameReading;

/// Who had which label last.
#[derive(Debug, Default)]
pub struct Words {
    labels: HashMap<u32, usize>,
}

impl Words {
    /// The lines of a frame, each with its newline; empty where everybody looks as before. `classes` are the names of labels.
    pub fn of(&mut self, reading: &FrameReading, classes: &[String]) -> String {
        let mut text = String::new();
        for face in &reading.faces {
            if self.labels.insert(face.face, face.voted_label) == Some(face.voted_label) {
                continue;
            }
            let class = classes.get(face.voted_label).map_or("?", String::as_str);
            let unsure = if face.unsure { ", unsure" } else { "" };
            let percent = 100.0 * face.confidence;
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "{:8.2} s  face {}: {class} {percent:.0} %{unsure}", face.seconds, face.face);
        }
        text
    }
}
