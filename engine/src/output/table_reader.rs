//! Reading a table back: columns are found by name, and every row must make sense. What newer versions added may be missing.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use thiserror::Error;

use super::row::{FaceRow, TableRow};
use crate::files::open_regular;

/// What version 1 wrote into `face` where there is none.
const NO_FACE: &str = "no_face";
/// Most classes of a table, as many as its columns can be told apart.
const MOST_COLUMNS: usize = 4096;

/// Why a table cannot be read.
#[derive(Debug, Error)]
#[error("{path}: {problem}", path = .path.display())]
pub struct TableError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with its line, and what to do.
    pub problem: String,
}

/// Where the columns are.
struct Places {
    frame: usize,
    seconds: usize,
    face: usize,
    first_of_box: usize,
    classes: Vec<usize>,
    voted_label: usize,
    confidence: usize,
    landmarks: Option<usize>,
    frame_label: Option<usize>,
    temporal_label: Option<usize>,
    unsure: Option<usize>,
    cut: Option<usize>,
    detected: Option<usize>,
    score: Option<usize>,
    quality: Option<usize>,
    yaw: Option<usize>,
    frontal: Option<usize>,
    person: Option<usize>,
    name: Option<usize>,
    label: Option<usize>,
    label_by: Option<usize>,
    excluded: Option<usize>,
    speaker: Option<usize>,
    affect: Option<usize>,
}

impl Places {
    fn of(header: &StringRecord) -> Result<(Self, Vec<String>), String> {
        if header.len() > MOST_COLUMNS {
            return Err(format!("line 1: {} columns, more than a table has", header.len()));
        }
        let maybe = |name: &str| header.iter().position(|column| column == name);
        let find = |name: &str| {
            maybe(name).ok_or_else(|| {
                format!("line 1: there is no column `{name}`; give a table that `affekt analyze` has written")
            })
        };
        let first_of_box = find("x")?;
        for (offset, name) in ["x", "y", "w", "h"].into_iter().enumerate() {
            if find(name)? != first_of_box + offset {
                return Err("line 1: x, y, w and h do not follow each other".into());
            }
        }
        let named = |name: &str| name.strip_prefix("p_").map(str::to_owned);
        let (places, classes): (Vec<usize>, Vec<String>) =
            header.iter().enumerate().filter_map(|(at, name)| Some((at, named(name)?))).unzip();
        if classes.is_empty() {
            return Err("line 1: no column is called p_CLASS; give a table of `affekt analyze`".into());
        }
        let whole = |first: Option<usize>, names: &[&str]| {
            first.filter(|first| names.iter().enumerate().all(|(k, name)| maybe(name) == Some(first + k)))
        };
        let points = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"];
        let points: Vec<String> = points.iter().flat_map(|p| [format!("{p}_x"), format!("{p}_y")]).collect();
        let points: Vec<&str> = points.iter().map(String::as_str).collect();
        let places = Self {
            frame: find("frame")?,
            seconds: find("seconds")?,
            face: find("face")?,
            first_of_box,
            classes: places,
            voted_label: find("voted_label")?,
            confidence: find("confidence")?,
            landmarks: whole(maybe(points[0]), &points),
            frame_label: maybe("frame_label"),
            temporal_label: maybe("temporal_label"),
            unsure: maybe("unsure"),
            cut: maybe("cut"),
            detected: maybe("detected"),
            score: maybe("score"),
            quality: maybe("quality"),
            yaw: whole(maybe("yaw"), &["yaw", "pitch", "roll"]),
            frontal: maybe("frontal"),
            person: maybe("person"),
            name: maybe("name"),
            label: maybe("label"),
            label_by: maybe("label_by"),
            excluded: maybe("excluded"),
            speaker: maybe("speaker"),
            affect: whole(maybe("valence"), &["valence", "arousal"]),
        };
        Ok((places, classes))
    }
}

fn number<T: std::str::FromStr>(row: &StringRecord, at: usize, what: &str) -> Result<T, String> {
    let text = row.get(at).unwrap_or_default();
    text.parse().map_err(|_| format!("`{}` is no {what}", crate::files::printable(text, 40)))
}

/// A number that is finite.
fn finite(row: &StringRecord, at: usize, what: &str) -> Result<f64, String> {
    let value: f64 = number(row, at, what)?;
    if value.is_finite() { Ok(value) } else { Err(format!("`{value}` is no {what}")) }
}

/// A table that is being read, row by row.
pub struct TableReader<R> {
    path: PathBuf,
    rows: csv::Reader<R>,
    places: Places,
    classes: Vec<String>,
    record: StringRecord,
    last: Option<(u64, f64)>,
}

impl TableReader<BufReader<File>> {
    /// Opens a table.
    ///
    /// # Errors
    /// It cannot be opened, or its header is not a table's.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let file = open_regular(path, "a table")
            .map_err(|e| TableError { path: path.to_owned(), problem: e.to_string() })?;
        Self::new(BufReader::new(file), path)
    }
}

