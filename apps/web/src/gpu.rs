//! The model as work for a GPU that the page drives, and whether its answers can be trusted.

use std::error::Error;

use affekt_engine::backend::{BackendSpec, GpuNetwork, GpuWork, open};
use affekt_engine::learn::softmax;
use affekt_engine::world::Model;
use serde::Serialize;

/// Faces of the trial.
const TRIAL: usize = 3;
/// How far a probability of the trial may be from the processor's.
const TOLERANCE: f32 = 0.005;

/// Values in the module's memory, single precision.
#[derive(Debug, Serialize)]
pub struct Values {
    /// Address.
    pub at: usize,
    /// How many.
    pub count: usize,
}

impl Values {
    /// These, as long as they stay where they are.
    pub fn of(values: &[f32]) -> Self {
        Self { at: values.as_ptr().addr(), count: values.len() }
    }
}

/// What a page does before the first pass.
#[derive(Debug, Serialize)]
pub struct Opening<'a> {
    /// Runs once, after `contents` were written.
    pub work: GpuWork,
    /// What is written into which buffer.
    pub contents: Vec<(&'a str, Values)>,
    /// Input of a pass whose answers show whether the device can be trusted.
    pub trial: Values,
    /// Values of one face's input.
    pub face: usize,
    /// Logits of one face.
    pub answer: usize,
    /// Most faces of a pass.
    pub most: usize,
}

/// The model as work for a GPU.
pub struct Gpu {
    network: GpuNetwork,
    trial: Vec<f32>,
    /// Probabilities of the trial, by the processor.
    expected: Vec<f32>,
    /// Logits of one face.
    answer: usize,
}

impl Gpu {
    /// Plans a model's network and lets the processor answer the trial.
    ///
    /// # Errors
    /// It is none of affekt's own.
    pub fn new(model: &Model) -> Result<Self, Box<dyn Error>> {
        let (graph, weights) = model.own()?;
        let (input, answer) = (graph.input(), graph.output().len());
        // Something else at every pixel and face: what reads a wrong place answers otherwise.
        let pixel = |i: usize| ((i * i % 251) as f32 / 125.0 - 1.0) * (1 + i / input.len()) as f32 / 3.0;
        let trial: Vec<f32> = (0..TRIAL * input.len()).map(pixel).collect();
        let logits = open(&BackendSpec::default())?.inference(graph, weights)?.forward(&trial, TRIAL)?;
        let expected = softmax(&logits, answer, 1.0);
        Ok(Self { network: GpuNetwork::new(graph, weights)?, trial, expected, answer })
    }

    /// What is done first.
    ///
    /// # Errors
    /// A layer is too large for a GPU.
    pub fn opening(&self) -> Result<Opening<'_>, Box<dyn Error>> {
        Ok(Opening {
            work: self.network.opening()?,
            contents: self.network.contents().map(|(name, values)| (name, Values::of(values))).into(),
            trial: Values::of(&self.trial),
            face: self.trial.len() / TRIAL,
            answer: self.answer,
            most: self.network.most_items(),
        })
    }

    /// A pass over so many faces.
    ///
    /// # Errors
    /// They are none, or more than a GPU can be sure to hold.
    pub fn pass(&self, faces: usize) -> Result<GpuWork, Box<dyn Error>> {
        Ok(self.network.pass(faces)?)
    }

    /// Whether these logits of the trial are those of the processor.
    ///
    /// # Errors
    /// They are not.
    pub fn trust(&self, logits: &[f32]) -> Result<(), Box<dyn Error>> {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE;
        if logits.len() == self.expected.len()
            && softmax(logits, self.answer, 1.0).iter().zip(&self.expected).all(near)
        {
            return Ok(());
        }
        Err("the GPU computes something else than the processor".into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_a_gpu_that_answers_as_the_processor_does_is_trusted() {
        let model = Model::builtin().unwrap();
        let gpu = Gpu::new(&model).unwrap();
        let (graph, weights) = model.own().unwrap();
        let mut network = open(&BackendSpec::default()).unwrap().inference(graph, weights).unwrap();
        let right = network.forward(&gpu.trial, TRIAL).unwrap();
        gpu.trust(&right).unwrap();
        for wrong in [
            vec![],
            right[gpu.answer..].to_vec(),
            vec![0.0; right.len()],
            vec![f32::NAN; right.len()],
            right.iter().rev().copied().collect(),
        ] {
            gpu.trust(&wrong).expect_err("something else");
        }
        // The faces differ so much that one in another's place is seen.
        let mut swapped = right.clone();
        swapped.rotate_left(gpu.answer);
        gpu.trust(&swapped).expect_err("faces in another order");
    }
}
