//! The sum of all replicas' values, in their order, where one of them has its own.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instruction set"
)]

use rayon::prelude::*;

use crate::simd::{Isa, Kernel, Vector};

/// Values that a thread adds at once.
const STRETCH: usize = 1 << 11;

/// Puts sums in place of a replica's values `to`; `before` and `behind` are those of the replicas before it and behind it, as many
/// each. Sums are made in double precision and rounded once.
pub(super) fn add_up(isa: Isa, before: &[&[f32]], to: &mut [f32], behind: &[&[f32]]) {
    to.par_chunks_mut(STRETCH).enumerate().for_each(|(at, to)| {
        // SAFETY: the set was detected.
        unsafe { isa.run(AddUp { before, to, behind, start: at * STRETCH }) };
    });
}

struct AddUp<'a> {
    before: &'a [&'a [f32]],
    to: &'a mut [f32],
    behind: &'a [&'a [f32]],
    /// Where `to` begins in the others.
    start: usize,
}

impl Kernel for AddUp<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { before, to, behind, start } = self;
        let range = start..start + to.len();
        if let ([other], []) | ([], [other]) = (before, behind) {
            // Of two values the rounded sum in double precision is the sum in single precision, because a double has more than
            // twice as many digits (Figueroa 1995). The zero makes two negative zeros a positive one, as below.
            to.iter_mut().zip(&other[range]).for_each(|(to, value)| *to = 0.0 + *to + value);
            return;
        }
        let mut sums = [0.0f64; STRETCH];
        let sums = &mut sums[..to.len()];
        let add = |sums: &mut [f64], values: &[f32]| {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
        };
        for values in before {
            add(sums, &values[range.clone()]);
        }
        add(sums, to);
        for values in behind {
            add(sums, &values[range.clone()]);
        }
        to.iter_mut().zip(sums).for_each(|(to, sum)| *to = *sum as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Address, Purpose};

    /// Values of every size, signs of zero, infinities and what is no number among them.
    fn values(replica: u64, length: usize) -> Vec<f32> {
        let mut rng = Address { seed: replica, purpose: Purpose::InitialWeights, step: 0, item: 0 }.rng();
        let odd = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, f32::MIN_POSITIVE / 4.0];
        let value = |at: usize| match at % 3 {
            0 => odd[rng.below(odd.len())],
            _ => f32::from_bits(rng.bits() as u32),
        };
        (0..length).map(value).collect()
    }

    #[test]
    fn sums_are_those_of_doubles_rounded_once_for_any_number_of_replicas_and_set() {
        let length = 3 * STRETCH + 17;
        for replicas in [1, 2, 3, 5] {
            let all: Vec<Vec<f32>> = (0..replicas).map(|replica| values(replica as u64, length)).collect();
            let sum = |at: usize| all.iter().fold(0.0, |sum, values| sum + f64::from(values[at])) as f32;
            for isa in Isa::available() {
                for own in 0..replicas {
                    let mut to = all[own].clone();
                    let others: Vec<&[f32]> = all.iter().map(Vec::as_slice).collect();
                    add_up(isa, &others[..own], &mut to, &others[own + 1..]);
                    for (at, got) in to.into_iter().enumerate() {
                        let is_same = got.to_bits() == sum(at).to_bits() || got.is_nan() && sum(at).is_nan();
                        assert!(is_same, "{}: value {at} of {replicas}: {got} {}", isa.name(), sum(at));
                    }
                }
            }
        }
    }
}
