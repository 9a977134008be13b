//! What an MP4's parser does not tell: where a file's whole parts end, and the box `colr`.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::SourceError;
use super::sps::Signal;

/// A box's kind and where its contents are.
struct Found {
    kind: [u8; 4],
    body: Range<u64>,
}

/// The box that begins at `at`; its length must be checked. `end` is where the box around it ends.
fn next(reader: &mut BufReader<File>, at: u64, end: u64) -> io::Result<Found> {
    reader.seek(SeekFrom::Start(at))?;
    let mut head = [0u8; 8];
    reader.read_exact(&mut head)?;
    let mut size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
    let mut start = at + 8;
    if size == 1 {
        let mut long = [0u8; 8];
        reader.read_exact(&mut long)?;
        size = u64::from_be_bytes(long);
        start = at + 16;
    } else if size == 0 {
        size = end - at;
    }
    Ok(Found { kind: [head[4], head[5], head[6], head[7]], body: start..at.saturating_add(size) })
}

/// How much of a file can be read.
pub(super) struct Whole {
    /// Bytes up to the end of the last whole part.
    pub length: u64,
    /// Whether more should have followed.
    pub cut: bool,
}

/// Walks the outermost boxes: a file that was cut off is told from one that is damaged. One that is cut off after a fragment
/// (`moof` and its `mdat`) is as good as whole up to there.
///
/// # Errors
/// It ends within a box and has no fragments, or has no index.
pub(super) fn check(path: &Path, reader: &mut BufReader<File>, length: u64) -> Result<Whole, SourceError> {
    let io = |e| SourceError::io(path, e);
    let (mut at, mut index) = (0u64, false);
    // A fragment's head counts only with its data.
    let (mut head, mut fragments) = (None, 0u64);
    while at + 8 <= length {
        let found = match next(reader, at, length) {
            Ok(found) => found,
            Err(_) if fragments > 0 => break,
            Err(error) => return Err(io(error)),
        };
        let end = found.body.end;
        if end > length || end < found.body.start {
            if fragments > 0 {
                break;
            }
            let letters = found.kind.iter().map(|&b| if b.is_ascii_graphic() { b as char } else { '?' });
            let kind: String = letters.collect();
            let problem = format!(
                "the file is cut off or damaged: its part `{kind}` at byte {at} should end at byte {end}, but the file \
                 has {length} bytes; copy it again"
            );
            return Err(SourceError::file(path, problem));
        }
        match &found.kind {
            b"moov" => index = true,
            b"moof" => head = Some(at),
            b"mdat" if head.take().is_some() => fragments += 1,
            _ => {}
        }
        at = end;
    }
    if index {
        // The last fragment's data are missing altogether.
        let end = if fragments > 0 { head.unwrap_or(at) } else { at };
        return Ok(Whole { length: end, cut: fragments > 0 && end < length });
    }
    let problem = "the file is cut off: it has no index (`moov`), which a recorder writes when it is stopped; copy it \
                   again, or let a repair tool rebuild it";
    Err(SourceError::file(path, problem))
}

/// What the first H.264 track's `colr` box says (ISO/IEC 14496-12, 12.1.5); nothing where there is none.
pub(super) fn colours(reader: &mut BufReader<File>, length: u64) -> Signal {
    let path: [&[u8; 4]; 8] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1", b"colr"];
    let Ok(Some(place)) = find(reader, 0..length, &path) else { return Signal::default() };
    let mut bytes = [0u8; 11];
    let read = reader.seek(SeekFrom::Start(place.start)).and_then(|_| reader.read_exact(&mut bytes));
    if read.is_err() || place.end - place.start < bytes.len() as u64 || &bytes[..4] != b"nclx" {
        return Signal::default();
    }
    let matrix = u8::try_from(u16::from_be_bytes([bytes[8], bytes[9]])).ok().filter(|&code| code != 2);
    Signal { matrix, full: Some(bytes[10] >> 7 == 1) }
}

/// The contents of the first box at the end of a path of kinds.
fn find(
    reader: &mut BufReader<File>,
    within: Range<u64>,
    path: &[&[u8; 4]],
) -> io::Result<Option<Range<u64>>> {
    let Some((&kind, rest)) = path.split_first() else { return Ok(Some(within)) };
    let mut at = within.start;
    while at + 8 <= within.end {
        let found = next(reader, at, within.end)?;
        if found.body.end > within.end || found.body.end < found.body.start {
            break;
        }
        if found.kind == *kind {
            // Fields that stand before the boxes inside.
            let fields = match kind {
                b"stsd" => 8,
                b"avc1" => 78,
                _ => 0,
            };
            let inside = (found.body.start + fields).min(found.body.end)..found.body.end;
            if let Some(place) = find(reader, inside, rest)? {
                return Ok(Some(place));
            }
        }
        at = found.body.end;
    }
    Ok(None)
}
