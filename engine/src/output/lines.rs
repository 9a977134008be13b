//! JSON Lines: an object a frame.

use std::io::{self, Write};

use crate::world::live::FrameReading;
use serde_json::{Map, Value, json};

/// Writes a frame's object and the end of its line.
///
/// # Errors
/// Whatever the file reports.
pub fn write(file: &mut impl Write, reading: &FrameReading, classes: &[String]) -> io::Result<()> {
    writeln!(file, "{}", line(reading, classes))
}

/// A frame's object in one line, without its end.
pub fn line(reading: &FrameReading, classes: &[String]) -> String {
    let name = |label: usize| classes.get(label).cloned().unwrap_or_default();
    let faces: Vec<Value> = reading
        .faces
        .iter()
        .map(|face| {
            let probabilities: Map<String, Value> = classes
                .iter()
                .cloned()
                .zip(face.probabilities.iter().map(|&p| json!(round(p, 1e6))))
                .collect();
            let b = face.face_box;
            let corners = [b.x, b.y, b.w, b.h].map(|v| round(v, 1e2));
            let point = |p: &[f32; 2]| [round(p[0], 1e2), round(p[1], 1e2)];
            json!({
                "face": face.face,
                "box": corners,
                "landmarks": face.landmarks.as_ref().map(|l| l.iter().map(point).collect::<Vec<_>>()),
                "detected": face.detected,
                "probabilities": probabilities,
                "frame_label": name(face.frame_label),
                "temporal_label": face.temporal_label.map(name),
                "voted_label": name(face.voted_label),
                "confidence": round(face.confidence, 1e6),
                "unsure": face.unsure,
            })
        })
        .collect();
    let object = json!({
        "frame": reading.frame,
        "seconds": (reading.seconds * 1e6).round() / 1e6,
        "faces": faces,
    });
    object.to_string()
}

fn round(value: f32, scale: f64) -> f64 {
    (f64::from(value) * scale).round() / scale
}
