//! The table's columns: [`columns`] is the one place that says which there are, what they hold and how they are written.

use super::cells::{Cell, CellKind, ColumnInfo};
use super::row::{FaceRow, TableRow};

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
