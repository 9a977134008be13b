//! An embedding model in an ONNX file, with the card beside it where there is one.

use std::path::{Path, PathBuf};

use crate::backend::OnnxEmbedding;
use crate::files::{LARGEST_CARD, read_text_limited};
use crate::net::{EmbeddingCard, OnnxFile, weights_hash};
use crate::world::error::WorldError;

/// Tells faces apart: gives each a direction, which is similar for faces of one person.
#[derive(Debug, Clone)]
pub struct EmbeddingModel {
    /// Its file.
    pub path: PathBuf,
    /// What it reads and gives.
    pub card: EmbeddingCard,
    /// BLAKE3 of file and card.
    pub hash: String,
    /// The network.
    pub(crate) network: OnnxEmbedding,
}

impl EmbeddingModel {
    /// Opens an ONNX file (`embed.onnx`) with the card beside it (`embed.json`), or as [`EmbeddingCard::default`] says without one.
    ///
    /// # Errors
    /// The file or its card cannot be read, or the network is no embedding model or cannot be used as the card says.
    pub fn open(path: &Path) -> Result<Self, WorldError> {
        let (file, bytes) = OnnxFile::read(path)?;
        let beside = path.with_extension("json");
        let (card, told) = match read_text_limited(&beside, LARGEST_CARD, "a card") {
            Ok(json) => {
                let read = EmbeddingCard::beside_onnx(&json);
                let problem =
                    |e| WorldError::file(&beside, format!("is not the card of an embedding model: {e}"));
                (read.map_err(problem)?, json)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (EmbeddingCard::default(), String::new())
            }
            Err(source) => return Err(WorldError::io(&beside, source)),
        };
        let network = OnnxEmbedding::new(&file, &card).map_err(|problem| {
            let hint = if told.is_empty() {
                format!("; {} beside it may say otherwise (docs/interviews.md)", beside.display())
            } else {
                String::new()
            };
            WorldError::file(path, format!("{problem}{hint}"))
        })?;
        let hash = weights_hash(&[bytes, told.into_bytes()].concat());
        Ok(Self { path: path.to_owned(), card, hash, network })
    }

    /// Its file's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}
