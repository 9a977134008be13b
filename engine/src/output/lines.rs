//! JSON Lines: an object a frame. [`FrameLine`] and [`FaceLine`] are the schema of files and of the port; they write it and read it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::world::live::{FaceReading, FrameReading};

/// The version of the schema. It grows when a field changes its meaning or goes; a new field alone does not change it, so readers
/// pass over names that they do not know.
pub const LINE_VERSION: u32 = 1;

/// A frame of the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameLine {
    /// [`LINE_VERSION`].
    pub version: u32,
    /// The frame's number, from 0.
    pub frame: u64,
    /// The frame's time in seconds from the first one, to a microsecond.
    pub seconds: f64,
    /// Whether a new shot begins with it; people are numbered anew from there.
    #[serde(default)]
    pub cut: bool,
    /// Its faces, by number; empty where none was found.
    pub faces: Vec<FaceLine>,
}

/// A face in a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceLine {
    /// The person's number, from 1; the same as long as the face is followed.
    pub face: u32,
    /// Left, top, width and height in the frame's pixels, to a hundredth. May reach beyond the frame.
    #[serde(rename = "box")]
    pub face_box: [f64; 4],
    /// x and y in the frame's pixels of left eye, right eye, nose, left and right corner of the mouth, where left is the picture's
    /// left; `null` where the detector gives none.
    pub landmarks: Option<[[f64; 2]; 5]>,
    /// Whether the detector saw the face in this frame; else its motion was carried on.
    pub detected: bool,
    /// The probability of each class by its name, 0 to 1, to a millionth; their sum is 1.
    pub probabilities: BTreeMap<String, f64>,
    /// The most probable class by this frame alone.
    pub frame_label: String,
    /// The most probable class by the temporal encoder; `null` without one.
    pub temporal_label: Option<String>,
    /// The class after the vote over neighbouring frames.
    pub voted_label: String,
    /// The voted class's probability in this frame, 0 to 1, to a millionth.
    pub confidence: f64,
    /// Whether `confidence` is below the threshold that was asked for.
    pub unsure: bool,
    /// How pleasant the expression is in this frame, -1 to 1; only where the model says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valence: Option<f64>,
    /// How aroused it is, -1 to 1; only where the model says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arousal: Option<f64>,
}

impl FrameLine {
    /// A reading as a line; `classes` are the names that labels stand for.
    pub fn new(reading: &FrameReading, classes: &[String]) -> Self {
        Self {
            version: LINE_VERSION,
            frame: reading.frame,
            seconds: (reading.seconds * 1e6).round() / 1e6,
            cut: reading.cut,
            faces: reading.faces.iter().map(|face| FaceLine::new(face, classes)).collect(),
        }
    }
}

impl FaceLine {
    fn new(face: &FaceReading, classes: &[String]) -> Self {
        let name = |label: usize| classes.get(label).cloned().unwrap_or_default();
        let b = face.face_box;
        let probabilities = face.probabilities.iter().map(|&p| round(p, 1e6));
        Self {
            face: face.face,
            face_box: [b.x, b.y, b.w, b.h].map(|v| round(v, 1e2)),
            landmarks: face.landmarks.map(|points| points.map(|point| point.map(|v| round(v, 1e2)))),
            detected: face.detected,
            probabilities: classes.iter().cloned().zip(probabilities).collect(),
            frame_label: name(face.frame_label),
            temporal_label: face.temporal_label.map(name),
            voted_label: name(face.voted_label),
            confidence: round(face.confidence, 1e6),
            unsure: face.unsure,
            valence: face.affect.map(|affect| round(affect.valence, 1e6)),
            arousal: face.affect.map(|affect| round(affect.arousal, 1e6)),
        }
    }
}

fn round(value: f32, scale: f64) -> f64 {
    (f64::from(value) * scale).round() / scale
}

/// Writes a frame's object and the end of its line.
///
/// # Errors
/// Whatever the file reports.
pub fn write(file: &mut impl Write, reading: &FrameReading, classes: &[String]) -> io::Result<()> {
    serde_json::to_writer(&mut *file, &FrameLine::new(reading, classes))?;
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FaceBox;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn reading() -> FrameReading {
        let face = FaceReading {
            frame: 7,
            seconds: 0.233_333_33,
            face: 2,
            face_box: FaceBox { x: 1.004, y: -2.5, w: 30.0, h: 40.0 },
            landmarks: Some([[3.0, 4.126]; 5]),
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
        let plain = FaceReading { face: 3, landmarks: None, temporal_label: Some(1), ..face.clone() };
        FrameReading {
            frame: 7,
            seconds: face.seconds,
            cut: false,
            faces: vec![face, plain],
            latency: Duration::ZERO,
            picture: None,
        }
    }

    #[test]
    fn a_line_has_the_promised_names_and_reads_back() {
        let (reading, classes) = (reading(), ["calm", "froh"].map(String::from));
        let mut bytes = vec![];
        write(&mut bytes, &reading, &classes).unwrap();
        assert!(bytes.ends_with(b"}\n") && bytes.split(|&b| b == b'\n').count() == 2);
        let probabilities = json!({ "calm": 0.25, "froh": 0.75 });
        let face = json!({
            "face": 2, "box": [1.0, -2.5, 30.0, 40.0], "landmarks": vec![[3.0, 4.13]; 5], "detected": true,
            "probabilities": probabilities, "frame_label": "froh", "temporal_label": null, "voted_label": "calm",
            "confidence": 0.25, "unsure": true
        });
        let mut second = face.clone();
        second["face"] = json!(3);
        second["landmarks"] = Value::Null;
        second["temporal_label"] = json!("froh");
        let expected =
            json!({ "version": 1, "frame": 7, "seconds": 0.233_333, "cut": false, "faces": [face, second] });
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), expected);
        assert_eq!(serde_json::from_slice::<FrameLine>(&bytes).unwrap(), FrameLine::new(&reading, &classes));
    }
}
