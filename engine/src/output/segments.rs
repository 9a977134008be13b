//! Tables about a whole input: `NAME.segments.csv`, a row a stretch of one label, and `NAME.people.csv`, a row a person.

use std::io;

use super::cells::{Cell, CellKind, ColumnInfo, whole_csv};
use super::summary::{Person, Summary};

/// The columns of `NAME.segments.csv`.
pub fn segment_columns() -> Vec<ColumnInfo> {
    use CellKind::{Integer, Number, Text};
    let column = ColumnInfo::new;
    vec![
        column("input", Text, true, "name of the input's files"),
        column("person", Integer, true, "number of the person"),
        column("name", Text, false, "name that was given by hand; empty without one"),
        column("segment", Integer, true, "number of the stretch, from 1, for each person"),
        column("start", Number(6), true, "seconds of its first frame"),
        column("end", Number(6), true, "seconds of the frame after its last one"),
        column("seconds", Number(6), true, "its length"),
        column("first_frame", Integer, true, "number of its first frame"),
        column("frames", Integer, true, "its frames"),
        column("label", Text, true, "its class"),
        column("label_by", Text, true, "who set it: machine or human"),
        column("confidence", Number(6), true, "mean probability that the model gives the class, 0 to 1"),
        column("unsure", Number(4), true, "share of its frames that are unsure, 0 to 1"),
    ]
}

/// `NAME.segments.csv`.
///
/// # Errors
/// None that memory would not give.
pub fn segments_csv(summary: &Summary, input: &str) -> io::Result<Vec<u8>> {
    let of_person = |person: &Person| {
        let row = |(at, run): (usize, &super::summary::LabelRun)| {
            let frames = run.frames.max(1) as f64;
            vec![
                Cell::Text(input.to_owned()),
                Cell::Integer(person.face.into()),
                text(&person.name),
                Cell::Integer(at as u64 + 1),
                Cell::Number(run.start),
                Cell::Number(run.end),
                Cell::Number(run.end - run.start),
                Cell::Integer(run.first),
                Cell::Integer(run.frames),
                summary.classes.get(run.label).map_or(Cell::Empty, |class| Cell::Text(class.clone())),
                Cell::Text(if run.by_hand { "human" } else { "machine" }.into()),
                Cell::Number(run.confidence_sum / frames),
                Cell::Number(run.unsure as f64 / frames),
            ]
        };
        person.runs.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    whole_csv(&segment_columns(), summary.people.iter().flat_map(of_person))
}

/// The columns of `NAME.people.csv`.
pub fn people_columns(classes: &[String]) -> Vec<ColumnInfo> {
    use CellKind::{Integer, Number, Text};
    let column = ColumnInfo::new;
    let mut all = vec![
        column("input", Text, true, "name of the input's files"),
        column("person", Integer, true, "number of the person"),
        column("name", Text, false, "name that was given by hand; empty without one"),
        column("faces", Integer, true, "faces that were followed one after the other and are this person"),
        column("first", Number(6), false, "seconds when the person is first seen; empty if all is excluded"),
        column("last", Number(6), false, "seconds when the person is last seen"),
        column("seconds", Number(6), true, "seconds in which the person is seen"),
        column("frames", Integer, true, "frames in which the person is seen, without excluded ones"),
        column("detected", Number(4), false, "share of those in which the detector saw the face, 0 to 1"),
        column("quality", Number(3), false, "mean quality over those, 0 to 1"),
        column("unsure", Number(4), false, "share of those whose label is unsure, 0 to 1"),
        column("by_hand", Number(4), false, "share of those whose label was set by hand, 0 to 1"),
        column("segments", Integer, true, "stretches of one label"),
    ];
    for (prefix, decimals, what) in [
        ("share", 4, "share of the frames whose label is"),
        ("sure_share", 4, "share of the frames that are not unsure whose label is"),
        ("p", 6, "mean probability of"),
    ] {
        for class in classes {
            let meaning = format!("{what} {class}, 0 to 1; empty where there is no such frame");
            all.push(column(&format!("{prefix}_{class}"), Number(decimals), false, &meaning));
        }
    }
    all
}

/// `NAME.people.csv`.
///
/// # Errors
/// None that memory would not give.
pub fn people_csv(summary: &Summary, input: &str) -> io::Result<Vec<u8>> {
    let row = |person: &Person| {
        let of = |part: f64, whole: u64| {
            if whole > 0 { Cell::Number(part / whole as f64) } else { Cell::Empty }
        };
        let frames = person.frames;
        let mut cells = vec![
            Cell::Text(input.to_owned()),
            Cell::Integer(person.face.into()),
            text(&person.name),
            Cell::Integer(person.faces.len() as u64),
            person.runs.first().map_or(Cell::Empty, |run| Cell::Number(run.start)),
            person.runs.last().map_or(Cell::Empty, |run| Cell::Number(run.end)),
            Cell::Number(person.seconds()),
            Cell::Integer(frames),
            of(person.detected_frames as f64, frames),
            of(person.quality_sum, frames),
            of(person.unsure_frames as f64, frames),
            of(person.frames_by_hand as f64, frames),
            Cell::Integer(person.runs.len() as u64),
        ];
        let sure: Vec<u64> = person.sure_class_frames();
        let all_sure: u64 = sure.iter().sum();
        cells.extend(person.class_frames.iter().map(|&n| of(n as f64, frames)));
        cells.extend(sure.iter().map(|&n| of(n as f64, all_sure)));
        cells.extend(person.class_sums.iter().map(|&sum| of(sum, frames)));
        cells
    };
    whole_csv(&people_columns(&summary.classes), summary.people.iter().map(row))
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::summary::LabelRun;
    use super::*;

    #[test]
    fn stretches_and_people_are_rows_with_every_column() {
        let run = |label, start: f64, by_hand| LabelRun {
            label,
            first: (start * 10.0) as u64,
            frames: 10,
            start,
            end: start + 1.0,
            confidence_sum: 7.5,
            unsure: 5,
            by_hand,
        };
        let person = Person {
            face: 2,
            name: "A, B".into(),
            faces: vec![2, 5],
            frames: 20,
            unsure_frames: 10,
            frames_by_hand: 10,
            detected_frames: 15,
            class_frames: vec![10, 10],
            unsure_class_frames: vec![10, 0],
            class_sums: vec![5.0, 15.0],
            quality_sum: 10.0,
            excluded: vec![],
            runs: vec![run(0, 0.5, false), run(1, 1.5, true)],
            thumbnails: vec![],
        };
        let nobody = Person {
            face: 3,
            faces: vec![3],
            class_frames: vec![0; 2],
            class_sums: vec![0.0; 2],
            ..Person::default()
        };
        let summary = Summary {
            classes: ["calm", "glad"].map(String::from).to_vec(),
            people: vec![person, nobody],
            ..Summary::default()
        };
        let text = String::from_utf8(segments_csv(&summary, "v").unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "v,2,\"A, B\",1,0.500000,1.500000,1.000000,5,10,calm,machine,0.750000,0.5000");
        assert!(lines[2].contains(",glad,human,"), "{text}");
        let text = String::from_utf8(people_csv(&summary, "v").unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let shares = "0.5000,0.5000,0.0000,1.0000,0.250000,0.750000";
        let wanted =
            format!("v,2,\"A, B\",2,0.500000,2.500000,2.000000,20,0.7500,0.500,0.5000,0.5000,2,{shares}");
        assert_eq!(lines[1], wanted);
        assert_eq!(lines[2], "v,3,,1,,,0.000000,0,,,,,0,,,,,,");
    }
}
