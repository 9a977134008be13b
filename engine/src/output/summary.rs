//! What a whole input came to: `DIR/<name>.json`.

use serde::{Deserialize, Serialize};

use super::appearance::Appearance;
use super::row::person_called;
use super::speakers::Turn;
use super::state::InputState;

/// Version of the summary's form.
pub const SUMMARY_VERSION: u32 = 4;
/// What a finished input came to; `DIR/<name>.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this form.
    pub version: u32,
    /// The input as it was given.
    pub input: String,
    /// What it was when it was read.
    #[serde(default)]
    pub state: InputState,
    /// Whether all files are written; `false` keeps the name for its input meanwhile.
    #[serde(default)]
    pub finished: bool,
    /// Endings of the files written beside this one: `csv`, `srt`.
    #[serde(default)]
    pub files: Vec<String>,
    /// Everything else that decides the result: model, detector, settings.
    pub settings: String,
    /// Class names.
    pub classes: Vec<String>,
    /// What read it.
    pub reader: String,
    /// Frames read.
    pub frames: u64,
    /// Of those, frames without a face.
    pub no_face_frames: u64,
    /// Frames that could not be decoded, and the first of them.
    pub skipped: u64,
    /// The first of those and why.
    pub first_skipped: Option<String>,
    /// From the first frame to the end of the last, in seconds.
    pub seconds: f64,
    /// One past the number of the last frame.
    #[serde(default)]
    pub end_frame: u64,
    /// Every so many frames were read; 0 in older summaries, as 1.
    #[serde(default)]
    pub stride: u64,
    /// What read the faces, for people.
    #[serde(default)]
    pub read_by: ReadBy,
    /// Whether pictures of faces may stand in results.
    #[serde(default)]
    pub no_pictures: bool,
    /// How faces are hidden in the annotated copy: `blur`, `mosaic`, `solid`; empty where they are not.
    #[serde(default)]
    pub anonymised: String,
    /// [`Summary::edits`] as they were when the annotated copy was made.
    #[serde(default)]
    pub copy_edits: String,
    /// [`ReadBy::unsure_below`] as it was then.
    #[serde(default)]
    pub copy_unsure_below: f32,
    /// Seconds of each bin of `NAME.bins.csv`, where there is one.
    #[serde(default)]
    pub bins: Option<f64>,
    /// Who speaks when, where a file of speakers was joined.
    #[serde(default)]
    pub speakers: Vec<Turn>,
    /// How similar the faces are, where an embedding model was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appearance: Option<Appearance>,
    /// BLAKE3 hash of the corrections by hand that these figures hold; empty without any.
    #[serde(default)]
    pub edits: String,
    /// Where new shots begin.
    #[serde(default)]
    pub cuts: Vec<ShotStart>,
    /// Everybody who was seen, by number.
    pub people: Vec<Person>,
}

/// A hard cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShotStart {
    /// The first frame of the new shot.
    pub frame: u64,
    /// When it is shown, in seconds.
    pub seconds: f64,
}

/// What read the faces, in words for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadBy {
    /// The model, and the encoder where there is one.
    pub model: String,
    /// What the model's card says of its accuracy.
    pub accuracy: String,
    /// The face detector.
    pub detector: String,
    /// Votes, thresholds and everything else that was set.
    pub settings: String,
    /// Confidence below which a reading is unsure.
    pub unsure_below: f32,
}

impl Summary {
    /// Whether every label is one of the classes, everybody counts each class, and runs follow each other within the frames.
    /// What was read from a file may be anything.
    pub fn is_consistent(&self) -> bool {
        let classes = self.classes.len();
        let end = self.frames.checked_add(self.skipped).map(|end| end.max(self.end_frame));
        let ordered = |runs: &[LabelRun]| {
            let mut next = 0;
            runs.iter().all(|run| {
                let fits = run.label < classes && run.first >= next;
                let Some(after) = run.first.checked_add(run.frames) else { return false };
                next = after;
                fits && end.is_some_and(|end| after <= end)
            })
        };
        self.people.iter().all(|person| {
            person.class_frames.len() == classes
                && person.class_sums.len() == classes
                && (person.unsure_class_frames.is_empty() || person.unsure_class_frames.len() == classes)
                && person.thumbnails.iter().all(|t| t.label < classes)
                && person.class_frames.iter().try_fold(0u64, |sum, &n| sum.checked_add(n)).is_some()
                && ordered(&person.runs)
                && ordered(&person.excluded)
        })
    }
}

/// One person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The number in the table's column `person`.
    pub face: u32,
    /// The name that was given to them by hand; empty without one.
    pub name: String,
    /// The numbers by which they were followed: several where faces were merged by hand.
    pub faces: Vec<u32>,
    /// Frames in which they were seen, without those that were excluded by hand.
    pub frames: u64,
    /// Of those, frames in which the reading was unsure and nobody has set the label.
    pub unsure_frames: u64,
    /// Of all, frames whose label was set by hand.
    pub frames_by_hand: u64,
    /// Of all, frames in which the detector saw the face.
    pub detected_frames: u64,
    /// Of all, frames of each class to report.
    pub class_frames: Vec<u64>,
    /// Of those, frames in which the reading was unsure.
    pub unsure_class_frames: Vec<u64>,
    /// Sum of each class's probability over the frames.
    pub class_sums: Vec<f64>,
    /// Sum of the quality over the frames.
    pub quality_sum: f64,
    /// Stretches of one class.
    pub runs: Vec<LabelRun>,
    /// Stretches that people took out of all counts, with the class that they would have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<LabelRun>,
    /// Pictures, evenly over the time they were seen.
    pub thumbnails: Vec<Thumbnail>,
}

impl Person {
    /// What the person is called.
    pub fn called(&self) -> String {
        person_called(self.face, &self.name)
    }

    /// Frames of each class in which the reading was not unsure.
    pub fn sure_class_frames(&self) -> Vec<u64> {
        let unsure = |class: usize| self.unsure_class_frames.get(class).copied().unwrap_or(0);
        self.class_frames.iter().enumerate().map(|(class, n)| n.saturating_sub(unsure(class))).collect()
    }

    /// Seconds in which they were seen.
    pub fn seconds(&self) -> f64 {
        self.runs.iter().fold(0.0, |sum, run| sum + run.end - run.start)
    }
}

/// A stretch of consecutive frames with the same class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelRun {
    /// The class.
    pub label: usize,
    /// Its first frame.
    pub first: u64,
    /// Its frames.
    pub frames: u64,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends: as the frame after it begins.
    pub end: f64,
    /// Sum of the class's probability over its frames.
    #[serde(default)]
    pub confidence_sum: f64,
    /// Frames of it that are unsure.
    #[serde(default)]
    pub unsure: u64,
    /// Whether its label was set by hand.
    #[serde(default)]
    pub by_hand: bool,
}

/// A picture of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// The number by which the face was followed; 0 in summaries of older versions.
    #[serde(default)]
    pub face: u32,
    /// When.
    pub seconds: f64,
    /// The class to report of that frame.
    pub label: usize,
    /// The JPEG file's bytes in base 64.
    pub jpeg: String,
    /// Whether that moment was excluded by hand.
    #[serde(default)]
    pub excluded: bool,
}
