//! Which values dropout clears: a hash of where they are, so that every backend clears the same ones, on any number of
//! threads, and a resumed run too. Only 32-bit integer operations, which shaders have.

/// 32 bits for one value of one dropout in one pass.
///
/// `key` belongs to the pass, `site` to the dropout in its graph, `index` counts the batch's values.
#[inline(always)]
pub fn bits(key: u64, site: u32, index: u32) -> u32 {
    let start = index.wrapping_mul(0x9E37_79B1) ^ (key as u32) ^ site.wrapping_mul(0x85EB_CA6B);
    mix(mix(start) ^ (key >> 32) as u32)
}

/// A value is cleared where its [`bits`] are below this.
pub fn threshold(rate: f32) -> u32 {
    (f64::from(rate) * 4_294_967_296.0) as u32
}

/// The finaliser of `MurmurHash3` (Appleby 2011): every input bit moves every output bit.
#[inline(always)]
fn mix(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleared(key: u64, site: u32) -> Vec<bool> {
        (0..40_000).map(|index| bits(key, site, index) < threshold(0.2)).collect()
    }

    #[test]
    fn the_rate_is_met_and_neighbours_are_independent() {
        let mask = cleared(7 << 32 | 3, 5);
        let share = |flags: &mut dyn Iterator<Item = bool>| {
            let (mut hits, mut all) = (0.0, 0.0f64);
            for flag in flags {
                hits += f64::from(u8::from(flag));
                all += 1.0;
            }
            hits / all
        };
        let whole = share(&mut mask.iter().copied());
        let both = share(&mut mask.windows(2).map(|pair| pair[0] && pair[1]));
        assert!((whole - 0.2).abs() < 0.01 && (both - 0.04).abs() < 0.006, "{whole} {both}");
    }

    #[test]
    fn keys_and_sites_give_masks_of_their_own() {
        let agree =
            |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / 40_000.0;
        let mask = cleared(1, 0);
        for other in [cleared(2, 0), cleared(1, 1), cleared(1 << 32 | 1, 0)] {
            // Independent masks agree at 0.2^2 + 0.8^2 of the places.
            assert!((agree(&mask, &other) - 0.68).abs() < 0.015);
        }
        assert_eq!(mask, cleared(1, 0));
    }
}
