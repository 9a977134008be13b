//! A logit that is no number is never a label.

use super::error::LearnError;

/// Checks what a network answered before anything is made of it: NaN compares as false with everything, so that it would
/// become the first class, sure of itself.
///
/// # Errors
/// [`LearnError::NotFinite`] where a logit is infinite or NaN.
pub(super) fn finite_logits(logits: &[f32]) -> Result<(), LearnError> {
    if logits.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(LearnError::NotFinite) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_no_number_among_many_is_refused() {
        assert!(finite_logits(&[]).is_ok() && finite_logits(&[0.0, f32::MAX, -1e30]).is_ok());
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..9 {
                let mut logits = [0.5; 9];
                logits[place] = wrong;
                let error = finite_logits(&logits).expect_err("not finite").to_string();
                assert!(error.contains("not a number") && error.contains("use another"), "{error}");
            }
        }
    }
}
