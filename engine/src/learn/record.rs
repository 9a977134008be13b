//! What one step reports.

use serde::{Deserialize, Serialize};

use super::loss::arg_max;

/// One line of the log. A figure is `None` (JSON `null`) where the step's phase has none or it was not finite.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps made, this one included.
    pub step: u64,
    /// Pictures drawn: labelled and unlabelled ones, each counted once however many views it had.
    pub images: usize,
    /// Whether a logit, loss or gradient was not finite: the step was left there, and nothing moved from then on.
    pub skipped: bool,
    /// Steps skipped so far.
    pub skipped_total: u64,
    /// `L_T`, weighted sum of its terms.
    pub loss_teacher: Option<f64>,
    /// `L_s`.
    pub loss_supervised: Option<f64>,
    /// `L_c`.
    pub loss_consistency: Option<f64>,
    /// `L_f`: feedback times cross entropy.
    pub loss_feedback: Option<f64>,
    /// `L_u`: the student on pseudo-labels, or on labels while it is fine-tuned.
    pub loss_student: Option<f64>,
    /// The student on labels, after its update.
    pub loss_student_labelled: Option<f64>,
    /// `f`: that of equation 6 with exact feedback, whatever was clipped, else the difference of losses.
    pub feedback: Option<f64>,
    /// Factor that clipping had on `g_old` in the student's step, in `(0, 1]`. Only with exact feedback.
    #[serde(default)]
    pub feedback_scale: Option<f32>,
    /// What the teacher is given: `feedback` times `feedback_scale`, because the student went so far along `g_old` and no
    /// further. With the difference of losses the same as `feedback`, since the losses hold what clipping did.
    #[serde(default)]
    pub feedback_used: Option<f64>,
    /// Cosine of the angle between `g_new` and `g_old`; only with exact feedback.
    pub feedback_cosine: Option<f64>,
    /// Share of the last 200 feedbacks that were above 0.
    pub feedback_positive_share: Option<f64>,
    /// Pseudo-labels of each class in this batch, kept or not.
    pub pseudo_histogram: Vec<usize>,
    /// Share of pseudo-labels that passed the threshold.
    pub pseudo_kept_share: Option<f64>,
    /// The teacher's mean highest probability on unlabelled pictures.
    pub pseudo_confidence: Option<f64>,
    /// Share of unlabelled pictures on which student and teacher have the same most probable class.
    pub agreement: Option<f64>,
    /// The teacher's accuracy on this batch's labelled pictures, or the supervised network's.
    pub teacher_accuracy: Option<f64>,
    /// The student's accuracy on this batch's labelled pictures, after its update.
    pub student_accuracy: Option<f64>,
    /// Global norm of the teacher's gradient before clipping.
    pub teacher_gradient_norm: Option<f64>,
    /// Global norm of the student's gradient before clipping.
    pub student_gradient_norm: Option<f64>,
    /// Step size of the teacher.
    pub teacher_learning_rate: Option<f32>,
    /// Step size of the student.
    pub student_learning_rate: Option<f32>,
}

/// Share of rows of `logits` whose highest value is at the given class.
pub(super) fn accuracy(logits: &[f32], expected: &[usize], classes: usize) -> Option<f64> {
    let hits = arg_max(logits, classes).iter().zip(expected).filter(|(a, b)| a == b).count();
    (!expected.is_empty()).then(|| hits as f64 / expected.len() as f64)
}

/// The value where it is finite, since JSON has no other.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// All of them are finite.
pub(super) fn all_finite(values: &[f32]) -> bool {
    values.iter().all(|v| v.is_finite())
}
