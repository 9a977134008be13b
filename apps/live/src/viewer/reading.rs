//! Reading a table of `affekt analyze`: columns are found by name, and every row must make sense.

use std::collections::BTreeMap;
use std::path::Path;

use affekt_engine::files::{ShortLines, open_regular};
use affekt_engine::media::FaceBox;
use affekt_engine::output::table::NO_FACE;
use csv::StringRecord;

use super::results::{Face, Frame, Person, Results};

/// What stands in the column `unsure` of a label that is not to go by.
const UNSURE: &str = "1";

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

/// Longest row of a table, in bytes; one of eight classes has 300.
const LONGEST_LINE: u64 = 1 << 20;

impl Results {
    /// Reads a table.
    ///
    /// # Errors
    /// It cannot be read, lacks a column, or a row makes no sense; the message names the file and the line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let named = |problem: String| format!("{}: {problem}", path.display());
        let file = open_regular(path, "a table").map_err(|e| named(e.to_string()))?;
        Self::parse(ShortLines::new(file, LONGEST_LINE)).map_err(named)
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
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const HEAD: &str =
        "frame,seconds,face,x,y,w,h,p_calm,p_glad,frame_label,temporal_label,voted_label,confidence\n";

    pub fn parsed(rows: &str) -> Result<Results, String> {
        Results::parse(format!("{HEAD}{rows}").as_bytes())
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let text = |rows| parsed(rows).unwrap_err();
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
