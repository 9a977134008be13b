//! dfdx's NVIDIA GPU.

use std::sync::Arc;

use dfdx::tensor::{Cuda, Tape, Tensor, TensorFromVec as _};
use dfdx::tensor_ops::GatherTo as _;

use super::backend::{DfdxBackend, Identity};
use super::nvidia::{Gpu, chosen, gpus};
use super::rows::{Machine, Outcome, Rows};
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

impl Machine for Cuda {
    type Index = Tensor<(usize,), usize, Cuda>;

    const GATHERS_BESIDE: bool = false;

    fn index(&self, rows: Vec<usize>) -> Outcome<Self::Index, Self> {
        let length = rows.len();
        self.try_tensor_from_vec(rows, (length,))
    }

    fn gather<T: Tape<f32, Self>>(x: Rows<Self, T>, index: Self::Index) -> Outcome<Rows<Self, T>, Self> {
        x.try_gather(index)
    }
}

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
