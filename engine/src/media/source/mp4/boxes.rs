//! The boxes of an MP4 file (ISO/IEC 14496-12). Whatever a file claims, walking them ends: a box never reaches past the one it
//! lies in, and every step goes forward.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::media::source::SourceError;

/// Four letters that name a box.
pub(super) type Kind = [u8; 4];

/// Outermost boxes that are walked: more than a day of recording has.
const MOST_BOXES: usize = 1 << 22;

/// What cannot be understood, and where, for people.
pub(super) type Understood<T> = Result<T, String>;

/// A kind's letters for people.
pub(super) fn letters(kind: Kind) -> String {
    kind.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { b as char } else { '?' }).collect()
}

/// Boxes of one level, one after the other.
pub(super) struct Boxes<'a> {
    rest: &'a [u8],
}

impl<'a> Boxes<'a> {
    /// The boxes that `body` holds.
    pub fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    fn step(&mut self) -> Option<Understood<(Kind, &'a [u8])>> {
        let (head, after) = self.rest.split_first_chunk::<8>()?;
        let [a, b, c, d, kind @ ..] = *head;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // QuickTime ends lists by four zero bytes.
            0 => return None,
            1 => match after.split_first_chunk::<8>() {
                Some((long, _)) => usize::try_from(u64::from_be_bytes(*long)).unwrap_or(usize::MAX),
                None => 0,
            },
            size => size as usize,
        };
        let start = if [a, b, c, d] == [0, 0, 0, 1] { 16 } else { 8 };
        let Some(body) = self.rest.get(start..size) else {
            let room = self.rest.len();
            self.rest = &[];
            let problem = format!("`{}` claims {size} bytes where {room} are left", letters(kind));
            return Some(Err(problem));
        };
        self.rest = &self.rest[size..];
        Some(Ok((kind, body)))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Understood<(Kind, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step();
        if !matches!(next, Some(Ok(_))) {
            self.rest = &[];
        }
        next
    }
}

/// The contents of the first box of a kind, where there is one.
///
/// # Errors
/// A box before it is broken.
pub(super) fn find(body: &[u8], kind: Kind) -> Understood<Option<&[u8]>> {
    for next in Boxes::of(body) {
        let (found, inside) = next?;
        if found == kind {
            return Ok(Some(inside));
        }
    }
    Ok(None)
}

/// The contents of the first box of a kind.
///
/// # Errors
/// There is none, or a box before it is broken.
pub(super) fn need(body: &[u8], kind: Kind) -> Understood<&[u8]> {
    find(body, kind)?.ok_or_else(|| format!("`{}` is missing", letters(kind)))
}

/// Fields of a box, one after the other, all big-endian.
pub(super) struct Fields<'a> {
    pub rest: &'a [u8],
    kind: &'static str,
}

impl<'a> Fields<'a> {
    /// The fields of a box of this kind.
    pub fn of(kind: &'static str, rest: &'a [u8]) -> Self {
        Self { rest, kind }
    }

    fn ended(&self) -> String {
        format!("`{}` ends within its fields", self.kind)
    }

    fn take<const N: usize>(&mut self) -> Understood<[u8; N]> {
        let (field, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.ended())?;
        self.rest = rest;
        Ok(*field)
    }

    /// Leaves out so many bytes.
    pub fn skip(&mut self, bytes: usize) -> Understood<()> {
        self.rest = self.rest.get(bytes..).ok_or_else(|| self.ended())?;
        Ok(())
    }

    /// So many bytes as they are.
    pub fn bytes(&mut self, count: usize) -> Understood<&'a [u8]> {
        let (field, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.ended())?;
        self.rest = rest;
        Ok(field)
    }

    pub fn u8(&mut self) -> Understood<u8> {
        self.take().map(u8::from_be_bytes)
    }

    pub fn u16(&mut self) -> Understood<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Understood<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub fn i32(&mut self) -> Understood<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Understood<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// A field of 64 bits where `wide`, else of 32.
    pub fn u32_or_u64(&mut self, wide: bool) -> Understood<u64> {
        if wide { self.u64() } else { self.u32().map(u64::from) }
    }

    /// Version and flags, with which most boxes begin.
    pub fn version_and_flags(&mut self) -> Understood<(u8, u32)> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0x00ff_ffff))
    }

    /// A table's count of rows, each of `width` bytes, held to the bytes that there are.
    pub fn rows(&mut self, width: usize) -> Understood<usize> {
        let (count, room) = (self.u32()? as usize, self.rest.len() / width.max(1));
        if count > room {
            return Err(format!("`{}` claims {count} rows but has room for {room}", self.kind));
        }
        Ok(count)
    }
}

/// Where a file's parts lie.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The contents of `moov`.
    pub index: Range<u64>,
    /// Where each fragment's `moof` begins and its contents lie; only those whose data follow whole.
    pub fragments: Vec<(u64, Range<u64>)>,
    /// Whether more should have followed.
    pub cut: bool,
}

