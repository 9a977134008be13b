//! The adapters that tests run on. Without any, tests say loudly that they were left out; with `REQUIRE_GPU=1` they fail.

use std::sync::OnceLock;

use affekt_engine::backend::BackendError;
use affekt_engine::backend::wgpu::{Limits, WgpuBackend, WgpuOptions};

/// Both sets of kernels on the most capable adapter, with WebGPU's default limits for the first.
pub fn backends() -> &'static [(&'static str, WgpuBackend)] {
    static BACKENDS: OnceLock<Vec<(&'static str, WgpuBackend)>> = OnceLock::new();
    BACKENDS.get_or_init(|| {
        let open = |limits, processor_kernels| {
            let processor_kernels = Some(processor_kernels);
            WgpuBackend::open(&WgpuOptions { limits, processor_kernels, ..WgpuOptions::default() })
        };
        let opened = [("tiles", open(Limits::WebGpu, false)), ("lanes", open(Limits::Adapter, true))];
        opened.into_iter().filter_map(|(name, backend)| Some((name, available(backend)?))).collect()
    })
}

fn available(backend: Result<WgpuBackend, BackendError>) -> Option<WgpuBackend> {
    match backend {
        Ok(backend) => Some(backend),
        Err(error) => {
            let required = std::env::var_os("REQUIRE_GPU").is_some_and(|v| v == "1");
            assert!(!required, "REQUIRE_GPU=1, but: {error}");
            println!("LEFT OUT: every test of the wgpu backend, because there is no adapter: {error}");
            None
        }
    }
}
