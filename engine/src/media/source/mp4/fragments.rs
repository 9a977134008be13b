//! Frames of a fragment (`moof`), which come on top of those that the index names.

use super::boxes::{Boxes, Fields, Understood, find, need};
use super::index::{Defaults, Movie};
use super::samples::{HIDDEN, MOST_UNITS, Unit};

const HAS_OFFSET: u32 = 0x1;
const HAS_FIRST_FLAGS: u32 = 0x4;
/// Fields that each frame of a run may have: duration, size, flags, shift.
const EACH: [u32; 4] = [0x100, 0x200, 0x400, 0x800];
const BASE_IS_FRAGMENT: u32 = 0x2_0000;
/// Of a frame's flags: decoding cannot begin here.
const NOT_KEY: u32 = 0x1_0000;

/// Adds to `movie.tracks[place]` the frames of a fragment that begins at byte `start` of a file of `file` bytes.
///
/// # Errors
/// The fragment does not hold together.
pub(super) fn add(movie: &mut Movie, place: usize, moof: &[u8], start: u64, file: u64) -> Understood<()> {
    let wanted = movie.tracks[place].id;
    // Where data lie whose place is not told: behind those of the track before.
    let mut follows = start;
    for next in Boxes::of(moof) {
        let (kind, traf) = next?;
        if kind != *b"traf" {
            continue;
        }
        let mut head = Fields::of("tfhd", need(traf, *b"tfhd")?);
        let (_, flags) = head.version_and_flags()?;
        let track = head.u32()?;
        let mut defaults = movie.defaults.iter().find(|row| row.track == track).copied().unwrap_or_default();
        let base = if flags & 0x1 != 0 {
            head.u64()?
        } else if flags & BASE_IS_FRAGMENT != 0 {
            start
        } else {
            follows
        };
        if flags & 0x2 != 0 {
            head.skip(4)?;
        }
        for (bit, field) in
            [(0x8, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)]
        {
            if flags & bit != 0 {
                *field = head.u32()?;
            }
        }
        let mut run = Run { base, at: base, time: None, defaults, file };
        if let Some(body) = find(traf, *b"tfdt")? {
            let mut fields = Fields::of("tfdt", body);
            let (version, _) = fields.version_and_flags()?;
            run.time = Some(fields.u32_or_u64(version == 1)?.cast_signed());
        }
        for next in Boxes::of(traf) {
            let (kind, body) = next?;
            if kind == *b"trun" {
                let units = (track == wanted).then(|| &mut movie.tracks[place].units);
                run.read(body, units)?;
            }
        }
        follows = run.at;
    }
    Ok(())
}

/// Runs of one track in a fragment.
struct Run {
    base: u64,
    /// Where the next frame's data lie.
    at: u64,
    /// When the first frame is decoded, where the fragment says so.
    time: Option<i64>,
    defaults: Defaults,
    file: u64,
}

