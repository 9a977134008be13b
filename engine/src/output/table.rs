//! The table: a row a face and frame, and a row for every frame without one.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::world::live::{FaceReading, FrameReading};

/// What stands in the column `face` of a frame without a face.
pub const NO_FACE: &str = "no_face";
/// Columns of the landmarks.
const LANDMARKS: [&str; 5] = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"];

/// The first line.
pub fn header(classes: &[String]) -> String {
    let mut out = String::from("frame,seconds,face,x,y,w,h");
    for name in LANDMARKS {
        let _ = write!(out, ",{name}_x,{name}_y");
    }
    for class in classes {
        let _ = write!(out, ",{}", field(&format!("p_{class}")));
    }
    out.push_str(",frame_label,temporal_label,voted_label,confidence,unsure\n");
    out
}

/// The rows of a frame.
///
/// # Errors
/// Whatever the file reports.
pub fn write(file: &mut impl Write, reading: &FrameReading, classes: &[String]) -> io::Result<()> {
    if reading.faces.is_empty() {
        let empty = ",".repeat(4 + 2 * LANDMARKS.len() + classes.len() + 5);
        return writeln!(file, "{},{:.6},{NO_FACE}{empty}", reading.frame, reading.seconds);
    }
    for face in &reading.faces {
        file.write_all(row(face, classes).as_bytes())?;
    }
    Ok(())
}

fn row(face: &FaceReading, classes: &[String]) -> String {
    let b = face.face_box;
    let mut out = format!(
        "{},{:.6},{},{:.2},{:.2},{:.2},{:.2}",
        face.frame, face.seconds, face.face, b.x, b.y, b.w, b.h
    );
    match &face.landmarks {
        Some(points) => points.iter().flatten().for_each(|v| {
            let _ = write!(out, ",{v:.2}");
        }),
        None => out.push_str(&",".repeat(2 * LANDMARKS.len())),
    }
    for p in &face.probabilities {
        let _ = write!(out, ",{p:.6}");
    }
    let name = |label: usize| classes.get(label).map_or_else(String::new, |c| field(c));
    let temporal = face.temporal_label.map_or_else(String::new, name);
    let _ = writeln!(
        out,
        ",{},{temporal},{},{:.6},{}",
        name(face.frame_label),
        name(face.voted_label),
        face.confidence,
        u8::from(face.unsure)
    );
    out
}

/// A text as a field: in quotes where it holds a comma, a quote or a line's end.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FaceBox;
    use std::time::Duration;

    #[test]
    fn every_row_has_the_headers_columns() {
        let classes = ["calm".to_owned(), "odd, \"very\"".to_owned()];
        let face = FaceReading {
            frame: 7,
            seconds: 0.233_333,
            face: 2,
            face_box: FaceBox { x: 1.0, y: 2.5, w: 30.0, h: 40.0 },
            landmarks: None,
            detected: true,
            probabilities: vec![0.25, 0.75],
            frame_label: 1,
            temporal_label: None,
            voted_label: 0,
            confidence: 0.25,
            unsure: true,
            thumbnail: None,
        };
        let with = FaceReading { landmarks: Some([[3.0, 4.0]; 5]), face: 3, ..face.clone() };
        let reading = |faces| FrameReading {
            frame: 7,
            seconds: 0.233_333,
            faces,
            latency: Duration::ZERO,
            picture: None,
        };
        let mut text = header(&classes).into_bytes();
        write(&mut text, &reading(vec![face, with]), &classes).unwrap();
        write(&mut text, &reading(vec![]), &classes).unwrap();
        let text = String::from_utf8(text).unwrap();
        // The one class with commas in its name stands in quotes.
        let columns = |line: &str| line.replace("odd, ", "odd ").matches(',').count();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|l| columns(l) == columns(lines[0])), "{text}");
        assert!(
            lines[1].starts_with("7,0.233333,2,1.00,2.50,30.00,40.00,,,,,,,,,,,0.250000,0.750000,"),
            "{text}"
        );
        assert!(lines[1].ends_with(",\"odd, \"\"very\"\"\",,calm,0.250000,1"), "{text}");
        assert!(lines[3].starts_with("7,0.233333,no_face,,"), "{text}");
    }
}
