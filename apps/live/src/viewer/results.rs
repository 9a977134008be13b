//! What a table of `affekt analyze` says, as far as it is drawn: frames, boxes, labels, probabilities.
//!
//! What the machine read stays beside what people have made of it, so that other corrections can be applied at any moment.
//!
//! Memory: 24 bytes a frame, 40 and one a class for each face in it; an hour of one face at 30 frames a second is 8 MiB.

use std::collections::BTreeMap;

use affekt_engine::media::FaceBox;
use affekt_engine::output::{Corrections, EditsError, FaceRow, TableRow};

/// A face in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The number by which the face was followed.
    pub face: u32,
    /// The person's number.
    pub person: u32,
    /// Where it is, in the frame's pixels.
    pub face_box: FaceBox,
    /// The class that the machine reports.
    pub voted: u16,
    /// The class to report.
    pub label: u16,
    /// Probability of that class.
    pub confidence: f32,
    /// Whether the machine's class is too unlikely to go by, as the table says; older tables do not.
    pub doubtful: bool,
    /// Whether a person has set the label.
    pub by_hand: bool,
    /// Whether a person has taken this moment out of all counts.
    pub excluded: bool,
}

impl Face {
    /// Whether the label to report is too unlikely to go by: somebody who has set it has decided.
    pub fn unsure(&self) -> bool {
        self.doubtful && !self.by_hand
    }
}

/// A frame's number and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Its number in the video.
    pub number: u64,
    /// Its time in seconds.
    pub seconds: f64,
}

/// A person of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub number: u32,
    /// The name that was given to them by hand; empty without one.
    pub name: String,
    /// Frames with their face that count.
    pub frames: u64,
}

/// A stretch of consecutive frames in which a person has one label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// When it begins, in seconds.
    pub from: f64,
    /// When it ends: as the frame after it begins.
    pub to: f64,
    /// The label.
    pub label: u16,
}

/// What people did to a stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Touched {
    /// They have set a label in it.
    pub by_hand: bool,
    /// They have taken some of it out.
    pub excluded: bool,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    pub(super) classes: Vec<String>,
    /// Frames, in order, each with the place of its first face.
    pub(super) frames: Vec<(Frame, u32)>,
    pub(super) faces: Vec<Face>,
    /// Faces x classes, in 255ths.
    pub(super) probabilities: Vec<u8>,
    pub(super) people: Vec<Person>,
}

impl Results {
    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Frames in all.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none; a table that was read has some.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// A frame by its place, from 0.
    pub fn frame(&self, place: usize) -> Option<Frame> {
        self.frames.get(place).map(|(frame, _)| *frame)
    }

    /// The time of the last frame.
    pub fn seconds(&self) -> f64 {
        self.frames.last().map_or(0.0, |(frame, _)| frame.seconds)
    }

    /// People, those with most frames first.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Those with most frames, at most so many, by number.
    pub fn seen_most(&self, most: usize) -> Vec<&Person> {
        let mut people: Vec<&Person> = self.people.iter().take(most).collect();
        people.sort_by_key(|person| person.number);
        people
    }

    /// What a person is called.
    pub fn called(&self, number: u32) -> String {
        self.name(number).map_or_else(|| format!("Person {number}"), str::to_owned)
    }

    /// What stands beside a person's face: their name, else their number.
    pub fn who(&self, number: u32) -> String {
        self.name(number).map_or_else(|| number.to_string(), str::to_owned)
    }

