//! The table of predictions: a row an item, with its truth, the answer, and the probability of each class.
//!
//! As a file it is CSV (RFC 4180) with the columns `item`, `group`, `truth`, `answer` and `p_CLASS` for every class in the
//! model's order. `group` is the person or video, empty where the data do not say; `truth` is empty where there is no label;
//! probabilities are empty where the answer is one that a frame without a face holds. Files of other programs may leave out
//! `group` and the probabilities, and may have further columns, which are not read.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, StringRecord};

use super::error::ScoreError;
use crate::files::{AtomicFile, open_limited, quoted};

/// Largest file of predictions: some ten million rows.
const LARGEST: u64 = 2 << 30;
/// Most classes of a table.
const MOST_CLASSES: usize = 4096;

/// One item.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predicted {
    /// What it is called: a picture's path, a clip's frame, a record.
    pub item: String,
    /// The person or video it shows; empty where that is not known.
    pub group: String,
    /// Its class; nothing where it has no label.
    pub truth: Option<usize>,
    /// The class that was answered.
    pub answer: usize,
    /// One a class; empty where they are not known.
    pub probabilities: Vec<f32>,
}

/// A table of predictions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictions {
    /// Class names in order.
    pub classes: Vec<String>,
    /// One an item, each item once.
    pub rows: Vec<Predicted>,
}

impl Predictions {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, lacks a column, names a class that it has no probability of, holds a probability outside 0 to 1 or an
    /// item twice: each with its line.
    pub fn read(path: &Path) -> Result<Self, ScoreError> {
        let (file, _) =
            open_limited(path, LARGEST, "a table of predictions").map_err(|e| ScoreError::io(path, e))?;
        Self::from_csv(file, path)
    }

    /// Reads a table from anything; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`Predictions::read`].
    pub fn from_csv(source: impl Read, path: &Path) -> Result<Self, ScoreError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(source);
        let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
        let columns = Header::of(&header, path)?;
        let mut table = Self { classes: columns.classes.clone(), rows: vec![] };
        let (mut items, mut record) = (HashSet::new(), StringRecord::new());
        while reader.read_record(&mut record).map_err(|e| csv_error(path, &e))? {
            let line = record.position().map_or(0, csv::Position::line);
            let wrong = |reason: String| ScoreError::format(path, format!(", line {line}"), reason);
            let row = columns.row(&record, &mut table.classes).map_err(wrong)?;
            if !items.insert(row.item.clone()) {
                return Err(wrong(format!("the item {} has a row already", quoted(&row.item))));
            }
            table.rows.push(row);
        }
        if table.rows.is_empty() {
            return Err(ScoreError::format(path, "", "there is no row in it"));
        }
        if table.classes.len() < 2 {
            return Err(ScoreError::format(path, "", "it speaks of fewer than two classes"));
        }
        Ok(table)
    }

    /// Writes the table, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written, or an item stands in the table twice, as where a dataset is named twice.
    pub fn write(&self, path: &Path) -> Result<(), ScoreError> {
        let mut items = HashSet::new();
        if let Some(twice) = self.rows.iter().find(|row| !items.insert(&row.item)) {
            let reason =
                format!("the item {} would have two rows; name each dataset once", quoted(&twice.item));
            return Err(ScoreError::format(path, "", reason));
        }
        let mut file = PredictionsFile::create(path, &self.classes)?;
        self.rows.iter().try_for_each(|row| file.push(row))?;
        file.finish()
    }

    /// Rows with a label.
    pub fn labelled(&self) -> impl Iterator<Item = (usize, &Predicted, usize)> {
        self.rows.iter().enumerate().filter_map(|(at, row)| Some((at, row, row.truth?)))
    }
}

/// A table on its way into a file, row by row; it is there when [`PredictionsFile::finish`] has been called, and not before.
#[derive(Debug)]
pub struct PredictionsFile {
    writer: csv::Writer<AtomicFile>,
    path: PathBuf,
    classes: Vec<String>,
    record: ByteRecord,
}

