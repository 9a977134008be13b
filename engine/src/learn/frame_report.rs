//! What a sequence of labels scored: the figures that need no probabilities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metrics::Confusion;

/// Figures of predicted against true labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameReport {
    /// Frames measured; those labelled below 0 or without a face are left out.
    pub n: u64,
    /// Mean F1 over all classes.
    pub macro_f1: f64,
    /// Share predicted right.
    pub accuracy: f64,
    /// F1 by class name.
    pub per_class_f1: BTreeMap<String, f64>,
    /// Counts; rows are the truth, in the order of `classes`.
    pub confusion: Vec<Vec<u64>>,
    /// Class names in output order.
    pub classes: Vec<String>,
    /// Classes that neither occur nor are predicted: they count as F1 = 0.
    pub absent_classes: Vec<String>,
    /// Frames labelled below 0.
    pub ignored: u64,
    /// The same frames and those without a face, as a challenge counts them; nothing where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<ChallengeScore>,
}

/// The score as the ABAW challenge takes it: every labelled frame counts, and one without a face holds the nearest answer of
/// its video. A video without any answer is Neutral throughout; where there is no such class its frames count as wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChallengeScore {
    /// Labelled frames, all of them.
    pub n: u64,
    /// Those among them without a face.
    pub without_face: u64,
    /// Mean F1 over all classes.
    pub macro_f1: f64,
    /// Share predicted right.
    pub accuracy: f64,
    /// F1 by class name.
    pub per_class_f1: BTreeMap<String, f64>,
    /// Counts; rows are the truth.
    pub confusion: Vec<Vec<u64>>,
}

impl FrameReport {
    /// The figures of counts; `classes` has a name for each.
    pub fn new(confusion: &Confusion, classes: &[String]) -> Self {
        let f1 = confusion.scores().into_iter().map(|score| score.f1);
        Self {
            n: confusion.items(),
            macro_f1: confusion.macro_f1(),
            accuracy: confusion.accuracy(),
            per_class_f1: classes.iter().cloned().zip(f1).collect(),
            confusion: confusion.rows(),
            classes: classes.to_vec(),
            absent_classes: confusion.absent().into_iter().map(|class| classes[class].clone()).collect(),
            ignored: confusion.ignored(),
            challenge: None,
        }
    }

    /// Adds the challenge's score: `all` counts every labelled frame, those without a face with the answer that they hold.
    #[must_use]
    pub fn with_challenge(self, all: &Confusion) -> Self {
        let f1 = all.scores().into_iter().map(|score| score.f1);
        let challenge = ChallengeScore {
            n: all.items(),
            without_face: all.items() - self.n,
            macro_f1: all.macro_f1(),
            accuracy: all.accuracy(),
            per_class_f1: self.classes.iter().cloned().zip(f1).collect(),
            confusion: all.rows(),
        };
        Self { challenge: Some(challenge), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_counts() {
        let mut confusion = Confusion::new(2);
        confusion.extend(&[0, 0, 1, -1], &[0, 1, 1, 0]).expect("two classes");
        let report = FrameReport::new(&confusion, &["calm", "joy"].map(String::from));
        assert_eq!((report.n, report.ignored), (3, 1));
        assert!(
            (report.macro_f1 - 2.0 / 3.0).abs() < 1e-12
                && (report.per_class_f1["joy"] - 2.0 / 3.0).abs() < 1e-12
        );
        assert_eq!(report.confusion, [[1, 1], [0, 1]]);
    }
}
