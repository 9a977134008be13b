//! AdamW (Loshchilov and Hutter 2019), one pass over the arena, as `torch.optim.AdamW` orders its operations.

use crate::simd::{Kernel, Vector};

/// Constants of an AdamW step.
#[derive(Clone, Copy)]
pub(super) struct AdamW {
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    pub scale: f32,
    /// `learning_rate * weight_decay`
    decay: f32,
    /// `learning_rate / (1 - beta1^step)`
    rate: f32,
    /// `1 / sqrt(1 - beta2^step)`
    correction: f32,
}

impl AdamW {
    pub(super) fn new(
        learning_rate: f32,
        (beta1, beta2): (f32, f32),
        epsilon: f32,
        weight_decay: f32,
        scale: f32,
        step: u64,
    ) -> Self {
        let unbias = |beta: f32| 1.0 - f64::from(beta).powf(step.max(1) as f64);
        let rate = (f64::from(learning_rate) / unbias(beta1)) as f32;
        let correction = (1.0 / unbias(beta2).sqrt()) as f32;
        Self { beta1, beta2, epsilon, scale, decay: learning_rate * weight_decay, rate, correction }
    }

    /// The rule for parameters that do not decay.
    pub(super) fn without_decay(self) -> Self {
        Self { decay: 0.0, ..self }
    }
}

/// The rule over one task's values.
pub(super) struct Step<'a> {
    pub rule: AdamW,
    pub values: &'a mut [f32],
    pub first: &'a mut [f32],
    pub second: &'a mut [f32],
    pub gradient: &'a [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let rule = self.rule;
        let len = self.values.len();
        let (first, second) = (&mut self.first[..len], &mut self.second[..len]);
        let (values, gradient) = (self.values, &self.gradient[..len]);
        for i in 0..len {
            let g = rule.scale * gradient[i];
            let m = rule.beta1 * first[i] + (1.0 - rule.beta1) * g;
            let v = rule.beta2 * second[i] + (1.0 - rule.beta2) * g * g;
            first[i] = m;
            second[i] = v;
            let p = values[i] - rule.decay * values[i];
            values[i] = p - rule.rate * (m / (v.sqrt() * rule.correction + rule.epsilon));
        }
    }
}
