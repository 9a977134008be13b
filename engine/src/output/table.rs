//! The table: a row a face and frame, and a row for every frame without one. [`columns`] is the one place that says which columns
//! there are, what they hold and how they are written; CSV, Parquet and the schema come from it.

use std::io::{self, Write};

use super::cells::{Cell, CellKind, ColumnInfo, csv};
use super::row::{FaceRow, TableRow};
use crate::world::live::FrameReading;

/// The version of the tables' schema. It grows when a column changes its meaning or goes; new columns are added at the end and do not
/// change it. In version 1, `face` was `no_face` in a frame without a face.
pub const TABLE_VERSION: u32 = 2;

/// The five landmarks, in their order.
const LANDMARKS: [&str; 5] = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"];

/// A column of the table.
#[derive(Debug, Clone)]
pub struct TableColumn {
    /// Its name, type and meaning.
    pub info: ColumnInfo,
    value: Value,
}

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// The name of the input's files.
    Input,
    /// Of the frame.
    Row(fn(&TableRow) -> Cell),
    /// Of the face.
    Face(fn(&FaceRow) -> Cell),
    /// One of the four numbers of the box.
    Box(usize),
    /// A coordinate of a landmark.
    Landmark(usize, usize),
    /// A class's probability.
    Probability(usize),
    /// A class's name.
    Class(fn(&FaceRow) -> Option<usize>),
}

/// All columns, in their order. `classes` are the names that labels stand for.
pub fn columns(classes: &[String]) -> Vec<TableColumn> {
    let mut all = vec![];
    places(&mut all);
    answers(&mut all, classes);
    sights(&mut all);
    corrections(&mut all);
    all
}

fn add(all: &mut Vec<TableColumn>, name: &str, kind: CellKind, always: bool, meaning: &str, value: Value) {
    all.push(TableColumn { info: ColumnInfo::new(name, kind, always, meaning), value });
}

/// Which frame, which face and where it is.
fn places(all: &mut Vec<TableColumn>) {
    use CellKind::{Integer, Number};
    add(
        all,
        "frame",
        Integer,
        true,
        "frame number in display order, from 0",
        Value::Row(|r| Cell::Integer(r.frame)),
    );
    add(
        all,
        "seconds",
        Number(6),
        true,
        "seconds from the first frame",
        Value::Row(|r| Cell::Number(r.seconds)),
    );
    add(
        all,
        "face",
        Integer,
        false,
        "number by which the face was followed, from 1; empty in a frame without a face",
        Value::Face(|f| Cell::Integer(f.face.into())),
    );
    for (at, (name, what)) in
        [("x", "left edge"), ("y", "top edge"), ("w", "width"), ("h", "height")].into_iter().enumerate()
    {
        add(
            all,
            name,
            Number(2),
            false,
            &format!("{what} of the face's box in pixels of the upright picture"),
            Value::Box(at),
        );
    }
    for (at, name) in LANDMARKS.into_iter().enumerate() {
        for (axis, letter) in ["x", "y"].into_iter().enumerate() {
            let meaning = "landmark in pixels; left is the picture's left; empty if the detector gives none";
            add(all, &format!("{name}_{letter}"), Number(2), false, meaning, Value::Landmark(at, axis));
        }
    }
}

/// What the model says.
fn answers(all: &mut Vec<TableColumn>, classes: &[String]) {
    use CellKind::{Flag, Number, Text};
    for (at, class) in classes.iter().enumerate() {
        let meaning = format!("calibrated probability of {class}, 0 to 1; those of a row sum to 1");
        add(all, &format!("p_{class}"), Number(6), false, &meaning, Value::Probability(at));
    }
    let label = [
        ("frame_label", "most probable class of this frame alone", Value::Class(|f| Some(f.frame_label))),
        (
            "temporal_label",
            "class of the temporal encoder; empty without one",
            Value::Class(|f| f.temporal_label),
        ),
        (
            "voted_label",
            "class after the vote over neighbouring frames",
            Value::Class(|f| Some(f.voted_label)),
        ),
    ];
    for (name, meaning, value) in label {
        add(all, name, Text, false, meaning, value);
    }
    add(
        all,
        "confidence",
        Number(6),
        false,
        "probability of the voted class in this frame, 0 to 1",
        Value::Face(|f| Cell::Number(f.confidence)),
    );
    add(
        all,
        "unsure",
        Flag,
        false,
        "1 if the confidence is too low to go by (--unsure-below)",
        Value::Face(|f| Cell::Flag(f.unsure)),
    );
}

