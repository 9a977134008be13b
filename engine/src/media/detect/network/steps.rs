//! The steps that a network consists of.

use super::kernels::Matrix;

/// Where a value is kept.
pub(super) type Slot = usize;

/// A matrix with its bias, padded.
pub(super) struct Layer {
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
    pub relu: bool,
}

impl Layer {
    pub fn matrix(&self) -> Matrix<'_> {
        Matrix { weights: &self.weights, bias: &self.bias, relu: self.relu }
    }
}

/// What a step does.
pub(super) enum Kind {
    Stem(Layer),
    Pointwise(Layer),
    Depthwise(Layer),
    MaxPool,
    /// The other map, of half the size.
    AddUpsampled(Slot),
}

/// One operation on values in their slots.
pub(super) struct Step {
    pub kind: Kind,
    pub input: Slot,
    pub output: Slot,
    /// Values that nothing reads after this step.
    pub done: Vec<Slot>,
}

/// A value that the network gives.
pub(super) struct Output {
    pub slot: Slot,
    pub channels: usize,
    pub sigmoid: bool,
}

/// Steps in their order, and what is given in the end.
pub(super) struct Plan {
    pub steps: Vec<Step>,
    pub slots: usize,
    pub outputs: Vec<Output>,
}

impl Step {
    pub fn layer(&mut self) -> Option<&mut Layer> {
        match &mut self.kind {
            Kind::Stem(layer) | Kind::Pointwise(layer) | Kind::Depthwise(layer) => Some(layer),
            Kind::MaxPool | Kind::AddUpsampled(_) => None,
        }
    }

    pub fn reads(&self, slot: Slot) -> bool {
        self.input == slot || matches!(self.kind, Kind::AddUpsampled(half) if half == slot)
    }
}
