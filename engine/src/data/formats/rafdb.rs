//! RAF-DB, basic expressions: `EmoLabel/list_patition_label.txt` (so it is spelt) with lines `train_00001.jpg 5`, and the
//! aligned faces in `Image/aligned`.

use std::sync::Arc;

use crate::data::listed_faces::{ListedFace, ListedFaces};
use crate::data::tree::FileTree;
use crate::data::{DataError, Format, SkipLog, Spec, quoted};

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "RAF-DB, aligned faces of the basic expressions (splits train, test)";
    Format::new("rafdb", about, &[], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

/// The classes; the list counts them from 1.
const CLASSES: [&str; 7] = ["Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"];
const LISTS: [&str; 2] = ["EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt"];
/// Longest line of the list, in bytes.
const MAX_LINE: u64 = 4096;

fn open(spec: &Spec, skips: &SkipLog) -> Result<ListedFaces, DataError> {
    let split = match spec.split.as_ref().map(|split| split.to_lowercase()).as_deref() {
        None => "",
        Some("train" | "training") => "train_",
        Some("test" | "valid" | "val" | "validation") => "test_",
        Some(_) => return Err(spec.error("no split of that name; it has train, test")),
    };
    let tree = FileTree::open(&spec.path, skips)?;
    let Some((list, root)) = tree.ending_with(&LISTS).first().copied() else {
        return Err(DataError::format(&spec.path, "", format!("no {} in it, so it is not RAF-DB", LISTS[0])));
    };
    let pictures = tree.by_path();
    let find = |name: &str| {
        let (stem, extension) = name.rsplit_once('.')?;
        let aligned = [format!("{stem}_aligned.{extension}"), name.to_owned()];
        aligned.iter().find_map(|name| pictures.get(&format!("{root}Image/aligned/{name}")))
    };
    let mut items = Vec::new();
    let mut lines = tree.lines(list, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text());
        if text.trim().is_empty() || !text.starts_with(split) {
            continue;
        }
        match parse(&text, find) {
            Ok((file, class)) => {
                let class = Some(class).filter(|_| !spec.unlabelled);
                items.push(ListedFace { file, face: None, id: None, class });
            }
            Err(reason) => lines.skip(number, reason, skips)?,
        }
    }
    drop(lines);
    if items.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(tree.error(list, format!("no usable face of this split{first}")));
    }
    let classes = if spec.unlabelled { Vec::new() } else { CLASSES.map(str::to_owned).to_vec() };
    drop(pictures);
    Ok(ListedFaces { name: spec.to_string(), classes, tree, items, landmarks: vec![] })
}

/// File and class of a line.
fn parse(line: &str, find: impl Fn(&str) -> Option<usize>) -> Result<(usize, u8), String> {
    let (name, label) = line.trim().rsplit_once(' ').ok_or("expected `train_00001.jpg 5`")?;
    let class: Option<u8> = label.parse::<u8>().ok().and_then(|label| label.checked_sub(1));
    let class = class
        .filter(|&class| usize::from(class) < CLASSES.len())
        .ok_or_else(|| format!("label `{}` is not one of 1 (Surprise) to 7 (Neutral)", quoted(label)))?;
    let file = find(name.trim())
        .ok_or_else(|| format!("no aligned picture of `{}` in Image/aligned", quoted(name)))?;
    Ok((file, class))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::tree::tests::tar_of;
    use crate::data::{Annotation, Dataset as _};

    #[test]
    fn labels_count_from_one_and_pictures_are_the_aligned_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raf.tar");
        let (a, b) = (grey_png(10, 10, 1), grey_png(10, 10, 2));
        let list = b"train_00001.jpg 5\ntest_0001.jpg 1\ntrain_00002.jpg 8\ntrain_00003.jpg 0\ntrain_00009.jpg 7\nodd\n";
        let tar = tar_of(&[
            ("basic/EmoLabel/list_patition_label.txt", &list[..]),
            ("basic/Image/aligned/train_00001_aligned.jpg", &a),
            ("basic/Image/aligned/test_0001_aligned.jpg", &b),
            ("basic/Image/original/train_00009.jpg", &b),
        ]);
        fs::write(&path, tar).unwrap();
        let open_at = |rest: &str, skips: &SkipLog| {
            open(&format!("rafdb:{}{rest}", path.display()).parse().unwrap(), skips)
        };
        let skips = SkipLog::new(false);
        let train = open_at("#train", &skips).unwrap();
        assert_eq!((train.len(), train.annotation(0)), (1, Annotation::Class(4)), "5 is Sadness");
        assert_eq!(train.classes()[4], "Sadness");
        assert_eq!(train.content_hash(0).unwrap(), *blake3::hash(&a).as_bytes());
        for (line, part) in skips.first().iter().zip(["line 3: label `8`", "label `0`", "`train_00009.jpg`"])
        {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(open_at("#test", &SkipLog::new(true)).unwrap().annotation(0), Annotation::Class(0));
        let skips = SkipLog::new(false);
        assert_eq!(open_at("", &skips).unwrap().len(), 2);
        assert_eq!(skips.count(), 4, "and the line that is none");
        assert!(open_at("#dev", &skips).err().unwrap().to_string().contains("train, test"));
    }
}
