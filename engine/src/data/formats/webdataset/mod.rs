//! `WebDataset` shards: tar archives whose files belong together by name up to the first dot, `<key>.jpg` with `<key>.cls` (a
//! number) or `<key>.json` (a field with a class's number or name). Shards are read in place.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::data::tree::FileTree;
use crate::data::{Annotation, DataError, Dataset, Format, SkipLog, Spec, Stamp, decode, quoted};
use crate::files::shortened;
use crate::media::{PICTURE_ENDINGS, Picture};

mod shard_paths;

use shard_paths::shard_paths;

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "WebDataset shards: dir, x.tar or dir/{000..127}.tar; classes=a,b,c names numbers, label=FIELD picks one of .json";
    Format::new("webdataset", about, &["classes", "label"], |spec, skips| {
        Ok(Arc::new(Shards::open(spec, skips)?))
    })
}

/// Fields of a `.json` that are looked at where the SPEC names none.
const FIELDS: [&str; 5] = ["label", "class", "cls", "emotion", "expression"];

struct Shards {
    name: String,
    classes: Vec<String>,
    trees: Vec<FileTree>,
    items: Vec<Item>,
}

struct Item {
    shard: u32,
    file: u32,
    class: Option<u32>,
}

/// A label as it is stored.
enum Label {
    Number(u64),
    Name(String),
}

impl Shards {
    fn open(spec: &Spec, skips: &SkipLog) -> Result<Self, DataError> {
        if spec.split.is_some() {
            return Err(spec.error(
                "WebDataset has no splits; name the shards, e.g. webdataset:dir/train-{000..127}.tar",
            ));
        }
        let paths = shard_paths(spec)?;
        let shards: Vec<FileTree> =
            paths.par_iter().map(|path| FileTree::open(path, skips)).collect::<Result<_, _>>()?;
        let fixed: Option<Vec<String>> = (spec.options.get("classes"))
            .map(|classes| classes.split(',').map(|name| name.trim().to_owned()).collect());
        let read: Vec<Vec<(usize, Option<Label>)>> =
            shards.par_iter().map(|tree| read_shard(tree, spec, skips)).collect::<Result<_, _>>()?;
        let classes = match fixed {
            Some(classes) => classes,
            None => names(&read),
        };
        let mut items = Vec::new();
        for (shard, (tree, read)) in shards.iter().zip(read).enumerate() {
            for (file, label) in read {
                let class = label.map(|label| class_of(&label, &classes)).transpose();
                match class {
                    Ok(class) => items.push(Item { shard: shard as u32, file: file as u32, class }),
                    Err(reason) => skips.skip(&tree.key(file), tree.error(file, reason))?,
                }
            }
        }
        if items.is_empty() {
            let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
            return Err(spec.error(format!("no usable picture in {} shards{first}", shards.len())));
        }
        Ok(Self {
            name: spec.to_string(),
            classes: if spec.unlabelled { vec![] } else { classes },
            trees: shards,
            items,
        })
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let item = &self.items[index];
        self.trees[item.shard as usize].read(item.file as usize)
    }

    fn error(&self, index: usize, reason: String) -> DataError {
        let item = &self.items[index];
        self.trees[item.shard as usize].error(item.file as usize, reason)
    }
}

