//! The teacher's loss `L_T = L_s + L_c + L_f` (equation 2) over the logits of its one joint batch.

use super::loss::{Loss, consistency, cross_entropy};
use super::pseudo::PseudoLabels;
use super::record::{StepRecord, finite};
use super::settings::Losses;

/// Which terms the loss has in a step, and how strong they are.
pub(super) struct TeacherTerms<'a> {
    pub losses: &'a Losses,
    /// Weight of `L_c`; `None` leaves it out, and then the batch has no strong views.
    pub consistency_weight: Option<f64>,
    /// `f`; `None` leaves `L_f` out.
    pub feedback: Option<f64>,
    pub classes: usize,
}

/// `L_T` and its gradient with respect to all of `logits`: those of `x_FER`, then, where there are pseudo-labels,
/// of `x_FR`, then, where there is consistency, of `Aug(x_FR)`. Notes each term in the record.
///
/// The terms touch different rows, so their gradients are laid side by side; in `L_c` the weak side is a constant.
pub(super) fn teacher_loss(
    terms: &TeacherTerms,
    logits: &[f32],
    targets: &[f32],
    pseudo: Option<&PseudoLabels>,
    record: &mut StepRecord,
) -> Loss {
    let mut total = Loss { value: 0.0, d_logits: Vec::with_capacity(logits.len()) };
    let mut add = |weight: f64, term: &Loss| {
        total.value += weight * term.value;
        total.d_logits.extend(term.d_logits.iter().map(|&d| (weight * f64::from(d)) as f32));
    };
    let (losses, classes) = (terms.losses, terms.classes);
    let (labelled, unlabelled) = logits.split_at(targets.len());
    let supervised = cross_entropy(labelled, targets, None, classes);
    record.loss_supervised = finite(supervised.value);
    add(f64::from(losses.supervised), &supervised);
    if let Some(pseudo) = pseudo {
        let (weak, strong) = unlabelled.split_at(pseudo.targets.len());
        // Without feedback the weak views only gave labels: their rows of the gradient are zero.
        let on_labels = cross_entropy(weak, &pseudo.targets, Some(&pseudo.weights), classes);
        record.loss_feedback = terms.feedback.and_then(|f| finite(f * on_labels.value));
        add(f64::from(losses.feedback_weight) * terms.feedback.unwrap_or(0.0), &on_labels);
        if let Some(weight) = terms.consistency_weight {
            let (temperature, threshold) = (losses.consistency_temperature, losses.consistency_threshold);
            let agreement = consistency(weak, strong, classes, temperature, threshold);
            record.loss_consistency = finite(agreement.value);
            add(weight, &agreement);
        }
    }
    total
}
