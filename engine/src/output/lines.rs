//! JSON Lines: an object a frame. [`FrameLine`] and [`FaceLine`] are the schema of files and of the port; they write it and read it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::row::{FaceRow, TableRow};
use crate::world::live::FrameReading;

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
    /// The shot it belongs to, from 0.
    #[serde(default)]
    pub cut: u64,
    /// Who speaks, where a file of speakers was joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// Whether a person has taken the frame out of all counts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub excluded: bool,
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
    /// The detector's score when it last saw the face, 0 to 1.
    #[serde(default)]
    pub score: Option<f64>,
    /// How well the face can be seen, 0 to 1.
    #[serde(default)]
    pub quality: Option<f64>,
    /// Yaw, pitch and roll of the head in degrees; `null` without landmarks.
    #[serde(default)]
    pub pose: Option<[f64; 3]>,
    /// Whether the head is turned little; `null` without landmarks.
    #[serde(default)]
    pub frontal: Option<bool>,
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
    /// What people said of it; only where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<HandLine>,
}

/// What people said of a face in a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandLine {
    /// The person's number after faces were merged.
    pub person: u32,
    /// Their name; empty without one.
    pub name: String,
    /// The class that a person has set; `null` where it is the machine's.
    pub label: Option<String>,
    /// Whether the face is taken out of all counts.
    pub excluded: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

impl FrameLine {
    /// A reading as a line; `classes` are the names that labels stand for.
    pub fn new(reading: &FrameReading, classes: &[String]) -> Self {
        Self::of_rows(&TableRow::of(reading), classes)
    }

    /// The rows of one frame as a line.
    pub fn of_rows(rows: &[TableRow], classes: &[String]) -> Self {
        let first = rows.first().cloned().unwrap_or_default();
        let faces =
            rows.iter().filter_map(|row| Some(FaceLine::new(row.face.as_ref()?, row.excluded, classes)));
        Self {
            version: LINE_VERSION,
            frame: first.frame,
            seconds: (first.seconds * 1e6).round() / 1e6,
            cut: first.cut,
            speaker: first.speaker,
            excluded: rows.iter().all(|row| row.excluded) && !rows.is_empty(),
            faces: faces.collect(),
        }
    }
}

impl FaceLine {
    fn new(face: &FaceRow, excluded: bool, classes: &[String]) -> Self {
        let name = |label: usize| classes.get(label).cloned().unwrap_or_default();
        let probabilities = face.probabilities.iter().map(|&p| round(p, 1e6));
        let touched = face.person != face.face || !face.name.is_empty() || face.by_hand || excluded;
        let by_hand = touched.then(|| HandLine {
            person: face.person,
            name: face.name.clone(),
            label: face.by_hand.then(|| name(face.label)),
            excluded,
        });
        Self {
            face: face.face,
            face_box: face.face_box.map(|v| round(v, 1e2)),
            landmarks: face.landmarks.map(|points| points.map(|point| point.map(|v| round(v, 1e2)))),
            detected: face.detected,
            score: face.score.map(|v| round(v, 1e4)),
            quality: face.quality.map(|v| round(v, 1e3)),
            pose: face.pose.map(|angles| angles.map(|v| round(v, 10.0))),
            frontal: face.frontal,
            probabilities: classes.iter().cloned().zip(probabilities).collect(),
            frame_label: name(face.frame_label),
            temporal_label: face.temporal_label.map(name),
            voted_label: name(face.voted_label),
            confidence: round(face.confidence, 1e6),
            unsure: face.unsure,
            valence: face.affect.map(|[valence, _]| round(valence, 1e6)),
            arousal: face.affect.map(|[_, arousal]| round(arousal, 1e6)),
            by_hand,
        }
    }
}

fn round(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// Writes a frame's object and the end of its line.
///
/// # Errors
/// Whatever the file reports.
pub fn write(file: &mut impl Write, reading: &FrameReading, classes: &[String]) -> io::Result<()> {
    write_rows(file, &TableRow::of(reading), classes)
}

/// Writes the object of a frame's rows and the end of its line.
///
/// # Errors
/// Whatever the file reports.
pub fn write_rows(file: &mut impl Write, rows: &[TableRow], classes: &[String]) -> io::Result<()> {
    serde_json::to_writer(&mut *file, &FrameLine::of_rows(rows, classes))?;
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FaceBox, HeadPose};
    use crate::world::live::FaceReading;
    use serde_json::{Value, json};

    fn reading() -> FrameReading {
        let face = FaceReading {
            frame: 7,
            seconds: 0.233_333_33,
            face: 2,
            face_box: FaceBox { x: 1.004, y: -2.5, w: 30.0, h: 40.0 },
            landmarks: Some([[3.0, 4.126]; 5]),
            detected: true,
            score: 0.5,
            quality: 0.25,
            pose: Some(HeadPose { yaw: 31.04, pitch: -2.0, roll: 0.0 }),
            probabilities: vec![0.25, 0.75],
            frame_label: 1,
            voted_label: 0,
            confidence: 0.25,
            unsure: true,
            ..FaceReading::default()
        };
        let plain =
            FaceReading { face: 3, landmarks: None, pose: None, temporal_label: Some(1), ..face.clone() };
        FrameReading {
            frame: 7,
            seconds: face.seconds,
            cut: 2,
            faces: vec![face, plain],
            ..FrameReading::default()
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
            "score": 0.5, "quality": 0.25, "pose": [31.0, -2.0, 0.0], "frontal": false,
            "probabilities": probabilities, "frame_label": "froh", "temporal_label": null, "voted_label": "calm",
            "confidence": 0.25, "unsure": true
        });
        let mut second = face.clone();
        second["face"] = json!(3);
        second["landmarks"] = Value::Null;
        second["pose"] = Value::Null;
        second["frontal"] = Value::Null;
        second["temporal_label"] = json!("froh");
        let expected =
            json!({ "version": 1, "frame": 7, "seconds": 0.233_333, "cut": 2, "faces": [face, second] });
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), expected);
        assert_eq!(serde_json::from_slice::<FrameLine>(&bytes).unwrap(), FrameLine::new(&reading, &classes));
    }

    #[test]
    fn what_people_said_is_marked_as_theirs() {
        let classes = ["calm", "froh"].map(String::from);
        let mut rows = TableRow::of(&reading());
        if let Some(face) = &mut rows[0].face {
            (face.name, face.label, face.by_hand) = ("Ada".into(), 1, true);
        }
        let line = FrameLine::of_rows(&rows, &classes);
        let hand = HandLine { person: 2, name: "Ada".into(), label: Some("froh".into()), excluded: false };
        assert_eq!((&line.faces[0].by_hand, &line.faces[1].by_hand), (&Some(hand), &None));
        assert_eq!(line.faces[0].voted_label, "calm", "the machine's word stays");
        assert!(
            !line.excluded
                && FrameLine::of_rows(&[TableRow { excluded: true, ..rows[0].clone() }], &classes).excluded
        );
    }
}
