//! The release of 2021: `{train,val}_set/images/<id>.jpg` and `annotations/<id>_exp.npy`; `<id>_lnd.npy` holds 68 landmarks in pixels
//! of the picture. Valence and arousal (`_val`, `_aro`) are not read.

use rayon::prelude::*;

use super::classes::{NO_FACE, class};
use super::points::{UNKNOWN, five_of_68};
use crate::data::listed_faces::ListedFace;
use crate::data::tree::FileTree;
use crate::data::{DataError, SkipLog, Spec, npy, quoted};
use crate::media::Landmarks;

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

/// Adds the faces of a split in the order of the pictures' names, with their landmarks where the SPEC wants faces aligned. Labels are
/// read in parallel: they are a file each.
pub(super) fn read(
    tree: &FileTree,
    folder: &str,
    spec: &Spec,
    skips: &SkipLog,
    (items, landmarks): (&mut Vec<ListedFace>, &mut Vec<Landmarks>),
) -> Result<(), DataError> {
    let by_path = tree.by_path();
    let id = |path: &'_ str| {
        let name = path.strip_prefix(folder)?.strip_prefix("images/")?;
        let stem = name.strip_suffix(".jpg").or_else(|| name.strip_suffix(".png"))?;
        (!stem.contains('/')).then(|| stem.to_owned())
    };
    let pictures: Vec<(usize, String)> =
        tree.paths().iter().enumerate().filter_map(|(file, path)| Some((file, id(path)?))).collect();
    let points = |id: &str| {
        let Some(file) = by_path.get(&format!("{folder}annotations/{id}_lnd.npy")) else { return UNKNOWN };
        let read = tree.read(file).map_err(|error| error.to_string()).and_then(|bytes| {
            let read = npy::numbers(&bytes).and_then(|numbers| {
                let count = numbers.len();
                let numbers: Vec<f32> = numbers.into_iter().map(|number| number as f32).collect();
                five_of_68(&numbers).ok_or_else(|| format!("{count} numbers instead of 68 landmarks"))
            });
            read.map_err(|reason| tree.error(file, reason).to_string())
        });
        read.unwrap_or_else(|reason| {
            skips.note(&format!("{reason}; its landmarks are looked for"));
            UNKNOWN
        })
    };
    let face = |(file, id): &(usize, String)| -> Result<Option<(ListedFace, Landmarks)>, DataError> {
        let label = format!("{folder}annotations/{id}_exp.npy");
        let read = match by_path.get(label.as_str()) {
            None => Err(tree.error(*file, format!("there is no {}", quoted(&label)))),
            Some(label) => tree.read(label).and_then(|bytes| {
                npy::scalar(&bytes).and_then(class).map_err(|reason| tree.error(label, reason))
            }),
        };
        match read {
            Ok(NO_FACE) if spec.unlabelled => Ok(None),
            Ok(class) => {
                let class = Some(class).filter(|_| !spec.unlabelled);
                let face = ListedFace { file: *file, face: None, id: None, class };
                Ok(Some((face, if spec.align { points(id) } else { UNKNOWN })))
            }
            Err(error) => skips.skip(&tree.key(*file), error).map(|()| None),
        }
    };
    let faces: Vec<Option<_>> = pictures.par_iter().map(face).collect::<Result<_, _>>()?;
    for (face, points) in faces.into_iter().flatten() {
        items.push(face);
        if spec.align {
            landmarks.push(points);
        }
    }
    Ok(())
}
