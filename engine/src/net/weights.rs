//! Named tensors on the host and their safetensors files, read strictly: what is missing, extra or misshapen is
//! reported all at once.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use thiserror::Error;

use super::card::ModelCard;
use super::graph::{Graph, ParamKind, ParamSpec};
use crate::files::write_atomically;
use crate::random::{Address, Purpose};

/// The metadata key under which a file's [`ModelCard`] stands as JSON.
const CARD_KEY: &str = "affekt.card";

/// A dense `f32` tensor, row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostTensor {
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// Values.
    pub data: Vec<f32>,
}

/// Tensors by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights {
    /// Sorted by name.
    pub tensors: BTreeMap<String, HostTensor>,
}

/// How values are stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Exact.
    F32,
    /// Half the size; rounded to nearest.
    F16,
}

/// Why weights cannot be read, written or used.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file is not a safetensors file, or is truncated or corrupt.
    #[error("{path}: not a usable safetensors file: {reason}", path = .path.display())]
    Format {
        /// File.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
    /// The tensors do not fit the network; everything that is wrong is listed.
    #[error("weights do not fit the network: {0}")]
    Fit(String),
}

impl Weights {
    /// Initial weights of a graph: He-normal (fan-out) convolutions, uniform linear layers with bound
    /// `1/sqrt(fan-in)`, as torchvision starts its residual networks; projections of attention uniform with Xavier's
    /// bound `sqrt(6 / (fan-in + fan-out))`, as PyTorch starts its encoders, and learned positions normal with
    /// deviation 0.02.
    pub fn initial(graph: &Graph, seed: u64) -> Self {
        let mut tensors = BTreeMap::new();
        for (item, spec) in graph.params.iter().enumerate() {
            let mut rng =
                Address { seed, purpose: Purpose::InitialWeights, step: 0, item: item as u64 }.rng();
            let data = match (spec.kind, spec.shape.as_slice()) {
                (ParamKind::Weight, [out, _, k, _]) => {
                    let std = (2.0 / (out * k * k) as f32).sqrt();
                    (0..spec.len()).map(|_| std * rng.normal()).collect()
                }
                (ParamKind::Weight, shape) => {
                    let bound = 1.0 / (shape[1] as f32).sqrt();
                    (0..spec.len()).map(|_| rng.between(-bound, bound)).collect()
                }
                (ParamKind::AttentionWeight, shape) => {
                    let bound = (6.0 / (shape[0] + shape[1]) as f32).sqrt();
                    (0..spec.len()).map(|_| rng.between(-bound, bound)).collect()
                }
                (ParamKind::Positions, _) => (0..spec.len()).map(|_| 0.02 * rng.normal()).collect(),
                (ParamKind::Scale | ParamKind::RunningVariance, _) => vec![1.0; spec.len()],
                (ParamKind::Shift | ParamKind::RunningMean, _) => vec![0.0; spec.len()],
            };
            tensors.insert(spec.name.clone(), HostTensor { shape: spec.shape.clone(), data });
        }
        Self { tensors }
    }

    /// Checks that exactly the graph's parameters are here, each in its shape.
    ///
    /// # Errors
    /// [`WeightsError::Fit`] with every missing, extra and misshapen tensor.
    pub fn check(&self, graph: &Graph) -> Result<(), WeightsError> {
        self.check_params(graph.params.iter())
    }

    /// Checks that exactly the graph's trained parameters are here, each in its shape: gradients and moments.
    ///
    /// # Errors
    /// As [`Weights::check`].
    pub fn check_trained(&self, graph: &Graph) -> Result<(), WeightsError> {
        self.check_params(graph.params.iter().filter(|p| p.kind.is_trained()))
    }

