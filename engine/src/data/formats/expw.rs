//! `ExpW`, Expression in the Wild: `label/label.lst`, whose lines are `image_name face_id top left right bottom confidence
//! label`, and the pictures in `image/origin`. Note the order of the box.

use std::sync::Arc;

use crate::data::listed_faces::{ListedFace, ListedFaces, coordinate, face_box};
use crate::data::tree::FileTree;
use crate::data::{DataError, Format, SkipLog, Spec, quoted};

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about = "ExpW; confidence=60 takes only faces that the detector was so sure of";
    Format::new("expw", about, &["confidence"], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

const CLASSES: [&str; 7] = ["Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral"];
/// Longest line of the list, in bytes.
const MAX_LINE: u64 = 4096;

fn open(spec: &Spec, skips: &SkipLog) -> Result<ListedFaces, DataError> {
    if spec.split.is_some() {
        return Err(spec.error("ExpW has no splits"));
    }
    let least = match spec.options.get("confidence") {
        Some(text) => text.parse::<f64>().ok().filter(|least| least.is_finite()).ok_or_else(|| {
            spec.error(format!("confidence takes a number such as 60, not `{}`", quoted(text)))
        })?,
        None => f64::NEG_INFINITY,
    };
    let tree = FileTree::open(&spec.path, skips)?;
    let Some((list, root)) = tree.ending_with(&["label/label.lst"]).first().copied() else {
        return Err(DataError::format(&spec.path, "", "no label/label.lst in it, so it is not ExpW"));
    };
    let pictures = tree.by_path();
    let mut items = Vec::new();
    let mut lines = tree.lines(list, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        let (number, text) = (line.number, line.text());
        if text.trim().is_empty() {
            continue;
        }
        let find = |name: &str| pictures.get(&format!("{root}image/origin/{name}"));
        match parse(text.trim(), find) {
            Ok((_, confidence)) if confidence < least => {}
            Ok((face, _)) => {
                items.push(ListedFace { class: face.class.filter(|_| !spec.unlabelled), ..face });
            }
            Err(reason) => lines.skip(number, reason, skips)?,
        }
    }
    drop(lines);
    if items.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(tree.error(list, format!("no usable face{first}")));
    }
    let classes = if spec.unlabelled { Vec::new() } else { CLASSES.map(str::to_owned).to_vec() };
    drop(pictures);
    Ok(ListedFaces { name: spec.to_string(), classes, tree, items, landmarks: vec![] })
}

/// A face and its confidence.
fn parse(line: &str, find: impl Fn(&str) -> Option<usize>) -> Result<(ListedFace, f64), String> {
    // From the right: a picture's name may hold spaces.
    let mut parts = line.rsplitn(8, ' ');
    let mut next =
        || parts.next().ok_or("expected image_name face_id top left right bottom confidence label");
    let [label, confidence, bottom, right, left, top, id, name] =
        [next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?];
    let class: Option<u8> = label.parse().ok().filter(|&class| usize::from(class) < CLASSES.len());
    let class =
        class.ok_or_else(|| format!("label `{}` is not one of 0 (Angry) to 6 (Neutral)", quoted(label)))?;
    let id: u32 = id.parse().map_err(|_| format!("face id `{}` is no number from 0 up", quoted(id)))?;
    let confidence =
        confidence.parse().map_err(|_| format!("confidence `{}` is no number", quoted(confidence)))?;
    let face = face_box(left, top, coordinate(right)?, coordinate(bottom)?)?;
    let file = find(name).ok_or_else(|| format!("there is no image/origin/{}", quoted(name)))?;
    Ok((ListedFace { file, face: Some(face), id: Some(id), class: Some(class) }, confidence))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::data::decode::tests::grey_png;
    use crate::data::{Annotation, Dataset as _};

    fn write(root: &Path, list: &str) {
        fs::create_dir_all(root.join("label")).unwrap();
        fs::create_dir_all(root.join("image/origin")).unwrap();
        fs::write(root.join("label/label.lst"), list).unwrap();
        for name in ["a 1.jpg", "b.jpg"] {
            fs::write(root.join("image/origin").join(name), grey_png(40, 30, name.len() as u8)).unwrap();
        }
    }

    fn open_at(root: &Path, rest: &str, skips: &SkipLog) -> Result<ListedFaces, DataError> {
        open(&format!("expw:{}{rest}", root.display()).parse().unwrap(), skips)
    }

    #[test]
    fn the_order_of_the_box_is_top_left_right_bottom_and_a_name_with_its_face_is_the_key() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "b.jpg 0 2 5 35 12 80.5 3\nb.jpg 1 0 0 9 9 40 6\na 1.jpg 0 1 1 9 9 99 0\n");
        let faces = open_at(dir.path(), "", &SkipLog::new(true)).unwrap();
        let picture = faces.picture(0).unwrap();
        assert_eq!((picture.width, picture.height), (30, 10), "left 5, top 2, right 35, bottom 12");
        assert_eq!(faces.annotation(0), Annotation::Class(3));
        assert!(faces.key(0).ends_with("b.jpg, face 0") && faces.key(1).ends_with("b.jpg, face 1"));
        assert_ne!(faces.content_hash(0).unwrap(), faces.content_hash(1).unwrap());
        assert!(faces.picture(2).is_ok(), "a name with a space");
        assert_eq!(open_at(dir.path(), "?confidence=60", &SkipLog::new(true)).unwrap().len(), 2);
        let message = open_at(dir.path(), "?confidence=much", &SkipLog::new(true)).err().unwrap().to_string();
        assert!(message.contains("`much`"), "{message}");
    }

    #[test]
    fn bad_lines_are_skipped_and_named() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "b.jpg 0 0 0 9 9 80 3\nb.jpg 0 0 0 9 9 80 7\nc.jpg 0 0 0 9 9 80 1\nb.jpg 0 9 9 2 2 80 1\nb.jpg 1\n\
             ../label.lst 0 0 0 9 9 80 1\n",
        );
        let skips = SkipLog::new(false);
        assert_eq!(open_at(dir.path(), "", &skips).unwrap().len(), 1);
        for (line, part) in skips.first().iter().zip([
            "label `7`",
            "image/origin/c.jpg",
            "no area",
            "expected image_name",
            "../label.lst",
        ]) {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(skips.count(), 5);
        assert!(open_at(dir.path(), "", &SkipLog::new(true)).is_err());
    }
}
