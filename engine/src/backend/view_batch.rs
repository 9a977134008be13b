//! A network's input before it is numbers: pictures with the compiled views to make of them. A backend may make them
//! itself ([`BackendInfo::renders_views`](super::BackendInfo::renders_views)), and any backend can be given either.

use std::sync::Arc;

use super::BackendError;
use crate::media::Picture;
use crate::media::augment::Program;
use crate::net::{InputContract, Shape};

/// A picture and how it is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureView {
    /// The picture; views of one picture share it, so that a device is given its pixels once.
    pub picture: Arc<Picture>,
    /// The view.
    pub program: Program,
}

/// Views under one contract, an item of a network's input each.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewBatch {
    contract: InputContract,
    views: Vec<PictureView>,
}

impl ViewBatch {
    /// Views in their order.
    ///
    /// # Panics
    /// A program was compiled for another contract than `contract`, the contract has not 1 or 3 channels with a mean and a
    /// deviation each, or a picture's pixels do not fit its own size: all are mistakes of the program, none can come from
    /// a file.
    pub fn new(contract: InputContract, views: Vec<PictureView>) -> Self {
        for view in &views {
            view.program.assert_fits(&view.picture, &contract);
        }
        Self { contract, views }
    }

    /// Size, channels and normalisation.
    pub fn contract(&self) -> &InputContract {
        &self.contract
    }

    /// The views.
    pub fn views(&self) -> &[PictureView] {
        &self.views
    }

    /// The shape of one view.
    pub fn shape(&self) -> Shape {
        Shape { h: self.contract.size, w: self.contract.size, c: self.contract.channels }
    }

    /// The views made here, on the processor: NHWC, one after the other.
    pub fn render(&self) -> Vec<f32> {
        self.render_at(|_| true)
    }

    /// The same of the places that are wanted; zeros at the others.
    pub fn render_at(&self, wanted: impl Fn(usize) -> bool) -> Vec<f32> {
        let len = self.shape().len();
        let mut out = vec![0.0; self.views.len() * len];
        let places = self.views.iter().zip(out.chunks_exact_mut(len)).enumerate();
        for (_, (view, out)) in places.filter(|(place, _)| wanted(*place)) {
            view.program.render(&view.picture, &self.contract, out);
        }
        out
    }

    /// The views at these places.
    pub(super) fn picked(&self, places: &[usize]) -> Self {
        let views = places.iter().map(|&place| self.views[place].clone()).collect();
        Self { contract: self.contract.clone(), views }
    }

    /// Some of the views.
    #[cfg(feature = "wgpu")]
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self { contract: self.contract.clone(), views: self.views[range].to_vec() }
    }

    /// Checks that a network reads such views.
    pub(super) fn check(&self, input: Shape) -> Result<(), BackendError> {
        if self.views.is_empty() || self.shape() != input {
            let (expected, got) = (input.len(), self.views.first().map_or(0, |_| self.shape().len()));
            let shape = format!("an item of {input}, views are {}", self.shape());
            return Err(BackendError::Length { what: "network input", expected, shape, got });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(size: usize, values: &[u8]) -> ViewBatch {
        let contract =
            InputContract { size, channels: 1, mean: vec![0.5], std: vec![0.5], template: "crop".into() };
        let view = |&value| PictureView {
            picture: Arc::new(Picture::filled(3, 3, 1, value)),
            program: Program::stretch((3, 3), size),
        };
        ViewBatch::new(contract, values.iter().map(view).collect())
    }

    #[test]
    fn a_network_of_another_input_refuses_views() {
        let input = Shape { h: 2, w: 2, c: 1 };
        assert!(batch(2, &[1]).check(input).is_ok());
        assert!(batch(2, &[]).check(input).is_err());
        let error = batch(3, &[1]).check(input).expect_err("too large").to_string();
        assert!(error.contains("2x2x1") && error.contains("3x3x1"), "{error}");
    }

    #[test]
    #[should_panic(expected = "compiled for")]
    fn a_program_for_another_size_is_a_mistake() {
        let batch = batch(2, &[1]);
        let contract = InputContract { size: 4, ..batch.contract.clone() };
        let _ = ViewBatch::new(contract, batch.views);
    }
}
