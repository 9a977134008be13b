//! What is kept of a whole input: people, and the stretches in which each one's class stayed the same.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use super::row::TableRow;
use super::summary::{LabelRun, Person, SUMMARY_VERSION, ShotStart, Summary, Thumbnail};
use crate::world::live::{FaceReading, FrameReading};

/// Most pictures of a person that are kept.
const MOST_THUMBNAILS: usize = 8;
/// Quality of those pictures.
const QUALITY: u8 = 80;

/// A moment of a face by which a picture is found again: number and microseconds.
fn moment(face: u32, seconds: f64) -> (u32, i64) {
    (face, (seconds * 1e6).round() as i64)
}

/// Gathers rows, frame by frame. Memory is in the number of people and of changes.
#[derive(Debug)]
pub struct Gathering {
    people: BTreeMap<u32, Person>,
    /// People in the last frame, whose runs end when the next one begins, and whether those are excluded ones.
    open: Vec<(u32, bool)>,
    /// Only every so many thumbnails of a face are kept once there are enough.
    every: BTreeMap<u32, (u64, u64)>,
    /// Pictures that are there already, by their moments, with what is said of these.
    pictures: BTreeMap<(u32, i64), (Thumbnail, u32)>,
    /// Frames from one that is read to the next.
    stride: u64,
    frames: u64,
    no_face: u64,
    /// The shot of the last frame, and where those before it and it begin, but for the first.
    shot: u64,
    cuts: Vec<ShotStart>,
    last: Option<(u64, f64)>,
    /// Time from a frame to the next, the last one seen.
    step: f64,
}

impl Default for Gathering {
    /// Of an input of which every frame is read.
    fn default() -> Self {
        Self::new(1)
    }
}

impl Gathering {
    /// Of an input of which every `stride`-th frame is read, from 1.
    pub fn new(stride: u64) -> Self {
        Self {
            people: BTreeMap::new(),
            open: vec![],
            every: BTreeMap::new(),
            pictures: BTreeMap::new(),
            stride,
            frames: 0,
            no_face: 0,
            shot: 0,
            cuts: vec![],
            last: None,
            step: 0.0,
        }
    }

    /// Takes over the pictures of an older summary of the same rows: they go to whoever the faces belong to now.
    #[must_use]
    pub fn with_pictures_of(mut self, before: &Summary) -> Self {
        for person in &before.people {
            for picture in &person.thumbnails {
                let face = if picture.face == 0 { person.face } else { picture.face };
                let picture = Thumbnail { face, ..picture.clone() };
                self.pictures.insert(moment(face, picture.seconds), (picture, 0));
            }
        }
        self
    }

    /// Takes the next frame as it was read.
    pub fn push(&mut self, reading: &FrameReading, classes: usize) {
        let rows = TableRow::of(reading);
        self.push_rows(&rows, classes);
        self.keep_pictures(reading, &rows);
    }

