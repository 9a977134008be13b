//! How to open a device.

use std::path::PathBuf;

/// Which limits to ask a device for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// All that the adapter has.
    #[default]
    Adapter,
    /// WebGPU's defaults (8 storage buffers, 16 KiB of workgroup memory, bindings of 128 MiB), which small GPUs have.
    WebGpu,
    /// The adapter's, but no more than so many bytes.
    Capped {
        /// Of a binding.
        binding: u64,
        /// Of a buffer.
        buffer: u64,
    },
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
    /// Whether to time every kernel, for [`BackendInfo::profile`](crate::backend::BackendInfo::profile); slower.
    pub profile: bool,
    /// Folder for compiled kernels, where the driver hands them out; `None`: they are compiled in every process.
    pub kernel_cache: Option<PathBuf>,
}
