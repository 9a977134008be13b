//! What executes a graph. A network is a function with a gradient; losses live on the host, because logits are few.
//!
//! Everybody else uses [`Backend`], [`Inference`] and [`Training`], which [`open`] gives by name. They are object-safe and
//! speak in host slices; types of a device library never leave this module. [`sliced`] cuts batches that are too large. A new backend implements [`Device`] and
//! has a line in [`BACKENDS`] (or in a table of its own, for [`open_in`]).

mod checked;
pub mod cpu;
mod device;
#[cfg(feature = "dfdx")]
pub mod dfdx;
mod drivers;
pub mod dropout;
mod entry;
mod error;
mod inference;
mod info;
mod input;
mod interface;
#[cfg(feature = "mpi")]
pub mod mpi;
mod need;
#[cfg(all(test, feature = "tract"))]
mod onnx_beside_tests;
mod onnx_check;
mod onnx_embedding;
#[cfg(all(test, feature = "tract"))]
mod onnx_embedding_tests;
mod onnx_network;
mod onnx_pictures;
#[cfg(all(test, feature = "tract"))]
mod onnx_tests;
#[cfg(feature = "gpu-work")]
mod recording;
#[cfg(feature = "training")]
mod replicated;
mod room;
#[cfg(feature = "training")]
mod sliced;
mod spec;
mod state;
mod table;
mod team;
mod training;
mod view_batch;
#[cfg(feature = "wgpu")]
pub mod wgpu;

pub use device::{Device, InferenceDevice, TrainingDevice};
pub use drivers::quiet_drivers;
pub use entry::{Availability, BackendEntry};
pub use error::BackendError;
pub use inference::Inference;
pub use info::{BackendInfo, KernelTime};
pub use input::Input;
pub use interface::Backend;
pub use need::{Learning, MemoryNeed, MemoryPart};
pub use onnx_embedding::OnnxEmbedding;
pub use onnx_network::OnnxNetwork;
#[cfg(feature = "gpu-work")]
pub use recording::{GpuBuffer, GpuDispatch, GpuNetwork, GpuShader, GpuSpan, GpuWork};
#[cfg(feature = "training")]
pub use replicated::{BatchNorm, open_replicated};
pub use room::memory_there;
#[cfg(feature = "training")]
pub use sliced::{slice_sizes, sliced};
pub use spec::{ArithmeticChoice, BackendSpec};
pub use state::{Kept, NetworkState, Slot, UpdateRule, WeightSet};
pub use table::{AUTO, BACKENDS, left_out, names, open, open_in};
pub use team::{Link, Team};
pub use training::{AcrossReplicas, Training, TrainingPass};
pub use view_batch::{PictureView, ViewBatch};