    fn check_params<'a>(&self, params: impl Iterator<Item = &'a ParamSpec>) -> Result<(), WeightsError> {
        let mut wrong = String::new();
        let mut known = std::collections::HashSet::new();
        for spec in params {
            known.insert(spec.name.as_str());
            match self.tensors.get(&spec.name) {
                None => push(&mut wrong, &format!("missing {} {:?}", spec.name, spec.shape)),
                Some(t) if t.shape != spec.shape || t.data.len() != spec.len() => push(
                    &mut wrong,
                    &format!("{} has shape {:?}, the network needs {:?}", spec.name, t.shape, spec.shape),
                ),
                Some(_) => {}
            }
        }
        for name in self.tensors.keys().filter(|n| !known.contains(n.as_str())) {
            push(&mut wrong, &format!("extra {name}"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(WeightsError::Fit(wrong)) }
    }

    /// Starting weights from another network's file (`--init`): all of `file`'s tensors that belong to `graph`, and
    /// fresh ones for the classifier `head` ([`super::Architecture::head`]) where its class count differs or the file
    /// has none.
    ///
    /// # Errors
    /// [`WeightsError::Fit`] when anything but the classifier is missing, extra or misshapen.
    pub fn adapt(mut file: Weights, graph: &Graph, head: &str, seed: u64) -> Result<Self, WeightsError> {
        let of_head = |name: &str| name.strip_prefix(head).is_some_and(|rest| rest.starts_with('.'));
        file.tensors.retain(|name, _| !name.ends_with("num_batches_tracked"));
        let head_fits = graph
            .params
            .iter()
            .filter(|p| of_head(&p.name))
            .all(|p| file.tensors.get(&p.name).is_some_and(|t| t.shape == p.shape));
        if !head_fits {
            file.tensors.retain(|name, _| !of_head(name));
            let fresh = Self::initial(graph, seed).tensors;
            file.tensors.extend(fresh.into_iter().filter(|(name, _)| of_head(name)));
        }
        file.check(graph)?;
        Ok(file)
    }

    /// Reads a safetensors file (F32, F16 or BF16 tensors; integer counters such as `num_batches_tracked` are
    /// skipped) and its card where it has one.
    ///
    /// # Errors
    /// The file cannot be read, is not safetensors, is truncated, or holds tensors of another type.
    pub fn read(path: &Path) -> Result<(Self, Option<ModelCard>), WeightsError> {
        let bytes = std::fs::read(path).map_err(|source| WeightsError::Io { path: path.into(), source })?;
        Self::parse(path, &bytes)
    }

    /// As [`Weights::read`], from the bytes of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// The bytes are not safetensors, are cut off, or hold tensors of another type.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<(Self, Option<ModelCard>), WeightsError> {
        let format = |reason: String| WeightsError::Format { path: path.into(), reason };
        let file = SafeTensors::deserialize(bytes).map_err(|e| format(e.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| format(e.to_string()))?;
        let card = match metadata.metadata().as_ref().and_then(|m| m.get(CARD_KEY)) {
            Some(json) => Some(serde_json::from_str(json).map_err(|e| format(format!("its card: {e}")))?),
            None => None,
        };
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let data = match view.dtype() {
                Dtype::F32 => view
                    .data()
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
                Dtype::F16 => {
                    view.data().chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
                }
                Dtype::BF16 => {
                    view.data().chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
                }
                Dtype::I64 if name.ends_with("num_batches_tracked") => continue,
                other => {
                    return Err(format(format!("tensor {name} is {other:?}; F32, F16 or BF16 is needed")));
                }
            };
            tensors.insert(name, HostTensor { shape: view.shape().to_vec(), data });
        }
        Ok((Self { tensors }, card))
    }

    /// Writes a safetensors file through a temporary file, synced and renamed, so that a reader never sees half of
    /// one.
    ///
    /// # Errors
    /// The folder cannot be written or the disk is full; the old file, if any, is untouched then.
    pub fn write(&self, path: &Path, storage: Storage, card: Option<&ModelCard>) -> Result<(), WeightsError> {
        let io = |source| WeightsError::Io { path: path.into(), source };
        let format = |reason: String| WeightsError::Format { path: path.into(), reason };
        let encoded: Vec<(&String, &HostTensor, Vec<u8>)> =
            self.tensors.iter().map(|(name, t)| (name, t, encode(&t.data, storage))).collect();
        let dtype = if storage == Storage::F16 { Dtype::F16 } else { Dtype::F32 };
        let mut views = Vec::with_capacity(encoded.len());
        for (name, tensor, bytes) in &encoded {
            let view =
                TensorView::new(dtype, tensor.shape.clone(), bytes).map_err(|e| format(e.to_string()))?;
            views.push((name.as_str(), view));
        }
        let metadata = match card {
            Some(card) => {
                let json = serde_json::to_string(card).map_err(|e| format(e.to_string()))?;
                Some(HashMap::from([(CARD_KEY.to_string(), json)]))
            }
            None => None,
        };
        let bytes = safetensors::serialize(views, metadata).map_err(|e| format(e.to_string()))?;
        write_atomically(path, &bytes).map_err(io)
    }

    /// The tensor of that name, or an empty slice.
    pub fn get(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], |t| t.data.as_slice())
    }
}

fn encode(values: &[f32], storage: Storage) -> Vec<u8> {
    match storage {
        Storage::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Storage::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
    }
}

fn push(list: &mut String, entry: &str) {
    let separator = if list.is_empty() { "" } else { "; " };
    let _ = write!(list, "{separator}{entry}");
}
