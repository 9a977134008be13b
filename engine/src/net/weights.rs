//! Named tensors on the host, checked strictly: what is missing, extra or misshapen is reported all at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use super::graph::{Graph, ParamKind, ParamSpec};
use super::resnet::Depth;
use crate::files::{QUOTED, printable};
use crate::random::{Address, Purpose};

/// Most tensors that an error lists.
const LISTED: usize = 4;

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

/// Why weights cannot be read, written or used.
#[derive(Debug, Error)]
#[non_exhaustive]
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
    /// The file is no ONNX model, or none that can be used.
    #[error("{path}: not a usable ONNX model: {reason}", path = .path.display())]
    Onnx {
        /// File.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
    /// The weights or their card are not such as may be written; nothing was.
    #[error("{path}: not written: {reason}", path = .path.display())]
    Unfit {
        /// File that was to be written.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tensors do not fit the network; the first that are wrong are listed.
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
    /// [`WeightsError::Fit`] with the first missing, misshapen and extra tensors, and how many more there are.
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
        let mut wrong = vec![];
        let mut known = std::collections::HashSet::new();
        for spec in params {
            known.insert(spec.name.as_str());
            match self.tensors.get(&spec.name) {
                None => wrong.push(format!("missing {} {:?}", spec.name, spec.shape)),
                Some(t) if t.shape != spec.shape || t.data.len() != spec.len() => wrong.push(format!(
                    "{} has shape {:?}, the network needs {:?}",
                    spec.name, t.shape, spec.shape
                )),
                Some(_) => {}
            }
        }
        let extra = self.tensors.keys().filter(|name| !known.contains(name.as_str()));
        wrong.extend(extra.map(|name| format!("extra {}", printable(name, QUOTED))));
        if wrong.is_empty() {
            return Ok(());
        }
        let more = wrong.len().saturating_sub(LISTED);
        wrong.truncate(LISTED);
        if more > 0 {
            wrong.push(format!("and {more} more tensors"));
        }
        Err(WeightsError::Fit(wrong.join("; ")))
    }

    /// Starting weights from another network's file (`--init`): all of `file`'s tensors that belong to `graph`, and
    /// fresh ones for the classifier `head` ([`super::Architecture::head`]) where its class count differs or the file
    /// has none.
    ///
    /// # Errors
    /// [`WeightsError::Fit`] when it is a network of another depth, or anything but the classifier is missing, extra or misshapen.
    pub fn adapt(mut file: Weights, graph: &Graph, head: &str, seed: u64) -> Result<Self, WeightsError> {
        let of_head = |name: &str| name.strip_prefix(head).is_some_and(|rest| rest.starts_with('.'));
        file.tensors.retain(|name, _| !name.ends_with("num_batches_tracked"));
        let holds = Depth::of_names(file.tensors.keys().map(String::as_str));
        let asked = Depth::of_names(graph.params.iter().map(|spec| spec.name.as_str()));
        if let (Some(holds), Some(asked)) = (holds, asked)
            && holds != asked
        {
            return Err(WeightsError::Fit(format!(
                "they are a {}'s, but model.depth is {}; choose --model {}",
                holds.name(),
                asked.name(),
                holds.name()
            )));
        }
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

    /// The tensor of that name, or an empty slice.
    pub fn get(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], |t| t.data.as_slice())
    }
}