    /// Takes the rows of the next frame.
    pub fn push_rows(&mut self, rows: &[TableRow], classes: usize) {
        let Some(first) = rows.first() else { return };
        let before = self.last;
        if let Some((_, seconds)) = before {
            self.step = first.seconds - seconds;
            self.close(first.seconds);
        }
        self.last = Some((first.frame, first.seconds));
        if first.cut != self.shot {
            self.shot = first.cut;
            self.cuts.push(ShotStart { frame: first.frame, seconds: first.seconds });
        }
        self.frames += 1;
        self.no_face += u64::from(rows.iter().all(|row| row.face.is_none()));
        let follows = before.is_some_and(|(frame, _)| frame + self.stride == first.frame);
        let were_open = std::mem::take(&mut self.open);
        for row in rows {
            let Some(face) = &row.face else { continue };
            if let Some((picture, owner)) = self.pictures.get_mut(&moment(face.face, row.seconds)) {
                (picture.label, picture.excluded, *owner) = (face.label, row.excluded, face.person);
            }
            let person = self.people.entry(face.person).or_insert_with(|| Person {
                face: face.person,
                class_frames: vec![0; classes],
                unsure_class_frames: vec![0; classes],
                class_sums: vec![0.0; classes],
                ..Person::default()
            });
            person.name.clone_from(&face.name);
            if !person.faces.contains(&face.face) {
                person.faces.push(face.face);
            }
            if face.label >= classes {
                continue;
            }
            let unsure = face.unsure && !face.by_hand;
            let goes_on = follows && were_open.contains(&(face.person, row.excluded));
            let run = LabelRun {
                label: face.label,
                first: row.frame,
                frames: 1,
                start: row.seconds,
                end: row.seconds,
                confidence_sum: face.probabilities.get(face.label).copied().unwrap_or(0.0),
                unsure: u64::from(unsure),
                by_hand: face.by_hand,
            };
            append(if row.excluded { &mut person.excluded } else { &mut person.runs }, run, goes_on);
            self.open.push((face.person, row.excluded));
            if row.excluded {
                continue;
            }
            person.frames += 1;
            person.unsure_frames += u64::from(unsure);
            person.frames_by_hand += u64::from(face.by_hand);
            person.detected_frames += u64::from(face.detected);
            person.quality_sum += face.quality.unwrap_or(0.0);
            person.class_frames[face.label] += 1;
            person.unsure_class_frames[face.label] += u64::from(unsure);
            for (sum, p) in person.class_sums.iter_mut().zip(&face.probabilities) {
                *sum += p;
            }
        }
    }

    /// Keeps the pictures that a reading carries; `rows` are its rows.
    pub fn keep_pictures(&mut self, reading: &FrameReading, rows: &[TableRow]) {
        for face in &reading.faces {
            let row = rows.iter().find(|row| row.face.as_ref().is_some_and(|f| f.face == face.face));
            let Some((row, of)) = row.and_then(|row| Some((row, row.face.as_ref()?))) else { continue };
            if let Some(person) = self.people.get_mut(&of.person) {
                let label = (of.label, row.excluded);
                keep(person, self.every.entry(face.face).or_insert((1, 0)), face, label);
            }
        }
    }

    /// Ends the runs of the last frame.
    fn close(&mut self, seconds: f64) {
        for (face, excluded) in &self.open {
            let person = self.people.get_mut(face);
            let runs = person.map(|p| if *excluded { &mut p.excluded } else { &mut p.runs });
            if let Some(run) = runs.and_then(|runs| runs.last_mut()) {
                run.end = seconds;
            }
        }
    }

    /// Ends the input. The last frame is as long as the one before it.
    pub fn finish(mut self, summary: Summary) -> Summary {
        let end = self.last.map_or(0.0, |(_, seconds)| seconds + self.step);
        self.close(end);
        for (picture, owner) in self.pictures.into_values() {
            if let Some(person) = self.people.get_mut(&owner) {
                person.thumbnails.push(picture);
            }
        }
        for person in self.people.values_mut() {
            person.thumbnails.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
            person.faces.sort_unstable();
        }
        Summary {
            version: SUMMARY_VERSION,
            frames: self.frames,
            end_frame: self.last.map_or(0, |(frame, _)| frame + 1),
            no_face_frames: self.no_face,
            seconds: end,
            cuts: self.cuts,
            people: self.people.into_values().collect(),
            ..summary
        }
    }
}

/// Adds a frame to the last stretch where that one goes on with the same label by the same hand, else as a stretch of its own.
fn append(runs: &mut Vec<LabelRun>, frame: LabelRun, goes_on: bool) {
    match runs.last_mut() {
        Some(run) if goes_on && run.label == frame.label && run.by_hand == frame.by_hand => {
            run.frames += frame.frames;
            run.confidence_sum += frame.confidence_sum;
            run.unsure += frame.unsure;
        }
        _ => runs.push(frame),
    }
}

