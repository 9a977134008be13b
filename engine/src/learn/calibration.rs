//! How far stated probabilities can be believed, and the temperature that mends them.

use super::loss::{cross_entropy, one_hot};
use crate::random::{Address, Purpose};

/// Bins of the expected calibration error.
const BINS: usize = 15;

/// Expected calibration error in `[0, 1]` (Guo et al. 2017): items are sorted by their highest probability into 15
/// bins of equal width `(lower, upper]`; the error is the mean distance of accuracy and confidence, weighted by the
/// bins' items.
///
/// `confidence` is the probability of the predicted class, `right` whether it was the true one.
pub fn expected_calibration_error(confidence: &[f32], right: &[bool]) -> f64 {
    let mut items = [0usize; BINS];
    let mut hits = [0usize; BINS];
    let mut sums = [0.0f64; BINS];
    for (&c, &right) in confidence.iter().zip(right) {
        let bin = ((f64::from(c) * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        items[bin] += 1;
        hits[bin] += usize::from(right);
        sums[bin] += f64::from(c);
    }
    let total = items.iter().sum::<usize>().max(1) as f64;
    (0..BINS).map(|b| (hits[b] as f64 - sums[b]).abs() / total).sum()
}

/// Mean negative log likelihood of the labels in nats, at a temperature. Labels below 0 are ignored; 0 for no item.
pub fn negative_log_likelihood(logits: &[f32], labels: &[i64], classes: usize, temperature: f32) -> f64 {
    let kept: Vec<usize> =
        (0..labels.len()).filter(|&i| labels[i] >= 0 && (i + 1) * classes <= logits.len()).collect();
    if kept.is_empty() {
        return 0.0;
    }
    let targets: Vec<usize> = kept.iter().map(|&i| labels[i] as usize).collect();
    let rows: Vec<f32> =
        kept.iter().flat_map(|&i| &logits[i * classes..(i + 1) * classes]).map(|l| l / temperature).collect();
    cross_entropy(&rows, &one_hot(&targets, classes, 0.0), None, classes).value
}

/// The temperature in `[0.05, 20]` that minimises the negative log likelihood on held-out items, by golden-section
/// search: the likelihood has one optimum in the temperature (Guo et al. 2017).
///
/// Gives 1 where no item has a label.
pub fn fit_temperature(logits: &[f32], labels: &[i64], classes: usize) -> f32 {
    if labels.iter().all(|&l| l < 0) {
        return 1.0;
    }
    let cost = |log_t: f64| negative_log_likelihood(logits, labels, classes, log_t.exp() as f32);
    let shrink = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.05f64.ln(), 20f64.ln());
    let (mut a, mut b) = (high - shrink * (high - low), low + shrink * (high - low));
    let (mut cost_a, mut cost_b) = (cost(a), cost(b));
    while high - low > 1e-4 {
        if cost_a <= cost_b {
            (high, b, cost_b) = (b, a, cost_a);
            a = high - shrink * (high - low);
            cost_a = cost(a);
        } else {
            (low, a, cost_a) = (a, b, cost_b);
            b = low + shrink * (high - low);
            cost_b = cost(b);
        }
    }
    f64::midpoint(low, high).exp() as f32
}

/// What is added to each class's logit so that rare classes are answered more often: `-strength temperature ln(share)`, where a
/// class's share is its mean probability over the items, at that temperature. With a strength of 1 the answers are those of equally
/// frequent classes.
pub fn balancing_offsets(probabilities: &[f32], classes: usize, temperature: f32, strength: f32) -> Vec<f32> {
    let mut shares = vec![0.0f64; classes];
    for row in probabilities.chunks_exact(classes) {
        shares.iter_mut().zip(row).for_each(|(sum, &p)| *sum += f64::from(p));
    }
    let all: f64 = shares.iter().sum();
    // A class that is never thought of stays where nobody would look for it.
    let log = |share: f64| (share / all.max(f64::MIN_POSITIVE)).max(1e-6).ln();
    shares.iter().map(|&share| -strength * temperature * log(share) as f32).collect()
}

/// The temperature of each item that was fitted on the half of the set that it is not in, so that what is measured at it says
/// how a fitted temperature does on items that it was not fitted on. The halves depend on the number of items alone.
pub fn cross_fitted_temperatures(logits: &[f32], labels: &[i64], classes: usize) -> Vec<f32> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    Address { seed: 0, purpose: Purpose::Halves, step: 0, item: 0 }.rng().shuffle(&mut order);
    let halves = order.split_at(order.len() / 2);
    let mut temperatures = vec![1.0; labels.len()];
    for (fitted_on, used_on) in [halves, (halves.1, halves.0)] {
        let rows = fitted_on.iter().flat_map(|&at| &logits[at * classes..(at + 1) * classes]);
        let rows: Vec<f32> = rows.copied().collect();
        let of_half: Vec<i64> = fitted_on.iter().map(|&at| labels[at]).collect();
        let temperature = fit_temperature(&rows, &of_half, classes);
        for &at in used_on {
            temperatures[at] = temperature;
        }
    }
    temperatures
}

