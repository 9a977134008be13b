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

/// One set of kernels on the same adapter, with bindings and buffers of so many bytes at the most; `None` where there is no adapter.
///
/// # Panics
/// There is one, and it does not open.
pub fn limited(kernels: &str, binding: u64, buffer: u64) -> Option<WgpuBackend> {
    backends().first()?;
    let options = WgpuOptions {
        limits: Limits::Capped { binding, buffer },
        processor_kernels: Some(kernels == "lanes"),
        ..WgpuOptions::default()
    };
    Some(WgpuBackend::open(&options).expect("the adapter that is there"))
}

/// Inference in 16-bit floats on the same adapter; `None`, saying so, where it has none.
pub fn half() -> Option<&'static WgpuBackend> {
    static HALF: OnceLock<Option<WgpuBackend>> = OnceLock::new();
    let open = || {
        let (_, any) = backends().first()?;
        if !any.chosen_adapter().features.contains(&"f16") {
            println!(
                "LEFT OUT: inference in 16-bit floats, which `{}` does not have",
                any.chosen_adapter().name
            );
            return None;
        }
        available(WgpuBackend::open(&WgpuOptions { half: true, ..WgpuOptions::default() }))
    };
    HALF.get_or_init(open).as_ref()
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