/// Pictures and labels of a shard.
fn read_shard(
    tree: &FileTree,
    spec: &Spec,
    skips: &SkipLog,
) -> Result<Vec<(usize, Option<Label>)>, DataError> {
    let mut labels: HashMap<&str, usize> = HashMap::new();
    let mut pictures = Vec::new();
    for (file, path) in tree.paths().iter().enumerate() {
        let (key, ending) = key_of(path);
        match ending.to_ascii_lowercase().as_str() {
            ending if PICTURE_ENDINGS.contains(&ending) => pictures.push((key, file)),
            // `.cls` is the plainer of the two.
            "cls" => _ = labels.insert(key, file),
            "json" => _ = labels.entry(key).or_insert(file),
            _ => {}
        }
    }
    if spec.unlabelled {
        return Ok(pictures.into_iter().map(|(_, file)| (file, None)).collect());
    }
    let mut read = Vec::with_capacity(pictures.len());
    for (key, file) in pictures {
        let label = match labels.get(key) {
            None => Ok(None),
            Some(&label) => tree.read(label).and_then(|bytes| {
                let found = if tree.paths()[label].to_ascii_lowercase().ends_with("cls") {
                    plain_label(&bytes).map(Some)
                } else {
                    json_label(&bytes, spec.options.get("label").map(String::as_str))
                };
                found.map_err(|reason| tree.error(label, reason))
            }),
        };
        match label {
            Ok(label) => read.push((file, label)),
            Err(error) => skips.skip(&tree.key(file), error)?,
        }
    }
    Ok(read)
}

/// A member's key, which may hold folders, and its ending: cut at the first dot of the file's name.
fn key_of(path: &str) -> (&str, &str) {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].find('.') {
        Some(dot) => (&path[..name + dot], &path[name + dot + 1..]),
        None => (path, ""),
    }
}

/// The content of a `.cls`.
fn plain_label(bytes: &[u8]) -> Result<Label, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the label is no text".to_owned())?.trim();
    text_label(text)
}

fn text_label(text: &str) -> Result<Label, String> {
    if let Ok(number) = text.parse() {
        return Ok(Label::Number(number));
    }
    let negative = text.parse::<f64>().is_ok();
    if text.is_empty() || text.len() > 200 || negative || text.contains(char::is_control) {
        return Err(format!("label `{}` is no class's number or name", quoted(text)));
    }
    Ok(Label::Name(text.to_owned()))
}

/// The label that a `.json` holds; none where it has no such field.
fn json_label(bytes: &[u8], field: Option<&str>) -> Result<Option<Label>, String> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {}", shortened(error)))?;
    let known = FIELDS.iter().copied();
    let found = match field {
        Some(field) => Some(value.get(field).ok_or_else(|| format!("no field `{}`", quoted(field)))?),
        None => known.into_iter().find_map(|field| value.get(field)),
    };
    match found {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => text_label(text).map(Some),
        Some(other) => match other.as_u64() {
            Some(number) => Ok(Some(Label::Number(number))),
            None => Err(format!("label `{}` is no class's number or name", quoted(&other.to_string()))),
        },
    }
}