#[cfg(test)]
mod tests {
    use super::super::loss::softmax;
    use super::*;
    use crate::random::{Address, Purpose};

    #[test]
    fn the_error_is_the_one_worked_by_hand() {
        // Bin (0.8, 13/15]: confidence 0.85, half right: |0.5 - 0.85|. Bin (14/15, 1]: 1.0, all right: 0.
        let error = expected_calibration_error(&[0.85, 0.85, 1.0, 1.0], &[true, false, true, true]);
        assert!((error - 0.175).abs() < 1e-7, "{error}");
        assert_eq!(expected_calibration_error(&[], &[]), 0.0);
    }

    #[test]
    fn offsets_undo_how_frequent_classes_are() {
        // One item in nine is of the second class, and every answer says no more than that.
        let probabilities = [0.9, 0.1].repeat(10);
        let offsets = balancing_offsets(&probabilities, 2, 2.0, 1.0);
        let logits = [2.0 * 0.9f32.ln() + offsets[0], 2.0 * 0.1f32.ln() + offsets[1]];
        let balanced = softmax(&logits, 2, 2.0);
        assert!((balanced[0] - 0.5).abs() < 1e-5, "{balanced:?}");
        assert_eq!(balancing_offsets(&probabilities, 2, 2.0, 0.0), [0.0, 0.0]);
    }

    #[test]
    fn over_and_under_confidence_in_one_bin_cancel_but_not_across_bins() {
        assert!(expected_calibration_error(&[0.5, 0.5], &[true, false]).abs() < 1e-9);
        let across = expected_calibration_error(&[0.5, 0.9], &[true, false]);
        assert!((across - 0.7).abs() < 1e-7, "{across}");
    }

    #[test]
    fn a_fitted_temperature_undoes_the_one_the_logits_were_sharpened_by() {
        let mut rng = Address { seed: 5, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
        let (items, classes, sharpened) = (20_000, 4, 3.0);
        let mut logits = vec![];
        let mut labels = vec![];
        for _ in 0..items {
            let row: Vec<f32> = (0..classes).map(|_| rng.normal()).collect();
            let mut left = rng.uniform();
            let p = softmax(&row, classes, 1.0);
            labels.push(
                p.iter()
                    .position(|p| {
                        left -= p;
                        left < 0.0
                    })
                    .unwrap_or(0) as i64,
            );
            logits.extend(row.iter().map(|v| v * sharpened));
        }
        let fitted = fit_temperature(&logits, &labels, classes);
        assert!((fitted - sharpened).abs() < 0.15, "{fitted}");
        let at = |t| negative_log_likelihood(&logits, &labels, classes, t);
        assert!(at(fitted) <= at(fitted * 1.01) && at(fitted) <= at(fitted * 0.99));
    }

    #[test]
    fn no_item_is_measured_at_a_temperature_that_it_was_fitted_on() {
        // Labels of one half say that the logits are far too sure, those of the other half that they are right.
        let items = 200;
        let logits = [4.0, 0.0].repeat(items);
        let of = |labels: &dyn Fn(usize) -> i64| (0..items).map(labels).collect::<Vec<i64>>();
        let first = cross_fitted_temperatures(&logits, &of(&|_| 0), 2)[0];
        let in_one_half: Vec<bool> = {
            let marked = |at: usize| of(&|item| i64::from(item == at));
            let other = |at: usize| cross_fitted_temperatures(&logits, &marked(at), 2)[at] == first;
            (0..items).map(other).collect()
        };
        assert!(in_one_half.iter().all(|same| *same), "an item's own label does not change its temperature");
        let mixed = cross_fitted_temperatures(&logits, &of(&|item| i64::from(item % 2 == 0)), 2);
        let mut different: Vec<u32> = mixed.iter().map(|t| t.to_bits()).collect();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() <= 2 && mixed.iter().all(|t| *t > 5.0), "{mixed:?}");
        assert_eq!(cross_fitted_temperatures(&[1.0, 0.0], &[0], 2), [1.0], "one item has no other half");
    }

    #[test]
    fn without_labels_nothing_is_fitted() {
        assert_eq!(fit_temperature(&[1.0, 2.0], &[-1], 2), 1.0);
        assert_eq!(negative_log_likelihood(&[1.0, 2.0], &[-1], 2, 1.0), 0.0);
    }
}
