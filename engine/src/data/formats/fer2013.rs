//! FER2013: one CSV with the columns `emotion`, `pixels` (2,304 grey values of a 48x48 face) and `Usage`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::data::fields::FieldReader;
use crate::data::lines::{Lines, open_regular};
use crate::data::tree::read_exact_at;
use crate::data::{Annotation, DataError, Dataset, Format, SkipLog, Spec, quoted};
use crate::media::Picture;

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "FER2013 CSV (splits Training, PublicTest, PrivateTest)";
    Format::new("fer2013", about, &[], |spec, skips| Ok(Arc::new(Fer2013::open(spec, skips)?)))
}

const CLASSES: [&str; 7] = ["Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"];
const SIDE: usize = 48;
/// A line of 2,304 numbers of up to three digits, with room for the other columns.
const MAX_LINE: u64 = 1 << 16;
const SPLITS: [(&str, &[&str]); 3] =
    [("training", &["train"]), ("publictest", &["valid", "val", "validation"]), ("privatetest", &["test"])];

struct Fer2013 {
    name: String,
    classes: Vec<String>,
    path: PathBuf,
    file: File,
    pixels_column: usize,
    items: Vec<Item>,
}

/// Where a line stands in the file, and its class.
struct Item {
    offset: u64,
    len: u32,
    line: u64,
    class: Option<u8>,
}

impl Fer2013 {
    fn open(spec: &Spec, skips: &SkipLog) -> Result<Self, DataError> {
        let path = spec.path.as_path();
        let file = open_regular(path)?;
        let mut lines = Lines::open(path, MAX_LINE)?;
        let mut reader = FieldReader::new();
        let header = reader
            .read(lines.first("the columns emotion,pixels,Usage")?.bytes)
            .map_err(|reason| lines.error(1, reason))?;
        let column = |name: &str| {
            header.iter().position(|n| n.eq_ignore_ascii_case(name)).ok_or_else(|| {
                let found = quoted(&header.joined());
                let reason = format!("no column `{name}`; expected emotion,pixels,Usage, found {found}");
                DataError::format(path, ", line 1", reason)
            })
        };
        let pixels_column = column("pixels")?;
        let emotion = if spec.unlabelled { None } else { Some(column("emotion")?) };
        let usage = match &spec.split {
            Some(split) => Some((column("usage")?, usage_name(split))),
            None => None,
        };

        let mut items = Vec::new();
        let mut usages: Vec<String> = Vec::new();
        while let Some(line) = lines.next()? {
            if line.bytes.trim_ascii().is_empty() {
                continue;
            }
            // A line is no longer than MAX_LINE.
            let (number, offset, len) = (line.number, line.offset, line.bytes.len() as u32);
            let record = match reader.read(line.bytes) {
                Ok(record) => record,
                Err(reason) => {
                    lines.skip(number, reason, skips)?;
                    continue;
                }
            };
            let field = |index: usize| record.get(index).unwrap_or_default();
            if let Some((column, wanted)) = &usage {
                let found = field(*column);
                let matches = found.eq_ignore_ascii_case(wanted);
                if !matches {
                    if usages.len() < 8 && !usages.iter().any(|usage| usage == found) {
                        usages.push(found.to_owned());
                    }
                    continue;
                }
            }
            let class = match emotion.map(field) {
                None => None,
                Some(text) => match text.parse::<u8>() {
                    Ok(class) if usize::from(class) < CLASSES.len() => Some(class),
                    _ => {
                        let last = CLASSES.len() - 1;
                        let reason = format!("emotion `{}` is not a number from 0 to {last}", quoted(text));
                        lines.skip(number, reason, skips)?;
                        continue;
                    }
                },
            };
            items.push(Item { offset, len, line: number, class });
        }
        if items.is_empty() {
            let found: BTreeSet<String> = usages.iter().map(|usage| quoted(usage)).collect();
            let found: Vec<String> = found.into_iter().collect();
            let reason = match &spec.split {
                Some(_) => format!("no line of this split; the values of Usage are {}", found.join(", ")),
                None => "no usable line".to_owned(),
            };
            return Err(spec.error(reason));
        }
        let classes = if spec.unlabelled { Vec::new() } else { CLASSES.map(str::to_owned).to_vec() };
        Ok(Self { name: spec.to_string(), classes, path: path.to_path_buf(), file, pixels_column, items })
    }

    fn error(&self, index: usize, reason: impl Into<String>) -> DataError {
        DataError::format(&self.path, format!(", line {}", self.items[index].line), reason)
    }

