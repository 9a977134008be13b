//! What a table of `affekt analyze` says, as far as it is drawn: frames, boxes, labels, probabilities.
//!
//! Memory: 16 bytes a frame, 28 and one a class for each face in it; an hour of one face at 30 frames a second is 6 MiB.

use affekt_engine::media::FaceBox;

/// A face in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The person's number.
    pub person: u32,
    /// Where it is, in the frame's pixels.
    pub face_box: FaceBox,
    /// The class to report.
    pub label: u16,
    /// Its probability.
    pub confidence: f32,
    /// Whether that is too low to go by, as the table says; older tables do not.
    pub unsure: bool,
    /// Whether a person has set the label.
    pub by_hand: bool,
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
    /// Frames with their face.
    pub frames: u64,
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

    /// What a person is called.
    pub fn called(&self, number: u32) -> String {
        let name =
            self.people.iter().find(|person| person.number == number).map(|person| person.name.as_str());
        match name {
            None | Some("") => format!("Person {number}"),
            Some(name) => name.to_owned(),
        }
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

    /// What a person shows most in each of `columns` equal stretches of the video; `None` where they are not seen.
    pub fn ribbon(&self, person: u32, columns: usize) -> Vec<Option<u16>> {
        let mut counts = vec![0u32; columns * self.classes.len()];
        let width = self.seconds().max(1e-9);
        let column =
            |seconds: f64| ((seconds / width * columns as f64) as usize).min(columns.saturating_sub(1));
        for (place, (frame, _)) in self.frames.iter().enumerate() {
            let first = column(frame.seconds);
            // Where there are more columns than frames, a frame fills those up to the next one.
            let end = self.frame(place + 1).map_or(columns, |next| column(next.seconds)).max(first + 1);
            for face in self.faces[self.range(place)].iter().filter(|face| face.person == person) {
                for column in first..end {
                    counts[column * self.classes.len() + usize::from(face.label)] += 1;
                }
            }
        }
        let most = |counts: &[u32]| {
            let best = (0..counts.len()).rev().max_by_key(|&class| counts[class])?;
            (counts[best] > 0).then_some(best as u16)
        };
        counts.chunks_exact(self.classes.len()).map(most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::parsed;
    use super::*;

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
