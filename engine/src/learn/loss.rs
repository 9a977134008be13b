//! Losses over logits with their gradients. Rows are items, columns classes; sums are accumulated in `f64`.

/// A scalar loss and its gradient with respect to the logits it was computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// Mean over the batch, in nats.
    pub value: f64,
    /// `items x classes`.
    pub d_logits: Vec<f32>,
}

/// Row-wise softmax of `logits / temperature`, `items x classes`, each row summing to 1.
///
/// `temperature` must be above 0; a trailing incomplete row is left out.
pub fn softmax(logits: &[f32], classes: usize, temperature: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(logits.len());
    for row in logits.chunks_exact(classes.max(1)) {
        let (log_p, _) = log_probabilities(row, f64::from(temperature));
        out.extend(log_p.iter().map(|l| l.exp() as f32));
    }
    out
}

/// Target rows of hard labels, `labels x classes`: `1 - smoothing` on the label and `smoothing / classes` everywhere
/// (label smoothing, Szegedy et al. 2016). A label outside `0..classes` gives only the smoothing.
pub fn one_hot(labels: &[usize], classes: usize, smoothing: f32) -> Vec<f32> {
    let mut rows = vec![smoothing / classes as f32; labels.len() * classes];
    for (row, &label) in rows.chunks_exact_mut(classes.max(1)).zip(labels) {
        if let Some(value) = row.get_mut(label) {
            *value += 1.0 - smoothing;
        }
    }
    rows
}

/// Cross entropy `1/n sum_i w_i CE(targets_i, softmax(logits_i))` of `n` items and its gradient
/// `w_i (p_i - targets_i) / n`.
///
/// `targets` is `n x classes`, rows summing to 1. `weights` has one value an item, 1 where `None`; the mean is over
/// all `n` items, also those of weight 0, so masking items shrinks the loss instead of boosting the rest.
pub fn cross_entropy(logits: &[f32], targets: &[f32], weights: Option<&[f32]>, classes: usize) -> Loss {
    debug_assert_eq!(logits.len(), targets.len(), "logits and targets");
    let classes = classes.max(1);
    let items = logits.len() / classes;
    debug_assert!(weights.is_none_or(|w| w.len() == items), "one weight an item");
    let mut value = 0.0;
    let mut d_logits = Vec::with_capacity(logits.len());
    for (i, (row, target)) in logits.chunks_exact(classes).zip(targets.chunks_exact(classes)).enumerate() {
        let weight = weights.map_or(1.0, |w| f64::from(w[i])) / items as f64;
        if weight == 0.0 {
            // A masked item must not spoil the sum, whatever its logits.
            d_logits.extend(std::iter::repeat_n(0.0, classes));
            continue;
        }
        let (log_p, _) = log_probabilities(row, 1.0);
        let mass: f64 = target.iter().map(|&t| f64::from(t)).sum();
        for (&t, &l) in target.iter().zip(&log_p) {
            let t = f64::from(t);
            if t != 0.0 {
                value -= weight * t * l;
            }
            d_logits.push((weight * (mass * l.exp() - t)) as f32);
        }
    }
    Loss { value, d_logits }
}

/// Consistency `L_c = CE(stopgrad softmax(weak / temperature), softmax(strong))` (equation 4), with the gradient with
/// respect to the strong view's logits.
///
/// Items whose weak view is less confident than `threshold` (highest probability at temperature 1) weigh nothing.
pub fn consistency(weak: &[f32], strong: &[f32], classes: usize, temperature: f32, threshold: f32) -> Loss {
    let targets = softmax(weak, classes, temperature);
    if threshold <= 0.0 {
        return cross_entropy(strong, &targets, None, classes);
    }
    let weights: Vec<f32> = softmax(weak, classes, 1.0)
        .chunks_exact(classes.max(1))
        .map(|p| if p.iter().copied().fold(0.0, f32::max) >= threshold { 1.0 } else { 0.0 })
        .collect();
    cross_entropy(strong, &targets, Some(&weights), classes)
}

/// Index of the highest value of each row; the first of equals.
pub fn arg_max(rows: &[f32], classes: usize) -> Vec<usize> {
    rows.chunks_exact(classes.max(1))
        .map(|row| {
            let mut best = 0;
            for (i, value) in row.iter().enumerate() {
                if *value > row[best] {
                    best = i;
                }
            }
            best
        })
        .collect()
}

