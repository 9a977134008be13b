//! The index beside a `.rec`, and the record that says which of its keys are pictures.

use std::path::Path;

use super::container::Reader;
use super::header::Header;
use super::places::{LIMIT, Places};
use crate::data::lines::Lines;
use crate::data::{DataError, SkipLog, quoted};

/// Longest line of an index, in bytes.
const MAX_LINE: u64 = 256;

/// Reads `key<tab>offset` lines. A few offsets that cannot begin a record are bad items; more than half mean that the index
/// belongs to another file.
pub(super) fn read_index(path: &Path, reader: &Reader, skips: &SkipLog) -> Result<Places, DataError> {
    let (mut index, mut bad, mut total) = (Places::default(), Vec::new(), 0u64);
    let mut lines = Lines::open(path, MAX_LINE)?;
    while let Some(line) = lines.next()? {
        match entry(line.bytes) {
            Ok(None) => continue,
            Ok(Some((key, offset))) if key < LIMIT && reader.can_begin(offset) => index.push(key, offset),
            // More need not be remembered to know that it is the wrong index.
            Ok(Some(entry)) if bad.len() < MOST_BAD => bad.push(entry),
            Ok(Some(_)) => {}
            Err(NoEntry) => {
                let reason = format!("`{}` is not key<tab>offset", quoted(&line.text()));
                return Err(DataError::format(path, format!(", line {}", line.number), reason));
            }
        }
        total += 1;
    }
    let wrong = total - index.len() as u64;
    if total == 0 || wrong * 2 > total || wrong > bad.len() as u64 {
        let counts = format!("{wrong} of {total} entries of the index point outside it: ");
        let advice = "the .idx belongs to another file, or the .rec is cut short";
        return Err(DataError::format(reader.path(), "", counts + advice));
    }
    let reason = "the index points outside the .rec or between its records; it may be cut short";
    for (key, offset) in bad {
        skips
            .skip(&format!("{}, record {key}", reader.path().display()), reader.error(key, offset, reason))?;
    }
    Ok(index.shrunk())
}

/// A line of an index that is no entry.
struct NoEntry;

/// Entries of an index that may be wrong while it is used at all.
const MOST_BAD: usize = 100_000;

/// Key and offset of a line; nothing where it is empty, an error where it is something else.
fn entry(line: &[u8]) -> Result<Option<(u64, u64)>, NoEntry> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let number = |field: &[u8]| {
        let digit = |number: u64, byte: &u8| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        };
        field.iter().try_fold(0, digit)
    };
    match (fields.next(), fields.next(), fields.next()) {
        (None, ..) => Ok(None),
        (Some(key), Some(offset), None) => number(key).zip(number(offset)).map(Some).ok_or(NoEntry),
        _ => Err(NoEntry),
    }
}

/// `InsightFace` sets begin with a record without a picture, whose labels [N, M] say that keys 1..N are pictures and
/// N..M are ranges per identity. Files made by im2rec have none: there every record is a picture.
pub(super) fn drop_header_record(reader: &Reader, items: Places) -> Result<Places, DataError> {
    let Some((key, offset)) = items.iter().min_by_key(|(_, offset)| *offset) else { return Ok(items) };
    // The first record also tells whether this is a RecordIO file at all.
    let payload = reader.read(offset)?;
    let Ok(header) = Header::parse(&payload) else { return Ok(items) };
    if header.len < payload.len() || header.extra.len() < 2 {
        return Ok(items);
    }
    let end = header.extra[0];
    if !(end.is_finite() && end >= 1.0) {
        let reason = format!("the first record claims that pictures end at key {end}");
        return Err(reader.error(key, offset, reason));
    }
    let pictures = key + 1..end as u64;
    let items = items.retain(|key, _| pictures.contains(&key));
    let expected = pictures.end.saturating_sub(pictures.start);
    if (items.len() as u64) < expected {
        log::warn!("{}: {} of {expected} pictures are in the index", reader.path().display(), items.len());
    }
    Ok(items)
}
