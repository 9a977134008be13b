//! The annotated copy by a second reading, once the whole table is there: for hidden faces, which must be hidden before they are found,
//! and after corrections.

use std::path::Path;

use affekt_engine::media::Hiding;
use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::output::{HiddenFaces, TableReader, TableRow};
use anyhow::Context as _;

use super::annotate::Annotated;
use super::results::path_of;

/// Frames that are decoded ahead.
const AHEAD: usize = 8;

/// Reads an input again and writes its copy from the rows of its table; whether it was finished. `progress` hears of every frame and
/// stops it by giving `false`.
///
/// # Errors
/// The input or the table cannot be read, or the copy not be written.
pub fn copy(
    (out, name): (&Path, &str),
    input: &Path,
    options: OpenOptions,
    hiding: Option<Hiding>,
    progress: &mut dyn FnMut(usize) -> bool,
) -> anyhow::Result<bool> {
    let table = path_of(out, name, "csv");
    let mut hidden = HiddenFaces::default();
    if hiding.is_some() {
        let mut reader = TableReader::open(&table)?;
        while let Some(row) = reader.next_row()? {
            hidden.push(&row);
        }
    }
    let mut source = ReadAhead::spawn(open(input, options)?, AHEAD).context("a thread for decoding")?;
    let mut copy = Annotated::begin(out, name, source.info().still)?;
    let mut reader = TableReader::open(&table)?;
    let classes = reader.classes().to_vec();
    let (mut ahead, mut rows): (Option<TableRow>, Vec<TableRow>) = (None, vec![]);
    while let Some(frame) = source.next_frame()? {
        while rows.first().is_none_or(|row| row.frame < frame.index) {
            match reader.next_frame(&mut ahead)? {
                Some(next) => rows = next,
                None => break,
            }
        }
        let mut picture = frame.picture.with_channels(3);
        if let Some(how) = hiding {
            hidden.hide(&mut picture, frame.seconds, how);
        }
        let own: Vec<TableRow> = rows.iter().filter(|row| row.frame == frame.index).cloned().collect();
        copy.push(&picture, (frame.index, frame.seconds), &own, &classes)?;
        if !progress(0) {
            return Ok(false);
        }
    }
    // A voice tells who somebody is, so a copy with hidden faces is silent.
    copy.finish(hiding.is_none().then_some(input))?;
    Ok(true)
}