/// How the face was seen.
fn sights(all: &mut Vec<TableColumn>) {
    use CellKind::{Flag, Integer, Number, Text};
    add(
        all,
        "input",
        Text,
        true,
        "name of the input's files, so that tables can be put together",
        Value::Input,
    );
    add(
        all,
        "cut",
        Integer,
        true,
        "number of the shot, from 0: hard cuts before this frame",
        Value::Row(|r| Cell::Integer(r.cut)),
    );
    add(
        all,
        "detected",
        Flag,
        true,
        "1 if the detector saw the face in this frame; 0 if its motion was carried on, or there is no face",
        Value::Row(|r| Cell::Flag(r.face.as_ref().is_some_and(|f| f.detected))),
    );
    add(
        all,
        "score",
        Number(4),
        false,
        "score of the detector when it last saw the face, 0 to 1",
        Value::Face(|f| f.score.map_or(Cell::Empty, Cell::Number)),
    );
    add(
        all,
        "quality",
        Number(3),
        false,
        "how well the face can be seen, 0 to 1: the worst of size, sharpness, light and turn",
        Value::Face(|f| f.quality.map_or(Cell::Empty, Cell::Number)),
    );
    let angles = [
        ("yaw", "turn of the head in degrees, positive to the picture's right", pose_value(0)),
        ("pitch", "nod of the head in degrees, positive up", pose_value(1)),
        ("roll", "tilt of the head in degrees, positive clockwise", pose_value(2)),
    ];
    for (name, meaning, value) in angles {
        add(all, name, Number(1), false, &format!("{meaning}; empty without landmarks"), value);
    }
    add(
        all,
        "frontal",
        Flag,
        false,
        "1 if the head is turned by at most 30 degrees and nodded by at most 25; empty without landmarks",
        Value::Face(|f| f.frontal.map_or(Cell::Empty, Cell::Flag)),
    );
}

/// What people say.
fn corrections(all: &mut Vec<TableColumn>) {
    use CellKind::{Flag, Integer, Text};
    add(
        all,
        "person",
        Integer,
        false,
        "number of the person: as face, unless faces were merged by hand",
        Value::Face(|f| Cell::Integer(f.person.into())),
    );
    add(
        all,
        "name",
        Text,
        false,
        "name that was given to the person by hand; empty without one",
        Value::Face(|f| if f.name.is_empty() { Cell::Empty } else { Cell::Text(f.name.clone()) }),
    );
    add(
        all,
        "label",
        Text,
        false,
        "class to report: voted_label, unless it was corrected by hand",
        Value::Class(|f| Some(f.label)),
    );
    add(
        all,
        "label_by",
        Text,
        false,
        "who set label: machine or human",
        Value::Face(|f| Cell::Text(if f.by_hand { "human" } else { "machine" }.into())),
    );
    add(
        all,
        "excluded",
        Flag,
        true,
        "1 if the row was taken out of all counts by hand",
        Value::Row(|r| Cell::Flag(r.excluded)),
    );
    add(
        all,
        "speaker",
        Text,
        false,
        "who speaks at this moment, where a file of speakers was joined",
        Value::Row(|r| r.speaker.clone().map_or(Cell::Empty, Cell::Text)),
    );
    let affect = [
        ("valence", "how pleasant the expression is, -1 to 1", affect_value(0)),
        ("arousal", "how aroused it is, -1 to 1", affect_value(1)),
    ];
    for (name, meaning, value) in affect {
        add(
            all,
            name,
            CellKind::Number(6),
            false,
            &format!("{meaning}; empty where the model does not say"),
            value,
        );
    }
}

fn affect_value(which: usize) -> Value {
    fn at(f: &FaceRow, which: usize) -> Cell {
        f.affect.map_or(Cell::Empty, |affect| Cell::Number(affect[which]))
    }
    if which == 0 { Value::Face(|f| at(f, 0)) } else { Value::Face(|f| at(f, 1)) }
}

fn pose_value(angle: usize) -> Value {
    fn at(f: &FaceRow, angle: usize) -> Cell {
        f.pose.map_or(Cell::Empty, |pose| Cell::Number(pose[angle]))
    }
    match angle {
        0 => Value::Face(|f| at(f, 0)),
        1 => Value::Face(|f| at(f, 1)),
        _ => Value::Face(|f| at(f, 2)),
    }
}

