//! A dataset written as few large files: RecordIO, or WebDataset shards. Pictures are copied as they are stored, so that what is
//! read back has equal bytes; only what is cut out of a larger picture is stored anew, as PNG.
//!
//! Both stream, keep no more than a chunk of pictures in memory, and go on where they were killed.

mod recordio;
mod shards;

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::split::unique_most;
use super::unfinished::Unfinished;
use super::{Annotation, DataError, Dataset, SkipLog, decode};
use crate::media::Picture;

/// Pictures that are read at the same time and held in memory.
const CHUNK: usize = 256;

/// What a dataset becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackForm {
    /// InsightFace's `train.rec`, `train.idx` and `property`.
    RecordIo,
    /// Tar shards with so many items each, at least 1.
    WebDataset(usize),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Items written.
    pub items: usize,
    /// Items that cannot be read and were left out.
    pub left_out: usize,
    /// The SPEC that reads it back with the same labels, without its options' values escaped.
    pub spec: String,
    /// Items that an earlier, killed call had written.
    pub resumed_from: usize,
}

/// How far the work has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// The dataset's next item.
    next: usize,
    written: usize,
    left_out: usize,
    /// Bytes of the files so far, of RecordIO; shards that are whole.
    rec: u64,
    idx: u64,
    shards: usize,
}

/// An item on its way.
struct Stored {
    item: usize,
    bytes: Vec<u8>,
    class: Option<usize>,
    group: Option<String>,
}

/// What both forms do with items in order.
trait Sink {
    /// Takes a stored item, the `state.written`-th.
    fn push(&mut self, stored: &Stored, state: &State) -> Result<(), DataError>;

    /// Whether all items so far are on the disk, and the state says so: now and then, and where the form can at a `pause`.
    fn keep(&mut self, state: &mut State, pause: bool) -> Result<bool, DataError>;

    /// Completes the files.
    fn finish(self: Box<Self>, state: &mut State) -> Result<(), DataError>;
}

/// Writes a dataset into a folder, or goes on with it. `progress` hears how many items are done, and stops it by giving
/// `false`: then nothing is given back, and the same call goes on.
///
/// # Errors
/// The folder holds something else, an item cannot be read and `skips` is strict, the form cannot hold a label, or a file
/// cannot be written.
pub fn pack(
    dataset: &dyn Dataset,
    out: &Path,
    form: PackForm,
    skips: &SkipLog,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Packed>, DataError> {
    let asked = format!(
        "{} of {} items, classes {:?}, as {form:?}",
        dataset.name(),
        dataset.len(),
        dataset.classes()
    );
    recordio::check(dataset, form)?;
    let (work, state) = Unfinished::begin::<State>(out, "pack", &asked)?;
    let mut state = state.unwrap_or_default();
    if state.next > dataset.len() || state.written + state.left_out != state.next {
        return Err(DataError::format(
            out,
            "",
            "its file about unfinished work contradicts itself; empty the folder",
        ));
    }
    let resumed_from = state.written;
    if form == PackForm::RecordIo && !recordio::is_there(out) {
        // Nothing was written yet, or it was killed while the finished files moved to their places.
        state = State::default();
    }
    let mut sink: Box<dyn Sink + '_> = match form {
        PackForm::RecordIo => Box::new(recordio::Records::open(dataset, out, &state)?),
        PackForm::WebDataset(size) => Box::new(shards::Shards::open(dataset, out, size.max(1), &state)),
    };
    if !progress(state.next) {
        return Ok(None);
    }
    let (first, len) = (state.next, dataset.len());
    for start in (first..len).step_by(CHUNK) {
        let chunk = start..len.min(start + CHUNK);
        let read = |item: usize| match stored(dataset, item) {
            Ok(stored) => Ok(Some(stored)),
            Err(error) => skips.skip(&dataset.key(item), error).map(|()| None),
        };
        let ready: Vec<Option<Stored>> =
            chunk.clone().into_par_iter().map(read).collect::<Result<_, DataError>>()?;
        for stored in ready {
            state.next += 1;
            match stored {
                None => state.left_out += 1,
                Some(stored) => {
                    sink.push(&stored, &state)?;
                    state.written += 1;
                }
            }
            if sink.keep(&mut state, false)? {
                work.save(&state)?;
            }
        }
        if !progress(chunk.end) {
            if sink.keep(&mut state, true)? {
                work.save(&state)?;
            }
            return Ok(None);
        }
    }
    if state.written == 0 {
        return Err(DataError::TooFew(format!("{}: no item can be read", dataset.name())));
    }
    sink.finish(&mut state)?;
    work.end()?;
    let spec = spec(dataset, out, form);
    Ok(Some(Packed { items: state.written, left_out: state.left_out, spec, resumed_from }))
}

/// An item as it is to be stored.
fn stored(dataset: &dyn Dataset, item: usize) -> Result<Stored, DataError> {
    let bytes = match dataset.stored(item)? {
        Some(bytes) => bytes,
        None => png(&dataset.picture(item)?, dataset, item)?,
    };
    if let Err(reason) = decode::check_signature(&bytes) {
        return Err(DataError::TooFew(format!("{}: {reason}", dataset.key(item))));
    }
    let class = match dataset.annotation(item) {
        Annotation::Class(class) => Some(class),
        Annotation::Votes(votes) => unique_most(&votes),
        Annotation::None => None,
    };
    Ok(Stored { item, bytes, class, group: dataset.group(item)? })
}

fn png(picture: &Picture, dataset: &dyn Dataset, item: usize) -> Result<Vec<u8>, DataError> {
    picture.to_png().map_err(|e| DataError::TooFew(format!("{}: {e}", dataset.key(item))))
}

/// The SPEC of what was written.
fn spec(dataset: &dyn Dataset, out: &Path, form: PackForm) -> String {
    let classes = dataset.classes();
    let options = if classes.is_empty() { String::new() } else { format!("?classes={}", classes.join(",")) };
    match form {
        PackForm::RecordIo => format!("recordio:{}{options}", out.display()),
        PackForm::WebDataset(_) => format!("webdataset:{}{options}", out.display()),
    }
}

#[cfg(test)]
mod tests;
