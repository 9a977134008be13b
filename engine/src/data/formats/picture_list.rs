//! A list of one's own: a CSV file whose header names the columns `path` and `label`, and where faces are to be cut out `x`, `y`,
//! `w` and `h`. Paths are relative to the list's folder. Other columns are not looked at.

use std::path::Path;
use std::sync::Arc;

use crate::data::fields::{FieldReader, Fields};
use crate::data::lines::Lines;
use crate::data::listed_faces::{ListedFace, ListedFaces, coordinate, face_box};
use crate::data::path_list::ByPath;
use crate::data::tree::FileTree;
use crate::data::{DataError, Format, SkipLog, Spec, quoted};

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "a CSV file with a header and the columns path and label (empty: unlabelled), and x, y, w, h where faces are to be \
                 cut out; classes=a,b,c fixes their order";
    Format::new("list", about, &["classes"], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

/// Longest line of the list, in bytes.
const MAX_LINE: u64 = 64 << 10;
/// Most classes.
const MOST: usize = 256;
/// What the header must have.
const EXPECTED: &str = "a header with the columns `path` and `label`, and where faces are to be cut out `x`, `y`, `w` and `h`, with \
                        commas between them";

fn open(spec: &Spec, skips: &SkipLog) -> Result<ListedFaces, DataError> {
    if spec.split.is_some() {
        return Err(spec.error("a list has no splits; write a list for each"));
    }
    let mut classes = Classes::of(spec)?;
    let mut lines = Lines::open(&spec.path, MAX_LINE)?;
    let mut fields = FieldReader::new();
    let header = lines.first(EXPECTED)?;
    let columns = fields.read(header.bytes).and_then(Columns::of).map_err(|why| lines.error(1, why))?;
    let folder = spec.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let tree = FileTree::open(folder.unwrap_or(Path::new(".")), skips)?;
    let pictures = tree.by_path();
    let mut items = Vec::new();
    while let Some(line) = lines.next()? {
        let number = line.number;
        if line.bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match fields.read(line.bytes).and_then(|fields| columns.face(fields, &pictures, &mut classes)) {
            Ok(face) => items.push(face),
            Err(reason) => lines.skip(number, reason, skips)?,
        }
    }
    if items.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(DataError::format(&spec.path, "", format!("no usable picture{first}")));
    }
    drop(pictures);
    Ok(ListedFaces { name: spec.to_string(), classes: classes.names, tree, items, landmarks: vec![] })
}

/// The classes in their order: given, or that of their first rows.
struct Classes {
    names: Vec<String>,
    given: bool,
    /// Whether labels are not looked at.
    ignored: bool,
}

impl Classes {
    fn of(spec: &Spec) -> Result<Self, DataError> {
        let given = spec.options.get("classes").filter(|_| !spec.unlabelled);
        let names: Vec<String> = given
            .map(|names| names.split(',').map(|name| name.trim().to_owned()).collect())
            .unwrap_or_default();
        if names.len() > MOST {
            return Err(spec.error(format!("{} classes are too many; {MOST} at the most", names.len())));
        }
        Ok(Self { names, given: given.is_some(), ignored: spec.unlabelled })
    }

    /// The class of a label; none where it is empty.
    fn find(&mut self, label: &str) -> Result<Option<u8>, String> {
        if self.ignored || label.is_empty() {
            return Ok(None);
        }
        let known = self.names.iter().position(|name| name == label);
        let class = match known {
            Some(class) => class,
            None if self.given => {
                let names: Vec<String> = self.names.iter().map(|name| quoted(name)).collect();
                return Err(format!("label `{}` is none of classes={}", quoted(label), names.join(",")));
            }
            None if self.names.len() == MOST => {
                return Err(format!(
                    "label `{}` would be class {} of {MOST} at the most; is `label` the right column?",
                    quoted(label),
                    MOST + 1
                ));
            }
            None => {
                self.names.push(label.to_owned());
                self.names.len() - 1
            }
        };
        Ok(u8::try_from(class).ok())
    }
}

/// Where the columns stand.
struct Columns {
    count: usize,
    path: usize,
    label: usize,
    /// Of `x`, `y`, `w` and `h`.
    sides: Option<[usize; 4]>,
}