impl TableColumn {
    /// The column's value in a row.
    pub fn of(&self, row: &TableRow, classes: &[String], input: &str) -> Cell {
        let face = row.face.as_ref();
        let of_face =
            |get: &dyn Fn(&FaceRow) -> Option<f64>| face.and_then(get).map_or(Cell::Empty, Cell::Number);
        match self.value {
            Value::Input => Cell::Text(input.to_owned()),
            Value::Row(get) => get(row),
            Value::Face(get) => face.map_or(Cell::Empty, get),
            Value::Box(at) => of_face(&|f| Some(f.face_box[at])),
            Value::Landmark(at, axis) => of_face(&|f| f.landmarks.map(|points| points[at][axis])),
            Value::Probability(at) => of_face(&|f| f.probabilities.get(at).copied()),
            Value::Class(get) => {
                let class = face.and_then(get).and_then(|class| classes.get(class));
                class.map_or(Cell::Empty, |class| Cell::Text(class.clone()))
            }
        }
    }
}

/// A table that is being written: its columns, and whose it is.
#[derive(Debug, Clone)]
pub struct TableForm {
    columns: Vec<TableColumn>,
    classes: Vec<String>,
    input: String,
}

impl TableForm {
    /// For an input, called by the name of its files. `classes` are the names that labels stand for.
    pub fn new(input: &str, classes: &[String]) -> Self {
        Self { columns: columns(classes), classes: classes.to_vec(), input: input.into() }
    }

    /// The columns.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// The first line.
    pub fn header(&self) -> String {
        // Memory takes all that is written.
        let names = self.columns.iter().map(|column| column.info.name.clone());
        csv([names]).ok().and_then(|line| String::from_utf8(line).ok()).unwrap_or_default()
    }

    /// A row's values.
    pub fn cells(&self, row: &TableRow) -> impl Iterator<Item = Cell> {
        self.columns.iter().map(move |column| column.of(row, &self.classes, &self.input))
    }

    /// Writes rows.
    ///
    /// # Errors
    /// Whatever the file reports.
    pub fn write(&self, file: &mut impl Write, rows: &[TableRow]) -> io::Result<()> {
        let texts =
            |row| self.columns.iter().zip(self.cells(row)).map(|(column, cell)| column.info.text(cell));
        file.write_all(&csv(rows.iter().map(texts))?)
    }

    /// Writes the rows of a frame as it was read.
    ///
    /// # Errors
    /// Whatever the file reports.
    pub fn write_reading(&self, file: &mut impl Write, reading: &FrameReading) -> io::Result<()> {
        self.write(file, &TableRow::of(reading))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FaceBox, HeadPose};
    use crate::world::live::FaceReading;

    #[test]
    fn every_row_has_the_headers_columns() {
        let classes = ["calm".to_owned(), "odd, \"very\"".to_owned()];
        let face = FaceReading {
            frame: 7,
            seconds: 0.233_333,
            face: 2,
            face_box: FaceBox { x: 1.0, y: 2.5, w: 30.0, h: 40.0 },
            detected: true,
            score: 0.875,
            quality: 0.5,
            probabilities: vec![0.25, 0.75],
            frame_label: 1,
            confidence: 0.25,
            unsure: true,
            ..FaceReading::default()
        };
        let pose = Some(HeadPose { yaw: -31.0, pitch: 2.0, roll: 0.25 });
        let with =
            FaceReading { landmarks: Some([[3.0, 4.0]; 5]), face: 3, pose, detected: false, ..face.clone() };
        let reading =
            |faces| FrameReading { frame: 7, seconds: 0.233_333, cut: 4, faces, ..FrameReading::default() };
        let form = TableForm::new("talk", &classes);
        let mut text = form.header().into_bytes();
        form.write_reading(&mut text, &reading(vec![face, with])).unwrap();
        form.write_reading(&mut text, &reading(vec![])).unwrap();
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
        let odd = "\"odd, \"\"very\"\"\"";
        let end = format!(",{odd},,calm,0.250000,1,talk,4,1,0.8750,0.500,,,,,2,,calm,machine,0,,,");
        assert!(lines[1].ends_with(&end), "{text}");
        assert!(lines[2].contains(",talk,4,0,0.8750,0.500,-31.0,2.0,0.2,0,3,,calm,machine,0,,,"), "{text}");
        assert!(lines[3].starts_with("7,0.233333,,,,"), "{text}");
        assert!(lines[3].ends_with(",,talk,4,0,,,,,,,,,,,0,,,"), "{text}");
        let names: Vec<&str> = lines[0].split(',').collect();
        assert_eq!(names[..4], ["frame", "seconds", "face", "x"], "old columns keep their places");
    }

    #[test]
    fn a_column_that_always_has_a_value_has_one_without_a_face() {
        let (classes, row) = (["calm".to_owned()], TableRow::default());
        for column in columns(&classes) {
            let cell = column.of(&row, &classes, "talk");
            assert_eq!(column.info.always, cell != Cell::Empty, "{}", column.info.name);
        }
    }
}
