//! Adapters as a backend.

use std::sync::{Arc, Mutex};

use super::adapters::{Adapter, adapters};
use super::gpu::Gpu;
use super::network::{WgpuInference, WgpuTraining};
use super::options::WgpuOptions;
use super::view_store::ViewStore;
use crate::backend::{
    ArithmeticChoice, Availability, Backend, BackendEntry, BackendError, BackendInfo, BackendSpec, Device,
    KernelTime, memory_there,
};
use crate::files::user_cache_folder;
use crate::net::{Graph, Plan, PlanPurpose, Weights};

/// Adapters, by name.
pub(in crate::backend) const ENTRY: BackendEntry = BackendEntry {
    name: NAME,
    about: "a GPU with Vulkan, Metal or Direct3D 12",
    arithmetics: &[ArithmeticChoice::Single, ArithmeticChoice::Half],
    has_adapters: true,
    availability,
    open,
};

const NAME: &str = "wgpu";

fn availability() -> Availability {
    let note = match adapters().len() {
        0 => {
            let note = "no Vulkan, Metal or Direct3D 12 adapter was found".to_owned();
            return Availability { available: false, note };
        }
        n => format!("{n} adapter{}, used with --backend wgpu or auto", if n == 1 { "" } else { "s" }),
    };
    Availability { available: true, note }
}

fn open(spec: &BackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    Ok(Arc::new(WgpuBackend::open(&WgpuOptions {
        adapter: spec.adapter.clone(),
        half: spec.arithmetic == Some(ArithmeticChoice::Half),
        profile: spec.profile,
        kernel_cache: user_cache_folder(),
        ..WgpuOptions::default()
    })?))
}

/// Runs networks on a GPU.
#[derive(Clone)]
pub struct WgpuBackend {
    gpu: Arc<Gpu>,
    /// Pictures and views, shared by all networks.
    views: Arc<Mutex<ViewStore>>,
}

impl WgpuBackend {
    /// Opens a device.
    ///
    /// # Errors
    /// There is no adapter, none of that name, it cannot be opened, or it lacks what an option needs.
    pub fn open(options: &WgpuOptions) -> Result<Self, BackendError> {
        Ok(Self { gpu: Arc::new(Gpu::open(options)?), views: Arc::default() })
    }

    /// The adapter in use.
    pub fn chosen_adapter(&self) -> &Adapter {
        &self.gpu.adapter
    }
}

impl std::fmt::Debug for WgpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WgpuBackend").field("adapter", self.chosen_adapter()).finish_non_exhaustive()
    }
}

impl BackendInfo for WgpuBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> String {
        let Adapter { name, kind, interface, .. } = self.chosen_adapter();
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

    fn adapter(&self) -> Option<String> {
        Some(self.gpu.adapter.name.clone())
    }

    fn activations(&self, graph: &Graph, purpose: PlanPurpose, items: usize) -> Result<u64, BackendError> {
        let room = self.gpu.room();
        let plan = Plan::new(graph, purpose)?;
        room.activations(&plan, purpose, items).map_err(|message| self.gpu.error(message))
    }

    fn memory(&self) -> Option<u64> {
        match self.gpu.adapter.kind {
            "processor" => memory_there(),
            // It takes from the machine's, beyond what its driver calls its own.
            "integrated GPU" => None,
            _ => self.gpu.memory,
        }
    }

    fn is_processor(&self) -> bool {
        self.gpu.adapter.is_processor()
    }
}

impl Device for WgpuBackend {
    type Inference = WgpuInference;
    type Training = WgpuTraining;

    fn place_inference(&self, graph: &Graph, weights: &Weights) -> Result<WgpuInference, BackendError> {
        WgpuInference::new((Arc::clone(&self.gpu), Arc::clone(&self.views)), graph, weights)
    }

    fn place_training(&self, graph: &Graph, weights: &Weights) -> Result<WgpuTraining, BackendError> {
        WgpuTraining::new((Arc::clone(&self.gpu), Arc::clone(&self.views)), graph, weights)
    }
}
