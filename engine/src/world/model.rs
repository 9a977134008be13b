//! A model as it lies on disk: weights with the card that says what they are.

use std::path::{Path, PathBuf};

use super::error::WorldError;
use super::run_folder::RunFolder;
use crate::data::FeatureCache;
use crate::net::{Architecture, Graph, ModelCard, Weights, WeightsError};

/// Weights, their card and the graph both describe.
#[derive(Debug, Clone)]
pub struct Model {
    /// The file it came from.
    pub path: PathBuf,
    /// What it says of itself.
    pub card: ModelCard,
    /// Its network.
    pub graph: Graph,
    /// Its weights; they fit the graph.
    pub weights: Weights,
    /// Hash of its file, which a temporal encoder and kept features name.
    pub hash: String,
}

impl Model {
    /// Reads a weights file with a card, or the model of a run's folder.
    ///
    /// # Errors
    /// The file is missing, truncated, has no card, or its tensors do not fit the network of its card.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        let file = if path.is_dir() { RunFolder::finished_model(path)? } else { path.to_owned() };
        let bytes = std::fs::read(&file).map_err(|source| WeightsError::Io { path: file.clone(), source })?;
        Self::parse(&file, &bytes)
    }

    /// As [`Model::load`], from the bytes of a weights file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, WorldError> {
        let file = path.to_owned();
        let (weights, card) = Weights::parse(&file, bytes)?;
        let card = card.ok_or_else(|| {
            WorldError::file(
                &file,
                "has no affekt card, so its classes and input are unknown; a bare state dict can start a training \
                 run by --init",
            )
        })?;
        let Architecture::Resnet(spec) = &card.architecture else {
            let problem = "holds a temporal encoder, which reads the features of frames; a network over pictures \
                           (family resnet) is needed here; give the encoder to affekt eval --temporal";
            return Err(WorldError::file(&file, problem));
        };
        if spec.classes != card.classes.len() {
            let problem = format!(
                "its card names {} classes, but its network has {}",
                card.classes.len(),
                spec.classes
            );
            return Err(WorldError::file(&file, problem));
        }
        if spec.size != card.input.size || spec.channels != card.input.channels {
            return Err(WorldError::file(&file, "its card's input and network have different sizes"));
        }
        let graph = spec.graph().map_err(|e| WorldError::file(&file, format!("its card: {e}")))?;
        weights.check(&graph).map_err(|e| WorldError::file(&file, e.to_string()))?;
        let hash = FeatureCache::hash_of(bytes);
        Ok(Self { path: file, card, graph, weights, hash })
    }
}