/// Walks the outermost boxes: a file that was cut off is told from one that has something behind its end. One that is cut off
/// after a fragment (`moof` and its `mdat`) is as good as whole up to there.
///
/// # Errors
/// It ends within a box and has no fragments, or has no index.
pub(super) fn layout(path: &Path, reader: &mut BufReader<File>, length: u64) -> Result<Layout, SourceError> {
    let io = |e| SourceError::io(path, e);
    let (mut found, mut at, mut indexed, mut data) = (Layout::default(), 0u64, false, false);
    // A fragment's head counts only with its data.
    let mut head = None;
    let mut boxes = 0;
    while at + 8 <= length && boxes < MOST_BOXES {
        boxes += 1;
        let (kind, body) = outermost(reader, at, length).map_err(io)?;
        if body.end > length || body.end < body.start {
            if !found.fragments.is_empty() {
                found.cut = true;
                break;
            }
            // Whatever follows a whole index and its data is no part of the video.
            if indexed && data && !matches!(&kind, b"moof" | b"mdat") {
                break;
            }
            let (kind, end) = (letters(kind), body.end);
            let problem = format!(
                "the file is cut off: its part `{kind}` at byte {at} should end at byte {end}, but the file has {length} \
                 bytes; copy it again"
            );
            return Err(SourceError::file(path, problem));
        }
        let next = body.end;
        match &kind {
            b"moov" if !indexed => (found.index, indexed) = (body, true),
            b"moof" => head = Some((at, body)),
            b"mdat" => {
                data = true;
                found.fragments.extend(head.take());
            }
            _ => {}
        }
        at = next;
    }
    if indexed {
        // The last fragment's data may be missing altogether, or less than a box's head is left of the next one.
        found.cut |= !found.fragments.is_empty() && (head.is_some() || at < length);
        return Ok(found);
    }
    let problem = "the file is cut off: it has no index (`moov`), which a recorder writes when it is stopped; copy it \
                   again, or let a repair tool rebuild it";
    Err(SourceError::file(path, problem))
}

/// The kind and the contents of the box that begins at `at`; where these end is the file's claim.
fn outermost(reader: &mut BufReader<File>, at: u64, length: u64) -> io::Result<(Kind, Range<u64>)> {
    reader.seek(SeekFrom::Start(at))?;
    let mut head = [0u8; 8];
    reader.read_exact(&mut head)?;
    let [a, b, c, d, kind @ ..] = head;
    match u32::from_be_bytes([a, b, c, d]) {
        // The last box may leave its size open.
        0 => Ok((kind, at + 8..length)),
        1 => {
            let mut long = [0u8; 8];
            if reader.read_exact(&mut long).is_err() {
                return Ok((kind, at + 8..u64::MAX));
            }
            // One that is too small for its own head gets an end before its start.
            Ok((kind, at + 16..at.saturating_add(u64::from_be_bytes(long))))
        }
        size => Ok((kind, at + 8..at + u64::from(size))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: Kind, body: &[u8]) -> Vec<u8> {
        let size = (body.len() as u32 + 8).to_be_bytes();
        [&size, kind.as_slice(), body].concat()
    }

    #[test]
    fn boxes_come_in_order_and_end_at_a_terminator() {
        let bytes =
            [boxed(*b"free", &[1, 2]), boxed(*b"udta", &[]), vec![0; 4], boxed(*b"more", &[])].concat();
        let kinds: Vec<String> =
            Boxes::of(&bytes).map(|next| letters(next.expect("a whole box").0)).collect();
        assert_eq!(kinds, ["free", "udta"]);
        assert_eq!(find(&bytes, *b"free"), Ok(Some([1, 2].as_slice())));
        assert_eq!(find(&bytes, *b"more"), Ok(None));
    }

    #[test]
    fn a_box_that_reaches_past_its_parent_is_one_error_and_the_end() {
        for size in [9u32, 1 << 30, u32::MAX, 7, 2, 1] {
            let bytes = [size.to_be_bytes().as_slice(), b"trak"].concat();
            let found: Vec<_> = Boxes::of(&bytes).collect();
            assert!(found.len() == 1 && found[0].as_ref().is_err_and(|e| e.contains("trak")), "{found:?}");
        }
        let long = [1u32.to_be_bytes().as_slice(), b"trak", &u64::MAX.to_be_bytes()].concat();
        assert!(need(&long, *b"trak").is_err());
    }

    #[test]
    fn a_table_cannot_claim_more_rows_than_it_has_bytes_for() {
        let table = [3u32.to_be_bytes().as_slice(), &[0; 23]].concat();
        let error = Fields::of("stts", &table).rows(8).expect_err("2 rows of 8 bytes fit");
        assert!(error.contains("claims 3 rows but has room for 2"), "{error}");
        assert_eq!(Fields::of("stts", &table).rows(7), Ok(3));
    }
}
