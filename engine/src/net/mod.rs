//! A model is data: a [`Graph`] of operations with named parameters that every backend walks.
//!
//! Here live the graph and its shapes, the architectures built from it, the named [`Weights`] with their files and
//! the [`ModelCard`]; `export` writes them as ONNX. What executes a graph lives in `backend`.

mod architecture;
mod builder;
mod card;
mod card_check;
mod embedding_card;
mod export;
mod graph;
mod onnx_card;
mod onnx_file;
mod onnx_spec;
mod plan;
mod resnet;
mod storage;
mod temporal;
mod weights;
mod weights_file;
#[cfg(feature = "files")]
mod weights_write;

pub use architecture::Architecture;
pub use builder::GraphBuilder;
pub use card::{BoxCrop, InputContract, ModelCard};
pub use card_check::{TEMPLATES, class_name_problem};
pub use embedding_card::EmbeddingCard;
pub use export::{OnnxExport, hub_config, hub_readme, to_onnx};
pub use graph::{Graph, GraphError, Node, NodeId, Op, ParamId, ParamKind, ParamSpec, Shape};
pub use onnx_file::OnnxFile;
pub use onnx_spec::{ColourOrder, Golden, OnnxOutputs, OnnxSpec, OutputPlace, ScoreForm};
#[cfg(feature = "gpu-work")]
pub(crate) use plan::{BufferId, LiveRange, assign};
pub use plan::{Dropout, Epilogue, Norm, Plan, PlanError, PlanPurpose, Region, Step, StepKind, ValueId};
pub use resnet::{Depth, ResNetSpec, Stem};
pub use storage::Storage;
pub use temporal::TemporalSpec;
pub use weights::{HostTensor, Weights, WeightsError};
pub use weights_file::{read_weights_file, weights_hash};
