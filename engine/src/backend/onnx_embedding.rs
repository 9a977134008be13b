//! An embedding model that an ONNX file holds: a face in, a direction out. Faces of one person have similar directions.

use rayon::prelude::*;

use super::onnx_check::embedding_output;
use super::onnx_pictures::OnnxPictures;
use crate::files::quoted;
use crate::net::{EmbeddingCard, OnnxFile, Shape};

/// How many values an embedding may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=8192;
/// Length below which an embedding has no direction.
const SHORTEST: f64 = 1e-12;

/// An embedding model that an ONNX file holds. Copies share what was compiled.
#[derive(Clone)]
pub struct OnnxEmbedding {
    pictures: OnnxPictures,
    output: String,
    values: usize,
}

impl std::fmt::Debug for OnnxEmbedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxEmbedding")
            .field("input", &self.pictures.input())
            .field("output", &self.output)
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

impl OnnxEmbedding {
    /// Puts a file to work as its card says, and runs it once.
    ///
    /// # Errors
    /// The operator set, the input (one of 4 axes) or the output (one of 2 axes, a face a row) are others than the card says or than can
    /// be used; the library cannot run it, or was not built in; what it gives for a known input is not finite or zero.
    pub fn new(file: &OnnxFile, card: &EmbeddingCard) -> Result<Self, String> {
        let (output, stated) = embedding_output(file.graph()?, card.output.as_deref())?;
        let pictures = OnnxPictures::new(file, &card.input, card.colours, std::slice::from_ref(&output))?;
        let row = pictures.of_known()?.swap_remove(0);
        let values = row.len();
        if !LENGTHS.contains(&values) || stated.is_some_and(|stated| stated != values) {
            return Err(format!(
                "its output {} has {values} values for a face, and an embedding has {} to {}{}",
                quoted(&output),
                LENGTHS.start(),
                LENGTHS.end(),
                stated.map_or(String::new(), |stated| format!(" (the file says {stated})"))
            ));
        }
        let network = Self { pictures, output, values };
        network.direction(row)?;
        Ok(network)
    }

    /// A face's input.
    pub fn input(&self) -> Shape {
        self.pictures.input()
    }

    /// Values of an embedding.
    pub fn values(&self) -> usize {
        self.values
    }

    /// Embeddings of faces whose inputs lie one after the other, each of length 1.
    ///
    /// # Errors
    /// The library cannot run it, or an embedding is not finite, zero, or of another length than before.
    pub fn embed(&self, inputs: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let each = self.input().len();
        inputs
            .par_chunks_exact(each)
            .map(|face| self.direction(self.pictures.of_picture(face)?.swap_remove(0)))
            .collect()
    }

    /// An embedding with length 1.
    fn direction(&self, mut row: Vec<f32>) -> Result<Vec<f32>, String> {
        let output = quoted(&self.output);
        if row.len() != self.values {
            let got = row.len();
            return Err(format!(
                "its output {output} has {got} values for a face, and {} before",
                self.values
            ));
        }
        if let Some(at) = row.iter().position(|value| !value.is_finite()) {
            return Err(format!("its output {output} is {} at place {at}: no finite embedding", row[at]));
        }
        let length = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if length < SHORTEST {
            return Err(format!("its output {output} is zero everywhere: no embedding"));
        }
        for value in &mut row {
            *value = (f64::from(*value) / length) as f32;
        }
        Ok(row)
    }
}
