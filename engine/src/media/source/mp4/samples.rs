//! Where each frame of a track lies and when it is shown, from the tables of an index.

use std::ops::Range;

use super::boxes::{Fields, Understood, find, need};

/// The number of a frame that nobody sees, because an edit list cuts it away: others may need it.
pub(super) const HIDDEN: u32 = u32::MAX;
/// Most frames that are read: at 30 a second, six days.
pub(super) const MOST_UNITS: usize = 1 << 24;

/// A frame's place in the file, in the order of decoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    pub offset: u64,
    pub size: u32,
    /// Its number in the order of showing.
    pub rank: u32,
    /// When it is shown, in the track's units of time.
    pub time: i64,
    /// Whether decoding can begin with it, as the file says.
    pub key: bool,
}

/// Frames that were found, and when the next one is decoded.
#[derive(Debug, Default)]
pub(super) struct Units {
    pub list: Vec<Unit>,
    pub next_time: i64,
}

/// A table of runs: each row stands for as many frames as it says.
struct Runs<'a> {
    rows: &'a [[u8; 8]],
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn of(kind: &'static str, body: &'a [u8]) -> Understood<Self> {
        let mut fields = Fields::of(kind, body);
        fields.version_and_flags()?;
        let rows = fields.rows(8)?;
        Ok(Self { rows: &fields.rest.as_chunks::<8>().0[..rows], left: 0, value: 0 })
    }

    /// The next frame's value; `None` where the table has ended.
    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            let (row, rest) = self.rows.split_first()?;
            let [a, b, c, d, value @ ..] = *row;
            (self.left, self.value, self.rows) =
                (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(value), rest);
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// The sizes of all frames.
enum Sizes<'a> {
    /// All the same.
    One(u32, usize),
    Each(&'a [[u8; 4]]),
}

impl<'a> Sizes<'a> {
    fn of(stbl: &'a [u8], file: u64) -> Understood<Self> {
        let mut fields = Fields::of("stsz", need(stbl, *b"stsz")?);
        fields.version_and_flags()?;
        let one = fields.u32()?;
        if one == 0 {
            let rows = fields.rows(4)?;
            return Ok(Self::Each(&fields.rest.as_chunks::<4>().0[..rows]));
        }
        let count = fields.u32()?;
        if u64::from(one) * u64::from(count) > file {
            return Err(format!("`stsz` claims {count} frames of {one} bytes, more than the file has"));
        }
        Ok(Self::One(one, count as usize))
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_, count) => *count,
            Self::Each(rows) => rows.len(),
        }
    }

    fn get(&self, at: usize) -> Option<u32> {
        match self {
            Self::One(size, count) => (at < *count).then_some(*size),
            Self::Each(rows) => rows.get(at).map(|row| u32::from_be_bytes(*row)),
        }
    }
}

/// Frames that a track's table of samples (`stbl`) names, in a file of so many bytes.
///
/// # Errors
/// A table is missing, claims more than there is, or does not go with the others.
pub(super) fn units(stbl: &[u8], file: u64) -> Understood<Units> {
    let sizes = Sizes::of(stbl, file)?;
    let count = sizes.len();
    if count == 0 {
        return Ok(Units::default());
    }
    if count > MOST_UNITS {
        return Err(format!("it claims {count} frames; {MOST_UNITS} are the most that are read"));
    }
    let mut deltas = Runs::of("stts", need(stbl, *b"stts")?)?;
    let mut shifts = find(stbl, *b"ctts")?.map(|body| Runs::of("ctts", body)).transpose()?;
    let mut found = Units { list: Vec::with_capacity(count), next_time: 0 };
    let mut chunks = Chunks::of(stbl)?;
    while found.list.len() < count {
        let Some((offset, frames)) = chunks.next() else {
            let placed = found.list.len();
            return Err(format!("`stsc` and `stco` say where {placed} of its {count} frames are"));
        };
        let mut offset = offset;
        for _ in 0..frames {
            let Some(size) = sizes.get(found.list.len()) else { break };
            let shift = shifts.as_mut().and_then(Runs::next).unwrap_or(0);
            // The shift is signed in practice, whatever the table's version says.
            let time = found.next_time + i64::from(shift.cast_signed());
            found.list.push(Unit { offset, size, rank: HIDDEN, time, key: false });
            offset = offset.saturating_add(u64::from(size));
            // The last row holds on where the table is short.
            found.next_time += i64::from(deltas.next().unwrap_or(deltas.value));
        }
    }
    mark_keys(stbl, &mut found.list)?;
    // A frame of no bytes stands for the one before it.
    found.list.retain(|unit| unit.size > 0);
    Ok(found)
}

fn mark_keys(stbl: &[u8], units: &mut [Unit]) -> Understood<()> {
    let Some(body) = find(stbl, *b"stss")? else {
        for unit in units.iter_mut() {
            unit.key = true;
        }
        return Ok(());
    };
    let mut fields = Fields::of("stss", body);
    fields.version_and_flags()?;
    for _ in 0..fields.rows(4)? {
        let number = fields.u32()? as usize;
        if let Some(unit) = number.checked_sub(1).and_then(|at| units.get_mut(at)) {
            unit.key = true;
        }
    }
    Ok(())
}

/// Chunks of frames that lie one after the other.
struct Chunks<'a> {
    offsets: &'a [u8],
    wide: bool,
    /// First chunk, frames in each, description.
    runs: &'a [[u8; 12]],
    number: u32,
    frames: u32,
}

