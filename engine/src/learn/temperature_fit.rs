//! The temperature that calibrates answers which come one by one, in memory that does not grow with them.

use serde::{Deserialize, Serialize};

/// Temperatures that are tried, from [`LOWEST`] to [`HIGHEST`], each by the same factor above the one before.
const TRIED: usize = 81;
const LOWEST: f64 = 0.1;
const HIGHEST: f64 = 10.0;

/// For each of many temperatures, what the labels so far cost at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemperatureFit {
    items: u64,
    /// Sums of negative log likelihoods in nats.
    costs: Vec<f64>,
}

impl Default for TemperatureFit {
    fn default() -> Self {
        Self { items: 0, costs: vec![0.0; TRIED] }
    }
}

fn log_temperature(at: f64) -> f64 {
    LOWEST.ln() + (HIGHEST / LOWEST).ln() * at / (TRIED - 1) as f64
}

impl TemperatureFit {
    /// Takes an answer's probabilities, one a class, and the class that is true.
    pub fn add(&mut self, probabilities: &[f32], truth: usize) {
        let Some(&of_truth) = probabilities.get(truth) else { return };
        // The smallest positive number keeps a probability that underflowed finite.
        let log = |p: f32| f64::from(p.max(f32::MIN_POSITIVE)).ln();
        let largest = probabilities.iter().fold(f64::MIN, |most, &p| most.max(log(p)));
        self.items += 1;
        for (at, cost) in self.costs.iter_mut().enumerate() {
            let colder = (-log_temperature(at as f64)).exp();
            let all: f64 = probabilities.iter().map(|&p| ((log(p) - largest) * colder).exp()).sum();
            *cost += all.ln() - (log(of_truth) - largest) * colder;
        }
    }

    /// Takes what another fit has seen.
    pub fn merge(&mut self, other: &Self) {
        self.items += other.items;
        self.costs.iter_mut().zip(&other.costs).for_each(|(sum, more)| *sum += more);
    }

    /// By what the answers' logits are best divided, to a thousandth; nothing where no answer was taken.
    pub fn temperature(&self) -> Option<f32> {
        let least = (0..TRIED).min_by(|&a, &b| self.costs[a].total_cmp(&self.costs[b]));
        let least = least.filter(|_| self.items > 0)?;
        let around = |at: usize| self.costs[at.clamp(0, TRIED - 1)];
        let (before, here, after) = (around(least.saturating_sub(1)), around(least), around(least + 1));
        // The lowest point of the parabola through the three.
        let bend = before - 2.0 * here + after;
        let inside = least > 0 && least + 1 < TRIED && bend > 0.0;
        let shift = if inside { 0.5 * (before - after) / bend } else { 0.0 };
        let temperature = log_temperature(least as f64 + shift).exp();
        Some(((temperature * 1000.0).round() / 1000.0) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::super::calibration::fit_temperature;
    use super::super::loss::softmax;
    use super::*;
    use crate::random::{Address, Purpose};

    #[test]
    fn it_is_the_temperature_that_a_fit_over_all_items_finds() {
        let mut rng = Address { seed: 8, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
        for sharpened in [0.4, 1.0, 2.5] {
            let (mut logits, mut labels) = (vec![], vec![]);
            let (mut one, mut other) = (TemperatureFit::default(), TemperatureFit::default());
            for item in 0..4000 {
                let row: Vec<f32> = (0..5).map(|_| 2.0 * rng.normal()).collect();
                let mut left = rng.uniform();
                let drawn = softmax(&row, 5, 1.0).iter().position(|p| {
                    left -= p;
                    left < 0.0
                });
                let drawn = drawn.unwrap_or(4);
                let said: Vec<f32> = row.iter().map(|logit| logit * sharpened).collect();
                let part = if item % 3 == 0 { &mut other } else { &mut one };
                part.add(&softmax(&said, 5, 1.0), drawn);
                logits.extend(said);
                labels.push(drawn as i64);
            }
            one.merge(&other);
            let (got, wanted) = (one.temperature().unwrap_or(0.0), fit_temperature(&logits, &labels, 5));
            assert!((got / wanted - 1.0).abs() < 0.003, "{got} and {wanted}");
            assert!((got / sharpened - 1.0).abs() < 0.1, "{got} and {sharpened}");
        }
    }

    #[test]
    fn without_answers_there_is_none_and_certain_ones_stay_finite() {
        let mut fit = TemperatureFit::default();
        assert_eq!(fit.temperature(), None);
        fit.add(&[1.0, 0.0], 0);
        fit.add(&[1.0, 0.0], 1);
        assert!(fit.temperature().is_some_and(|t| t.is_finite() && t > 0.0));
    }
}
