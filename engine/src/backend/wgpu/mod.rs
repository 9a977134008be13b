//! The wgpu backend: the same graph, plan and weights on any adapter with Vulkan, Metal or Direct3D 12.
//!
//! `adapters` lists what there is, `gpu` opens one (`kernel_cache` keeps its kernels), `store` and `place` say where parameters and activations lie, `walk`
//! records a plan's dispatches over the kernels of the crate `affekt-shaders` (`product` the convolutions among them) into
//! a `program`, `views` makes networks' input from pictures, and `network` runs programs behind the trait. A program is recorded once for a number of items; then a pass
//! is one submission and one read-back, and nothing is allocated.
//!
//! Sums have a fixed order, so one adapter gives the same bits again and again; two kinds of adapters agree to rounding.

mod adapters;
mod change;
mod gpu;
mod kernel_cache;
mod network;
mod place;
mod product;
mod profile;
mod program;
mod store;
mod views;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;

use super::{Backend, BackendError, KernelTime, Network};
use crate::net::{Graph, Weights};
pub use adapters::{Adapter, adapters};

/// Which limits to ask a device for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// All that the adapter has.
    #[default]
    Adapter,
    /// WebGPU's defaults (8 storage buffers, 16 KiB of workgroup memory, bindings of 128 MiB), which small GPUs have.
    WebGpu,
}

/// How to open a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WgpuOptions {
    /// The adapter's number or part of its name; `None`: the most capable one.
    pub adapter: Option<String>,
    /// Limits to ask for.
    pub limits: Limits,
    /// Whether to use the kernels meant for adapters that are processors; `None`: as the adapter is.
    pub processor_kernels: Option<bool>,
    /// Whether inference's convolutions are in 16-bit floats: weights take half the memory, and many GPUs multiply twice as
    /// many at once. Logits differ by some thousandths of their range; activations above 65,504 are cut. Training stays in
    /// single precision.
    pub half: bool,
    /// Whether to time every kernel, for [`Backend::profile`]; slower.
    pub profile: bool,
    /// Folder for compiled kernels, where the driver hands them out; `None`: they are compiled in every process.
    pub kernel_cache: Option<PathBuf>,
}

/// Runs networks on a GPU.
#[derive(Clone)]
pub struct WgpuBackend {
    gpu: Arc<gpu::Gpu>,
}

impl WgpuBackend {
    /// Opens a device.
    ///
    /// # Errors
    /// There is no adapter, none of that name, it cannot be opened, or it lacks what an option needs.
    pub fn open(options: &WgpuOptions) -> Result<Self, BackendError> {
        Ok(Self { gpu: Arc::new(gpu::Gpu::open(options)?) })
    }

    /// The adapter in use.
    pub fn adapter(&self) -> &Adapter {
        &self.gpu.adapter
    }
}

impl std::fmt::Debug for WgpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WgpuBackend").field("adapter", self.adapter()).finish_non_exhaustive()
    }
}

impl Backend for WgpuBackend {
    fn name(&self) -> &'static str {
        "wgpu"
    }

    fn describe(&self) -> String {
        let Adapter { name, kind, interface, .. } = self.adapter();
        let half = if self.gpu.infers_in_half { ", inference in 16-bit floats" } else { "" };
        format!("wgpu ({name}, {kind}, {interface}{half})")
    }

    fn arithmetic(&self) -> &'static str {
        if self.gpu.infers_in_half { "half" } else { "single" }
    }

    fn profile(&self) -> Vec<KernelTime> {
        self.gpu.profiler.as_ref().map_or_else(Vec::new, |p| p.times(&self.gpu.device))
    }

    fn renders_views(&self) -> bool {
        true
    }

    fn network(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Network>, BackendError> {
        Ok(Box::new(network::WgpuNetwork::new(Arc::clone(&self.gpu), graph, weights)?))
    }
}