impl<'a> Chunks<'a> {
    fn of(stbl: &'a [u8]) -> Understood<Self> {
        let short = find(stbl, *b"stco")?;
        let wide = short.is_none();
        let body = match short {
            Some(body) => body,
            None => need(stbl, *b"co64").map_err(|_| "`stco` is missing".to_owned())?,
        };
        let mut fields = Fields::of("stco", body);
        fields.version_and_flags()?;
        let width = if wide { 8 } else { 4 };
        let rows = fields.rows(width)?;
        let offsets = fields.bytes(rows * width)?;
        let mut fields = Fields::of("stsc", need(stbl, *b"stsc")?);
        fields.version_and_flags()?;
        let rows = fields.rows(12)?;
        let runs = &fields.rest.as_chunks::<12>().0[..rows];
        Ok(Self { offsets, wide, runs, number: 0, frames: 0 })
    }

    /// Where the next chunk begins and how many frames it has.
    fn next(&mut self) -> Option<(u64, u32)> {
        let mut fields = Fields::of("stco", self.offsets);
        let offset = fields.u32_or_u64(self.wide).ok()?;
        self.offsets = fields.rest;
        self.number += 1;
        while let Some((row, rest)) = self.runs.split_first() {
            let [a, b, c, d, e, f, g, h, ..] = *row;
            if u32::from_be_bytes([a, b, c, d]) > self.number {
                break;
            }
            (self.frames, self.runs) = (u32::from_be_bytes([e, f, g, h]), rest);
        }
        Some((offset, self.frames))
    }
}

/// Gives every unit that is shown its number in the order of showing; returns the times in that order.
pub(super) fn rank(units: &mut [Unit], shown: &Range<i64>) -> Vec<i64> {
    let mut order: Vec<usize> = (0..units.len()).filter(|&at| shown.contains(&units[at].time)).collect();
    if order.is_empty() {
        order = (0..units.len()).collect();
    }
    order.sort_by_key(|&at| (units[at].time, at));
    for (rank, &at) in order.iter().enumerate() {
        units[at].rank = rank as u32;
    }
    order.into_iter().map(|at| units[at].time).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], fields: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = fields.iter().flat_map(|v| v.to_be_bytes()).collect();
        [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &body].concat()
    }

    #[test]
    fn frames_are_numbered_in_the_order_of_showing() {
        let unit = |time| Unit { offset: 0, size: 0, rank: HIDDEN, time, key: false };
        let mut units = [unit(0), unit(300), unit(100), unit(200)];
        assert_eq!(rank(&mut units, &(i64::MIN..i64::MAX)), [0, 100, 200, 300]);
        assert_eq!(units.map(|u| u.rank), [0, 3, 1, 2]);
        let mut units = [unit(0), unit(300), unit(100), unit(200)];
        assert_eq!(rank(&mut units, &(100..300)), [100, 200]);
        assert_eq!(units.map(|u| u.rank), [HIDDEN, HIDDEN, 0, 1]);
    }

    #[test]
    fn tables_become_frames_with_places_times_and_keys() {
        let stbl = [
            boxed(*b"stsz", &[0, 0, 5, 10, 20, 30, 40, 50]),
            boxed(*b"stts", &[0, 2, 2, 100, 3, 50]),
            boxed(*b"ctts", &[0, 2, 1, 7, 4, 0]),
            boxed(*b"stsc", &[0, 2, 1, 2, 1, 3, 1, 1]),
            boxed(*b"stco", &[0, 3, 1000, 2000, 3000]),
            boxed(*b"stss", &[0, 2, 1, 4]),
        ]
        .concat();
        let found = units(&stbl, 1 << 20).expect("tables that go together");
        let places: Vec<u64> = found.list.iter().map(|u| u.offset).collect();
        let times: Vec<i64> = found.list.iter().map(|u| u.time).collect();
        assert_eq!(places, [1000, 1010, 2000, 2030, 3000]);
        assert_eq!(times, [7, 100, 200, 250, 300]);
        assert_eq!(found.next_time, 350);
        assert_eq!(found.list.iter().map(|u| u.key).collect::<Vec<_>>(), [true, false, false, true, false]);
    }

    #[test]
    fn claims_beyond_the_file_are_refused_before_anything_is_allocated() {
        let stbl = |sizes: &[u32]| {
            let tables = [boxed(*b"stsz", sizes), boxed(*b"stts", &[0, 1, u32::MAX, 1])];
            [tables.concat(), boxed(*b"stsc", &[0, 1, 1, u32::MAX, 1]), boxed(*b"stco", &[0, 1, 0])].concat()
        };
        let refused = |sizes: &[u32]| units(&stbl(sizes), 9456).expect_err("more than there is");
        assert!(refused(&[0, 1, 1 << 31]).contains("2147483648 frames of 1 bytes"));
        assert!(refused(&[0, 0, 1 << 31]).contains("room for 0"));
        assert_eq!(units(&stbl(&[0, 100, 94]), 9456).map(|u| u.list.len()), Ok(94));
        let few = [boxed(*b"stsz", &[0, 9, 9]), boxed(*b"stts", &[0, 1, 9, 1]), boxed(*b"stco", &[0, 1, 0])];
        let short = [few.concat(), boxed(*b"stsc", &[0, 1, 1, 4, 1])].concat();
        assert!(units(&short, 9456).expect_err("4 of 9").contains("4 of its 9"));
    }
}
