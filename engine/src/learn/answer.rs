//! What a network says of one face.

use super::error::LearnError;
use super::finite::finite_logits;
use super::loss::{arg_max, softmax};
use crate::signal::NeutralOffset;

/// What a network says of one face.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The most probable class.
    pub class: usize,
    /// One a class, summing to 1.
    pub probabilities: Vec<f32>,
}

impl Answer {
    /// The answer of a row of logits, at a softmax temperature.
    ///
    /// # Errors
    /// A logit is not finite: that is a broken network or input, and never a label.
    pub fn of(logits: &[f32], temperature: f32) -> Result<Self, LearnError> {
        finite_logits(logits)?;
        let classes = logits.len();
        let probabilities = softmax(logits, classes, temperature);
        Ok(Self { class: arg_max(logits, classes).first().copied().unwrap_or(0), probabilities })
    }

    /// The answer with a person's resting face taken off.
    #[must_use]
    pub fn with(&self, offset: &NeutralOffset) -> Self {
        let probabilities = offset.apply(&self.probabilities);
        let class = arg_max(&probabilities, probabilities.len()).first().copied().unwrap_or(self.class);
        Self { class, probabilities }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logit_that_is_not_finite_is_never_a_label() {
        assert_eq!(Answer::of(&[0.0, 2.0], 1.0).expect("finite").class, 1);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(matches!(Answer::of(&[0.0, bad], 1.0), Err(LearnError::NotFinite)), "{bad}");
        }
    }
}
