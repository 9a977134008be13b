//! From a loss to a step: the one place where gradients are taken and used.

use super::error::LearnError;
use super::loss::Loss;
use super::settings::Optimiser;
use crate::backend::{Slot, Training, UpdateRule};

/// What a gradient step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Descent {
    /// Global norm of the gradient before clipping.
    pub norm: f64,
    /// Factor on the gradient: `min(1, clip / norm)`.
    pub scale: f32,
}

/// The gradient of a loss over the last pass in [`TrainingPass::Train`](crate::backend::TrainingPass::Train), into a
/// slot; gives its global norm.
///
/// # Errors
/// No forward pass was kept, the loss is over another number of logits, or the device failed.
pub fn gradient(network: &mut dyn Training, loss: &Loss, slot: Slot) -> Result<f64, LearnError> {
    network.backward(&loss.d_logits, slot)?;
    Ok(network.dot(slot, slot)?.sqrt())
}

/// One step along a slot's gradient of that norm, clipped to length `clip` (0: not at all). `rule` gives the update for
/// the factor on the gradient. Returns `None`, and moves nothing, when the gradient is infinite or not a number.
///
/// # Errors
/// The slot holds no gradient, or the device failed.
pub fn clipped_step(
    network: &mut dyn Training,
    (slot, norm): (Slot, f64),
    clip: f32,
    rule: impl FnOnce(f32) -> UpdateRule,
) -> Result<Option<Descent>, LearnError> {
    if !norm.is_finite() {
        return Ok(None);
    }
    let scale = clip_scale(norm, clip);
    network.update(slot, &rule(scale))?;
    Ok(Some(Descent { norm, scale }))
}

/// [`gradient`], then [`clipped_step`].
///
/// # Errors
/// As these.
pub fn gradient_step(
    network: &mut dyn Training,
    loss: &Loss,
    slot: Slot,
    clip: f32,
    rule: impl FnOnce(f32) -> UpdateRule,
) -> Result<Option<Descent>, LearnError> {
    let norm = gradient(network, loss, slot)?;
    clipped_step(network, (slot, norm), clip, rule)
}

impl Optimiser {
    /// SGD with that step size, for any factor on the gradient.
    pub(super) fn sgd(&self, learning_rate: f32) -> impl FnOnce(f32) -> UpdateRule + use<> {
        let (momentum, weight_decay) = (self.momentum, self.weight_decay);
        move |scale| UpdateRule::Sgd { learning_rate, momentum, weight_decay, scale }
    }
}

/// Factor that brings a gradient of that norm down to `limit`; 1 where it is shorter or `limit` is 0.
fn clip_scale(norm: f64, limit: f32) -> f32 {
    let limit = f64::from(limit);
    if limit > 0.0 && norm > limit { (limit / norm) as f32 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::super::loss::{cross_entropy, one_hot};
    use super::super::testing::{mlp, mlp_graph};
    use super::*;
    use crate::backend::{TrainingPass, WeightSet};

    #[test]
    fn only_long_gradients_are_clipped() {
        assert_eq!(clip_scale(10.0, 5.0), 0.5);
        assert_eq!(clip_scale(4.0, 5.0), 1.0);
        assert_eq!(clip_scale(1e9, 0.0), 1.0);
    }

    #[test]
    fn a_step_is_as_long_as_the_clip_and_the_rate_allow() {
        let mut network = mlp(&mlp_graph(3, 4, 2, false), 1);
        let before = network.weights(WeightSet::Current).expect("weights");
        let logits = network.forward(&[1.0, -2.0, 0.5], 1, TrainingPass::Train).expect("logits");
        let loss = cross_entropy(&logits, &one_hot(&[1], 2, 0.0), None, 2);
        let optimiser = Optimiser { momentum: 0.0, weight_decay: 0.0, ..Optimiser::default() };
        let clip = 0.01;
        let done = gradient_step(network.as_mut(), &loss, Slot::First, clip, optimiser.sgd(0.5))
            .expect("a step")
            .expect("finite");
        assert!(done.norm > 0.01 && (f64::from(done.scale) * done.norm - 0.01).abs() < 1e-7, "{done:?}");
        let after = network.weights(WeightSet::Current).expect("weights");
        let pairs = before.tensors.iter().flat_map(|(name, t)| t.data.iter().zip(after.get(name)));
        let moved: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        assert!((moved - 0.005).abs() < 1e-5, "{moved}");
    }

    #[test]
    fn a_gradient_that_is_not_finite_moves_nothing() {
        let mut network = mlp(&mlp_graph(3, 4, 2, false), 1);
        let before = network.weights(WeightSet::Current).expect("weights");
        network.forward(&[1.0, -2.0, 0.5], 1, TrainingPass::Train).expect("logits");
        let loss = Loss { value: 0.0, d_logits: vec![f32::NAN, 0.0] };
        let rule = Optimiser::default().sgd(0.5);
        let done = gradient_step(network.as_mut(), &loss, Slot::First, 5.0, rule).expect("no failure");
        assert_eq!(done, None);
        assert_eq!(network.weights(WeightSet::Current).expect("weights"), before);
    }
}