    fn pixels(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let item = &self.items[index];
        let mut line = vec![0; item.len as usize];
        read_exact_at(&self.file, &mut line, item.offset).map_err(|e| DataError::io(&self.path, e))?;
        let mut reader = FieldReader::new();
        let record = reader.read(&line).map_err(|reason| self.error(index, reason))?;
        let text = record.get(self.pixels_column).ok_or_else(|| self.error(index, "no pixels column"))?;
        let pixels: Vec<u8> = text
            .split_ascii_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| self.error(index, "a pixel is not a whole number from 0 to 255"))?;
        if pixels.len() != SIDE * SIDE {
            return Err(self.error(index, format!("{} pixels instead of {}", pixels.len(), SIDE * SIDE)));
        }
        Ok(pixels)
    }
}

/// The value of `Usage` that a split means.
fn usage_name(split: &str) -> String {
    let lower = split.to_lowercase();
    SPLITS
        .iter()
        .find(|(name, aliases)| *name == lower || aliases.contains(&lower.as_str()))
        .map_or(lower, |(name, _)| (*name).to_owned())
}

impl Dataset for Fer2013 {
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
        format!("{}, line {}", self.path.display(), self.items[index].line)
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.items[index].class.map_or(Annotation::None, |class| Annotation::Class(usize::from(class)))
    }

    /// Hash of the pixels: the format stores no file.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        Ok(blake3::hash(&self.pixels(index)?).into())
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        Ok(Picture { width: SIDE, height: SIDE, channels: 1, pixels: self.pixels(index)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::*;

    fn line(emotion: &str, tone: u8, usage: &str) -> String {
        let pixels: Vec<String> = (0..SIDE * SIDE).map(|i| tone.wrapping_add(i as u8).to_string()).collect();
        format!("{emotion},{},{usage}\n", pixels.join(" "))
    }

    fn open(text: &str, split: &str, skips: &SkipLog) -> Result<Fer2013, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fer2013.csv");
        fs::write(&path, text).unwrap();
        let mut spec = Spec::new("fer2013", &path);
        spec.split = (!split.is_empty()).then(|| split.to_owned());
        Fer2013::open(&spec, skips)
    }

    fn sample() -> String {
        "emotion,pixels,Usage\n".to_owned()
            + &line("0", 5, "Training")
            + &line("3", 9, "PublicTest")
            + &line("6", 11, "Training")
    }

    #[test]
    fn lines_are_read_in_place_by_split() {
        let train = open(&sample(), "Train", &SkipLog::new(true)).unwrap();
        assert_eq!(train.len(), 2);
        assert_eq!(train.annotation(1), Annotation::Class(6));
        let picture = train.picture(1).unwrap();
        assert_eq!((picture.width, picture.height, picture.channels), (48, 48, 1));
        assert_eq!(picture.pixels[..3], [11, 12, 13]);
        assert_eq!(open(&sample(), "", &SkipLog::new(true)).unwrap().len(), 3);
        assert_eq!(
            open(&sample(), "val", &SkipLog::new(true)).unwrap().key(0).rsplit(", ").next(),
            Some("line 3")
        );
    }

    #[test]
    fn a_missing_column_names_it_and_lists_the_header() {
        let message =
            open("emotion,Usage\n0,Training\n", "", &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("no column `pixels`") && message.contains("emotion,Usage"), "{message}");
        let message = open("pixels\n1 2\n", "", &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("no column `emotion`"), "{message}");
    }

    #[test]
    fn a_label_outside_the_list_is_skipped_and_named() {
        let skips = SkipLog::new(false);
        let all = open(&(sample() + &line("7", 0, "Training")), "", &skips).unwrap();
        assert_eq!(all.len(), 3);
        assert!(skips.first()[0].contains("line 5: emotion `7`"), "{:?}", skips.first());
    }

    #[test]
    fn a_line_with_wrong_pixels_fails_alone() {
        let all =
            open(&(sample() + "1,1 2 3,Training\n1,1 2 999,Training\n"), "", &SkipLog::new(false)).unwrap();
        assert!(all.picture(0).is_ok());
        assert!(all.picture(3).unwrap_err().to_string().contains("line 5: 3 pixels instead of 2304"));
        assert!(all.content_hash(4).unwrap_err().to_string().contains("0 to 255"));
    }

    #[test]
    fn a_line_or_field_of_any_length_costs_little_and_is_quoted_short() {
        let skips = SkipLog::new(false);
        open(&(sample() + "\u{1b}" + &"7".repeat(30_000) + ",1,Training\n"), "", &skips).unwrap();
        assert!(
            skips.first()[0].len() < 300 && skips.first()[0].contains("`\\u{1b}777"),
            "{:?}",
            skips.first()
        );
        let long = sample() + &"7".repeat(70_000);
        let message = open(&long, "", &skips).err().unwrap().to_string();
        assert!(message.contains("line 5: a line of more than 65536 bytes"), "{message}");
    }

    #[test]
    fn an_unknown_split_lists_what_there_is() {
        let message = open(&sample(), "Foo", &SkipLog::new(false)).err().unwrap().to_string();
        assert!(message.contains("PublicTest, Training"), "{message}");
    }
}
