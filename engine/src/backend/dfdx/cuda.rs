//! dfdx's NVIDIA GPU.

use std::sync::Arc;

use dfdx::tensor::Cuda;

use super::backend::{DfdxBackend, Identity};
use super::nvidia::{Gpu, chosen, gpus};
use crate::backend::{ArithmeticChoice, Availability, Backend, BackendEntry, BackendError, BackendSpec};

/// dfdx on an NVIDIA GPU, by name.
pub(in crate::backend) const ENTRY: BackendEntry = BackendEntry {
    name: NAME,
    about: "an NVIDIA GPU with CUDA, through the library dfdx",
    arithmetics: &[ArithmeticChoice::Single],
    has_adapters: true,
    availability,
    open,
};

const NAME: &str = "cuda";

fn availability() -> Availability {
    let described = |gpu: &Gpu| {
        let Gpu { index, name, driver, capability, .. } = gpu;
        format!("{index} {name} (capability {capability}, driver {driver})")
    };
    match gpus().as_slice() {
        [] => Availability { available: false, note: "built in, but `nvidia-smi` lists no GPU".into() },
        gpus => {
            let listed: Vec<String> = gpus.iter().map(described).collect();
            Availability { available: true, note: format!("built in; {}", listed.join(", ")) }
        }
    }
}

fn open(spec: &BackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    let Gpu { index, name, driver, capability, free } =
        chosen(&gpus(), spec.adapter.as_deref()).map_err(BackendError::Unavailable)?;
    let label = format!("GPU `{name}`");
    let device = label.clone();
    let backend = DfdxBackend::start(&label, true, move || {
        let cuda = Cuda::try_build(index, 0).map_err(|error| BackendError::Device {
            device,
            message: format!(
                "cannot be opened (driver {driver}): {error}; docs/cuda.md lists what may be wrong"
            ),
        })?;
        let identity = Identity {
            name: NAME,
            about: format!("cuda ({index} {name}, capability {capability})"),
            origin: format!("cuda on {name}"),
            adapter: Some(name),
            memory: Some(free),
        };
        Ok((cuda, identity))
    })?;
    Ok(Arc::new(backend))
}