impl<R: Read> TableReader<R> {
    /// Reads a table's header; `path` is for messages.
    ///
    /// # Errors
    /// The header is not a table's.
    pub fn new(text: R, path: &Path) -> Result<Self, TableError> {
        let wrong = |problem: String| TableError { path: path.to_owned(), problem };
        let mut rows = csv::Reader::from_reader(text);
        let header = rows.headers().map_err(|e| wrong(e.to_string()))?.clone();
        let (places, classes) = Places::of(&header).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), rows, places, classes, record: StringRecord::new(), last: None })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// It makes no sense; the message names the line.
    pub fn next_row(&mut self) -> Result<Option<TableRow>, TableError> {
        match self.rows.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(self.wrong(error.to_string())),
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        match self.row() {
            Ok(row) => Ok(Some(row)),
            Err(problem) => Err(self.wrong(format!("line {line}: {problem}"))),
        }
    }

    fn wrong(&self, problem: String) -> TableError {
        TableError { path: self.path.clone(), problem }
    }

    /// All rows of the next frame; `None` at the end. `ahead` keeps the row after them until the next call.
    ///
    /// # Errors
    /// As [`TableReader::next_row`].
    pub fn next_frame(&mut self, ahead: &mut Option<TableRow>) -> Result<Option<Vec<TableRow>>, TableError> {
        let Some(first) = ahead.take().map_or_else(|| self.next_row(), |row| Ok(Some(row)))? else {
            return Ok(None);
        };
        let mut rows = vec![first];
        while let Some(row) = self.next_row()? {
            if row.frame != rows[0].frame {
                *ahead = Some(row);
                break;
            }
            rows.push(row);
        }
        Ok(Some(rows))
    }

    fn row(&mut self) -> Result<TableRow, String> {
        let (row, at) = (&self.record, &self.places);
        let frame: u64 = number(row, at.frame, "frame number")?;
        let seconds = finite(row, at.seconds, "time in seconds")?;
        if let Some((last, then)) = self.last
            && (frame < last || seconds < then)
        {
            return Err(format!("frame {frame} comes after frame {last}"));
        }
        self.last = Some((frame, seconds));
        let text = |place: Option<usize>| place.and_then(|at| row.get(at)).unwrap_or_default();
        let flag = |place: Option<usize>| text(place) == "1";
        let some = |place: Option<usize>, what: &str| {
            place
                .filter(|&at| row.get(at).is_some_and(|t| !t.is_empty()))
                .map(|at| finite(row, at, what))
                .transpose()
        };
        let speaker = Some(text(at.speaker)).filter(|name| !name.is_empty()).map(str::to_owned);
        let cut = at.cut.map(|at| number(row, at, "number of a shot")).transpose()?.unwrap_or(0);
        let mut whole = TableRow { frame, seconds, cut, face: None, excluded: flag(at.excluded), speaker };
        if matches!(row.get(at.face), Some("" | NO_FACE) | None) {
            return Ok(whole);
        }
        let class = |name: &str| {
            let found = self.classes.iter().position(|class| class == name);
            let shown = crate::files::printable(name, 40);
            found.ok_or_else(|| format!("`{shown}` is no class of the table's header"))
        };
        let maybe_class = |place: Option<usize>| match text(place) {
            "" => Ok(None),
            name => class(name).map(Some),
        };
        let several = |first: usize, count: usize, what: &str| -> Result<Vec<f64>, String> {
            (first..first + count).map(|at| finite(row, at, what)).collect()
        };
        let face = number(row, at.face, "person's number")?;
        let voted_label = class(row.get(at.voted_label).unwrap_or_default())?;
        let corners = several(at.first_of_box, 4, "position")?;
        let points = at.landmarks.filter(|&at| row.get(at).is_some_and(|t| !t.is_empty()));
        let points = points.map(|first| several(first, 10, "position")).transpose()?;
        let angles = at.yaw.filter(|&at| row.get(at).is_some_and(|t| !t.is_empty()));
        let angles = angles.map(|first| several(first, 3, "angle")).transpose()?;
        let affect = at.affect.filter(|&at| row.get(at).is_some_and(|t| !t.is_empty()));
        let affect = affect.map(|first| several(first, 2, "number")).transpose()?;
        let probabilities: Result<Vec<f64>, String> =
            at.classes.iter().map(|&at| finite(row, at, "probability")).collect();
        whole.face = Some(FaceRow {
            face,
            face_box: [corners[0], corners[1], corners[2], corners[3]],
            landmarks: points.map(|p| [0, 1, 2, 3, 4].map(|k| [p[2 * k], p[2 * k + 1]])),
            probabilities: probabilities?,
            frame_label: maybe_class(at.frame_label)?.unwrap_or(voted_label),
            temporal_label: maybe_class(at.temporal_label)?,
            voted_label,
            confidence: finite(row, at.confidence, "confidence")?,
            unsure: flag(at.unsure),
            detected: at.detected.is_none() || flag(at.detected),
            score: some(at.score, "score")?,
            quality: some(at.quality, "quality")?,
            pose: angles.map(|a| [a[0], a[1], a[2]]),
            frontal: Some(text(at.frontal)).filter(|t| !t.is_empty()).map(|t| t == "1"),
            affect: affect.map(|a| [a[0], a[1]]),
            person: match text(at.person) {
                "" => face,
                _ => number(row, at.person.unwrap_or(at.face), "person's number")?,
            },
            name: text(at.name).to_owned(),
            label: maybe_class(at.label)?.unwrap_or(voted_label),
            by_hand: text(at.label_by) == "human",
        });
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::table::TableForm;
    use super::*;

    const HEAD: &str =
        "frame,seconds,face,x,y,w,h,p_calm,p_glad,frame_label,temporal_label,voted_label,confidence\n";

    fn read(text: &str) -> Result<Vec<TableRow>, TableError> {
        let mut table = TableReader::new(text.as_bytes(), Path::new("t.csv"))?;
        let mut rows = vec![];
        while let Some(row) = table.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let text = |rows: &str| read(&format!("{HEAD}{rows}")).unwrap_err().to_string();
        assert!(text("0,0,1,1,2,3,4,0.5,0.5,glad,,sad,1\n").contains("t.csv: line 2: `sad` is no class"));
        assert!(text("0,x,no_face,,,,,,,,,,\n").contains("line 2: `x` is no time"));
        assert!(text("2,1,,,,,,,,,,,\n1,2,,,,,,,,,,,\n").contains("line 3: frame 1 comes after frame 2"));
        assert!(text("1,nan,,,,,,,,,,,\n").contains("line 2"));
        assert!(text("1,1,1,1,2,inf,4,0.5,0.5,glad,,glad,1\n").contains("line 2: `inf` is no position"));
        let other = read("a,b\n1,2\n").unwrap_err().to_string();
        assert!(other.contains("no column `x`") && other.contains("affekt analyze"), "{other}");
        assert!(TableReader::new(&b"\xff\xfe\x00"[..], Path::new("t.csv")).is_err());
    }

    #[test]
    fn a_table_reads_back_as_it_was_written_letter_by_letter() {
        let classes = ["calm", "glad, very"].map(String::from);
        let face = FaceRow {
            face: 4,
            face_box: [-1.005, 2.25, 30.126, 40.0],
            landmarks: Some([[3.333, 4.0]; 5]),
            probabilities: vec![0.123_456_7, 0.876_543_3],
            temporal_label: Some(1),
            confidence: 0.123_456_7,
            detected: true,
            score: Some(0.9),
            quality: Some(0.333_3),
            pose: Some([-10.04, 3.0, 179.96]),
            frontal: Some(true),
            person: 2,
            name: "Dr. \"No\", MD".into(),
            label: 1,
            by_hand: true,
            ..FaceRow::default()
        };
        let plain =
            FaceRow { landmarks: None, pose: None, frontal: None, name: String::new(), ..face.clone() };
        let at = |frame, face| TableRow {
            frame,
            seconds: frame as f64 / 30.0,
            cut: 1,
            face,
            excluded: frame == 2,
            speaker: (frame == 1).then(|| "B".into()),
        };
        let rows = [at(0, Some(face)), at(0, Some(plain)), at(1, None), at(2, None)];
        let form = TableForm::new("talk", &classes);
        let mut text = form.header().into_bytes();
        form.write(&mut text, &rows).unwrap();
        let text = String::from_utf8(text).unwrap();
        let back = read(&text).unwrap();
        let mut again = form.header().into_bytes();
        form.write(&mut again, &back).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), text);
        assert_eq!(back[0].face.as_ref().unwrap().name, "Dr. \"No\", MD");
        assert_eq!((back[2].speaker.as_deref(), back[3].excluded), (Some("B"), true));
        let mut table = TableReader::new(text.as_bytes(), Path::new("t.csv")).unwrap();
        let (mut ahead, mut frames) = (None, vec![]);
        while let Some(rows) = table.next_frame(&mut ahead).unwrap() {
            frames.push(rows.len());
        }
        assert_eq!(frames, [2, 1, 1]);
    }

    #[test]
    fn a_table_of_version_1_is_still_read() {
        let rows =
            read(&format!("{HEAD}0,0,1,1,2,3,4,0.5,0.5,glad,,calm,0.5\n1,0.1,no_face,,,,,,,,,,\n")).unwrap();
        let face = rows[0].face.as_ref().unwrap();
        assert_eq!((face.person, face.label, face.detected, face.quality), (1, 0, true, None));
        assert!(rows[1].face.is_none());
    }
}
