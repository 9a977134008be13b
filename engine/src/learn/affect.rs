//! What some networks say beside the classes.

use super::error::LearnError;
use super::finite::finite_logits;

/// How pleasant an expression is and how aroused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affect {
    /// From unpleasant, -1, to pleasant, 1, as far as the network keeps to that.
    pub valence: f32,
    /// From calm, -1, to aroused, 1.
    pub arousal: f32,
}

impl Affect {
    /// What follows the classes' logits: nothing, or valence and arousal.
    ///
    /// # Errors
    /// A value is not finite.
    pub fn of(values: &[f32]) -> Result<Option<Self>, LearnError> {
        finite_logits(values)?;
        Ok(match *values {
            [valence, arousal] => Some(Self { valence, arousal }),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_are_valence_and_arousal_and_none_of_them_may_be_no_number() {
        assert_eq!(Affect::of(&[]).expect("nothing"), None);
        assert_eq!(
            Affect::of(&[0.5, -0.25]).expect("numbers"),
            Some(Affect { valence: 0.5, arousal: -0.25 })
        );
        assert!(Affect::of(&[0.5, f32::NAN]).is_err());
    }
}
