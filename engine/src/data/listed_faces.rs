//! Faces that a list names: a picture file each, a box in it where the picture shows more, and a class.

use std::fmt::Write as _;

use super::tree::FileTree;
use super::{Annotation, DataError, Dataset, FaceScene, Stamp, decode};
use crate::media::{FaceBox, Landmarks, Picture};

/// One face of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListedFace {
    /// The picture, a file of the tree.
    pub file: usize,
    /// `[left, top, right, bottom)` in pixels of the picture; it may reach over the picture's edge.
    pub face: Option<[u32; 4]>,
    /// What tells faces of one picture apart, where the list says.
    pub id: Option<u32>,
    /// Index into the set's classes.
    pub class: Option<u8>,
}

/// A set of such faces. The reader of a format makes it; from there on all formats are alike.
pub(super) struct ListedFaces {
    pub name: String,
    pub classes: Vec<String>,
    pub tree: FileTree,
    pub items: Vec<ListedFace>,
    /// Landmarks of each item, where the list has them and they were asked for; not finite where an item has none.
    pub landmarks: Vec<Landmarks>,
}

impl ListedFaces {
    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let file = self.items[index].file;
        let bytes = self.tree.read(file)?;
        decode::check_signature(&bytes).map_err(|reason| self.tree.error(file, reason))?;
        Ok(bytes)
    }
}

impl Dataset for ListedFaces {
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
        let ListedFace { file, face, id, .. } = self.items[index];
        let mut key = self.tree.key(file);
        // Writing to a string does not fail.
        let _ = match (id, face) {
            (Some(id), _) => write!(key, ", face {id}"),
            (None, Some([left, top, right, bottom])) => {
                write!(key, ", face at ({left}, {top}, {right}, {bottom})")
            }
            (None, None) => Ok(()),
        };
        key
    }

    fn annotation(&self, index: usize) -> Annotation {
        self.items[index].class.map_or(Annotation::None, |class| Annotation::Class(usize::from(class)))
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        let ListedFace { file, face, .. } = self.items[index];
        let stamp = self.tree.stamp(file)?;
        let Some(face) = face else { return Some(stamp) };
        let sides = face.map(u32::to_le_bytes);
        Some(stamp.at(stamp.place ^ Stamp::place_of(sides.as_flattened())))
    }

    /// Hash of the file and, where the list has one, of the box: two faces of one picture are not copies.
    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        let bytes = self.bytes(index)?;
        let Some(face) = self.items[index].face else { return Ok(blake3::hash(&bytes).into()) };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        for side in face {
            hasher.update(&side.to_le_bytes());
        }
        Ok(hasher.finalize().into())
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        if self.items[index].face.is_some() { Ok(None) } else { self.bytes(index).map(Some) }
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let ListedFace { file, face, .. } = self.items[index];
        let cut = |picture| match face {
            Some(face) => decode::crop(picture, face.map(|side| side as usize)),
            None => Ok(picture),
        };
        decode::decode(&self.bytes(index)?).and_then(cut).map_err(|reason| self.tree.error(file, reason))
    }

    fn scene(&self, index: usize) -> Result<FaceScene, DataError> {
        let ListedFace { file, face, .. } = self.items[index];
        let picture = decode::decode(&self.bytes(index)?).map_err(|reason| self.tree.error(file, reason))?;
        let face_box = face.map(|face| {
            // A side may be said to lie anywhere; what counts is in the picture.
            let [left, top, right, bottom] = face;
            let (right, bottom) = (right.min(picture.width as u32), bottom.min(picture.height as u32));
            let (w, h) = (right.saturating_sub(left), bottom.saturating_sub(top));
            FaceBox { x: left as f32, y: top as f32, w: w as f32, h: h as f32 }
        });
        if face_box.is_some_and(|face_box| !face_box.is_valid()) {
            return Err(self.tree.error(file, "the face box lies outside the picture"));
        }
        let known = |points: &&Landmarks| points.as_flattened().iter().all(|v| v.is_finite());
        Ok(FaceScene { picture, face_box, landmarks: self.landmarks.get(index).filter(known).copied() })
    }
}

/// A box from the numbers of a list, whole or not: what lies left of or above the picture is cut off.
///
/// # Errors
/// It is no number or has no area.
pub(super) fn face_box(left: &str, top: &str, right: f64, bottom: f64) -> Result<[u32; 4], String> {
    let (left, top) = (coordinate(left)?, coordinate(top)?);
    if !(right > left.max(0.0) && bottom > top.max(0.0)) {
        return Err(format!(
            "the face box ({left}, {top}, {right}, {bottom}) has no area; its order is left, top, right, bottom"
        ));
    }
    // Out of a u32's range the conversion saturates, and a crop ends at the picture's edge.
    Ok([left.floor() as u32, top.floor() as u32, right.ceil() as u32, bottom.ceil() as u32])
}

/// A coordinate in pixels.
///
/// # Errors
/// It is no finite number.
pub(super) fn coordinate(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`{}` is no coordinate of a face box", super::quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_may_reach_over_the_left_and_upper_edge_but_must_have_an_area() {
        assert_eq!(face_box("-3", "1.5", 9.2, 8.0), Ok([0, 1, 10, 8]));
        assert_eq!(face_box("0", "0", 1e30, 5.0), Ok([0, 0, u32::MAX, 5]));
        for (left, top, right, bottom) in [
            ("5", "0", 5.0, 9.0),
            ("5", "9", 8.0, 2.0),
            ("-9", "0", -1.0, 5.0),
            ("x", "0", 1.0, 1.0),
            ("0", "0", f64::NAN, 1.0),
        ] {
            assert!(face_box(left, top, right, bottom).is_err(), "{left} {top} {right} {bottom}");
        }
    }
}