/// Keeps a face's picture; where there are too many of it, every other one goes, and half as many come.
fn keep(
    person: &mut Person,
    (every, seen): &mut (u64, u64),
    face: &FaceReading,
    (label, excluded): (usize, bool),
) {
    let Some(jpeg) = face.thumbnail.as_ref().and_then(|picture| picture.to_jpeg(QUALITY).ok()) else {
        return;
    };
    *seen += 1;
    if !(*seen - 1).is_multiple_of(*every) {
        return;
    }
    let of_face = |thumbnail: &Thumbnail| thumbnail.face == face.face;
    if person.thumbnails.iter().filter(|t| of_face(t)).count() == MOST_THUMBNAILS {
        let mut place = 0;
        person.thumbnails.retain(|thumbnail| {
            place += usize::from(of_face(thumbnail));
            !of_face(thumbnail) || place % 2 == 1
        });
        *every *= 2;
    }
    let jpeg = BASE64.encode(&jpeg);
    person.thumbnails.push(Thumbnail { face: face.face, seconds: face.seconds, label, jpeg, excluded });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Picture;

    fn frame(frame: u64, faces: &[(u32, usize)]) -> FrameReading {
        let seconds = frame as f64 * 0.5;
        let face = |&(face, label): &(u32, usize)| FaceReading {
            frame,
            seconds,
            face,
            detected: true,
            probabilities: vec![0.5, 0.5],
            frame_label: label,
            voted_label: label,
            confidence: 0.5,
            thumbnail: Some(Picture::filled(8, 8, 3, frame as u8)),
            ..FaceReading::default()
        };
        let (faces, cut) = (faces.iter().map(face).collect(), u64::from(frame >= 3));
        FrameReading { frame, seconds, cut, faces, ..FrameReading::default() }
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

    #[test]
    fn runs_of_every_third_frame_go_on_and_a_missing_frame_ends_them() {
        let mut gathering = Gathering::new(3);
        for number in [0, 3, 6, 12, 15] {
            gathering.push(&frame(number, &[(1, 0)]), 2);
        }
        let summary = gathering.finish(Summary::default());
        let runs: Vec<(u64, u64)> = summary.people[0].runs.iter().map(|r| (r.first, r.frames)).collect();
        assert_eq!(runs, [(0, 3), (12, 2)]);
        assert_eq!(summary.end_frame, 16);
    }

    #[test]
    fn pictures_follow_their_face_to_whoever_it_belongs_to() {
        let classes = ["calm", "glad"].map(String::from);
        let mut rows = vec![];
        let mut gathering = Gathering::default();
        for number in 0..4 {
            let reading = frame(number, &[(if number < 2 { 1 } else { 5 }, 0)]);
            rows.push(TableRow::of(&reading));
            gathering.push(&reading, 2);
        }
        let machine = gathering.finish(Summary { classes: classes.to_vec(), ..Summary::default() });
        let mut again = Gathering::default().with_pictures_of(&machine);
        for (at, rows) in rows.iter_mut().enumerate() {
            for row in rows.iter_mut() {
                row.excluded = at == 0;
                if let Some(face) = &mut row.face {
                    (face.person, face.name, face.label, face.by_hand) = (1, "Ada".into(), 1, at == 3);
                }
            }
            again.push_rows(rows, 2);
        }
        let merged = again.finish(machine.clone());
        let [person] = merged.people.as_slice() else { panic!("{merged:?}") };
        assert_eq!(
            (person.called().as_str(), person.faces.as_slice(), person.frames),
            ("Ada", &[1, 5][..], 3)
        );
        assert_eq!(
            (person.frames_by_hand, person.runs.len()),
            (1, 2),
            "what is set by hand is a run of its own"
        );
        let pictures: Vec<(u32, usize, bool)> =
            person.thumbnails.iter().map(|t| (t.face, t.label, t.excluded)).collect();
        let excluded: Vec<(f64, f64)> = person.excluded.iter().map(|run| (run.start, run.end)).collect();
        assert_eq!((excluded, person.seconds()), (vec![(0.0, 0.5)], 1.5), "what is excluded stays apart");
        assert_eq!(pictures, [(1, 1, true), (1, 1, false), (5, 1, false), (5, 1, false)]);
        assert!(merged.is_consistent());
    }
}
