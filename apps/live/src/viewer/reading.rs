//! Reading a table of `affekt analyze`: what is drawn of it, with what people have corrected.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use affekt_engine::media::FaceBox;
use affekt_engine::output::{FaceRow, TableError, TableReader, TableRow};

use super::results::{Face, Frame, Person, Results};

impl Results {
    /// Reads a table.
    ///
    /// # Errors
    /// It cannot be read, lacks a column, or a row makes no sense; the message names the file and the line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = |e: TableError| e.to_string();
        Self::gather(TableReader::open(path).map_err(text)?, path)
    }

    fn gather<R: Read>(mut table: TableReader<R>, path: &Path) -> Result<Self, String> {
        let mut results = Self { classes: table.classes().to_vec(), ..Self::default() };
        let mut people: BTreeMap<u32, Person> = BTreeMap::new();
        while let Some(row) = table.next_row().map_err(|e| e.to_string())? {
            results.take(&row, &mut people)?;
        }
        if results.frames.is_empty() {
            return Err(format!("{}: the table has no rows; analyse the video again", path.display()));
        }
        results.people = people.into_values().collect();
        results.people.sort_by_key(|person| (std::cmp::Reverse(person.frames), person.number));
        Ok(results)
    }

    fn take(&mut self, row: &TableRow, people: &mut BTreeMap<u32, Person>) -> Result<(), String> {
        if self.frames.last().is_none_or(|(last, _)| last.number != row.frame) {
            let first = u32::try_from(self.faces.len()).map_err(|_| "the table has too many rows")?;
            self.frames.push((Frame { number: row.frame, seconds: row.seconds }, first));
        }
        let Some(face) = row.face.as_ref().filter(|_| !row.excluded) else { return Ok(()) };
        self.probabilities.extend(face.probabilities.iter().map(|share| (share * 255.0).round() as u8));
        self.faces.push(shown(face));
        let new = || Person { number: face.person, name: String::new(), frames: 0 };
        let person = people.entry(face.person).or_insert_with(new);
        person.frames += 1;
        person.name.clone_from(&face.name);
        Ok(())
    }
}

fn shown(face: &FaceRow) -> Face {
    let [x, y, w, h] = face.face_box.map(|v| v as f32);
    Face {
        person: face.person,
        face_box: FaceBox { x, y, w, h },
        label: face.label as u16,
        confidence: face.probabilities.get(face.label).map_or(0.0, |&p| p as f32),
        unsure: face.unsure && !face.by_hand,
        by_hand: face.by_hand,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const HEAD: &str =
        "frame,seconds,face,x,y,w,h,p_calm,p_glad,frame_label,temporal_label,voted_label,confidence\n";

    pub fn parsed(rows: &str) -> Result<Results, String> {
        let (text, path) = (format!("{HEAD}{rows}"), Path::new("t.csv"));
        Results::gather(TableReader::new(text.as_bytes(), path).map_err(|e| e.to_string())?, path)
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let text = |rows| parsed(rows).unwrap_err();
        assert!(text("").contains("t.csv: the table has no rows"));
        assert!(text("0,0,1,1,2,3,4,0.5,0.5,glad,,sad,1\n").contains("line 2: `sad` is no class"));
    }

    #[test]
    fn corrections_are_shown_and_what_is_excluded_is_not() {
        let head = "frame,seconds,face,x,y,w,h,p_calm,p_glad,voted_label,confidence,unsure,person,name,label,label_by,excluded\n";
        let rows = "0,0,5,1,2,3,4,0.25,0.75,glad,0.75,1,2,Ada,calm,human,0\n0,0,1,1,2,3,4,0.5,0.5,calm,0.5,1,1,,calm,machine,1\n";
        let path = Path::new("t.csv");
        let table = TableReader::new(head.as_bytes().chain(rows.as_bytes()), path).unwrap();
        let results = Results::gather(table, path).unwrap();
        assert_eq!(results.people(), [Person { number: 2, name: "Ada".into(), frames: 1 }]);
        let faces: Vec<_> = results.faces(0).map(|(f, _)| (f.person, f.label, f.unsure, f.by_hand)).collect();
        assert_eq!(faces, [(2, 0, false, true)]);
    }
}
