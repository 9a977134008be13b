//! Models for other programs.

#[cfg(feature = "files")]
use std::path::Path;

use super::model::{Model, TemporalModel};
use crate::net::{OnnxExport, Storage, hub_config, hub_readme, to_onnx};
use crate::world::error::WorldError;

impl Model {
    /// The bytes of an ONNX file of it, as [`to_onnx`] says; `raw_pixels` puts the normalisation into it.
    ///
    /// # Errors
    /// It is an ONNX file already, or a value does not fit the storage.
    pub fn to_onnx(&self, storage: Storage, raw_pixels: bool) -> Result<Vec<u8>, WorldError> {
        let (graph, weights) = self.own()?;
        let export = OnnxExport { graph, weights, card: &self.card, student: None, storage, raw_pixels };
        to_onnx(&export).map_err(|problem| WorldError::file(&self.path, problem))
    }

    /// The files of a hub's folder beside `model.safetensors`, by name.
    ///
    /// # Errors
    /// It is an ONNX file.
    pub fn hub_files(&self) -> Result<[(&'static str, String); 2], WorldError> {
        let refuse = |problem: String| WorldError::file(&self.path, problem);
        Ok([
            ("README.md", hub_readme(&self.card).map_err(refuse)?),
            ("config.json", hub_config(&self.card).map_err(refuse)?),
        ])
    }

    /// Writes a weights file of it: torchvision's names, with its card.
    ///
    /// # Errors
    /// It is an ONNX file, a value does not fit the storage, or the file cannot be written.
    #[cfg(feature = "files")]
    pub fn write(&self, path: &Path, storage: Storage) -> Result<(), WorldError> {
        Ok(self.own()?.1.write(path, storage, Some(&self.card))?)
    }
}

impl TemporalModel {
    /// The bytes of an ONNX file of it, as [`to_onnx`] says. Where it adds to the student's answers, the student's classifier
    /// is in it.
    ///
    /// # Errors
    /// A value does not fit the storage.
    pub fn to_onnx(&self, storage: Storage) -> Result<Vec<u8>, WorldError> {
        let (graph, weights) = (&self.graph, &self.weights);
        let student = Some(self.head.tensors());
        let export = OnnxExport { graph, weights, card: &self.card, student, storage, raw_pixels: false };
        to_onnx(&export).map_err(|problem| WorldError::file(&self.path, problem))
    }

    /// Writes a weights file of it, with its card.
    ///
    /// # Errors
    /// A value does not fit the storage, or the file cannot be written.
    #[cfg(feature = "files")]
    pub fn write(&self, path: &Path, storage: Storage) -> Result<(), WorldError> {
        Ok(self.weights.write(path, storage, Some(&self.card))?)
    }
}
