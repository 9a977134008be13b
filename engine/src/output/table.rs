//! The table: a row a face and frame, and a row for every frame without one.

use std::io::{self, Write};

use crate::world::live::{FaceReading, FrameReading};

/// What stands in the column `face` of a frame without a face.
pub const NO_FACE: &str = "no_face";
/// Columns of the landmarks.
const LANDMARKS: [&str; 5] = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"];

/// Columns at the end where the model gives valence and arousal.
const AFFECT: [&str; 2] = ["valence", "arousal"];

/// The columns' names, in order; `affect` where the model gives valence and arousal, which then have columns of their own.
pub fn columns(classes: &[String], affect: bool) -> Vec<String> {
    let fixed = ["frame", "seconds", "face", "x", "y", "w", "h"].map(String::from);
    let landmarks = LANDMARKS.iter().flat_map(|name| ["x", "y"].map(|axis| format!("{name}_{axis}")));
    let classes = classes.iter().map(|class| format!("p_{class}"));
    let last = ["frame_label", "temporal_label", "voted_label", "confidence", "unsure"].map(String::from);
    let affect = AFFECT.into_iter().filter(|_| affect).map(String::from);
    fixed.into_iter().chain(landmarks).chain(classes).chain(last).chain(affect).collect()
}

/// The first line.
pub fn header(classes: &[String], affect: bool) -> String {
    // Memory takes all that is written.
    csv([columns(classes, affect)]).ok().and_then(|line| String::from_utf8(line).ok()).unwrap_or_default()
}

/// The rows of a frame, with the columns of its [`header`].
///
/// # Errors
/// Whatever the file reports.
pub fn write(
    file: &mut impl Write,
    reading: &FrameReading,
    classes: &[String],
    affect: bool,
) -> io::Result<()> {
    let more = if affect { AFFECT.len() } else { 0 };
    if reading.faces.is_empty() {
        let (frame, seconds) = (reading.frame.to_string(), format!("{:.6}", reading.seconds));
        let empty = std::iter::repeat_n(String::new(), 4 + 2 * LANDMARKS.len() + classes.len() + 5 + more);
        return file.write_all(&csv([[frame, seconds, NO_FACE.into()].into_iter().chain(empty)])?);
    }
    file.write_all(&csv(reading.faces.iter().map(|face| row(face, classes, affect)))?)
}

fn row(face: &FaceReading, classes: &[String], affect: bool) -> Vec<String> {
    let b = face.face_box;
    let mut cells = vec![face.frame.to_string(), format!("{:.6}", face.seconds), face.face.to_string()];
    cells.extend([b.x, b.y, b.w, b.h].map(|v| format!("{v:.2}")));
    match &face.landmarks {
        Some(points) => cells.extend(points.iter().flatten().map(|v| format!("{v:.2}"))),
        None => cells.extend(std::iter::repeat_n(String::new(), 2 * LANDMARKS.len())),
    }
    cells.extend(face.probabilities.iter().map(|p| format!("{p:.6}")));
    let name = |label: usize| classes.get(label).cloned().unwrap_or_default();
    cells.extend([
        name(face.frame_label),
        face.temporal_label.map(name).unwrap_or_default(),
        name(face.voted_label),
        format!("{:.6}", face.confidence),
        u8::from(face.unsure).to_string(),
    ]);
    if affect {
        let value = |value: Option<f32>| value.map(|v| format!("{v:.6}")).unwrap_or_default();
        cells.push(value(face.affect.map(|affect| affect.valence)));
        cells.push(value(face.affect.map(|affect| affect.arousal)));
    }
    cells
}

/// Rows of cells as CSV. In memory, because the writer flushes what it writes to, and a file should not be at every frame.
fn csv<R: IntoIterator<Item = String>>(rows: impl IntoIterator<Item = R>) -> io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(vec![]);
    for row in rows {
        table.write_record(row.into_iter().map(String::into_bytes))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
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
            affect: None,
            thumbnail: None,
        };
        let with = FaceReading { landmarks: Some([[3.0, 4.0]; 5]), face: 3, ..face.clone() };
        let reading = |faces| FrameReading {
            frame: 7,
            seconds: 0.233_333,
            cut: false,
            faces,
            latency: Duration::ZERO,
            picture: None,
        };
        let affect = Some(crate::world::live::Affect { valence: 0.5, arousal: -0.25 });
        let felt = reading(vec![FaceReading { affect, ..face.clone() }, face.clone()]);
        let mut text = header(&classes, true).into_bytes();
        write(&mut text, &felt, &classes, true).unwrap();
        write(&mut text, &reading(vec![]), &classes, true).unwrap();
        let text = String::from_utf8(text).unwrap();
        let ends = [",unsure,valence,arousal", ",1,0.500000,-0.250000", ",1,,", ",,,,"];
        assert!(text.lines().zip(ends).all(|(line, end)| line.ends_with(end)), "{text}");
        let mut text = header(&classes, false).into_bytes();
        write(&mut text, &reading(vec![face, with]), &classes, false).unwrap();
        write(&mut text, &reading(vec![]), &classes, false).unwrap();
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
