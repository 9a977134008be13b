//! H.264's sequence parameter set (ITU-T H.264, 7.3.2.1.1 and E.1.1): what a stream is, before it is decoded.

/// What a stream or a file says of its colours, where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signal {
    /// Number of the matrix; 2 stands for none.
    pub matrix: Option<u8>,
    /// Whether luma goes from 0 to 255.
    pub full: Option<bool>,
}

/// What a set says of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sps {
    pub profile: u8,
    /// Ten times the level.
    pub level: u8,
    /// 0 is grey, 1 is 4:2:0.
    pub chroma: u32,
    /// Bits of luma and of chroma.
    pub depths: [u32; 2],
    /// Whether every picture is a whole frame.
    pub progressive: bool,
    /// Columns and rows in blocks of 16 x 16 pixels; rows are for a progressive stream.
    pub blocks: (u32, u32),
    pub references: u32,
    pub signal: Signal,
    /// Width and height of a pixel, where they are told.
    pub aspect: Option<(u32, u32)>,
}

/// Profiles whose set says more of chroma and scaling.
const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Stands for a shape of pixels that is told in numbers.
const OWN_ASPECT: u32 = 255;
/// Shapes of pixels by their number less 1 (table E-1).
const ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Bits of a parameter set, without the bytes that keep start codes out of it.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn of(nal: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(nal.len());
        let mut zeros = 0;
        for &byte in nal {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        self.at += 1;
        Some(byte >> (8 - (self.at - 1) % 8 - 1) & 1 == 1)
    }

    fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0u32, |sum, _| Some(sum << 1 | u32::from(self.bit()?)))
    }

    /// Exp-Golomb, unsigned; of a signed one all that is of use here, its length, is the same.
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some(((1u64 << zeros) - 1) as u32 + self.number(zeros)?)
    }

    /// A signed one.
    fn signed(&mut self) -> Option<i64> {
        let value = i64::from(self.golomb()?);
        Some(if value % 2 == 1 { (value + 1) / 2 } else { -value / 2 })
    }

    fn skip_scaling_list(&mut self, size: usize) -> Option<()> {
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..size {
            if next != 0 {
                next = (last + self.signed()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
        Some(())
    }
}

/// Reads a sequence parameter set (with its first byte, which says that it is one); `None` where it ends early.
pub(super) fn read(sps: &[u8]) -> Option<Sps> {
    let mut bits = Bits::of(sps.get(1..)?);
    let mut found = Sps { chroma: 1, depths: [8; 2], ..Sps::default() };
    let profile = bits.number(8)?;
    found.profile = profile as u8;
    bits.number(8)?;
    found.level = bits.number(8)? as u8;
    bits.golomb()?;
    if HIGH.contains(&profile) {
        found.chroma = bits.golomb()?;
        if found.chroma == 3 {
            bits.bit()?;
        }
        found.depths = [bits.golomb()?.saturating_add(8), bits.golomb()?.saturating_add(8)];
        bits.bit()?;
        if bits.bit()? {
            for list in 0..if found.chroma == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    bits.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.bit()?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(256) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    found.references = bits.golomb()?;
    bits.bit()?;
    found.blocks = (bits.golomb()?.saturating_add(1), bits.golomb()?.saturating_add(1));
    found.progressive = bits.bit()?;
    if !found.progressive {
        bits.bit()?;
    }
    bits.bit()?;
    if bits.bit()? {
        for _ in 0..4 {
            bits.golomb()?;
        }
    }
    // The usability information; a set that ends within it is still one.
    if bits.bit()? {
        let _ = usability(&mut bits, &mut found);
    }
    Some(found)
}

fn usability(bits: &mut Bits, found: &mut Sps) -> Option<()> {
    if bits.bit()? {
        found.aspect = match bits.number(8)? {
            OWN_ASPECT => Some((bits.number(16)?, bits.number(16)?)),
            code => code.checked_sub(1).and_then(|at| ASPECTS.get(at as usize)).copied(),
        };
    }
    if bits.bit()? {
        bits.bit()?;
    }
    if bits.bit()? {
        bits.number(3)?;
        found.signal.full = Some(bits.bit()?);
        if bits.bit()? {
            bits.number(16)?;
            found.signal.matrix = Some(bits.number(8)? as u8).filter(|&code| code != 2);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bits, the form that [`Bits`] reads.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn number(&mut self, value: u32, bits: u32) -> &mut Self {
            self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
            self
        }

        fn golomb(&mut self, value: u32) -> &mut Self {
            let length = 32 - (value + 1).leading_zeros();
            self.number(0, length - 1).number(value + 1, length)
        }

        fn bytes(&self) -> Vec<u8> {
            let mut bits = self.0.clone();
            bits.push(true);
            bits.resize(bits.len().next_multiple_of(8), false);
            bits.chunks(8).map(|byte| byte.iter().fold(0, |sum, &bit| sum << 1 | u8::from(bit))).collect()
        }
    }

    /// A high-profile set with a scaling list, a cut picture and an aspect of its own before the colours.
    fn high(matrix: u32, full: u32) -> Vec<u8> {
        let mut w = Writer::default();
        w.number(0x67, 8).number(100, 8).number(0x001f, 16).golomb(0).golomb(1).golomb(0).golomb(0);
        w.number(0, 1).number(1, 1);
        // One list of 16 that ends after two steps (+2, then -10), seven that are not there.
        w.number(1, 1).golomb(3).golomb(20).number(0, 7);
        w.golomb(0).golomb(1).number(0, 1).golomb(2).golomb(2).golomb(1).golomb(4);
        w.golomb(4).number(0, 1).golomb(119).golomb(67).number(0, 1).number(1, 1).number(1, 1).number(1, 1);
        w.golomb(0).golomb(0).golomb(0).golomb(4).number(1, 1);
        w.number(1, 1).number(255, 8).number(4, 16).number(3, 16).number(1, 1).number(1, 1);
        w.number(1, 1).number(5, 3).number(full, 1).number(1, 1).number(1, 8).number(1, 8).number(matrix, 8);
        w.bytes()
    }

    #[test]
    fn everything_is_found_behind_all_that_may_stand_before_it() {
        let found = read(&high(1, 0)).expect("a whole set");
        assert_eq!(found.signal, Signal { matrix: Some(1), full: Some(false) });
        assert_eq!((found.profile, found.level, found.chroma, found.depths), (100, 31, 1, [8, 8]));
        assert_eq!((found.blocks, found.progressive, found.references), ((120, 68), false, 4));
        assert_eq!(found.aspect, Some((4, 3)));
        assert_eq!(read(&high(9, 1)).expect("whole").signal, Signal { matrix: Some(9), full: Some(true) });
        let none = read(&high(2, 1)).expect("whole").signal;
        assert_eq!(none, Signal { matrix: None, full: Some(true) }, "2 stands for none");
    }

    #[test]
    fn a_set_that_is_cut_anywhere_says_what_is_there_and_ends_nothing() {
        let whole = high(1, 1);
        let least = (0..whole.len()).find(|&length| read(&whole[..length]).is_some()).expect("read");
        assert!(least > 10, "what comes before the usability information must be there: {least}");
        for length in least..whole.len() - 2 {
            let found = read(&whole[..length]).expect("enough is there");
            assert_eq!((found.blocks, found.signal.matrix), ((120, 68), None), "{length}");
        }
    }

    #[test]
    fn bytes_that_keep_start_codes_out_are_taken_out() {
        assert_eq!(Bits::of(&[1, 0, 0, 3, 1, 0, 0, 3]).bytes, [1, 0, 0, 1, 0, 0]);
    }
}
