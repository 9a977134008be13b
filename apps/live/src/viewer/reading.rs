//! Reading a table of `affekt analyze`: what is drawn of it, with what people have corrected.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use affekt_engine::media::FaceBox;
use affekt_engine::output::{FaceRow, TableError, TableReader, TableRow};

use super::results::{Face, Frame, Results};

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
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        while let Some(row) = table.next_row().map_err(|e| e.to_string())? {
            results.take(&row, &mut names)?;
        }
        if results.frames.is_empty() {
            return Err(format!("{}: the table has no rows; analyse the video again", path.display()));
        }
        results.count(|person| names.get(&person).cloned().unwrap_or_default());
        Ok(results)
    }

    fn take(&mut self, row: &TableRow, names: &mut BTreeMap<u32, String>) -> Result<(), String> {
        if self.frames.last().is_none_or(|(last, _)| last.number != row.frame) {
            let first = u32::try_from(self.faces.len()).map_err(|_| "the table has too many rows")?;
            self.frames.push((Frame { number: row.frame, seconds: row.seconds }, first));
        }
        let Some(face) = &row.face else { return Ok(()) };
        self.probabilities.extend(face.probabilities.iter().map(|share| (share * 255.0).round() as u8));
        self.faces.push(shown(face, row.excluded));
        if !face.name.is_empty() {
            names.entry(face.person).or_insert_with(|| face.name.clone());
        }
        Ok(())
    }
}

fn shown(face: &FaceRow, excluded: bool) -> Face {
    let [x, y, w, h] = face.face_box.map(|v| v as f32);
    Face {
        face: face.face,
        person: face.person,
        face_box: FaceBox { x, y, w, h },
        voted: face.voted_label as u16,
        label: face.label as u16,
        confidence: face.probabilities.get(face.label).map_or(0.0, |&p| p as f32),
        doubtful: face.unsure,
        by_hand: face.by_hand,
        excluded,
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
    fn what_people_have_corrected_is_told_from_what_the_machine_read() {
        let head = "frame,seconds,face,x,y,w,h,p_calm,p_glad,voted_label,confidence,unsure,person,name,label,label_by,excluded\n";
        let rows = "0,0,5,1,2,3,4,0.25,0.75,glad,0.75,1,2,Ada,calm,human,0\n0,0,1,1,2,3,4,0.5,0.5,calm,0.5,1,1,,calm,machine,1\n";
        let path = Path::new("t.csv");
        let table = TableReader::new(head.as_bytes().chain(rows.as_bytes()), path).unwrap();
        let results = Results::gather(table, path).unwrap();
        let people: Vec<_> = results.people().iter().map(|p| (p.number, p.name.as_str(), p.frames)).collect();
        assert_eq!(people, [(2, "Ada", 1), (1, "", 0)]);
        let faces: Vec<_> = results
            .faces(0)
            .map(|(f, _)| (f.face, f.person, f.label, f.unsure(), f.by_hand, f.excluded))
            .collect();
        assert_eq!(faces, [(5, 2, 0, false, true, false), (1, 1, 0, true, false, true)]);
    }
}
