//! The student's classifier on features that were extracted earlier.

use super::error::LearnError;
use crate::net::Weights;

/// The last layer of a residual network: `features W^T + b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    weight: Vec<f32>,
    bias: Vec<f32>,
    features: usize,
}

impl Head {
    /// Takes `<name>.weight` (`classes x features`) and `<name>.bias` (`classes`) out of a network's weights;
    /// [`crate::net::Architecture::head`] has the name.
    ///
    /// # Errors
    /// They are missing or do not fit each other.
    pub fn of(weights: &Weights, name: &str) -> Result<Self, LearnError> {
        let tensor = |part: &str| {
            let found = weights.tensors.get(&format!("{name}.{part}"));
            found.ok_or_else(|| LearnError::Batch(format!("the student's weights have no `{name}.{part}`")))
        };
        let (weight, bias) = (tensor("weight")?, tensor("bias")?);
        let classes = bias.data.len();
        let features = weight.data.len() / classes.max(1);
        if classes == 0 || features * classes != weight.data.len() {
            let problem = format!("`{name}.weight` and `{name}.bias` of the student do not fit each other");
            return Err(LearnError::Batch(problem));
        }
        Ok(Self { weight: weight.data.clone(), bias: bias.data.clone(), features })
    }

    /// Length of a feature vector.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.bias.len()
    }

    /// Its weight, `classes x features`, and its bias.
    pub fn tensors(&self) -> (&[f32], &[f32]) {
        (&self.weight, &self.bias)
    }

    /// Logits of each frame of an encoder's input, `frames x (features + 1)`; zeros where the frame has no face.
    pub fn residual_logits(&self, input: &[f32]) -> Vec<f32> {
        let row = |frame: &[f32]| match frame.split_last() {
            Some((&presence, features)) if presence > 0.5 => self.logits(features),
            _ => vec![0.0; self.classes()],
        };
        input.chunks_exact(self.features + 1).flat_map(row).collect()
    }

    /// Logits of one feature vector, one a class.
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        debug_assert_eq!(features.len(), self.features, "length of the feature vector");
        let rows = self.weight.chunks_exact(self.features.max(1));
        let dot =
            |row: &[f32]| row.iter().zip(features).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
        rows.zip(&self.bias).map(|(row, bias)| (dot(row) + f64::from(*bias)) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend as _;
    use crate::backend::cpu::CpuBackend;
    use crate::net::{Depth, ResNetSpec, Stem};

    #[test]
    fn the_head_on_features_gives_the_networks_logits() {
        let (depth, stem) = (Depth::ResNet18, Stem::Imagenet);
        let spec = ResNetSpec { depth, size: 32, channels: 1, classes: 5, width: 0.25, stem };
        let graph = spec.graph().expect("a valid specification");
        let weights = Weights::initial(&graph, 1);
        let mut network =
            CpuBackend::new().expect("a processor").inference(&graph, &weights).expect("a network");
        let picture: Vec<f32> = (0..32 * 32).map(|i| (i as f32 * 0.37).sin()).collect();
        let logits = network.forward(&picture, 1).expect("logits");
        let features = network.features(&picture, 1).expect("features");
        let head = Head::of(&weights, ResNetSpec::HEAD).expect("a classifier");
        assert_eq!((head.features(), head.classes()), (features.len(), 5));
        for (ours, theirs) in head.logits(&features).iter().zip(&logits) {
            assert!((ours - theirs).abs() < 1e-5, "{ours} {theirs}");
        }
        let absent = vec![0.0; features.len() + 1];
        let residual_logits = head.residual_logits(&[features.as_slice(), &[1.0], &absent].concat());
        assert_eq!(residual_logits, [head.logits(&features), vec![0.0; 5]].concat());
    }

    #[test]
    fn weights_without_a_classifier_are_refused() {
        assert!(
            Head::of(&Weights::default(), "fc").expect_err("no classifier").to_string().contains("fc.weight")
        );
    }
}
