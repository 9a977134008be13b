//! A part of a dataset, drawn uniformly: `fraction=1/3`.

use std::fmt;
use std::str::FromStr;

use crate::random::{Address, Purpose};

/// A part of a whole, above 0 and at most 1, kept as it was written: `1/3`, `0.25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    part: u32,
    whole: u32,
}

impl Fraction {
    /// Items of `items` that it stands for, to the nearest; one at least, where there are any.
    pub fn of(self, items: u32) -> u32 {
        let (part, whole) = (u64::from(self.part), u64::from(self.whole));
        let count = (u64::from(items) * part + whole / 2) / whole;
        (count as u32).clamp(items.min(1), items)
    }

    /// So many of the items 0 to `items`, in their order, every choice as likely as any other (Knuth's algorithm S). It
    /// depends on the seed and the number of items alone.
    pub(super) fn draw(self, items: u32, seed: u64) -> impl Iterator<Item = u32> {
        let mut rng = Address { seed, purpose: Purpose::DrawFraction, step: 0, item: 0 }.rng();
        let mut wanted = self.of(items);
        (0..items).filter(move |item| {
            let chosen = wanted > 0 && rng.below((items - item) as usize) < wanted as usize;
            wanted -= u32::from(chosen);
            chosen
        })
    }
}

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("fraction takes a part above 0 and at most 1, as 1/3 or 0.25, not `{text}`");
        let (part, whole) = if let Some((part, whole)) = text.split_once('/') {
            (part.trim().parse().ok(), whole.trim().parse().ok())
        } else {
            let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
            let digits = format!("{whole}{decimals}");
            let plain = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
            (digits.parse().ok().filter(|_| plain), 10u32.checked_pow(decimals.len() as u32))
        };
        match part.zip(whole) {
            Some((part, whole)) if part > 0 && part <= whole => Ok(Self { part, whole }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.whole)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn fraction(text: &str) -> Fraction {
        text.parse().unwrap()
    }

    #[test]
    fn a_third_is_a_third_to_the_item_and_the_seed_decides_which() {
        let third = fraction("1/3");
        let drawn = |items, seed| third.draw(items, seed).collect::<Vec<u32>>();
        for (items, count) in [(0, 0), (1, 1), (2, 1), (10, 3), (11, 4), (30_000, 10_000)] {
            assert_eq!(drawn(items, 1).len(), count, "{items}");
        }
        assert_eq!(drawn(1000, 1), drawn(1000, 1));
        assert_ne!(drawn(1000, 1), drawn(1000, 2));
        assert!(drawn(1000, 1).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_item_is_as_likely_as_any_other() {
        let (half, mut counts) = (fraction("0.5"), [0u32; 40]);
        for seed in 0..4000 {
            half.draw(40, seed).for_each(|item| counts[item as usize] += 1);
        }
        // Each count is 2000 with a deviation of 32.
        assert!(counts.iter().all(|count| (1850..2150).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_is_no_part_of_a_whole_is_refused() {
        assert_eq!((fraction("0.25"), fraction("1").of(7)), (Fraction { part: 25, whole: 100 }, 7));
        assert_eq!(fraction(&fraction("2/6").to_string()), fraction("2/6"));
        for text in ["0", "4/3", "1/0", "-1/3", "1.5", "", "x", "1/3/2", ".", "0.0000000001"] {
            assert!(text.parse::<Fraction>().unwrap_err().contains(&format!("`{text}`")), "{text}");
        }
    }
}