impl Run {
    fn read(&mut self, body: &[u8], units: Option<&mut super::samples::Units>) -> Understood<()> {
        let mut fields = Fields::of("trun", body);
        let (_, flags) = fields.version_and_flags()?;
        let width = 4 * EACH.iter().filter(|&&bit| flags & bit != 0).count();
        let count = fields.u32()?;
        if flags & HAS_OFFSET != 0 {
            self.at = self.base.saturating_add_signed(i64::from(fields.i32()?));
        }
        let first_flags = if flags & HAS_FIRST_FLAGS != 0 { Some(fields.u32()?) } else { None };
        let room = match width {
            0 => self.file / u64::from(self.defaults.size.max(1)),
            width => (fields.rest.len() / width) as u64,
        };
        if u64::from(count) > room {
            return Err(format!("`trun` claims {count} frames but there is room for {room}"));
        }
        let mut nobody = super::samples::Units::default();
        let counts = units.is_some();
        let units = units.unwrap_or(&mut nobody);
        // Times that go back stand for recordings that were put one behind the other.
        let last = units.list.last().map_or(i64::MIN, |unit| unit.time);
        if let Some(time) = self.time.take()
            && (units.list.is_empty() || time >= units.next_time || time > last)
        {
            units.next_time = time;
        }
        for number in 0..count {
            let mut field =
                |bit: u32, default: u32| if flags & bit != 0 { fields.u32() } else { Ok(default) };
            let duration = field(EACH[0], self.defaults.duration)?;
            let size = field(EACH[1], self.defaults.size)?;
            let own = field(EACH[2], self.defaults.flags)?;
            let shift = field(EACH[3], 0)?.cast_signed();
            let sample = first_flags.filter(|_| number == 0 && flags & EACH[2] == 0).unwrap_or(own);
            if counts && size > 0 {
                if units.list.len() >= MOST_UNITS {
                    return Err(format!("it has more than {MOST_UNITS} frames, the most that are read"));
                }
                let time = units.next_time.saturating_add(i64::from(shift));
                let key = sample & NOT_KEY == 0;
                units.list.push(Unit { offset: self.at, size, rank: HIDDEN, time, key });
            }
            units.next_time = units.next_time.saturating_add(i64::from(duration));
            self.at = self.at.saturating_add(u64::from(size));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::source::mp4::index::Track;
    use crate::media::source::mp4::samples::Units;
    use crate::media::source::sps::Signal;

    fn boxed(kind: [u8; 4], fields: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = fields.iter().flat_map(|v| v.to_be_bytes()).collect();
        [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), &body].concat()
    }

    fn moof(trafs: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let boxed = |parts: &Vec<Vec<u8>>| {
            let body = parts.concat();
            [&(body.len() as u32 + 8).to_be_bytes(), b"traf".as_slice(), &body].concat()
        };
        trafs.iter().flat_map(boxed).collect()
    }

    fn movie() -> Movie {
        let track = Track {
            id: 1,
            timescale: 1000,
            matrix: [1, 0, 0, 1],
            codec: *b"avc1",
            changes: false,
            avc: None,
            colours: Signal::default(),
            aspect: None,
            shown: i64::MIN..i64::MAX,
            units: Units::default(),
        };
        let row = |track| Defaults { track, duration: 40, size: 0, flags: NOT_KEY };
        Movie { tracks: vec![track], sound: false, defaults: vec![row(1), row(2)] }
    }

    #[test]
    fn a_hole_between_fragments_stays_and_data_follow_those_of_the_track_before() {
        let mut movie = movie();
        let part = |time: u32| {
            moof(&[
                vec![boxed(*b"tfhd", &[0, 2]), boxed(*b"trun", &[0x201, 2, 100, 7, 8])],
                vec![
                    boxed(*b"tfhd", &[0, 1]),
                    boxed(*b"tfdt", &[0, time]),
                    boxed(*b"trun", &[0x204, 2, 0, 10, 20]),
                ],
            ])
        };
        add(&mut movie, 0, &part(0), 500, 10_000).expect("whole");
        add(&mut movie, 0, &part(5000), 900, 10_000).expect("whole");
        add(&mut movie, 0, &part(0), 1500, 10_000).expect("whole");
        let units = &movie.tracks[0].units.list;
        assert_eq!(units.iter().map(|u| u.time).collect::<Vec<_>>(), [0, 40, 5000, 5040, 5080, 5120]);
        assert_eq!(units.iter().map(|u| u.offset).collect::<Vec<_>>(), [615, 625, 1015, 1025, 1615, 1625]);
        assert_eq!(units.iter().map(|u| u.key).collect::<Vec<_>>(), [true, false, true, false, true, false]);
    }

    #[test]
    fn a_run_cannot_claim_more_frames_than_it_has_bytes_for() {
        for (flags, fields) in [(0x200, vec![0; 4]), (0, vec![])] {
            let mut movie = movie();
            let trun = [vec![flags, 1 << 30], fields].concat();
            let part = moof(&[vec![boxed(*b"tfhd", &[0, 1]), boxed(*b"trun", &trun)]]);
            let error = add(&mut movie, 0, &part, 0, 2919).expect_err("2^30 frames in 2919 bytes");
            assert!(error.contains("claims 1073741824 frames"), "{error}");
        }
    }
}
