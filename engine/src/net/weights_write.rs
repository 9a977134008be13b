//! Writing weights as safetensors files: whole or not at all, and nothing that could not be read again.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use super::card::ModelCard;
use super::storage::{SCALES, Storage, single};
use super::weights::{HostTensor, Weights, WeightsError};
use super::weights_file::{CARD_KEY, check_values};
use crate::files::write_atomically;

/// Steps to either side of zero.
pub(super) const STEPS: f32 = 127.0;

/// A tensor as it lies in a file.
struct Stored {
    name: String,
    kind: Dtype,
    shape: Vec<usize>,
    /// Little-endian.
    bytes: Vec<u8>,
}

impl Storage {
    /// A tensor as it lies in a weights file: one, or steps and scales.
    ///
    /// # Errors
    /// A value is too large for half precision.
    fn store(self, name: &str, tensor: &HostTensor) -> Result<Vec<Stored>, String> {
        let stored =
            |name: String, kind, shape: &[usize], bytes| Stored { name, kind, shape: shape.to_vec(), bytes };
        let whole = |kind, bytes| Ok(vec![stored(name.to_owned(), kind, &tensor.shape, bytes)]);
        let rows = tensor.shape.first().copied().unwrap_or_default();
        match self {
            Self::F16 => whole(Dtype::F16, self.encode(name, &tensor.data)?),
            Self::I8 if tensor.shape.len() > 1 && !tensor.data.is_empty() => {
                let of_rows = || tensor.data.chunks_exact(tensor.data.len() / rows);
                let scales: Vec<f32> = of_rows().map(scale).collect();
                let steps = of_rows().zip(&scales).flat_map(|(row, scale)| {
                    row.iter().map(move |v| (v / scale).round() as i8).map(i8::cast_unsigned)
                });
                Ok(vec![
                    stored(name.to_owned(), Dtype::I8, &tensor.shape, steps.collect()),
                    stored(format!("{name}{SCALES}"), Dtype::F32, &[rows], single(&scales)),
                ])
            }
            Self::F32 | Self::I8 => whole(Dtype::F32, single(&tensor.data)),
        }
    }
}

/// What a row's values are multiples of; 1 where all are zero.
fn scale(row: &[f32]) -> f32 {
    let step = row.iter().fold(0.0f32, |most, v| most.max(v.abs())) / STEPS;
    if step > 0.0 { step } else { 1.0 }
}

impl Weights {
    /// Writes a safetensors file through a temporary file, synced and renamed, so that a reader never sees half of
    /// one.
    ///
    /// # Errors
    /// A value is not finite, in half precision if it is stored so, a variance is negative, or the card could not be read
    /// again: nothing is written that [`Weights::read`] refuses. The folder cannot be written or the disk is full; the old
    /// file, if any, is untouched then.
    pub fn write(&self, path: &Path, storage: Storage, card: Option<&ModelCard>) -> Result<(), WeightsError> {
        let io = |source| WeightsError::Io { path: path.into(), source };
        let refuse = |reason: String| WeightsError::Unfit { path: path.into(), reason };
        let mut stored = Vec::with_capacity(self.tensors.len());
        for (name, tensor) in &self.tensors {
            check_values(name, &tensor.data).map_err(refuse)?;
            stored.extend(storage.store(name, tensor).map_err(refuse)?);
        }
        let mut views = Vec::with_capacity(stored.len());
        for Stored { name, kind, shape, bytes } in &stored {
            let view = TensorView::new(*kind, shape.clone(), bytes).map_err(|e| refuse(e.to_string()))?;
            views.push((name.as_str(), view));
        }
        let metadata = match card {
            Some(card) => {
                card.check().map_err(|e| refuse(format!("the card: {e}")))?;
                let json = serde_json::to_string(card).map_err(|e| refuse(e.to_string()))?;
                Some(HashMap::from([(CARD_KEY.to_string(), json)]))
            }
            None => None,
        };
        let bytes = safetensors::serialize(views, metadata).map_err(|e| refuse(e.to_string()))?;
        write_atomically(path, &bytes).map_err(io)
    }
}