    fn name(&self, number: u32) -> Option<&str> {
        let person = self.people.iter().find(|person| person.number == number)?;
        Some(person.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The last frame that is shown at a time, by its place.
    pub fn place_at(&self, seconds: f64) -> usize {
        // A table's times have six digits, so a frame's own time may lie a little before it.
        self.frames.partition_point(|(frame, _)| frame.seconds <= seconds + 1e-6).saturating_sub(1)
    }

    /// The place of the frame with a number.
    pub fn place_of(&self, number: u64) -> Option<usize> {
        self.frames.binary_search_by_key(&number, |(frame, _)| frame.number).ok()
    }

    fn range(&self, place: usize) -> std::ops::Range<usize> {
        let first =
            |place: usize| self.frames.get(place).map_or(self.faces.len(), |(_, first)| *first as usize);
        first(place)..first(place + 1)
    }

    /// The faces of a frame by its place, each with its probabilities in 255ths, one a class.
    pub fn faces(&self, place: usize) -> impl Iterator<Item = (&Face, &[u8])> {
        let range = self.range(place);
        let width = self.classes.len();
        let rows = self.probabilities[range.start * width..range.end * width].chunks_exact(width);
        self.faces[range].iter().zip(rows)
    }

    /// When a frame ends, by its place: as the next one begins.
    pub fn end_of(&self, place: usize) -> f64 {
        let seconds = |place: usize| self.frame(place).map(|frame| frame.seconds);
        let step = || {
            let before = place.checked_sub(1).and_then(seconds).unwrap_or(0.0);
            (seconds(place).unwrap_or(0.0) - before).max(1e-3)
        };
        seconds(place + 1).unwrap_or_else(|| seconds(place).unwrap_or(0.0) + step())
    }

    fn face_of(&self, person: u32, place: usize) -> Option<&Face> {
        self.faces[self.range(place)].iter().find(|face| face.person == person)
    }

    /// The stretch of one label around a frame, by its place, that a person has there; `None` where they are not seen.
    pub fn segment(&self, person: u32, place: usize) -> Option<Segment> {
        let here = self.face_of(person, place)?;
        let same = |place: usize| {
            let face = self.face_of(person, place);
            face.is_some_and(|face| face.label == here.label && face.by_hand == here.by_hand)
        };
        let first = (0..place).rev().take_while(|&place| same(place)).last().unwrap_or(place);
        let last = (place + 1..self.len()).take_while(|&place| same(place)).last().unwrap_or(place);
        let from = self.frame(first).map_or(0.0, |frame| frame.seconds);
        Some(Segment { from, to: self.end_of(last), label: here.label })
    }

    /// Shows these corrections instead of those that the table holds.
    ///
    /// # Errors
    /// They make one person of two faces of a frame; nothing is changed then.
    pub fn correct(&mut self, corrections: &Corrections) -> Result<(), EditsError> {
        for place in 0..self.len() {
            self.check(place, corrections)?;
        }
        let width = self.classes.len();
        for place in 0..self.len() {
            let seconds = self.frame(place).map_or(0.0, |frame| frame.seconds);
            for at in self.range(place) {
                let share = |label: u16| self.probabilities.get(at * width + usize::from(label)).copied();
                let face = self.faces[at];
                let set = corrections.label(face.face, seconds);
                let label = set.map_or(face.voted, |class| class as u16);
                let confidence = match share(label) {
                    Some(share) if label != face.label => f32::from(share) / 255.0,
                    _ => face.confidence,
                };
                self.faces[at] = Face {
                    person: corrections.person(face.face),
                    label,
                    confidence,
                    by_hand: set.is_some(),
                    excluded: corrections.excludes(Some(face.face), seconds),
                    ..face
                };
            }
        }
        self.count(|person| corrections.name(person).to_owned());
        Ok(())
    }

    /// Whether a frame's faces would be different people.
    fn check(&self, place: usize, corrections: &Corrections) -> Result<(), EditsError> {
        let (faces, Some(frame)) = (&self.faces[self.range(place)], self.frame(place)) else { return Ok(()) };
        if faces.len() < 2 {
            return Ok(());
        }
        let row = |face: &Face| TableRow {
            frame: frame.number,
            seconds: frame.seconds,
            face: Some(FaceRow {
                face: face.face,
                person: corrections.person(face.face),
                ..FaceRow::default()
            }),
            ..TableRow::default()
        };
        Corrections::check_frame(&faces.iter().map(row).collect::<Vec<_>>())
    }

    /// Counts everybody's frames anew. Who has only excluded ones is still somebody.
    pub(super) fn count(&mut self, name: impl Fn(u32) -> String) {
        let mut frames: BTreeMap<u32, u64> = BTreeMap::new();
        for face in &self.faces {
            *frames.entry(face.person).or_default() += u64::from(!face.excluded);
        }
        let person = |(number, frames)| Person { number, name: name(number), frames };
        self.people = frames.into_iter().map(person).collect();
        self.people.sort_by_key(|person| (std::cmp::Reverse(person.frames), person.number));
    }

    /// What a person shows most in each of `columns` equal stretches of the video; `None` where they are not seen, or where it does not
    /// count.
    pub fn ribbon(&self, person: u32, columns: usize) -> Vec<Option<u16>> {
        let mut counts = vec![0u32; columns * self.classes.len()];
        self.spread(person, columns, |column, face| {
            if !face.excluded {
                counts[column * self.classes.len() + usize::from(face.label)] += 1;
            }
        });
        let most = |counts: &[u32]| {
            let best = (0..counts.len()).rev().max_by_key(|&class| counts[class])?;
            (counts[best] > 0).then_some(best as u16)
        };
        counts.chunks_exact(self.classes.len()).map(most).collect()
    }

    /// Where people had a hand in a person's stretches, `columns` as in [`Results::ribbon`].
    pub fn touched(&self, person: u32, columns: usize) -> Vec<Touched> {
        let mut touched = vec![Touched::default(); columns];
        self.spread(person, columns, |column, face| {
            touched[column].by_hand |= face.by_hand && !face.excluded;
            touched[column].excluded |= face.excluded;
        });
        touched
    }

    /// Tells of each of a person's frames in every column that it reaches into.
    fn spread(&self, person: u32, columns: usize, mut tell: impl FnMut(usize, &Face)) {
        let width = self.seconds().max(1e-9);
        let column =
            |seconds: f64| ((seconds / width * columns as f64) as usize).min(columns.saturating_sub(1));
        for (place, (frame, _)) in self.frames.iter().enumerate() {
            let first = column(frame.seconds);
            // Where there are more columns than frames, a frame fills those up to the next one.
            let end = self.frame(place + 1).map_or(columns, |next| column(next.seconds)).max(first + 1);
            for face in self.faces[self.range(place)].iter().filter(|face| face.person == person) {
                (first..end).for_each(|column| tell(column, face));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::parsed;
    use super::*;
    use affekt_engine::output::Edit;

    fn table() -> Results {
        parsed(
            "0,0.0,1,1,2,3,4,0.25,0.75,glad,,glad,0.75\n0,0.0,7,5,6,7,8,1,0,calm,,calm,1\n1,0.5,no_face,,,,,,,,,,\n\
             3,1.0,7,5,6,7,8,0.5,0.5,calm,,glad,0.5\n4,2.0,7,5,6,7,8,0.5,0.5,calm,,calm,0.5\n",
        )
        .unwrap()
    }

    #[test]
    fn frames_and_faces_are_found_by_place_time_and_number() {
        let table = table();
        assert_eq!((table.len(), table.seconds()), (4, 2.0));
        assert_eq!(table.classes(), ["calm", "glad"]);
        assert_eq!([-1.0, 0.0, 0.49, 0.5, 1.7, 9.0].map(|s| table.place_at(s)), [0, 0, 0, 1, 2, 3]);
        assert_eq!([0, 1, 2, 3].map(|n| table.place_of(n)), [Some(0), Some(1), None, Some(2)]);
        let first: Vec<_> =
            table.faces(0).map(|(f, p)| (f.person, f.label, f.face_box.w, p.to_vec())).collect();
        assert_eq!(first, [(1, 1, 3.0, vec![64, 191]), (7, 0, 7.0, vec![255, 0])]);
        assert_eq!(table.faces(1).count(), 0);
        assert_eq!(table.faces(99).count(), 0);
        let people: Vec<_> = table.people().iter().map(|p| (p.number, p.frames)).collect();
        assert_eq!(people, [(7, 3), (1, 1)]);
        let numbers = |most| table.seen_most(most).iter().map(|p| p.number).collect::<Vec<_>>();
        assert_eq!((numbers(1), numbers(9)), (vec![7], vec![1, 7]));
    }

    #[test]
    fn corrections_are_shown_and_what_is_taken_back_is_the_machines_word_again() {
        let mut results = table();
        let machine = results.clone();
        let classes = results.classes().to_vec();
        let corrections = |edits: &[Edit]| Corrections::new(edits, &[1, 7].into(), &classes, vec![]).unwrap();
        let edits = [
            Edit::Label { person: 7, from: 0.9, to: 1.5, label: "calm".into() },
            Edit::Rename { person: 7, name: "Ada".into() },
            Edit::Exclude { from: 1.5, to: 3.0, person: None },
        ];
        results.correct(&corrections(&edits)).unwrap();
        assert_eq!(results.people()[0], Person { number: 7, name: "Ada".into(), frames: 2 });
        assert_eq!(results.ribbon(7, 4), [Some(0), None, Some(0), None]);
        let set = results.faces(2).next().unwrap().0;
        assert!(set.by_hand && set.label == 0 && set.voted == 1 && (set.confidence - 0.5).abs() < 0.01);
        let error = results.correct(&corrections(&[Edit::Merge { people: vec![1, 7] }])).unwrap_err();
        assert!(error.to_string().contains("cannot be one person"), "{error}");
        assert_eq!(results.people()[0].name, "Ada", "what does not fit changes nothing");
        results.correct(&corrections(&[])).unwrap();
        let labels = |results: &Results| -> Vec<u16> { results.faces.iter().map(|f| f.label).collect() };
        assert_eq!(labels(&results), labels(&machine));
        assert_eq!(results.people(), machine.people());
    }

    #[test]
    fn a_segment_is_as_long_as_the_label_stays() {
        let table = table();
        let of = |place| table.segment(7, place).map(|s| (s.from, s.to, s.label));
        assert_eq!(of(0), Some((0.0, 0.5, 0)));
        assert_eq!(of(1), None, "they are not seen");
        assert_eq!(of(2), Some((1.0, 2.0, 1)));
        assert_eq!(of(3), Some((2.0, 3.0, 0)), "the last frame is as long as the one before");
    }

    #[test]
    fn a_ribbon_shows_the_class_of_most_frames() {
        let table = table();
        assert_eq!(table.ribbon(7, 4), [Some(0), None, Some(1), Some(0)]);
        assert_eq!(table.ribbon(7, 1), [Some(0)], "two of three frames");
        let fine = table.ribbon(7, 8);
        assert_eq!(fine, [Some(0), Some(0), None, None, Some(1), Some(1), Some(1), Some(0)], "no gaps");
        assert_eq!(table.ribbon(5, 2), [None, None]);
    }
}
