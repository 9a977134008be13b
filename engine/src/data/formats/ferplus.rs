//! FER+ in its folder form, from a folder or straight from a `.tar`:
//! `[data/]FER2013{Train,Valid,Test}/label.csv` with 48x48 PNGs beside it.
//!
//! A line is `fer0000000.png,"(0, 0, 48, 48)",` and ten vote counts: the eight expressions, `unknown` and `NF` (no
//! face). The votes are handed on as they are; the pool takes the majority.

use std::sync::Arc;

use crate::data::fields::{FieldReader, Fields};
use crate::data::path_list::ByPath;
use crate::data::tree::FileTree;
use crate::data::{Annotation, DataError, Dataset, Format, SkipLog, Spec, Stamp, decode, quoted};
use crate::media::Picture;

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "FER+ folder or .tar (splits Train, Valid, Test)";
    Format::new("ferplus", about, &[], |spec, skips| Ok(Arc::new(FerPlus::open(spec, skips)?)))
}

/// Longest line of a label list, in bytes.
const MAX_LINE: u64 = 4096;

/// The vote columns in their order.
pub(super) const CLASSES: [&str; 10] =
    ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"];

const SPLITS: [(&str, &[&str]); 3] = [
    ("fer2013train", &["train", "training"]),
    ("fer2013valid", &["valid", "val", "validation", "publictest"]),
    ("fer2013test", &["test", "privatetest"]),
];

struct FerPlus {
    name: String,
    classes: Vec<String>,
    tree: FileTree,
    items: Vec<Item>,
}

struct Item {
    file: usize,
    votes: [f32; CLASSES.len()],
    /// `[left, top, right, bottom)` in pixels.
    face: [usize; 4],
}

impl FerPlus {
    fn open(spec: &Spec, skips: &SkipLog) -> Result<Self, DataError> {
        let tree = FileTree::open(&spec.path, skips)?;
        let lists = label_lists(spec, &tree)?;
        let mut items = Vec::new();
        let by_path = tree.by_path();
        for list in lists {
            read_labels(&tree, &by_path, list, skips, &mut items)?;
        }
        let classes = CLASSES.map(str::to_owned).to_vec();
        Ok(Self { name: spec.to_string(), classes, tree, items })
    }
}

/// The `label.csv` files of the split, or of all splits where none is named.
fn label_lists(spec: &Spec, tree: &FileTree) -> Result<Vec<usize>, DataError> {
    let root_name =
        tree.root().file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut found = Vec::new();
    for (index, path) in tree.paths().iter().enumerate() {
        let lower = path.to_lowercase();
        let folder = match lower.strip_suffix("label.csv") {
            Some("") => root_name.as_str(),
            Some(folder) if folder.ends_with('/') => {
                folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
            }
            _ => continue,
        };
        if let Some((_, names)) = SPLITS.iter().find(|(known, _)| *known == folder) {
            found.push((index, *names));
        }
    }
    let present: Vec<&str> = found.iter().map(|(_, names)| names[0]).collect();
    if present.is_empty() {
        return Err(DataError::format(
            tree.root(),
            "",
            "no FER+ labels: expected FER2013Train/label.csv, FER2013Valid/label.csv or FER2013Test/label.csv inside",
        ));
    }
    let Some(split) = spec.split.as_ref().map(|split| split.to_lowercase()) else {
        return Ok(found.into_iter().map(|(index, _)| index).collect());
    };
    let split = split.strip_prefix("fer2013").unwrap_or(&split);
    let chosen: Vec<usize> =
        found.iter().filter(|(_, names)| names.contains(&split)).map(|(index, _)| *index).collect();
    if chosen.is_empty() {
        return Err(spec.error(format!("no split of that name; it has {}", present.join(", "))));
    }
    Ok(chosen)
}

