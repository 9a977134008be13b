//! Clips in the form of Aff-Wild2's expression challenge.

use std::fmt::Write as _;
use std::path::Path;

use super::{Progress, QUALITY, in_chunks, io_error, make_folder};
use crate::data::{Clips, DataError};
use crate::files::write_atomically;

/// Writes clips as Aff-Wild2 comes: frame `f` (from 0) of a clip is `cropped_aligned/<clip>/<f + 1>.jpg`, with five digits
/// or more, and is absent where no face was found; labels are
/// `EXPR_Recognition_Challenge/{Train_Set,Validation_Set}/<clip>.txt`, a line of class names and then a number a frame, -1
/// where it has no label. The last `valid` clips go to the validation set. Clips without classes get no label files.
///
/// `progress` counts frames. Returns whether it was finished.
///
/// # Errors
/// A frame cannot be read, or a file cannot be written.
pub fn write_aff_wild2(
    clips: &dyn Clips,
    valid: usize,
    out: &Path,
    progress: Progress<'_>,
) -> Result<bool, DataError> {
    write_aff_wild2_as(clips, &|clip| clips.clip_name(clip).to_owned(), valid, out, progress)
}

/// As [`write_aff_wild2`], under other names of the clips.
///
/// # Errors
/// As there.
pub fn write_aff_wild2_as(
    clips: &dyn Clips,
    name_of: &dyn Fn(usize) -> String,
    valid: usize,
    out: &Path,
    progress: Progress<'_>,
) -> Result<bool, DataError> {
    let mut before = 0;
    for clip in 0..clips.len() {
        let name = name_of(clip);
        let folder = out.join("cropped_aligned").join(&name);
        make_folder(&folder)?;
        let write = |frame: usize| {
            if !clips.has_face(clip, frame) {
                return Ok(());
            }
            let path = folder.join(format!("{:05}.jpg", frame + 1));
            let failed = |e| io_error(&path, std::io::Error::other(e));
            let bytes = clips.picture(clip, frame)?.to_jpeg(QUALITY).map_err(failed)?;
            write_atomically(&path, &bytes).map_err(|e| io_error(&path, e))
        };
        let frames = clips.frames(clip);
        if !in_chunks(0..frames, &mut |done| progress(before + done), write, |_, ()| Ok(()))? {
            return Ok(false);
        }
        before += frames;
        // Labels come after the pictures, so that a clip with labels is a whole one.
        if !clips.classes().is_empty() {
            let set = if clip + valid >= clips.len() { "Validation_Set" } else { "Train_Set" };
            let folder = out.join("EXPR_Recognition_Challenge").join(set);
            make_folder(&folder)?;
            let path = folder.join(format!("{name}.txt"));
            write_atomically(&path, annotation(clips, clip).as_bytes()).map_err(|e| io_error(&path, e))?;
        }
    }
    Ok(true)
}

fn annotation(clips: &dyn Clips, clip: usize) -> String {
    let mut text = clips.classes().join(",");
    text.push('\n');
    for frame in 0..clips.frames(clip) {
        let label = clips.label(clip, frame).map_or(-1, |label| label as i64);
        let _ = writeln!(text, "{label}");
    }
    text
}
