//! What is kept of a whole input: people, and the stretches in which each one's class stayed the same.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::state::InputState;
use crate::world::live::{FaceReading, FrameReading};

/// Version of the summary's form.
pub const SUMMARY_VERSION: u32 = 3;
/// Most pictures of a person that are kept.
const MOST_THUMBNAILS: usize = 8;
/// Quality of those pictures.
const QUALITY: u8 = 80;

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
    /// Where new shots begin.
    #[serde(default)]
    pub cuts: Vec<ShotStart>,
    /// Everybody who was seen, by number.
    pub people: Vec<Person>,
}

impl Summary {
    /// Whether every label is one of the classes, everybody counts each class, and runs follow each other within the frames.
    /// What was read from a file may be anything.
    pub fn is_consistent(&self) -> bool {
        let classes = self.classes.len();
        let end = self.frames.checked_add(self.skipped);
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
                && person.thumbnails.iter().all(|t| t.label < classes)
                && person.class_frames.iter().try_fold(0u64, |sum, &n| sum.checked_add(n)).is_some()
                && ordered(&person.runs)
        })
    }
}

/// A hard cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShotStart {
    /// The first frame of the new shot.
    pub frame: u64,
    /// When it is shown, in seconds.
    pub seconds: f64,
}

/// One person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The number in the table.
    pub face: u32,
    /// Frames in which they were seen.
    pub frames: u64,
    /// Of those, frames in which the reading was unsure.
    #[serde(default)]
    pub unsure_frames: u64,
    /// Of all, frames of each voted class.
    pub class_frames: Vec<u64>,
    /// Sum of each class's probability over the frames.
    pub class_sums: Vec<f64>,
    /// Stretches of one voted class.
    pub runs: Vec<LabelRun>,
    /// Pictures, evenly over the time they were seen.
    pub thumbnails: Vec<Thumbnail>,
}

/// A stretch of consecutive frames with the same voted class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

/// A picture of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// When.
    pub seconds: f64,
    /// The voted class of that frame.
    pub label: usize,
    /// The JPEG file's bytes in base 64.
    pub jpeg: String,
}

/// Gathers readings, frame by frame. Memory is in the number of people and of changes.
#[derive(Debug, Default)]
pub struct Gathering {
    people: BTreeMap<u32, Person>,
    /// People in the last frame, whose runs end when the next one begins.
    open: Vec<u32>,
    /// Only every so many thumbnails of a person are kept once there are enough.
    every: BTreeMap<u32, (u64, u64)>,
    frames: u64,
    no_face: u64,
    cuts: Vec<ShotStart>,
    last: Option<(u64, f64)>,
    /// Time from a frame to the next, the last one seen.
    step: f64,
}

impl Gathering {
    /// Takes the next frame.
    pub fn push(&mut self, reading: &FrameReading, classes: usize) {
        let before = self.last;
        if let Some((_, seconds)) = before {
            self.step = reading.seconds - seconds;
            self.close(reading.seconds);
        }
        self.last = Some((reading.frame, reading.seconds));
        self.frames += 1;
        self.no_face += u64::from(reading.faces.is_empty());
        if reading.cut {
            self.cuts.push(ShotStart { frame: reading.frame, seconds: reading.seconds });
        }
        let follows = |run: &LabelRun| {
            before.is_some_and(|(frame, _)| run.first + run.frames == frame + 1 && frame + 1 == reading.frame)
        };
        for face in &reading.faces {
            let person = self.people.entry(face.face).or_insert_with(|| Person {
                face: face.face,
                class_frames: vec![0; classes],
                class_sums: vec![0.0; classes],
                ..Person::default()
            });
            person.frames += 1;
            person.unsure_frames += u64::from(face.unsure);
            person.class_frames[face.voted_label] += 1;
            for (sum, &p) in person.class_sums.iter_mut().zip(&face.probabilities) {
                *sum += f64::from(p);
            }
            match person.runs.last_mut() {
                Some(run) if run.label == face.voted_label && follows(run) => run.frames += 1,
                _ => person.runs.push(LabelRun {
                    label: face.voted_label,
                    first: reading.frame,
                    frames: 1,
                    start: reading.seconds,
                    end: reading.seconds,
                }),
            }
            keep(person, self.every.entry(face.face).or_insert((1, 0)), face);
        }
        self.open = reading.faces.iter().map(|face| face.face).collect();
    }

    /// Ends the runs of the last frame.
    fn close(&mut self, seconds: f64) {
        for face in &self.open {
            if let Some(run) = self.people.get_mut(face).and_then(|p| p.runs.last_mut()) {
                run.end = seconds;
            }
        }
    }