fn read_labels(
    tree: &FileTree,
    by_path: &ByPath<'_>,
    list: usize,
    skips: &SkipLog,
    items: &mut Vec<Item>,
) -> Result<(), DataError> {
    let (path, place) = tree.place(list);
    let folder =
        tree.paths()[list].rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let mut lines = tree.lines(list, MAX_LINE)?;
    let (mut reader, mut picture) = (FieldReader::new(), folder.clone());
    let before = items.len();
    while let Some(line) = lines.next()? {
        let number = line.number;
        if line.bytes.trim_ascii().is_empty() {
            continue;
        }
        let parsed = match reader.read(line.bytes) {
            // The first line tells whether the file is of this format at all.
            Ok(fields) if number == 1 && fields.len() != 2 + CLASSES.len() => {
                let reason = format!(
                    "{} columns; expected {}: file name, face box, and votes for {}",
                    fields.len(),
                    2 + CLASSES.len(),
                    CLASSES.join(", ")
                );
                return Err(lines.error(number, reason));
            }
            Ok(fields) => parse_line(fields).and_then(|(name, face, votes)| {
                picture.truncate(folder.len());
                picture.push_str(name);
                let file = by_path.get(&picture);
                let file = file.ok_or_else(|| format!("there is no {folder}{}", quoted(name)))?;
                Ok(Item { file, votes, face })
            }),
            Err(reason) => Err(reason),
        };
        match parsed {
            Ok(item) => items.push(item),
            Err(reason) => lines.skip(number, reason, skips)?,
        }
    }
    if items.len() == before {
        return Err(DataError::format(&path, place, "no usable line"));
    }
    Ok(())
}

/// Name of the picture, face box and votes.
type Line<'a> = (&'a str, [usize; 4], [f32; CLASSES.len()]);

