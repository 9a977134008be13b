//! One answer from several views of the same pictures.

use super::loss::softmax;

/// Logarithms of the mean of two views' probabilities, `items x classes`; they serve as logits of both views together.
///
/// `a` and `b` are logits of the same items in the same order; a trailing incomplete row is left out.
pub fn mean_of_views(a: &[f32], b: &[f32], classes: usize) -> Vec<f32> {
    let (a, b) = (softmax(a, classes, 1.0), softmax(b, classes, 1.0));
    // The smallest positive number keeps a probability that underflowed finite.
    a.iter().zip(&b).map(|(a, b)| (0.5 * (a + b)).max(f32::MIN_POSITIVE).ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_softmax_of_the_result_is_the_mean_of_the_probabilities() {
        let (a, b) = ([2.0, -1.0, 0.5, 300.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
        let both = softmax(&mean_of_views(&a, &b, 3), 3, 1.0);
        let (pa, pb) = (softmax(&a, 3, 1.0), softmax(&b, 3, 1.0));
        for i in 0..6 {
            assert!((both[i] - 0.5 * (pa[i] + pb[i])).abs() < 1e-6, "{i}: {both:?}");
        }
    }

    #[test]
    fn no_logit_becomes_infinite() {
        let far = [1e4, 0.0];
        assert!(mean_of_views(&far, &far, 2).iter().all(|v| v.is_finite()));
    }
}