impl Columns {
    fn of(header: Fields<'_>) -> Result<Self, String> {
        let place = |name: &str| {
            let mut found = (0..header.len()).filter(|&at| header[at].eq_ignore_ascii_case(name));
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(format!("two columns are called `{name}`")),
                (found, None) => Ok(found),
            }
        };
        let needed = |name: &str| {
            let joined = header.joined();
            place(name)?
                .ok_or_else(|| format!("no column `{name}` in `{}`; expected {EXPECTED}", quoted(&joined)))
        };
        let (path, label) = (needed("path")?, needed("label")?);
        let sides = [place("x")?, place("y")?, place("w")?, place("h")?];
        let sides = match sides {
            [Some(x), Some(y), Some(w), Some(h)] => Some([x, y, w, h]),
            [None, None, None, None] => None,
            _ => return Err("a face box needs all of the columns `x`, `y`, `w` and `h`".to_owned()),
        };
        Ok(Self { count: header.len(), path, label, sides })
    }

    fn face(
        &self,
        row: Fields<'_>,
        pictures: &ByPath<'_>,
        classes: &mut Classes,
    ) -> Result<ListedFace, String> {
        if row.len() != self.count {
            return Err(format!("{} fields, but the header has {}", row.len(), self.count));
        }
        let name = &row[self.path];
        let plain = || name.strip_prefix("./").unwrap_or(name).replace('\\', "/");
        let file = pictures.get(name).or_else(|| pictures.get(&plain()));
        let file =
            file.ok_or_else(|| format!("there is no file `{}` in the list's folder or below", quoted(name)))?;
        let face = match self.sides.map(|sides| sides.map(|side| &row[side])) {
            Some([x, y, w, h]) if ![x, y, w, h].iter().all(|side| side.is_empty()) => {
                let (right, bottom) = (coordinate(x)? + coordinate(w)?, coordinate(y)? + coordinate(h)?);
                Some(face_box(x, y, right, bottom)?)
            }
            _ => None,
        };
        // Last, so that a row that is skipped makes no class.
        let class = classes.find(&row[self.label])?;
        Ok(ListedFace { file, face, id: None, class })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::{Annotation, Dataset as _};

    fn list(text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("faces")).unwrap();
        for name in ["a.png", "b.png", "c, d.png"] {
            fs::write(
                dir.path().join("faces").join(name),
                grey_png(40, 30, name.len() as u8 + name.as_bytes()[0]),
            )
            .unwrap();
        }
        fs::write(dir.path().join("all.csv"), text).unwrap();
        dir
    }

    fn open_at(dir: &tempfile::TempDir, rest: &str, skips: &SkipLog) -> Result<ListedFaces, DataError> {
        open(&format!("list:{}{rest}", dir.path().join("all.csv").display()).parse().unwrap(), skips)
    }

    #[test]
    fn classes_stand_in_the_order_of_their_first_rows_unless_they_are_given() {
        let dir = list(
            "who,Label,path\n1,sad,faces/b.png\n\n2,happy,./faces/a.png\n3,,\"faces/c, d.png\"\n4,sad,faces\\a.png\n",
        );
        let faces = open_at(&dir, "", &SkipLog::new(true)).unwrap();
        assert_eq!(faces.classes(), ["sad", "happy"]);
        let labels: Vec<Annotation> = (0..faces.len()).map(|item| faces.annotation(item)).collect();
        let of = Annotation::Class;
        assert_eq!(labels, [of(0), of(1), Annotation::None, of(0)]);
        assert!(faces.picture(2).is_ok() && faces.stored(2).unwrap().is_some());
        let given = open_at(&dir, "?classes=happy, sad", &SkipLog::new(true)).unwrap();
        assert_eq!((given.classes()[0].as_str(), given.annotation(0)), ("happy", of(1)));
        let without = open_at(&dir, "?unlabelled=true", &SkipLog::new(true)).unwrap();
        assert!(without.classes().is_empty() && without.annotation(0) == Annotation::None);
        assert!(
            open_at(&dir, "#train", &SkipLog::new(true)).err().unwrap().to_string().contains("no splits")
        );
    }

    #[test]
    fn a_box_cuts_the_face_out_and_an_empty_one_leaves_the_picture_whole() {
        let dir = list("path,label,x,y,w,h\nfaces/a.png,calm,5,2,30,10\nfaces/a.png,calm,,,,\n");
        let faces = open_at(&dir, "", &SkipLog::new(true)).unwrap();
        let size = |item| faces.picture(item).map(|picture| (picture.width, picture.height)).unwrap();
        assert_eq!([size(0), size(1)], [(30, 10), (40, 30)]);
        assert_ne!(faces.content_hash(0).unwrap(), faces.content_hash(1).unwrap());
    }

    #[test]
    fn bad_rows_are_skipped_and_named_and_make_no_class() {
        let dir = list(
            "path,label,x,y,w,h\nfaces/a.png,calm,,,,\nfaces/n.png,gone,,,,\nfaces/a.png,short\nfaces/a.png,flat,5,5,0,3\n\
             faces/a.png,odd,5,five,4,3\n../all.csv,out,,,,\n",
        );
        let skips = SkipLog::new(false);
        let faces = open_at(&dir, "", &skips).unwrap();
        assert_eq!((faces.len(), faces.classes()), (1, &["calm".to_owned()][..]));
        let parts = [
            "line 3: there is no file `faces/n.png`",
            "line 4: 2 fields, but the header has 6",
            "line 5: the face box",
        ];
        for (line, part) in skips.first().iter().zip(parts.into_iter().chain(["`five`", "`../all.csv`"])) {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(skips.count(), 5);
        assert!(open_at(&dir, "", &SkipLog::new(true)).is_err());
        let unknown = open_at(&dir, "?classes=joy", &SkipLog::new(false)).err().unwrap().to_string();
        assert!(unknown.contains("no usable picture") && unknown.contains("`calm`"), "{unknown}");
    }

    #[test]
    fn a_header_without_its_columns_is_an_error_that_says_what_is_expected() {
        for (text, part) in [
            ("", "the file is empty; expected a header"),
            ("file,label\nfaces/a.png,calm\n", "no column `path` in `file,label`"),
            ("path;label\nfaces/a.png;calm\n", "with commas between them"),
            ("path,label,x,y\nfaces/a.png,calm,1,1\n", "all of the columns"),
            ("path,label,path\nfaces/a.png,calm,x\n", "two columns are called `path`"),
        ] {
            let message = open_at(&list(text), "", &SkipLog::new(true)).err().unwrap().to_string();
            assert!(message.contains("all.csv") && message.contains(part), "{message}");
        }
    }
}