    /// Ends the input. The last frame is as long as the one before it.
    pub fn finish(mut self, summary: Summary) -> Summary {
        let end = self.last.map_or(0.0, |(_, seconds)| seconds + self.step);
        self.close(end);
        Summary {
            version: SUMMARY_VERSION,
            frames: self.frames,
            no_face_frames: self.no_face,
            seconds: end,
            cuts: self.cuts,
            people: self.people.into_values().collect(),
            ..summary
        }
    }
}

/// Keeps a face's picture; where there are too many, every other one goes, and half as many come.
fn keep(person: &mut Person, (every, seen): &mut (u64, u64), face: &FaceReading) {
    let Some(jpeg) = face.thumbnail.as_ref().and_then(|picture| picture.to_jpeg(QUALITY).ok()) else {
        return;
    };
    *seen += 1;
    if !(*seen - 1).is_multiple_of(*every) {
        return;
    }
    if person.thumbnails.len() == MOST_THUMBNAILS {
        let mut place = 0;
        person.thumbnails.retain(|_| {
            place += 1;
            place % 2 == 1
        });
        *every *= 2;
    }
    let jpeg = BASE64.encode(&jpeg);
    person.thumbnails.push(Thumbnail { seconds: face.seconds, label: face.voted_label, jpeg });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FaceBox, Picture};
    use std::time::Duration;

    fn frame(frame: u64, faces: &[(u32, usize)]) -> FrameReading {
        let seconds = frame as f64 * 0.5;
        let face = |&(face, label): &(u32, usize)| FaceReading {
            frame,
            seconds,
            face,
            face_box: FaceBox::default(),
            landmarks: None,
            detected: true,
            probabilities: vec![0.5, 0.5],
            frame_label: label,
            temporal_label: None,
            voted_label: label,
            confidence: 0.5,
            unsure: false,
            affect: None,
            thumbnail: Some(Picture::filled(8, 8, 3, frame as u8)),
        };
        FrameReading {
            frame,
            seconds,
            cut: frame == 3,
            faces: faces.iter().map(face).collect(),
            latency: Duration::ZERO,
            picture: None,
        }
    }

    #[test]
    fn stretches_end_where_the_class_or_the_person_does() {
        let mut gathering = Gathering::default();
        let frames: [&[(u32, usize)]; 7] =
            [&[(1, 0)], &[(1, 0), (2, 1)], &[(1, 1), (2, 1)], &[], &[(1, 1)], &[(1, 1)], &[]];
        for (number, faces) in frames.iter().enumerate() {
            gathering.push(&frame(number as u64, faces), 2);
        }
        let summary = gathering.finish(Summary::default());
        assert_eq!((summary.frames, summary.no_face_frames, summary.seconds), (7, 2, 3.5));
        let stretches = |person: usize| -> Vec<(usize, f64, f64)> {
            summary.people[person].runs.iter().map(|r| (r.label, r.start, r.end)).collect()
        };
        assert_eq!(stretches(0), [(0, 0.0, 1.0), (1, 1.0, 1.5), (1, 2.0, 3.0)]);
        assert_eq!(stretches(1), [(1, 0.5, 1.5)]);
        assert_eq!(summary.people[0].class_frames, [2, 3]);
        assert_eq!(summary.cuts, [ShotStart { frame: 3, seconds: 1.5 }]);
    }

    #[test]
    fn labels_without_a_class_and_runs_beyond_the_frames_are_inconsistent() {
        let mut gathering = Gathering::default();
        for number in 0..4 {
            gathering.push(&frame(number, &[(1, 1)]), 2);
        }
        let classes = vec!["calm".into(), "glad".into()];
        let whole = gathering.finish(Summary { classes, ..Summary::default() });
        assert!(whole.is_consistent());
        let changed = |change: fn(&mut Summary)| {
            let mut summary = whole.clone();
            change(&mut summary);
            summary.is_consistent()
        };
        assert!(!changed(|s| s.people[0].runs[0].label = 2));
        assert!(!changed(|s| s.people[0].runs[0].frames = u64::MAX));
        assert!(!changed(|s| s.people[0].class_frames.push(1)));
        assert!(!changed(|s| s.people[0].thumbnails[0].label = 9));
        assert!(!changed(|s| s.classes.truncate(1)));
    }

    #[test]
    fn a_long_video_keeps_few_pictures_of_all_of_it() {
        let mut gathering = Gathering::default();
        for number in 0..1000 {
            gathering.push(&frame(number, &[(1, 0)]), 2);
        }
        let summary = gathering.finish(Summary::default());
        let times: Vec<f64> = summary.people[0].thumbnails.iter().map(|t| t.seconds).collect();
        assert!((4..=MOST_THUMBNAILS).contains(&times.len()) && times[0] == 0.0, "{times:?}");
        assert!(times.last().is_some_and(|&last| last > 300.0), "{times:?}");
    }
}
