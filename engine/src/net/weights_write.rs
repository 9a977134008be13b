//! Writing weights as safetensors files: whole or not at all, and nothing that could not be read again.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;

use super::card::ModelCard;
use super::storage::{Storage, Stored};
use super::weights::{Weights, WeightsError};
use super::weights_file::{CARD_KEY, check_values};
use crate::files::write_atomically;

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
