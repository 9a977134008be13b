//! AffectNet, in the form of its first release (lists in CSV, pictures with one or more faces) and of 2021 (cropped faces with
//! label and landmarks in an `.npy` file each).
//!
//! Both number the classes alike: eight expressions, then `None`, `Uncertain` and `No-Face`, which are no expressions and are
//! dropped unless the SPEC's `ambiguous` says otherwise.

use std::sync::Arc;

use crate::data::listed_faces::ListedFaces;
use crate::data::tree::FileTree;
use crate::data::{DataError, Format, SkipLog, Spec};

mod classes;
mod cropped;
mod lists;
mod points;

use classes::CLASSES;

/// The format's entry in the table.
pub(super) fn format() -> Format {
    let about =
        "AffectNet: the CSV lists (splits training, validation, automatic) or the 2021 folders (train, val)";
    Format::new("affectnet", about, &[], |spec, skips| Ok(Arc::new(open(spec, skips)?)))
}

/// A split, its names in SPECs, and the list and the folder that hold it.
struct Split {
    name: &'static str,
    aliases: &'static [&'static str],
    list: &'static str,
    folder: Option<&'static str>,
}

const SPLITS: [Split; 3] = [
    Split {
        name: "training",
        aliases: &["train", "train_set"],
        list: "training.csv",
        folder: Some("train_set/"),
    },
    Split {
        name: "validation",
        aliases: &["val", "valid", "val_set"],
        list: "validation.csv",
        folder: Some("val_set/"),
    },
    Split {
        name: "automatic",
        aliases: &["automatically_annotated"],
        list: "automatically_annotated.csv",
        folder: None,
    },
];

fn open(spec: &Spec, skips: &SkipLog) -> Result<ListedFaces, DataError> {
    let tree = FileTree::open(&spec.path, skips)?;
    let wanted = spec.split.as_ref().map(|split| split.to_lowercase());
    // Without a split: what people have labelled.
    let chosen = |split: &Split| match &wanted {
        Some(wanted) => split.name == wanted || split.aliases.contains(&wanted.as_str()),
        None => split.name != "automatic",
    };
    let mut there = Vec::new();
    let (mut items, mut landmarks) = (Vec::new(), Vec::new());
    for split in &SPLITS {
        let list = tree.ending_with(&[split.list]).first().map(|(list, _)| *list);
        let folder = split.folder.and_then(|folder| cropped::find(&tree, folder));
        if list.is_none() && folder.is_none() {
            continue;
        }
        there.push(split.name);
        if !chosen(split) {
            continue;
        }
        match (folder, list) {
            (Some(folder), _) => {
                cropped::read(&tree, &folder, spec, skips, (&mut items, &mut landmarks))?;
            }
            (None, Some(list)) => lists::read(&tree, list, spec, skips, (&mut items, &mut landmarks))?,
            (None, None) => {}
        }
    }
    if there.is_empty() {
        let reason = "no AffectNet: expected training.csv or validation.csv, or train_set/annotations or val_set/annotations";
        return Err(DataError::format(&spec.path, "", reason));
    }
    if items.is_empty() {
        let first = skips.first().into_iter().next().map(|line| format!(" ({line})")).unwrap_or_default();
        return Err(spec.error(format!("no usable face of this split; it has {}{first}", there.join(", "))));
    }
    let classes = if spec.unlabelled { Vec::new() } else { CLASSES.map(str::to_owned).to_vec() };
    Ok(ListedFaces { name: spec.to_string(), classes, tree, items, landmarks })
}

#[cfg(test)]
mod tests;
