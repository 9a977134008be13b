//! A model as it lies on disk: weights with the card that says what they are.

use std::path::{Path, PathBuf};

use super::folder::RunFolder;
use crate::backend::Backend;
use crate::data::FeatureCache;
use crate::learn::{Head, TemporalEncoder};
use crate::net::{Architecture, Graph, ModelCard, TemporalSpec, Weights, read_weights_file};
use crate::signal::PostSettings;
use crate::world::error::WorldError;

/// The model that is built in, trained on FER+; its card says how.
const BUILT_IN: &[u8] = include_bytes!("../../../../assets/models/ferplus-48.safetensors");
/// What messages call it.
const BUILT_IN_NAME: &str = "the built-in FER+ model";

/// Weights of a network over pictures, their card and the graph both describe.
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
    /// The model that is built in.
    ///
    /// # Errors
    /// None, unless the program itself is damaged.
    pub fn builtin() -> Result<Self, WorldError> {
        Self::parse(Path::new(BUILT_IN_NAME), BUILT_IN)
    }

    /// The model of a file or of a finished run's folder; without a path the one that is built in.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn open(path: Option<&Path>) -> Result<Self, WorldError> {
        path.map_or_else(Self::builtin, Self::load)
    }

    /// Reads a weights file with a card, or the model of a run's folder.
    ///
    /// # Errors
    /// The file is missing, truncated, has no card, or its tensors do not fit the network of its card.
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        let (file, bytes) = read(path)?;
        Self::parse(&file, &bytes)
    }

    /// As [`Model::load`], from the bytes of a weights file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, WorldError> {
        let (weights, card) = carded(path, bytes)?;
        let Architecture::Resnet(spec) = &card.architecture else {
            let problem = "holds a temporal encoder, which reads the features of frames; a network over pictures \
                           (family resnet) is needed here; give the encoder to --temporal";
            return Err(WorldError::file(path, problem));
        };
        if spec.size != card.input.size || spec.channels != card.input.channels {
            return Err(WorldError::file(path, "its card's input and network have different sizes"));
        }
        let graph = checked_graph(path, &card, &weights)?;
        Ok(Self { path: path.to_owned(), graph, weights, hash: FeatureCache::hash_of(bytes), card })
    }

    /// Its classifier.
    ///
    /// # Errors
    /// None for a model that was loaded.
    pub fn head(&self) -> Result<Head, WorldError> {
        Ok(Head::of(&self.weights, self.card.architecture.head())?)
    }
}

/// A temporal encoder's file, accepted for one student.
#[derive(Debug, Clone)]
pub struct TemporalModel {
    /// The file it came from.
    pub path: PathBuf,
    /// What it says of itself.
    pub card: ModelCard,
    /// Its network.
    pub spec: TemporalSpec,
    graph: Graph,
    weights: Weights,
    head: Head,
    /// Hash of its file.
    pub hash: String,
}

impl TemporalModel {
    /// Reads an encoder's file, or a run's folder, and checks that it was trained on this student's features: the one
    /// place where an encoder is accepted, for measuring and for reading alike.
    ///
    /// # Errors
    /// It cannot be read, is no encoder, or reads the features of another model.
    pub fn open(path: &Path, student: &Model) -> Result<Self, WorldError> {
        let (file, bytes) = read(path)?;
        let (weights, card) = carded(&file, &bytes)?;
        let Architecture::Temporal(spec) = card.architecture.clone() else {
            return Err(WorldError::file(
                &file,
                "is no temporal encoder; affekt refine makes one; give this to --model",
            ));
        };
        if card.student.as_ref() != Some(&student.hash) || card.classes != student.card.classes {
            let problem = format!(
                "reads the features of another model than {}; give the one it was trained on to --model",
                student.path.display()
            );
            return Err(WorldError::file(&file, problem));
        }
        let graph = checked_graph(&file, &card, &weights)?;
        let head = student.head()?;
        if head.features() != spec.features {
            let problem = format!("reads {} features, but the model has {}", spec.features, head.features());
            return Err(WorldError::file(&file, problem));
        }
        Ok(Self { path: file, spec, graph, weights, head, hash: FeatureCache::hash_of(&bytes), card })
    }

    /// How it was refined, and so how it is used unless told otherwise; an old card that does not say leaves the defaults.
    pub fn post(&self) -> PostSettings {
        self.card.post.unwrap_or_default().for_frames(self.spec.frames)
    }

    /// Puts it to work with `stride` frames between two windows, and gives it with its softmax temperature.
    ///
    /// # Errors
    /// The stride is 0 or longer than a window, or the backend cannot hold it.
    pub fn encoder(
        &self,
        backend: &dyn Backend,
        stride: usize,
    ) -> Result<(TemporalEncoder, f32), WorldError> {
        let network = backend.inference(&self.graph, &self.weights)?;
        let encoder = TemporalEncoder::new(network, stride, self.spec.causal)?;
        let encoder = if self.spec.residual { encoder.with_residual(self.head.clone()) } else { encoder };
        Ok((encoder, self.card.temperature))
    }
}

/// The bytes of a weights file, or of a finished run's model, and the file's path.
fn read(path: &Path) -> Result<(PathBuf, Vec<u8>), WorldError> {
    let file = if path.is_dir() { RunFolder::finished_model(path)? } else { path.to_owned() };
    let bytes = read_weights_file(&file)?;
    Ok((file, bytes))
}

fn carded(path: &Path, bytes: &[u8]) -> Result<(Weights, ModelCard), WorldError> {
    let (weights, card) = Weights::parse(path, bytes)?;
    let card = card.ok_or_else(|| {
        WorldError::file(
            path,
            "has no affekt card, so its classes and input are unknown; a bare state dict can start a training \
             run by --init",
        )
    })?;
    Ok((weights, card))
}

/// The graph of a card, which its weights fit.
fn checked_graph(path: &Path, card: &ModelCard, weights: &Weights) -> Result<Graph, WorldError> {
    let (named, outputs) = (card.classes.len(), card.architecture.classes());
    if named != outputs {
        let problem = format!("its card names {named} classes, but its network has {outputs}");
        return Err(WorldError::file(path, problem));
    }
    let graph = card.architecture.graph().map_err(|e| WorldError::file(path, format!("its card: {e}")))?;
    weights.check(&graph).map_err(|e| WorldError::file(path, e.to_string()))?;
    Ok(graph)
}
