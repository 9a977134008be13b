//! A table of `affekt analyze`, as far as it is drawn: frames, boxes, labels, probabilities.
//!
//! Memory: 16 bytes a frame, 28 and one a class for each face in it; an hour of one face at 30 frames a second is 6 MiB.

use std::collections::BTreeMap;
use std::path::Path;

use affekt_engine::media::FaceBox;
use csv::StringRecord;

/// What stands in the column `face` of a frame without a face.
const NO_FACE: &str = "no_face";
/// What stands in the column `unsure` of a label that is not to go by.
const UNSURE: &str = "1";

/// A face in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The person's number.
    pub person: u32,
    /// Where it is, in the frame's pixels.
    pub face_box: FaceBox,
    /// The voted class.
    pub label: u16,
    /// Its probability.
    pub confidence: f32,
    /// Whether that is too low to go by, as the table says; older tables do not.
    pub unsure: bool,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub number: u32,
    /// Frames with their face.
    pub frames: u64,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    classes: Vec<String>,
    /// Frames, in order, each with the place of its first face.
    frames: Vec<(Frame, u32)>,
    faces: Vec<Face>,
    /// Faces x classes, in 255ths.
    probabilities: Vec<u8>,
    people: Vec<Person>,
}

/// Where the columns are.
struct Columns {
    frame: usize,
    seconds: usize,
    face: usize,
    first_of_box: usize,
    classes: Vec<usize>,
    label: usize,
    confidence: usize,
    unsure: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<(Self, Vec<String>), String> {
        let find = |name: &str| {
            header.iter().position(|column| column == name).ok_or_else(|| {
                format!("line 1: there is no column `{name}`; give a table that `affekt analyze` has written")
            })
        };
        let first_of_box = find("x")?;
        for (offset, name) in ["x", "y", "w", "h"].into_iter().enumerate() {
            if find(name)? != first_of_box + offset {
                return Err("line 1: the columns x, y, w, h are not side by side".into());
            }
        }
        let named =
            header.iter().enumerate().filter_map(|(place, name)| Some((place, name.strip_prefix("p_")?)));
        let (classes, names): (Vec<usize>, Vec<String>) =
            named.map(|(place, name)| (place, name.to_owned())).unzip();
        if names.is_empty() {
            return Err("line 1: there is no column of a probability (`p_...`)".into());
        }
        let columns = Self {
            frame: find("frame")?,
            seconds: find("seconds")?,
            face: find("face")?,
            first_of_box,
            classes,
            label: find("voted_label")?,
            confidence: find("confidence")?,
            unsure: find("unsure").ok(),
        };
        Ok((columns, names))
    }
}

fn number<T: std::str::FromStr>(row: &StringRecord, column: usize, what: &str) -> Result<T, String> {
    let text = row.get(column).unwrap_or_default();
    text.parse().map_err(|_| format!("`{text}` is no {what}"))
}

impl Results {
    /// Reads a table.
    ///
    /// # Errors
    /// It cannot be read, lacks a column, or a row makes no sense; the message names the file and the line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let named = |problem: String| format!("{}: {problem}", path.display());
        let file = std::fs::File::open(path).map_err(|e| named(e.to_string()))?;
        Self::parse(std::io::BufReader::new(file)).map_err(named)
    }

    fn parse(text: impl std::io::Read) -> Result<Self, String> {
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().map_err(|e| e.to_string())?.clone();
        let (columns, classes) = Columns::of(&header)?;
        let mut results = Self { classes, ..Self::default() };
        let mut people: BTreeMap<u32, u64> = BTreeMap::new();
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).map_err(|e| e.to_string())? {
            let line = row.position().map_or(0, csv::Position::line);
            results.take(&row, &columns, &mut people).map_err(|problem| format!("line {line}: {problem}"))?;
        }
        if results.frames.is_empty() {
            return Err("the table has no rows; analyse the video again".into());
        }
        results.people = people.into_iter().map(|(number, frames)| Person { number, frames }).collect();
        results.people.sort_by_key(|person| (std::cmp::Reverse(person.frames), person.number));
        Ok(results)
    }

    fn take(
        &mut self,
        row: &StringRecord,
        at: &Columns,
        people: &mut BTreeMap<u32, u64>,
    ) -> Result<(), String> {
        let frame = Frame {
            number: number(row, at.frame, "frame number")?,
            seconds: number(row, at.seconds, "time in seconds")?,
        };
        match self.frames.last() {
            Some((last, _)) if last.number == frame.number => {}
            Some((last, _))
                if last.number > frame.number || frame.seconds < last.seconds || frame.seconds.is_nan() =>
            {
                return Err(format!("frame {} comes after frame {}", frame.number, last.number));
            }
            _ => {
                let first = u32::try_from(self.faces.len()).map_err(|_| "the table has too many rows")?;
                self.frames.push((frame, first));
            }
        }
        if row.get(at.face) == Some(NO_FACE) {
            return Ok(());
        }
        let person = number(row, at.face, "person's number")?;
        let side = |offset| number::<f32>(row, at.first_of_box + offset, "position");
        let name = row.get(at.label).unwrap_or_default();
        let label = self.classes.iter().position(|class| class == name);
        let label = label.ok_or_else(|| format!("`{name}` is no class of the table's header"))?;
        for column in &at.classes {
            let share: f32 = number(row, *column, "probability")?;
            self.probabilities.push((share * 255.0).round() as u8);
        }
        self.faces.push(Face {
            person,
            face_box: FaceBox { x: side(0)?, y: side(1)?, w: side(2)?, h: side(3)? },
            label: label as u16,
            confidence: number(row, at.confidence, "confidence")?,
            unsure: at.unsure.and_then(|column| row.get(column)) == Some(UNSURE),
        });
        *people.entry(person).or_insert(0) += 1;
        Ok(())
    }

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
    use super::*;

    const HEAD: &str =
        "frame,seconds,face,x,y,w,h,p_calm,p_glad,frame_label,temporal_label,voted_label,confidence\n";

    fn parse(rows: &str) -> Result<Results, String> {
        Results::parse(format!("{HEAD}{rows}").as_bytes())
    }

    fn table() -> Results {
        parse(
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
        assert_eq!(table.people(), [Person { number: 7, frames: 3 }, Person { number: 1, frames: 1 }]);
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

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let text = |rows| parse(rows).unwrap_err();
        assert!(text("").contains("no rows"));
        assert!(text("0,0,1,1,2,3,4,0.5,0.5,glad,,sad,1\n").contains("line 2: `sad` is no class"));
        assert!(text("0,x,no_face,,,,,,,,,,\n").contains("line 2: `x` is no time"));
        assert!(
            text("2,1,no_face,,,,,,,,,,\n1,2,no_face,,,,,,,,,,\n").contains("line 3: frame 1 comes after")
        );
        assert!(text("1,nan,no_face,,,,,,,,,,\n2,nan,no_face,,,,,,,,,,\n").contains("line 3"));
        let other = Results::parse("a,b\n1,2\n".as_bytes()).unwrap_err();
        assert!(other.contains("no column `x`") && other.contains("affekt analyze"), "{other}");
        assert!(Results::parse(&b"\xff\xfe\x00"[..]).is_err());
    }
}