/// The class names that the labels use, sorted.
fn names(read: &[Vec<(usize, Option<Label>)>]) -> Vec<String> {
    let labels = read.iter().flatten().filter_map(|(_, label)| label.as_ref());
    let mut names: Vec<String> = labels
        .filter_map(|label| if let Label::Name(name) = label { Some(name.clone()) } else { None })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn class_of(label: &Label, classes: &[String]) -> Result<u32, String> {
    let class = match label {
        Label::Number(_) if classes.is_empty() => {
            return Err("labels are numbers; say what they mean with classes=a,b,c, or ignore them with unlabelled=true".into());
        }
        Label::Number(number) => {
            usize::try_from(*number).ok().filter(|&class| class < classes.len()).ok_or_else(|| {
                format!(
                    "label {number} is not one of 0 to {}, the {} classes",
                    classes.len() - 1,
                    classes.len()
                )
            })?
        }
        Label::Name(name) => classes.iter().position(|class| class == name).ok_or_else(|| {
            format!("label `{}` is not one of {}", quoted(name), quoted(&classes.join(", ")))
        })?,
    };
    Ok(class as u32)
}

impl Dataset for Shards {
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
        let item = &self.items[index];
        self.trees[item.shard as usize].key(item.file as usize)
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.items[index].class.map_or(Annotation::None, |class| Annotation::Class(class as usize))
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        let item = &self.items[index];
        let stamp = self.trees[item.shard as usize].stamp(item.file as usize)?;
        Some(stamp.at(stamp.place ^ u64::from(item.shard) << 40))
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let bytes = self.bytes(index)?;
        decode::check_signature(&bytes).map_err(|reason| self.error(index, reason))?;
        Ok(blake3::hash(&bytes).into())
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.bytes(index).map(Some)
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        decode::decode(&self.bytes(index)?).map_err(|reason| self.error(index, reason))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::tree::tests::tar_of;

    fn shards(members: &[&[(&str, &[u8])]]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (index, members) in members.iter().enumerate() {
            fs::write(dir.path().join(format!("faces-{index:03}.tar")), tar_of(members)).unwrap();
        }
        dir
    }

    fn open_at(dir: &tempfile::TempDir, rest: &str, skips: &SkipLog) -> Result<Shards, DataError> {
        Shards::open(&format!("webdataset:{}{rest}", dir.path().display()).parse().unwrap(), skips)
    }

    #[test]
    fn files_of_one_key_belong_together_and_numbers_are_named_by_classes() {
        let (a, b, c) = (grey_png(8, 8, 1), grey_png(8, 8, 2), grey_png(8, 8, 3));
        let dir = shards(&[
            &[("d/a.1.png", &a), ("d/a.cls", b"1\n"), ("d/a.png", &b)],
            &[("x.cls", b"0"), ("x.txt", b"words"), ("x.jpg", &c), ("y.png", &a)],
        ]);
        let skips = SkipLog::new(true);
        for path in ["", "/faces-{000..001}.tar", "/faces-{000,001}.tar"] {
            let set = open_at(&dir, &format!("{path}?classes=sad,happy"), &skips).unwrap();
            let labels: Vec<_> = (0..set.len()).map(|item| set.annotation(item)).collect();
            assert_eq!(labels, [Annotation::Class(1), Annotation::Class(0), Annotation::None], "{path}");
            assert_eq!(set.content_hash(0).unwrap(), *blake3::hash(&b).as_bytes());
            assert!(set.key(1).ends_with("faces-001.tar, entry x.jpg"), "{}", set.key(1));
        }
        assert_eq!(open_at(&dir, "/faces-001.tar?unlabelled=true", &skips).unwrap().len(), 2);
        let message = open_at(&dir, "", &skips).err().unwrap().to_string();
        assert!(message.contains("classes=a,b,c"), "{message}");
        let message = open_at(&dir, "/faces-{000..002}.tar", &skips).err().unwrap().to_string();
        assert!(message.contains("faces-002.tar"), "{message}");
    }

    #[test]
    fn labels_in_json_are_names_or_numbers() {
        let png = grey_png(8, 8, 1);
        let dir = shards(&[&[
            ("a.png", &png),
            ("a.json", br#"{"emotion": "sad", "age": 3}"#),
            ("b.png", &png),
            ("b.json", br#"{"label": "happy", "age": 7}"#),
            ("c.png", &png),
            ("c.json", br#"{"label": [1]}"#),
            ("d.png", &png),
            ("d.json", b"{"),
            ("e.png", &png),
            ("e.json", br#"{"age": 1}"#),
        ]]);
        let skips = SkipLog::new(false);
        let set = open_at(&dir, "", &skips).unwrap();
        assert_eq!(set.classes(), ["happy", "sad"]);
        let labels: Vec<_> = (0..set.len()).map(|item| set.annotation(item)).collect();
        assert_eq!(labels, [Annotation::Class(1), Annotation::Class(0), Annotation::None]);
        let named = skips.first().join("\n");
        assert!(
            named.contains("entry c.json: label `[1]`") && named.contains("entry d.json: no JSON"),
            "{named}"
        );
        let skips = SkipLog::new(false);
        let set = open_at(&dir, "?label=age&classes=a,b,c,d,e,f", &skips).unwrap();
        assert_eq!((set.len(), set.annotation(0)), (2, Annotation::Class(3)), "7 is none, c has no age");
    }
}
