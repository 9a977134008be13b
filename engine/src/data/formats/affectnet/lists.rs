//! The first release: a line a face in `training.csv` and the like, pictures under `Manually_Annotated_Images`.

use std::borrow::Cow;
use std::collections::HashMap;

use super::classes::{NO_FACE, class};
use super::points::{UNKNOWN, five_of_68};
use crate::data::fields::{FieldReader, Fields};
use crate::data::listed_faces::{ListedFace, coordinate, face_box};
use crate::data::tree::FileTree;
use crate::data::{DataError, SkipLog, Spec, quoted};
use crate::media::Landmarks;

/// Longest line, in bytes; 68 landmarks take less than two thousand.
const MAX_LINE: u64 = 64 << 10;
/// The columns in their order; some copies of the lists lack this line.
const COLUMNS: [&str; 9] = [
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
];
/// Folders that hold the pictures of the lists that people made, and of the other one.
const MANUAL: &str = "manually_annotated_images/";
const AUTOMATIC: &str = "automatically_annotated_images/";

/// Adds the faces of a list.
pub(super) fn read(
    tree: &FileTree,
    list: usize,
    spec: &Spec,
    skips: &SkipLog,
    (items, landmarks): (&mut Vec<ListedFace>, &mut Vec<Landmarks>),
) -> Result<(), DataError> {
    let own = &tree.paths()[list];
    let beside = own.rfind('/').map_or("", |slash| &own[..=slash]);
    let folder =
        if own.to_ascii_lowercase().contains("automatically_annotated.csv") { AUTOMATIC } else { MANUAL };
    let pictures: HashMap<&str, usize> = (tree.paths().iter().enumerate())
        .map(|(file, path)| (below_pictures(path, folder, beside), file))
        .collect();
    let mut add = |fields: Fields<'_>, columns| {
        let face = parse(fields, columns, &pictures)?;
        if !(spec.unlabelled && face.class == Some(NO_FACE)) {
            items.push(ListedFace { class: face.class.filter(|_| !spec.unlabelled), ..face });
            if spec.align {
                landmarks.push(points(fields, columns, &face));
            }
        }
        Ok(())
    };
    let mut lines = tree.lines(list, MAX_LINE)?;
    let mut reader = FieldReader::new();
    let first =
        reader.read(lines.first(&COLUMNS.join(","))?.bytes).map_err(|reason| lines.error(1, reason))?;
    let found = columns(first).map_err(|reason| lines.error(1, reason))?;
    let columns = found.unwrap_or([0, 1, 2, 3, 4, 5, 6]);
    // Without a header the first line is a face.
    if found.is_none()
        && let Err(reason) = add(first, columns)
    {
        lines.skip(1, reason, skips)?;
    }
    while let Some(line) = lines.next()? {
        if line.bytes.trim_ascii().is_empty() {
            continue;
        }
        let number = line.number;
        if let Err(reason) = reader.read(line.bytes).and_then(|fields| add(fields, columns)) {
            lines.skip(number, reason, skips)?;
        }
    }
    Ok(())
}

/// A picture's path as lists write it: below the folder of pictures, or else below the list's own.
fn below_pictures<'a>(path: &'a str, folder: &str, beside: &str) -> &'a str {
    match path.to_ascii_lowercase().find(folder) {
        Some(at) => &path[at + folder.len()..],
        None => path.strip_prefix(beside).unwrap_or(path),
    }
}

/// Where path, box and expression stand; `None` where the line is no header but a face.
fn columns(first: Fields<'_>) -> Result<Option<[usize; 7]>, String> {
    let place = |name: &str| first.iter().position(|field| field.eq_ignore_ascii_case(name));
    if place("expression").is_none() && first.len() == COLUMNS.len() && first[6].parse::<f64>().is_ok() {
        return Ok(None);
    }
    let mut found = [0; 7];
    for (place_of, name) in found.iter_mut().zip(COLUMNS) {
        *place_of = place(name).ok_or_else(|| {
            let line = quoted(&first.joined());
            format!("no column `{name}` in `{line}`; expected {}", COLUMNS.join(","))
        })?;
    }
    Ok(Some(found))
}

fn parse(
    fields: Fields<'_>,
    columns: [usize; 7],
    pictures: &HashMap<&str, usize>,
) -> Result<ListedFace, String> {
    if columns.iter().any(|&column| column >= fields.len()) {
        return Err(format!("{} columns are too few", fields.len()));
    }
    let [path, left, top, width, height, _, expression] = columns.map(|column| &fields[column]);
    let path = if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { Cow::Borrowed(path) };
    let file = *pictures.get(&*path).ok_or_else(|| format!("there is no picture `{}`", quoted(&path)))?;
    let number: f64 =
        expression.parse().map_err(|_| format!("expression `{}` is no number", quoted(expression)))?;
    let class = class(number)?;
    // Pictures without a face have no box either.
    if class == NO_FACE {
        return Ok(ListedFace { file, face: None, id: None, class: Some(class) });
    }
    let right = coordinate(left)? + coordinate(width)?;
    let bottom = coordinate(top)? + coordinate(height)?;
    let face = Some(face_box(left, top, right, bottom)?);
    Ok(ListedFace { file, face, id: None, class: Some(class) })
}

/// The landmarks of a line that has such a face.
fn points(fields: Fields<'_>, columns: [usize; 7], face: &ListedFace) -> Landmarks {
    if face.face.is_none() {
        return UNKNOWN;
    }
    let numbers = fields[columns[5]].split(';').map(|number| number.trim().parse().ok());
    let numbers: Option<Vec<f32>> = numbers.collect();
    numbers.as_deref().and_then(five_of_68).unwrap_or(UNKNOWN)
}
