//! A model as it lies on disk: weights with the card that says what they are.

use std::path::{Path, PathBuf};

use super::finished::finished_model;
use super::onnx;
use crate::backend::{Backend, Inference, MemoryNeed, OnnxNetwork};
use crate::learn::{Head, TemporalEncoder};
use crate::net::{Architecture, Graph, ModelCard, TemporalSpec, Weights, read_weights_file, weights_hash};
use crate::signal::PostSettings;
use crate::world::error::WorldError;

/// The model that is built in, trained on FER+; its card says how. A constant would lie in the program twice.
pub(super) static BUILT_IN: &[u8] =
    include_bytes!(concat!(env!("AFFEKT_ASSETS"), "/models/ferplus-64.safetensors"));
/// What messages call it.
const BUILT_IN_NAME: &str = "the built-in FER+ model";

/// Whether a path stands for the model that is built in: `builtin`, where there is no such file.
pub(super) fn is_builtin(path: &Path) -> bool {
    path == Path::new("builtin") && !path.exists()
}

/// The network of a model.
#[derive(Debug, Clone)]
pub enum ModelNetwork {
    /// One of affekt's own, which every backend runs.
    Own {
        /// Its operations.
        graph: Graph,
        /// Its weights; they fit the graph.
        weights: Weights,
    },
    /// An ONNX file's, which its library runs on the processor, whatever the backend.
    Onnx(OnnxNetwork),
}

/// A network over pictures and its card.
#[derive(Debug, Clone)]
pub struct Model {
    /// The file it came from.
    pub path: PathBuf,
    /// What it says of itself.
    pub card: ModelCard,
    /// What computes its answers.
    pub network: ModelNetwork,
    /// Hash of its file (of an ONNX file and its card), which a temporal encoder and kept features name.
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

    /// Reads a weights file with a card, the model of a run's folder, or an ONNX file (`*.onnx`) with its card; `builtin` is the
    /// model that is built in.
    ///
    /// # Errors
    /// The file is missing, truncated, has no card, or its tensors do not fit the network of its card. Of an ONNX file: as
    /// [`OnnxNetwork::new`].
    pub fn load(path: &Path) -> Result<Self, WorldError> {
        if is_builtin(path) {
            return Self::builtin();
        }
        if onnx::is_onnx(path) {
            let (card, network, hash) = onnx::open(path)?;
            return Ok(Self { path: path.to_owned(), card, network: ModelNetwork::Onnx(network), hash });
        }
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
        let network = ModelNetwork::Own { graph, weights };
        Ok(Self { path: path.to_owned(), network, hash: weights_hash(bytes), card })
    }

    /// Puts it to work. An ONNX file's network computes on the processor, whatever the backend.
    ///
    /// # Errors
    /// The backend cannot hold it.
    pub fn inference(&self, backend: &dyn Backend) -> Result<Box<dyn Inference>, WorldError> {
        Ok(match &self.network {
            ModelNetwork::Own { graph, weights } => backend.inference(graph, weights)?,
            ModelNetwork::Onnx(network) => Box::new(network.clone()),
        })
    }

    /// What it takes of a backend's memory to answer so many items a pass, with three passes' pictures ready. How much an ONNX file's network
    /// takes is not known.
    ///
    /// # Errors
    /// The graph cannot be planned, or the backend cannot have such a pass.
    pub fn need(&self, backend: &dyn Backend, items: usize) -> Result<MemoryNeed, WorldError> {
        Ok(match &self.network {
            ModelNetwork::Own { graph, .. } => MemoryNeed::default()
                .answering(backend, "the model", graph, items)?
                .inputs("pictures ahead", graph, items.saturating_mul(3)),
            ModelNetwork::Onnx(_) => MemoryNeed::default(),
        })
    }

    /// Its graph and weights, where it is one of affekt's own.
    ///
    /// # Errors
    /// It is an ONNX file.
    pub fn own(&self) -> Result<(&Graph, &Weights), WorldError> {
        match &self.network {
            ModelNetwork::Own { graph, weights } => Ok((graph, weights)),
            ModelNetwork::Onnx(_) => {
                let problem = "is an ONNX file, which gives no features and cannot be written again; give a weights file \
                               of affekt";
                Err(WorldError::file(&self.path, problem))
            }
        }
    }

    /// Its classifier.
    ///
    /// # Errors
    /// It is an ONNX file.
    pub fn head(&self) -> Result<Head, WorldError> {
        Ok(Head::of(self.own()?.1, self.card.architecture.head())?)
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
    pub(super) graph: Graph,
    pub(super) weights: Weights,
    pub(super) head: Head,
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
        Ok(Self { path: file, spec, graph, weights, head, hash: weights_hash(&bytes), card })
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
    let file = if path.is_dir() { finished_model(path)? } else { path.to_owned() };
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