impl PredictionsFile {
    /// Begins a file with its header.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, classes: &[String]) -> Result<Self, ScoreError> {
        let file = AtomicFile::create(path).map_err(|e| ScoreError::io(path, e))?;
        let mut writer = csv::Writer::from_writer(file);
        let fixed = ["item", "group", "truth", "answer"].map(String::from);
        let header = fixed.into_iter().chain(classes.iter().map(|class| format!("p_{class}")));
        writer.write_record(header).map_err(|e| csv_error(path, &e))?;
        Ok(Self { writer, path: path.to_owned(), classes: classes.to_vec(), record: ByteRecord::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// # Panics
    /// Truth or answer is none of the classes.
    pub fn push(&mut self, row: &Predicted) -> Result<(), ScoreError> {
        let Self { writer, path, classes, record } = self;
        record.clear();
        record.push_field(row.item.as_bytes());
        record.push_field(row.group.as_bytes());
        record.push_field(row.truth.map_or("", |class| &classes[class]).as_bytes());
        record.push_field(classes[row.answer].as_bytes());
        for class in 0..classes.len() {
            // The shortest text that is read back as the same number.
            let text = row.probabilities.get(class).map(f32::to_string).unwrap_or_default();
            record.push_field(text.as_bytes());
        }
        writer.write_byte_record(record).map_err(|e| csv_error(path, &e))
    }

    /// Moves the file to its place.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), ScoreError> {
        let file = self.writer.into_inner().map_err(|e| ScoreError::io(&self.path, e.into_error()))?;
        file.finish().map_err(|e| ScoreError::io(&self.path, e))
    }
}

/// Where the columns of a file are.
struct Header {
    item: usize,
    group: Option<usize>,
    truth: usize,
    answer: usize,
    probabilities: Vec<usize>,
    /// Of the probabilities, in order; without them classes are numbered as they appear.
    classes: Vec<String>,
}

impl Header {
    fn of(header: &StringRecord, path: &Path) -> Result<Self, ScoreError> {
        let wrong = |reason: String| ScoreError::format(path, ", line 1", reason);
        let at = |name: &str| header.iter().position(|column| column.trim() == name);
        let needed = |name: &str| {
            at(name).ok_or_else(|| {
                let found: Vec<String> = header.iter().take(8).map(quoted).collect();
                wrong(format!(
                    "there is no column `{name}`; a table of predictions has item, truth and answer, this one {}",
                    found.join(", ")
                ))
            })
        };
        let named = header.iter().enumerate();
        let (probabilities, classes): (Vec<usize>, Vec<String>) =
            named.filter_map(|(at, name)| Some((at, name.trim().strip_prefix("p_")?.to_owned()))).unzip();
        if classes.len() > MOST_CLASSES {
            return Err(wrong(format!(
                "{} classes, more than any model has ({MOST_CLASSES})",
                classes.len()
            )));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = classes.iter().find(|class| !seen.insert(class.as_str())) {
            return Err(wrong(format!("the column {} stands there twice", quoted(&format!("p_{twice}")))));
        }
        Ok(Self {
            item: needed("item")?,
            group: at("group"),
            truth: needed("truth")?,
            answer: needed("answer")?,
            probabilities,
            classes,
        })
    }

    fn row(&self, record: &StringRecord, classes: &mut Vec<String>) -> Result<Predicted, String> {
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let fixed = !self.classes.is_empty();
        let mut class = |name: &str| match classes.iter().position(|known| known == name) {
            Some(class) => Ok(class),
            None if fixed => {
                Err(format!("the class {} has no column {}", quoted(name), quoted(&format!("p_{name}"))))
            }
            None if classes.len() == MOST_CLASSES => Err(format!("more than {MOST_CLASSES} classes")),
            None => {
                classes.push(name.to_owned());
                Ok(classes.len() - 1)
            }
        };
        if cell(self.item).is_empty() {
            return Err("the item has no name".to_owned());
        }
        let truth = match cell(self.truth).trim() {
            "" => None,
            name => Some(class(name)?),
        };
        let answer = match cell(self.answer).trim() {
            "" => return Err("there is no answer".to_owned()),
            name => class(name)?,
        };
        let texts = self.probabilities.iter().map(|&at| cell(at).trim());
        let probabilities = if texts.clone().all(str::is_empty) {
            vec![]
        } else {
            let number = |text: &str| match text.parse::<f32>() {
                Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
                _ => Err(format!("{} is no probability from 0 to 1", quoted(text))),
            };
            texts.map(number).collect::<Result<_, _>>()?
        };
        Ok(Predicted {
            item: cell(self.item).to_owned(),
            group: self.group.map(|at| cell(at).to_owned()).unwrap_or_default(),
            truth,
            answer,
            probabilities,
        })
    }
}

/// An error of the CSV library, with the line where it has one.
pub(super) fn csv_error(path: &Path, error: &csv::Error) -> ScoreError {
    let place = error.position().map_or_else(String::new, |place| format!(", line {}", place.line()));
    let reason = match error.kind() {
        csv::ErrorKind::Io(source) => {
            return ScoreError::io(path, std::io::Error::new(source.kind(), source.to_string()));
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells where the first line has {expected_len}")
        }
        _ => "it is not CSV".to_owned(),
    };
    ScoreError::format(path, place, reason)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rows of (group, truth, answer), without probabilities.
    pub fn table(classes: usize, rows: &[(&str, usize, usize)]) -> Predictions {
        let row = |(at, &(group, truth, answer)): (usize, &(&str, usize, usize))| Predicted {
            item: format!("{at}"),
            group: group.to_owned(),
            truth: Some(truth),
            answer,
            probabilities: vec![],
        };
        Predictions {
            classes: (0..classes).map(|class| format!("c{class}")).collect(),
            rows: rows.iter().enumerate().map(row).collect(),
        }
    }

    fn read(text: &str) -> Result<Predictions, ScoreError> {
        Predictions::from_csv(text.as_bytes(), Path::new("a.csv"))
    }

    #[test]
    fn what_is_written_is_read_back_whatever_the_names_hold() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("p.csv");
        let row = |item: &str, truth, answer, probabilities: &[f32]| Predicted {
            item: item.to_owned(),
            group: "Anna, \"2\"".to_owned(),
            truth,
            answer,
            probabilities: probabilities.to_vec(),
        };
        let table = Predictions {
            classes: ["calm", "odd, \"very\"\nso"].map(String::from).to_vec(),
            rows: vec![
                row("a,b.png", Some(1), 0, &[0.1, 0.9]),
                row("=1+1", None, 1, &[1.0 / 3.0, 2.0 / 3.0]),
                row("held", Some(0), 0, &[]),
            ],
        };
        table.write(&path).expect("written");
        assert_eq!(Predictions::read(&path).expect("read"), table);
    }

