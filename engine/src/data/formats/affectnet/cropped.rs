//! The release of 2021: `{train,val}_set/images/<id>.jpg` and `annotations/<id>_exp.npy`.

use rayon::prelude::*;

use super::classes::{NO_FACE, class};
use crate::data::listed_faces::ListedFace;
use crate::data::tree::FileTree;
use crate::data::{DataError, SkipLog, Spec, npy};

/// The path of a split's folder in the tree, `train_set/` with what stands before it, if it is there.
pub(super) fn find(tree: &FileTree, folder: &str) -> Option<String> {
    let annotations = format!("{folder}annotations/");
    let place = |path: &str| path.to_ascii_lowercase().find(&annotations).map(|at| (path.to_owned(), at));
    let (path, at) = tree
        .paths()
        .iter()
        .filter_map(place)
        .find(|(path, at)| *at == 0 || path.as_bytes()[at - 1] == b'/')?;
    Some(path[..at + folder.len()].to_owned())
}

/// Adds the faces of a split in the order of the pictures' names. Labels are read in parallel: they are a file each.
pub(super) fn read(
    tree: &FileTree,
    folder: &str,
    spec: &Spec,
    skips: &SkipLog,
    items: &mut Vec<ListedFace>,
) -> Result<(), DataError> {
    let by_path = tree.by_path();
    let id = |path: &'_ str| {
        let name = path.strip_prefix(folder)?.strip_prefix("images/")?;
        let stem = name.strip_suffix(".jpg").or_else(|| name.strip_suffix(".png"))?;
        (!stem.contains('/')).then(|| stem.to_owned())
    };
    let pictures: Vec<(usize, String)> =
        tree.paths().iter().enumerate().filter_map(|(file, path)| Some((file, id(path)?))).collect();
    let face = |(file, id): &(usize, String)| -> Result<Option<ListedFace>, DataError> {
        let label = format!("{folder}annotations/{id}_exp.npy");
        let read = match by_path.get(label.as_str()) {
            None => Err(tree.error(*file, format!("there is no {label}"))),
            Some(label) => tree.read(label).and_then(|bytes| {
                npy::scalar(&bytes).and_then(class).map_err(|reason| tree.error(label, reason))
            }),
        };
        match read {
            Ok(NO_FACE) if spec.unlabelled => Ok(None),
            Ok(class) => {
                let class = Some(class).filter(|_| !spec.unlabelled);
                Ok(Some(ListedFace { file: *file, face: None, id: None, class }))
            }
            Err(error) => skips.skip(&tree.key(*file), error).map(|()| None),
        }
    };
    let faces: Vec<Option<ListedFace>> = pictures.par_iter().map(face).collect::<Result<_, _>>()?;
    items.extend(faces.into_iter().flatten());
    Ok(())
}
