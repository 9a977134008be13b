//! Randomness is addressed, not streamed: every draw names what it is for, so any sample's augmentation can be
//! recomputed alone and a resumed run repeats exactly, whatever thread asks first.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// What a stream of random numbers is for. The discriminants are part of the reproducibility contract: a value is
/// never reused or renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Purpose {
    /// Order in which the labelled sampler walks a class.
    SampleLabelled = 1,
    /// Order in which the unlabelled pool is walked.
    SampleUnlabelled = 2,
    /// Weak view of a labelled sample.
    AugmentLabelled = 3,
    /// Weak view of an unlabelled sample.
    AugmentWeak = 4,
    /// Strong view of an unlabelled sample.
    AugmentStrong = 5,
    /// Initial weights.
    InitialWeights = 6,
    /// Choice of the labelled subset (`labels_per_class`).
    LabelledSubset = 7,
    /// Generated faces.
    Synthesis = 8,
    /// Masks of dropout in the temporal encoder.
    Dropout = 9,
    /// Clips that a step of phase 2 takes.
    SampleClips = 10,
    /// Frames hidden from the temporal encoder.
    MaskFrames = 11,
    /// Items that a `fraction` of a dataset takes.
    DrawFraction = 12,
    /// Items, people or videos of a resample.
    Bootstrap = 21,
    /// Which half of a set calibrates the other one.
    Halves = 22,
}

/// Where in a run a stream of random numbers stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// The run's seed.
    pub seed: u64,
    /// What the numbers are for.
    pub purpose: Purpose,
    /// Training step, epoch or round; 0 where there is none.
    pub step: u64,
    /// Sample, class or parameter index; 0 where there is none.
    pub item: u64,
}

impl Address {
    /// The stream that belongs to this address. Two calls give the same numbers.
    pub fn rng(self) -> Random {
        let mut key = [0u8; 32];
        key[0..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..12].copy_from_slice(&(self.purpose as u32).to_le_bytes());
        key[16..24].copy_from_slice(&self.step.to_le_bytes());
        key[24..32].copy_from_slice(&self.item.to_le_bytes());
        Random(ChaCha8Rng::from_seed(key))
    }
}

/// A deterministic stream of random numbers (`ChaCha8`).
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`, with 24 random bits.
    pub fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in `0..count` without modulo bias; `count` must be at least 1.
    pub fn below(&mut self, count: usize) -> usize {
        debug_assert!(count > 0);
        let wide = u128::from(self.0.next_u64()) * count as u128;
        (wide >> 64) as usize
    }

    /// `true` with the given probability in `[0, 1]`.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.uniform() < probability
    }

    /// Standard normal, by the Box-Muller transform.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.uniform()).cos()
    }

    /// A Fisher-Yates shuffle in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(item: u64) -> Address {
        Address { seed: 7, purpose: Purpose::AugmentWeak, step: 3, item }
    }

    #[test]
    fn the_same_address_repeats_and_another_differs() {
        let mut first = address(1).rng();
        let mut again = address(1).rng();
        let mut other = address(2).rng();
        let numbers: Vec<u64> = (0..8).map(|_| first.bits()).collect();
        assert_eq!(numbers, (0..8).map(|_| again.bits()).collect::<Vec<_>>());
        assert_ne!(numbers, (0..8).map(|_| other.bits()).collect::<Vec<_>>());
    }

    #[test]
    fn draws_have_the_moments_they_claim() {
        let mut rng = address(0).rng();
        let n = 20_000;
        let mean = (0..n).map(|_| f64::from(rng.uniform())).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let variance = (0..n).map(|_| f64::from(rng.normal()).powi(2)).sum::<f64>() / f64::from(n);
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        let mut counts = [0usize; 5];
        (0..n).for_each(|_| counts[rng.below(5)] += 1);
        assert!(counts.iter().all(|&c| (3_700..4_300).contains(&c)), "{counts:?}");
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..100).collect();
        address(9).rng().shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