    #[test]
    fn other_programs_may_leave_out_groups_and_probabilities() {
        let table = read("answer,more,item,truth\nsad,1,a,happy\nhappy,2,b,\n").expect("read");
        assert_eq!(table.classes, ["happy", "sad"]);
        assert_eq!((table.rows[0].truth, table.rows[0].answer, table.rows[1].truth), (Some(0), 1, None));
        assert_eq!(table.labelled().count(), 1);
    }

    #[test]
    fn a_wrong_table_is_named_with_its_line() {
        for (text, parts) in [
            ("", vec!["a.csv, line 1", "`item`"]),
            ("item,truth\n", vec!["line 1", "`answer`"]),
            ("item,truth,answer,p_a,p_a\n", vec!["line 1", "`p_a` stands there twice"]),
            ("item,truth,answer,p_a,p_b\nx,a,c,1,0\n", vec!["line 2", "`c`"]),
            ("item,truth,answer,p_a,p_b\nx,a,a,1,0\ny,a,b,1.5,0\n", vec!["line 3", "`1.5`"]),
            ("item,truth,answer,p_a,p_b\nx,a,a,NaN,0\n", vec!["line 2", "`NaN`"]),
            ("item,truth,answer\nx,a,b\nx,a,b\n", vec!["line 3", "`x` has a row already"]),
            ("item,truth,answer\nx,a\n", vec!["line 2", "2 cells", "3"]),
            ("item,truth,answer\n,a,b\n", vec!["line 2", "no name"]),
            ("item,truth,answer\nx,a,\n", vec!["line 2", "no answer"]),
            ("item,truth,answer\nx,a,a\n", vec!["fewer than two classes"]),
            ("item,truth,answer\n", vec!["no row"]),
        ] {
            let message = read(text).expect_err(text).to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{text:?}: {message}");
        }
        let message = Predictions::from_csv(&b"item,truth,answer\n\xFF,a,b\n"[..], Path::new("a.csv"))
            .expect_err("no text")
            .to_string();
        assert!(message.contains("line 2") && message.contains("UTF-8"), "{message}");
    }
}
