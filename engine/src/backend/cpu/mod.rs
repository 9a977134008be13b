//! The CPU backend: always built, and the reference that other backends are held to.
//!
//! `conv` turns convolutions and linear layers into the gathered products of `matmul`; `weight_grad`, `norm`, `pool`,
//! `layer_norm`, `attention`, `epilogue` and `columns` are the other kernels; `fixed` is how inference does the products
//! in integers; `store` keeps parameters packed as the kernels read them; `network` walks the plan. Results are
//! bit-identical for any number of threads.

#![expect(
    clippy::inline_always,
    reason = "a kernel must be compiled inside the function that enables its instruction set"
)]

mod adamw;
mod attention;
mod buffer;
mod call;
mod columns;
mod conv;
mod epilogue;
mod fixed;
#[cfg(test)]
mod fixed_tests;
#[cfg(test)]
mod guard_tests;
mod layer;
mod layer_norm;
mod maths;
mod matmul;
mod network;
mod norm;
mod pool;
mod small;
mod store;
mod weight_grad;
mod winograd;

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Backend, BackendError, Network};
use crate::net::{Graph, Weights};
pub use crate::simd::Isa;
pub use fixed::Arithmetic;

/// Runs networks on the processor, with whatever vector instructions it has.
#[derive(Debug, Clone)]
pub struct CpuBackend {
    isa: Isa,
    arithmetic: Arithmetic,
    pool: Arc<ThreadPool>,
}

impl CpuBackend {
    /// All cores, the widest instruction set.
    ///
    /// # Errors
    /// The system refuses to start threads.
    pub fn new() -> Result<Self, BackendError> {
        Self::with(0, Isa::detect())
    }

    /// `threads` threads (0: one for each core) and a given instruction set, which must be one of
    /// [`Isa::available`].
    ///
    /// # Errors
    /// The set is not available here, or the system refuses to start threads.
    pub fn with(threads: usize, isa: Isa) -> Result<Self, BackendError> {
        if !Isa::available().contains(&isa) {
            return Err(BackendError::Unavailable(format!("this processor has no {}", isa.name())));
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("affekt-cpu-{i}"))
            .build()
            .map_err(|e| BackendError::Unavailable(format!("threads cannot be started: {e}")))?;
        Ok(Self { isa, arithmetic: Arithmetic::Single, pool: Arc::new(pool) })
    }

    /// The same, with another arithmetic for inference; training always computes in single precision, and so does a
    /// processor that gains nothing from [`Arithmetic::Fixed`].
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        let arithmetic = if self.isa.gains_from_pairs() { arithmetic } else { Arithmetic::Single };
        Self { arithmetic, ..self }
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn describe(&self) -> String {
        let arithmetic = match self.arithmetic {
            Arithmetic::Single => "",
            Arithmetic::Fixed => ", inference in 16-bit fixed point",
        };
        format!("cpu ({}, {} threads{arithmetic})", self.isa.name(), self.pool.current_num_threads())
    }

    fn arithmetic(&self) -> &'static str {
        match self.arithmetic {
            Arithmetic::Single => "single",
            Arithmetic::Fixed => "fixed",
        }
    }

    fn network(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Network>, BackendError> {
        Ok(Box::new(network::CpuNetwork::new(
            (self.isa, self.arithmetic),
            Arc::clone(&self.pool),
            graph,
            weights,
        )?))
    }
}
