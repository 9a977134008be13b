//! dfdx's processor.

use std::sync::Arc;

use dfdx::tensor::Cpu;

use super::backend::{DfdxBackend, Identity};
use crate::backend::{ArithmeticChoice, Availability, Backend, BackendEntry, BackendError, BackendSpec};
use crate::simd::Isa;

/// dfdx on the processor, by name.
pub(in crate::backend) const ENTRY: BackendEntry = BackendEntry {
    name: NAME,
    about: "the processor through the library dfdx, to compare with",
    arithmetics: &[ArithmeticChoice::Single],
    has_adapters: false,
    availability: || Availability {
        available: true,
        note: "built in; slower than cpu, and what a CUDA build can be held to".into(),
    },
    open: |spec: &BackendSpec| on_processor(spec.threads, true),
};

const NAME: &str = "dfdx";

/// dfdx on the processor, by so many threads (0: one for each core), with its allocation cache or without it.
///
/// # Errors
/// The system refuses to start threads.
pub fn on_processor(threads: usize, cache: bool) -> Result<Arc<dyn Backend>, BackendError> {
    let backend = DfdxBackend::start("dfdx's processor", cache, move || {
        // dfdx multiplies on the threads of the pool that the calling thread is in.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("affekt-dfdx-{i}"))
            .use_current_thread()
            .build();
        let pool = pool.map_err(|e| BackendError::Unavailable(format!("threads cannot be started: {e}")))?;
        let about = format!("dfdx (processor, {} threads)", pool.current_num_threads());
        let origin = format!("dfdx with {}", Isa::detect().name());
        let identity = Identity { name: NAME, about, origin, adapter: None, memory: None };
        Ok((Cpu::default(), identity))
    })?;
    Ok(Arc::new(backend))
}
