//! Which values a dropout drops: a function of seed, dropout and element, so that every backend and any number of
//! threads drop the same. 32-bit integer arithmetic only, as shaders have it.

#![expect(
    clippy::inline_always,
    reason = "a kernel's loops must be compiled inside the function that enables its instruction set"
)]

/// What one dropout of a graph draws with in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Added to the element before the first round.
    pub first: u32,
    /// Mixed in before the second round.
    pub second: u32,
}

impl Stream {
    /// The stream of the dropout with that index under a network's seed.
    pub fn new(seed: u64, index: u32) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let first = mix(low ^ mix(high ^ mix(index.wrapping_add(0x9E37_79B9))));
        let second = mix(high ^ mix(low ^ mix(index ^ 0x85EB_CA6B)));
        Self { first, second }
    }

    /// 32 random bits for an element: its place in the batch's activation, `item x values per item + place in the
    /// item`, modulo `2^32`.
    #[inline(always)]
    pub fn bits(self, element: u32) -> u32 {
        mix(mix(element.wrapping_add(self.first)) ^ self.second)
    }
}

/// An element is dropped where its bits are below this.
pub fn threshold(rate: f32) -> u32 {
    (f64::from(rate) * 4_294_967_296.0) as u32
}

/// A bijection of 32-bit numbers whose every output bit depends on every input bit (multiply and xor-shift, with the
/// constants of C. Wellons's search for low bias).
#[inline(always)]
pub fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(stream: Stream, rate: f32) -> Vec<bool> {
        (0..100_000).map(|i| stream.bits(i) < threshold(rate)).collect()
    }

    #[test]
    fn the_share_dropped_is_the_rate() {
        for rate in [0.0, 0.1, 0.2, 0.5, 0.9] {
            let share = dropped(Stream::new(7, 3), rate).iter().filter(|&&d| d).count() as f32 / 1e5;
            assert!((share - rate).abs() < 0.005, "{rate}: {share}");
        }
    }

    #[test]
    fn seeds_dropouts_and_neighbours_are_independent() {
        let one = dropped(Stream::new(1, 0), 0.5);
        let agreement = |other: &[bool]| {
            let pairs = one.iter().zip(other);
            pairs.filter(|(a, b)| a == b).count() as f32 / other.len() as f32
        };
        for other in [Stream::new(2, 0), Stream::new(1, 1), Stream::new(1 << 32 | 1, 0), Stream::new(3, 0)] {
            assert!((agreement(&dropped(other, 0.5)) - 0.5).abs() < 0.01, "{other:?}");
        }
        for lag in [1, 2, 16, 512, 4096] {
            assert!((agreement(&one[lag..]) - 0.5).abs() < 0.01, "lag {lag}");
        }
    }

    #[test]
    fn the_hash_is_the_one_that_other_backends_have() {
        // Computed from the definition in another language.
        assert_eq!(mix(1), 0x6889_90C0);
        let stream = Stream::new(0x0123_4567_89AB_CDEF, 2);
        let bits = [0, 1, 1_000_000].map(|element| stream.bits(element));
        assert_eq!(bits, [0x5951_51F6, 0xA406_9BA0, 0x6F1B_D74F]);
    }
}
