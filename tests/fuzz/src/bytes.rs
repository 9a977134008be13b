//! Breaking bytes, whatever they mean.

use crate::draws::Draws;

/// Whole numbers at which readers fail.
pub const EXTREMES: [u64; 20] = [
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x40_0000,
    0x4000_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Breaks bytes in one to three places.
pub fn mutate(bytes: &mut Vec<u8>, draws: &mut Draws) {
    for _ in 0..=draws.below(3) {
        once(bytes, draws);
    }
}

fn once(bytes: &mut Vec<u8>, draws: &mut Draws) {
    let at = draws.below(bytes.len());
    let left = bytes.len() - at;
    match draws.below(10) {
        // A bit and a byte that the disk lost.
        0 if left > 0 => bytes[at] ^= 1 << draws.below(8),
        1 if left > 0 => bytes[at] = draws.bits() as u8,
        // A number, of either order.
        2 | 3 => {
            let value = *draws.pick(&EXTREMES);
            let width = *draws.pick(&[2, 4, 8]);
            let value = if draws.one_in(2) {
                value.to_le_bytes()[..width].to_vec()
            } else {
                value.to_be_bytes()[8 - width..].to_vec()
            };
            for (to, from) in bytes[at..].iter_mut().zip(value) {
                *to = from;
            }
        }
        4 => bytes.truncate(at),
        5 => {
            let length = draws.below(left.min(4096) + 1);
            bytes[at..at + length].fill(0);
        }
        // A stretch that is gone, there twice, or elsewhere.
        6 => {
            let length = draws.below(left.min(256) + 1);
            bytes.drain(at..at + length);
        }
        7 => {
            let length = draws.below(left.min(256) + 1);
            let piece = bytes[at..at + length].to_vec();
            let to = draws.below(bytes.len() + 1);
            bytes.splice(to..to, piece);
        }
        8 => {
            let piece: Vec<u8> = (0..draws.below(64)).map(|_| draws.bits() as u8).collect();
            bytes.splice(at..at, piece);
        }
        _ => {
            let other = draws.below(bytes.len());
            let length = draws.below(64).min(left).min(bytes.len() - other);
            let piece = bytes[other..other + length].to_vec();
            bytes[at..at + length].copy_from_slice(&piece);
        }
    }
}
