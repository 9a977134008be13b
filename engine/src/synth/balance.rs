//! How often each class is shown.

use super::Class;
use crate::random::Random;

/// Relative frequencies of the classes.
#[derive(Debug, Clone)]
pub(super) struct Balance {
    /// Running sum, scaled to end at 1.
    cumulative: [f32; 8],
    even: bool,
}

impl Balance {
    /// The error says what is wrong with the numbers.
    pub fn new(weights: [f32; 8]) -> Result<Self, String> {
        let total: f32 = weights.iter().sum();
        if !(weights.iter().all(|&w| w >= 0.0) && total > 0.0 && total.is_finite()) {
            return Err(format!("balance = {weights:?}: 8 numbers from 0 up, not all 0"));
        }
        let mut sum = 0.0;
        let mut cumulative = weights.map(|weight| {
            sum += weight;
            sum / total
        });
        // Rounding may leave the last sum just below 1.
        let last = weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
        cumulative[last..].fill(1.0);
        Ok(Self { cumulative, even: weights.iter().all(|&w| w == weights[0]) })
    }

    /// Whether all classes are equally frequent.
    pub fn is_even(&self) -> bool {
        self.even
    }

    pub fn draw(&self, rng: &mut Random) -> Class {
        let draw = rng.uniform();
        Class::ALL[self.cumulative.iter().position(|&sum| draw < sum).unwrap_or(0)]
    }
}