fn parse_line(fields: Fields<'_>) -> Result<Line<'_>, String> {
    if fields.len() != 2 + CLASSES.len() {
        return Err(format!("{} columns instead of {}", fields.len(), 2 + CLASSES.len()));
    }
    let mut numbers = fields[1].trim_matches(['(', ')', ' ']).split(',').map(|text| text.trim().parse().ok());
    let mut next = || numbers.next().flatten();
    let face = next().zip(next()).zip(next().zip(next())).filter(|_| numbers.next().is_none());
    let ((left, top), (right, bottom)) =
        face.ok_or_else(|| format!("face box `{}` is not (left, top, right, bottom)", quoted(&fields[1])))?;
    let mut votes = [0.0; CLASSES.len()];
    for (vote, (text, class)) in votes.iter_mut().zip(fields.iter().skip(2).zip(CLASSES)) {
        let count: u16 = text
            .trim()
            .parse()
            .map_err(|_| format!("vote `{}` for {class} is not a whole number", quoted(text)))?;
        *vote = f32::from(count);
    }
    Ok((fields.get(0).unwrap_or_default(), [left, top, right, bottom], votes))
}

impl Dataset for FerPlus {
    fn name(&self) -> &str {
        &self.name
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn key(&self, index: usize) -> String {
        self.tree.key(self.items[index].file)
    }

    fn annotation(&self, index: usize) -> Annotation {
        Annotation::Votes(self.items[index].votes.to_vec())
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        self.tree.stamp(self.items[index].file)
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let file = self.items[index].file;
        let bytes = self.tree.read(file)?;
        decode::check_signature(&bytes).map_err(|reason| self.tree.error(file, reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    /// The file, where the face's box is all of it.
    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        let Item { file, face, .. } = self.items[index];
        let bytes = self.tree.read(file)?;
        let whole = decode::decode(&bytes).map_err(|reason| self.tree.error(file, reason))?;
        let [left, top, right, bottom] = face;
        let covers = (left, top) == (0, 0) && right >= whole.width && bottom >= whole.height;
        Ok(covers.then_some(bytes))
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let Item { file, face, .. } = self.items[index];
        decode::decode(&self.tree.read(file)?)
            .and_then(|picture| decode::crop(picture, face))
            .map_err(|reason| self.tree.error(file, reason))
    }
}

#[cfg(test)]
pub(in crate::data) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::tree::tests::tar_of;

    /// Writes a FER+ folder with one split whose lines are (tone of the picture, votes).
    pub(in crate::data) fn write_split(root: &Path, split: &str, lines: &[(u8, [u8; 10])]) {
        let folder = root.join("data").join(format!("FER2013{split}"));
        fs::create_dir_all(&folder).unwrap();
        let mut csv = String::new();
        for (index, (tone, votes)) in lines.iter().enumerate() {
            let name = format!("fer{index:07}.png");
            fs::write(folder.join(&name), grey_png(48, 48, *tone)).unwrap();
            let votes: Vec<String> = votes.iter().map(u8::to_string).collect();
            writeln!(csv, "{name},\"(0, 0, 48, 48)\",{}", votes.join(",")).unwrap();
        }
        fs::write(folder.join("label.csv"), csv).unwrap();
    }

    fn open(root: &Path, split: Option<&str>, skips: &SkipLog) -> Result<FerPlus, DataError> {
        let mut spec = Spec::new("ferplus", root);
        spec.split = split.map(str::to_owned);
        FerPlus::open(&spec, skips)
    }

    #[test]
    fn a_folder_gives_votes_and_grey_pictures_by_split() {
        let dir = tempfile::tempdir().unwrap();
        write_split(dir.path(), "Train", &[(1, [4, 0, 0, 1, 3, 2, 0, 0, 0, 0]), (2, [0; 10])]);
        write_split(dir.path(), "Valid", &[(3, [0, 9, 0, 0, 0, 0, 0, 0, 1, 0])]);
        let skips = SkipLog::new(true);
        let train = open(dir.path(), Some("Train"), &skips).unwrap();
        assert_eq!(train.len(), 2);
        assert_eq!(
            train.annotation(0),
            Annotation::Votes(vec![4.0, 0.0, 0.0, 1.0, 3.0, 2.0, 0.0, 0.0, 0.0, 0.0])
        );
        let picture = train.picture(0).unwrap();
        assert_eq!((picture.width, picture.height, picture.channels), (48, 48, 1));
        assert_ne!(train.content_hash(0).unwrap(), train.content_hash(1).unwrap());
        assert_eq!(open(dir.path(), None, &skips).unwrap().len(), 3);
        let message = open(dir.path(), Some("Test"), &skips).err().unwrap().to_string();
        assert!(message.contains("train, valid"), "{message}");
    }

    #[test]
    fn a_tar_is_read_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ferplus.tar");
        let png = grey_png(48, 48, 7);
        let tar = tar_of(&[
            ("x/FER2013Valid/label.csv", b"a.png,\"(0, 0, 24, 48)\",9,0,0,0,0,0,0,0,0,0\n"),
            ("x/FER2013Valid/a.png", &png),
        ]);
        fs::write(&path, tar).unwrap();
        let valid = open(&path, Some("Valid"), &SkipLog::new(true)).unwrap();
        assert_eq!(valid.picture(0).unwrap().width, 24, "cut to the face box");
        assert!(valid.key(0).contains("ferplus.tar, entry x/FER2013Valid/a.png"), "{}", valid.key(0));
        assert_eq!(valid.content_hash(0).unwrap(), *blake3::hash(&png).as_bytes());
    }

    #[test]
    fn a_missing_column_is_one_error_that_lists_the_columns() {
        let dir = tempfile::tempdir().unwrap();
        write_split(dir.path(), "Train", &[(1, [1; 10])]);
        let csv = dir.path().join("data/FER2013Train/label.csv");
        fs::write(&csv, "fer0000000.png,\"(0, 0, 48, 48)\",1,2,3\n").unwrap();
        let message = open(dir.path(), None, &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("line 1: 5 columns") && message.contains("contempt"), "{message}");
    }

    #[test]
    fn bad_lines_are_skipped_and_named() {
        let dir = tempfile::tempdir().unwrap();
        write_split(dir.path(), "Train", &[(1, [1; 10])]);
        let csv = dir.path().join("data/FER2013Train/label.csv");
        let good = fs::read_to_string(&csv).unwrap();
        let bad = "../../x.png,\"(0, 0, 48, 48)\",1,1,1,1,1,1,1,1,1,1\n\
            fer0000000.png,\"(0, 0)\",1,1,1,1,1,1,1,1,1,1\n\
            fer0000000.png,\"(0, 0, 48, 48)\",1,1,-1,1,1,1,1,1,1,1\nshort\n";
        fs::write(&csv, good + bad).unwrap();
        let skips = SkipLog::new(false);
        assert_eq!(open(dir.path(), None, &skips).unwrap().len(), 1);
        assert_eq!(skips.count(), 4);
        assert!(skips.first()[0].contains("line 2") && skips.first()[0].contains("../../x.png"));
        assert!(skips.first()[2].contains("surprise"), "{:?}", skips.first());
    }

    #[test]
    fn a_folder_without_ferplus_labels_says_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let message = open(dir.path(), None, &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("FER2013Train/label.csv"), "{message}");
    }
}
