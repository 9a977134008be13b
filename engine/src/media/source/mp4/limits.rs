//! What the built-in decoder does, decided before anything is decoded: progressive H.264 of 8 bits, grey or 4:2:0, that begins
//! with a key picture.

use super::index::Avc;
use crate::media::source::sps::{self, Sps};

/// Profiles: baseline, main, high.
const PROFILES: [u8; 3] = [66, 77, 100];
/// Ten times the highest level.
const HIGHEST_LEVEL: u8 = 52;
/// Most blocks of 16 x 16 pixels of a picture at that level, and most along a side.
const MOST_BLOCKS: u32 = 36_864;
const LONGEST_SIDE: u32 = 543;

/// The kind of unit that is a part of a key picture from which decoding can begin.
const IDR: u8 = 5;

/// The stream's first parameter set.
///
/// # Errors
/// The stream is not one that the built-in decoder reads; the text says why.
pub(super) fn check(avc: &Avc) -> Result<Sps, String> {
    let first = avc.sps.first().ok_or("its H.264 parameters are not in its index")?;
    let sps = sps::read(first).ok_or("its H.264 parameters end early")?;
    for set in &avc.sps {
        within(&sps::read(set).ok_or("its H.264 parameters end early")?)?;
    }
    Ok(sps)
}

fn within(sps: &Sps) -> Result<(), String> {
    let &Sps { profile, level, chroma, depths, progressive, blocks: (columns, rows), references, .. } = sps;
    if !progressive {
        return Err("its video is interlaced H.264".into());
    }
    if depths != [8, 8] {
        return Err(format!("its video is H.264 of {} bits", depths[0].max(depths[1])));
    }
    match chroma {
        0 | 1 => {}
        2 => return Err("its video is H.264 4:2:2".into()),
        _ => return Err("its video is H.264 4:4:4".into()),
    }
    if !PROFILES.contains(&profile) {
        return Err(format!("its video has H.264 profile {profile}"));
    }
    if level > HIGHEST_LEVEL || references > 16 {
        return Err(format!("its video has H.264 level {}.{}", level / 10, level % 10));
    }
    let most = u64::from(MOST_BLOCKS);
    if columns.max(rows) > LONGEST_SIDE || u64::from(columns) * u64::from(rows) > most {
        let side = |blocks: u32| u64::from(blocks) * 16;
        return Err(format!("its video has {}x{} pixels", side(columns), side(rows)));
    }
    Ok(())
}

/// The parts of an access unit, each behind its length.
///
/// # Errors
/// A length is wrong.
pub(super) fn parts(unit: &[u8], length_size: usize) -> impl Iterator<Item = Result<&[u8], &'static str>> {
    let mut rest = unit;
    std::iter::from_fn(move || {
        let (prefix, after) = rest.split_at_checked(length_size)?;
        let length = prefix.iter().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
        let Some((part, next)) = after.split_at_checked(length) else {
            rest = &[];
            return Some(Err("the length of one of its parts is wrong"));
        };
        rest = next;
        Some(Ok(part))
    })
}

/// Whether decoding can begin with an access unit.
pub(super) fn begins(unit: &[u8], length_size: usize) -> bool {
    parts(unit, length_size).any(|part| part.is_ok_and(|p| p.first().is_some_and(|head| head & 31 == IDR)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_named() {
        let fine = Sps {
            profile: 100,
            level: 40,
            chroma: 1,
            depths: [8; 2],
            progressive: true,
            blocks: (120, 68),
            references: 4,
            ..Sps::default()
        };
        assert_eq!(within(&fine), Ok(()));
        assert_eq!(within(&Sps { chroma: 0, ..fine }), Ok(()), "grey is read");
        for (sps, word) in [
            (Sps { progressive: false, ..fine }, "interlaced"),
            (Sps { depths: [8, 10], ..fine }, "10 bits"),
            (Sps { chroma: 2, ..fine }, "4:2:2"),
            (Sps { chroma: 3, ..fine }, "4:4:4"),
            (Sps { profile: 88, ..fine }, "profile 88"),
            (Sps { level: 61, ..fine }, "level 6.1"),
            (Sps { blocks: (480, 270), ..fine }, "7680x4320"),
            (Sps { blocks: (u32::MAX, 1), ..fine }, "68719476720x16"),
        ] {
            let error = within(&sps).expect_err(word);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_key_picture_is_found_behind_other_parts_and_a_wrong_length_is_told() {
        let unit = [0, 0, 0, 2, 6, 1, 0, 0, 0, 3, 0x65, 9, 9];
        assert!(begins(&unit, 4));
        assert!(!begins(&unit[..6], 4));
        let short: Vec<_> = parts(&unit[..12], 4).collect();
        assert!(short.len() == 2 && short[0] == Ok([6, 1].as_slice()) && short[1].is_err(), "{short:?}");
        assert_eq!(parts(&[], 4).count(), 0);
    }
}
