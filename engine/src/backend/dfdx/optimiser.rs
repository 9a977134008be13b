//! Update rules, in place on the device.

use dfdx::tensor_ops::{TryAdd as _, TryDiv as _, TryMul as _};

use super::parameters::{Trained, trained};
use super::rows::{Machine, Outcome};
use crate::backend::UpdateRule;
use crate::net::Graph;

/// What a rule keeps of every parameter.
#[derive(Clone)]
pub(super) struct Moments<D: Machine> {
    pub first: Option<Trained<D>>,
    pub second: Option<Trained<D>>,
}

/// Changes the parameters by a gradient.
pub(super) fn update<D: Machine>(
    (device, graph): (&D, &Graph),
    parameters: &mut Trained<D>,
    moments: &mut Moments<D>,
    gradient: &Trained<D>,
    rule: &UpdateRule,
) -> Outcome<(), D> {
    let first = started(device, &mut moments.first, parameters)?;
    match *rule {
        UpdateRule::Sgd { learning_rate, momentum, weight_decay, scale } => {
            for (id, spec) in trained(graph) {
                let (Some(value), Some(velocity)) =
                    (parameters.tensors.get_mut(&id), first.tensors.get_mut(&id))
                else {
                    continue;
                };
                velocity.try_axpy(momentum, &gradient.tensors[&id], scale)?;
                if spec.kind.is_decayed() {
                    velocity.try_axpy(1.0, value, weight_decay)?;
                }
                value.try_axpy(1.0, velocity, -learning_rate)?;
            }
        }
        UpdateRule::AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, scale, step } => {
            let second = started(device, &mut moments.second, parameters)?;
            let unbias = |beta: f32| 1.0 - f64::from(beta).powf(step.max(1) as f64);
            let rate = f64::from(learning_rate) / unbias(beta1);
            let correction = (1.0 / unbias(beta2).sqrt()) as f32;
            for (id, spec) in trained(graph) {
                let (Some(value), Some(mean), Some(square)) = (
                    parameters.tensors.get_mut(&id),
                    first.tensors.get_mut(&id),
                    second.tensors.get_mut(&id),
                ) else {
                    continue;
                };
                let gradient = &gradient.tensors[&id];
                mean.try_axpy(beta1, gradient, (1.0 - beta1) * scale)?;
                square.try_axpy(beta2, &gradient.clone().try_square()?, (1.0 - beta2) * scale * scale)?;
                let root = square.clone().try_sqrt()?.try_mul(correction)?.try_add(epsilon)?;
                let kept = if spec.kind.is_decayed() { 1.0 - learning_rate * weight_decay } else { 1.0 };
                value.try_axpy(kept, &mean.clone().try_div(root)?, -rate)?;
            }
        }
    }
    Ok(())
}

/// Moves an average towards the parameters: `decay average + (1 - decay) parameters`.
pub(super) fn follow<D: Machine>(
    average: &mut Trained<D>,
    parameters: &Trained<D>,
    decay: f32,
) -> Outcome<(), D> {
    for (id, average) in &mut average.tensors {
        average.try_axpy(decay, &parameters.tensors[id], 1.0 - decay)?;
    }
    Ok(())
}

/// Moments, zero before the first update.
fn started<'a, D: Machine>(
    device: &D,
    moments: &'a mut Option<Trained<D>>,
    parameters: &Trained<D>,
) -> Outcome<&'a mut Trained<D>, D> {
    let there = match moments.take() {
        Some(there) => there,
        None => parameters.zeros_like(device)?,
    };
    Ok(moments.insert(there))
}
