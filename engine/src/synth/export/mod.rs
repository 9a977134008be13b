//! Writing faces and clips to disk in the forms that other programs read: one form a file. Every file is whole or absent.

mod aff_wild2;
mod affectnet;
mod expw;
mod folder;
mod recordio;
mod scene;
mod video;

pub use aff_wild2::{write_aff_wild2, write_aff_wild2_as};
pub use affectnet::{write_affectnet, write_affectnet_2021};
pub use expw::write_expw;
pub use folder::{complete_folder, write_folder};
pub use recordio::{write_ms1mv2, write_recordio};
pub use video::{TRUTH_COLUMNS, write_truth, write_y4m};

use std::io;
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use crate::data::DataError;

/// Hears how many pictures are done, and says whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> bool;

/// Pictures that are drawn at the same time before progress is told.
const CHUNK: usize = 64;

/// Quality of the JPEG files.
const QUALITY: u8 = 92;

fn io_error(path: &Path, source: io::Error) -> DataError {
    DataError::Io { path: path.to_path_buf(), source }
}

fn make_folder(path: &Path) -> Result<(), DataError> {
    std::fs::create_dir_all(path).map_err(|e| io_error(path, e))
}

/// Prepares items on all cores, a chunk at a time, and hands each chunk's results over in order. Ends early, with `false`,
/// where progress says so.
fn in_chunks<T: Send>(
    items: Range<usize>,
    progress: Progress<'_>,
    prepare: impl Fn(usize) -> Result<T, DataError> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), DataError>,
) -> Result<bool, DataError> {
    let (first, end) = (items.start, items.end);
    for start in items.step_by(CHUNK) {
        let chunk = start..end.min(start + CHUNK);
        let ready: Vec<T> = chunk.clone().into_par_iter().map(&prepare).collect::<Result<_, _>>()?;
        for (item, ready) in chunk.clone().zip(ready) {
            take(item, ready)?;
        }
        if !progress(chunk.end - first) {
            return Ok(false);
        }
    }
    Ok(true)
}