/// Logarithms of a row's softmax at a temperature, and the log of the normaliser.
fn log_probabilities(row: &[f32], temperature: f64) -> (Vec<f64>, f64) {
    let scaled: Vec<f64> = row.iter().map(|&v| f64::from(v) / temperature).collect();
    let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = top + scaled.iter().map(|v| (v - top).exp()).sum::<f64>().ln();
    (scaled.into_iter().map(|v| v - log_sum).collect(), log_sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Address, Purpose, Random};

    const CLASSES: usize = 5;

    fn random(item: u64) -> Random {
        Address { seed: 11, purpose: Purpose::Synthesis, step: 0, item }.rng()
    }

    fn normal(item: u64, len: usize) -> Vec<f32> {
        let mut rng = random(item);
        (0..len).map(|_| 2.0 * rng.normal()).collect()
    }

    /// The definition, in f64 and by nothing but the definition.
    fn reference(logits: &[f64], targets: &[f32], weights: &[f32]) -> f64 {
        let n = weights.len();
        let mut total = 0.0;
        for i in 0..n {
            let row = &logits[i * CLASSES..(i + 1) * CLASSES];
            let sum: f64 = row.iter().map(|v| v.exp()).sum();
            for c in 0..CLASSES {
                total -=
                    f64::from(weights[i]) * f64::from(targets[i * CLASSES + c]) * (row[c].exp() / sum).ln();
            }
        }
        total / n as f64
    }

    /// Largest difference between a gradient and central differences of the reference.
    fn gradient_error(loss: &Loss, logits: &[f32], targets: &[f32], weights: &[f32]) -> f64 {
        let base: Vec<f64> = logits.iter().map(|&v| f64::from(v)).collect();
        let h = 1e-5;
        let mut worst: f64 = 0.0;
        for k in 0..base.len() {
            let (mut up, mut down) = (base.clone(), base.clone());
            up[k] += h;
            down[k] -= h;
            let numeric = (reference(&up, targets, weights) - reference(&down, targets, weights)) / (2.0 * h);
            worst = worst.max((numeric - f64::from(loss.d_logits[k])).abs());
        }
        worst
    }

    #[test]
    fn cross_entropy_and_its_gradient_are_the_definitions() {
        let logits = normal(1, 6 * CLASSES);
        let soft = softmax(&normal(2, 6 * CLASSES), CLASSES, 1.0);
        let smooth = one_hot(&[0, 1, 2, 3, 4, 0], CLASSES, 0.1);
        let hard = one_hot(&[4, 1, 2, 3, 0, 0], CLASSES, 0.0);
        let weights = [1.0, 0.0, 0.5, 2.0, 1.0, 0.25];
        for targets in [soft, smooth, hard] {
            let loss = cross_entropy(&logits, &targets, Some(&weights), CLASSES);
            let exact: Vec<f64> = logits.iter().map(|&v| f64::from(v)).collect();
            assert!((loss.value - reference(&exact, &targets, &weights)).abs() < 1e-6);
            let error = gradient_error(&loss, &logits, &targets, &weights);
            assert!(error < 1e-7, "{error}");
            let plain = cross_entropy(&logits, &targets, None, CLASSES);
            assert_eq!(plain, cross_entropy(&logits, &targets, Some(&[1.0; 6]), CLASSES));
        }
    }

    #[test]
    fn the_gradient_check_catches_a_planted_error() {
        let logits = normal(1, 2 * CLASSES);
        let targets = one_hot(&[0, 1], CLASSES, 0.0);
        let mut loss = cross_entropy(&logits, &targets, None, CLASSES);
        loss.d_logits[3] *= 1.01;
        loss.d_logits[3] += 1e-4;
        assert!(gradient_error(&loss, &logits, &targets, &[1.0; 2]) > 1e-5);
    }

    #[test]
    fn consistency_moves_the_strong_view_only_towards_the_weak_one() {
        let (weak, strong) = (normal(3, 4 * CLASSES), normal(4, 4 * CLASSES));
        let loss = consistency(&weak, &strong, CLASSES, 0.5, 0.0);
        let targets = softmax(&weak, CLASSES, 0.5);
        assert_eq!(loss, cross_entropy(&strong, &targets, None, CLASSES));
        assert!(gradient_error(&loss, &strong, &targets, &[1.0; 4]) < 1e-7);
    }

    #[test]
    fn consistency_leaves_out_what_is_not_confident() {
        let weak = [5.0, 0.0, 0.0, 0.1];
        let strong = [0.0, 1.0, 1.0, 0.0];
        let loss = consistency(&weak, &strong, 2, 1.0, 0.9);
        assert_eq!(loss.d_logits[2..], [0.0, 0.0]);
        assert!(loss.d_logits[0] < 0.0);
    }

    #[test]
    fn softmax_survives_huge_logits_and_sharpens_with_temperature() {
        assert_eq!(softmax(&[1e30, 0.0], 2, 1.0), [1.0, 0.0]);
        let (warm, cold) = (softmax(&[1.0, 0.0], 2, 1.0)[0], softmax(&[1.0, 0.0], 2, 0.25)[0]);
        assert!((warm - 0.731_058_6).abs() < 1e-6 && (cold - 0.982_013_8).abs() < 1e-6, "{warm} {cold}");
        assert_eq!(cross_entropy(&[1e4, 0.0], &[0.0, 1.0], None, 2).value, 1e4);
    }

    #[test]
    fn a_masked_item_cannot_spoil_the_loss() {
        let loss = cross_entropy(&[f32::NAN, 0.0, 0.0, 0.0], &[1.0, 0.0, 1.0, 0.0], Some(&[0.0, 1.0]), 2);
        assert!((loss.value - std::f64::consts::LN_2 / 2.0).abs() < 1e-12, "{}", loss.value);
        assert_eq!(loss.d_logits, [0.0, 0.0, -0.25, 0.25]);
    }

    #[test]
    fn the_first_of_equals_is_the_arg_max() {
        assert_eq!(arg_max(&[0.0, 1.0, 1.0, 3.0, 2.0, 3.0], 3), [1, 0]);
    }
}
