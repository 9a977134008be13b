//! One bit a frame.

use serde::{Deserialize, Serialize};

/// Which frames have something; grows to the last frame that was set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Bitmap {
    bytes: Vec<u8>,
    /// One more than the last frame that was set.
    end: usize,
    count: usize,
}

impl Bitmap {
    /// Sets a frame's bit; gives whether it was set before.
    pub fn set(&mut self, index: usize) -> bool {
        let (byte, bit) = (index / 8, 1 << (index % 8));
        if byte >= self.bytes.len() {
            self.bytes.resize(byte + 1, 0);
        }
        let was = self.bytes[byte] & bit != 0;
        self.bytes[byte] |= bit;
        self.end = self.end.max(index + 1);
        self.count += usize::from(!was);
        was
    }

    /// Whether a frame's bit is set; false past the end.
    pub fn get(&self, index: usize) -> bool {
        bit(&self.bytes, index)
    }

    /// One more than the last frame that was set.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Number of bits that are set.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The frames that are set, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let ones = |(at, byte): (usize, &u8)| {
            let byte = *byte;
            (0..8).filter(move |bit| byte & (1 << bit) != 0).map(move |bit| 8 * at + bit)
        };
        self.bytes.iter().enumerate().flat_map(ones)
    }

    /// Frame n is bit n % 8 of byte n / 8.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A frame's bit in stored bytes; false past their end.
pub(super) fn bit(bytes: &[u8], index: usize) -> bool {
    bytes.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_once_and_counted() {
        let mut bits = Bitmap::default();
        assert!(!bits.set(9) && bits.set(9) && !bits.set(0));
        assert_eq!((bits.end(), bits.count(), bits.bytes()), (10, 2, &[1u8, 2][..]));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 9]);
        assert!(bits.get(9) && !bits.get(8) && !bits.get(1000));
    }
}
