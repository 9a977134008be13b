//! The colour information of H.264's sequence parameter set (ITU-T H.264, 7.3.2.1.1 and E.1.1).

/// What a stream or a file says of its colours, where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signal {
    /// Number of the matrix; 2 stands for none.
    pub matrix: Option<u8>,
    /// Whether luma goes from 0 to 255.
    pub full: Option<bool>,
}

/// Profiles whose set says more of chroma and scaling.
const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Stands for a shape of pixels that is told in numbers.
const OWN_ASPECT: u32 = 255;

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

/// What a sequence parameter set (with its first byte, which says that it is one) tells of colours; nothing of one that is
/// damaged.
pub(super) fn signal(sps: &[u8]) -> Signal {
    read(sps).unwrap_or_default()
}

fn read(sps: &[u8]) -> Option<Signal> {
    let mut bits = Bits::of(sps.get(1..)?);
    let profile = bits.number(8)?;
    bits.number(16)?;
    bits.golomb()?;
    if HIGH.contains(&profile) {
        let chroma = bits.golomb()?;
        if chroma == 3 {
            bits.bit()?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.bit()?;
        if bits.bit()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
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
    // Reference frames, gaps, width, height.
    bits.golomb()?;
    bits.bit()?;
    bits.golomb()?;
    bits.golomb()?;
    if !bits.bit()? {
        bits.bit()?;
    }
    bits.bit()?;
    if bits.bit()? {
        for _ in 0..4 {
            bits.golomb()?;
        }
    }
    let mut signal = Signal::default();
    // The usability information.
    if !bits.bit()? {
        return Some(signal);
    }
    if bits.bit()? && bits.number(8)? == OWN_ASPECT {
        bits.number(32)?;
    }
    if bits.bit()? {
        bits.bit()?;
    }
    if bits.bit()? {
        bits.number(3)?;
        signal.full = Some(bits.bit()?);
        if bits.bit()? {
            bits.number(16)?;
            signal.matrix = Some(bits.number(8)? as u8).filter(|&code| code != 2);
        }
    }
    Some(signal)
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
    fn colours_are_found_behind_everything_that_may_stand_before_them() {
        assert_eq!(signal(&high(1, 0)), Signal { matrix: Some(1), full: Some(false) });
        assert_eq!(signal(&high(9, 1)), Signal { matrix: Some(9), full: Some(true) });
        assert_eq!(signal(&high(2, 1)), Signal { matrix: None, full: Some(true) }, "2 stands for none");
    }

    #[test]
    fn a_set_that_is_cut_anywhere_says_nothing_and_ends_nothing() {
        let whole = high(1, 1);
        for length in 0..whole.len() - 2 {
            assert_eq!(signal(&whole[..length]), Signal::default(), "{length}");
        }
    }

    #[test]
    fn bytes_that_keep_start_codes_out_are_taken_out() {
        assert_eq!(Bits::of(&[1, 0, 0, 3, 1, 0, 0, 3]).bytes, [1, 0, 0, 1, 0, 0]);
    }
}
