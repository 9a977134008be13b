//! The table: a row a face and frame, and a row for every frame without one. CSV, Parquet and the schema come from its
//! [`columns`].

use std::io::{self, Write};

use super::cells::{Cell, csv};
use super::row::TableRow;
use super::table_columns::{TableColumn, columns};
use crate::world::live::FrameReading;

/// The version of the tables' schema. It grows when a column changes its meaning or goes; new columns are added at the end and do not
/// change it. In version 1, `face` was `no_face` in a frame without a face.
pub const TABLE_VERSION: u32 = 2;

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
