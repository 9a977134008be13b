//! One step's pictures and labels.

use super::error::LearnError;
use super::loss::one_hot;
use crate::backend::Input;

/// The input of one training step, drawn and augmented: NHWC pictures one after the other, or views that the backend makes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrainBatch {
    /// Weak views of the labelled pictures `x_FER`: B inputs.
    pub labelled: Input,
    /// Their classes `y_FER`: B indices.
    pub labels: Vec<usize>,
    /// Their label distributions, `B x classes`, rows summing to 1, where annotators voted. Used instead of
    /// `labels` when `soft_targets` is set.
    pub targets: Option<Vec<f32>>,
    /// Weak views of the unlabelled pictures `x_FR`: U inputs; empty where the step's phase needs none.
    pub weak: Input,
    /// Strong views `Aug(x_FR)` of the same pictures in the same order: U inputs; empty where none is needed.
    pub strong: Input,
}

impl TrainBatch {
    /// Checks lengths and labels against the network's input and output.
    ///
    /// `input` is values per picture. Returns the number of labelled pictures.
    ///
    /// # Errors
    /// Empty, ragged, or a label outside `0..classes`.
    pub(super) fn check_labelled(&self, input: usize, classes: usize) -> Result<usize, LearnError> {
        let wrong = |message: String| Err(LearnError::Batch(message));
        let items = self.labels.len();
        if items == 0 {
            return wrong("it has no labelled picture".into());
        }
        if self.labelled.len() != items * input {
            return wrong(format!(
                "{items} labels need {items} pictures of {input} values, but `labelled` has {} values",
                self.labelled.len()
            ));
        }
        if let Some((item, label)) = self.labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
            return wrong(format!(
                "labelled picture {item} has label {label}, but there are {classes} classes"
            ));
        }
        Ok(items)
    }

    /// Checks the unlabelled views a phase needs. Returns the number of unlabelled pictures.
    ///
    /// # Errors
    /// A needed view is empty or ragged, or the two views have different lengths.
    pub(super) fn check_unlabelled(
        &self,
        input: usize,
        weak: bool,
        strong: bool,
    ) -> Result<usize, LearnError> {
        let wrong = |message: String| Err(LearnError::Batch(message));
        for (view, values, needed) in [("weak", &self.weak, weak), ("strong", &self.strong, strong)] {
            if needed && (values.is_empty() || values.len() % input != 0) {
                return wrong(format!(
                    "`{view}` has {} values, but this step needs one or more pictures of {input} values",
                    values.len()
                ));
            }
        }
        if weak && strong && self.weak.len() != self.strong.len() {
            return wrong(format!(
                "`weak` has {} pictures and `strong` has {}; each picture needs both views",
                self.weak.len() / input,
                self.strong.len() / input
            ));
        }
        Ok(if weak { self.weak.len() / input } else { 0 })
    }

    /// The labelled pictures' target distributions, `B x classes`.
    ///
    /// # Errors
    /// Soft targets were asked for and are missing or misshapen.
    pub(super) fn target_rows(
        &self,
        classes: usize,
        soft: bool,
        smoothing: f32,
    ) -> Result<Vec<f32>, LearnError> {
        if !soft {
            return Ok(one_hot(&self.labels, classes, smoothing));
        }
        let Some(targets) = &self.targets else {
            return Err(LearnError::Batch(
                "`soft_targets` is set, but this data has no annotators' votes; switch it off".into(),
            ));
        };
        if targets.len() != self.labels.len() * classes {
            return Err(LearnError::Batch(format!(
                "`targets` has {} values, but {} pictures of {classes} classes need {}",
                targets.len(),
                self.labels.len(),
                self.labels.len() * classes
            )));
        }
        let uniform = smoothing / classes as f32;
        Ok(targets.iter().map(|&t| (1.0 - smoothing) * t + uniform).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> TrainBatch {
        TrainBatch {
            labelled: vec![0.0; 6].into(),
            labels: vec![0, 2],
            targets: None,
            weak: vec![0.0; 9].into(),
            strong: vec![0.0; 9].into(),
        }
    }

    #[test]
    fn a_whole_batch_is_counted() {
        assert_eq!(batch().check_labelled(3, 3).expect("whole"), 2);
        assert_eq!(batch().check_unlabelled(3, true, true).expect("whole"), 3);
        assert_eq!(batch().check_unlabelled(3, false, false).expect("not needed"), 0);
    }

    #[test]
    fn what_is_wrong_with_a_batch_is_said() {
        let message = |e: LearnError| e.to_string();
        let error = message(batch().check_labelled(3, 2).expect_err("label 2 of 2 classes"));
        assert_eq!(error, "training batch: labelled picture 1 has label 2, but there are 2 classes");
        assert!(message(batch().check_labelled(4, 3).expect_err("ragged")).contains("pictures of 4 values"));
        let lame = TrainBatch { strong: vec![0.0; 6].into(), ..batch() };
        assert!(message(lame.check_unlabelled(3, true, true).expect_err("lame")).contains("both views"));
        let none = TrainBatch { weak: Input::default(), ..batch() };
        assert!(
            message(none.check_unlabelled(3, true, false).expect_err("none")).contains("`weak` has 0 values")
        );
        assert!(
            message(batch().target_rows(3, true, 0.0).expect_err("no votes"))
                .contains("no annotators' votes")
        );
    }

    #[test]
    fn soft_targets_are_smoothed_like_hard_ones() {
        let soft = TrainBatch { targets: Some(vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0]), ..batch() };
        assert_eq!(
            soft.target_rows(3, true, 0.3).expect("votes"),
            batch().target_rows(3, false, 0.3).expect("labels")
        );
    }
}
