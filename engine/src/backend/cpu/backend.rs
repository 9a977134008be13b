//! The processor as a backend.

use std::sync::Arc;

use super::fixed::Arithmetic;
use super::network::{CpuInference, CpuTraining, Machine};
use super::threads::Threads;
use crate::backend::{
    ArithmeticChoice, Availability, Backend, BackendEntry, BackendError, BackendInfo, BackendSpec, Device,
};
use crate::net::{Graph, Weights};
use crate::simd::Isa;

/// The processor, by name.
pub(in crate::backend) const ENTRY: BackendEntry = BackendEntry {
    name: NAME,
    about: "the processor, with whatever vector instructions it has",
    arithmetics: &[ArithmeticChoice::Single, ArithmeticChoice::Fixed],
    has_adapters: false,
    availability: || Availability { available: true, note: "always there, the reference".into() },
    open,
};

const NAME: &str = "cpu";

/// The instruction set to use where nobody gives one.
fn set() -> Result<Isa, BackendError> {
    Isa::from_environment().map_err(BackendError::Spec)
}

fn open(spec: &BackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    let fixed = match spec.arithmetic {
        Some(choice) => choice == ArithmeticChoice::Fixed,
        None => spec.reading,
    };
    let arithmetic = if fixed { Arithmetic::Fixed } else { Arithmetic::Single };
    Ok(Arc::new(CpuBackend::with(spec.threads, set()?)?.with_arithmetic(arithmetic)))
}

/// Runs networks on the processor, with whatever vector instructions it has.
#[derive(Debug, Clone)]
pub struct CpuBackend {
    isa: Isa,
    arithmetic: Arithmetic,
    threads: Threads,
}

impl CpuBackend {
    /// All cores, the widest instruction set, or the one that the environment's `AFFEKT_ISA` names.
    ///
    /// # Errors
    /// The processor has no such set, or the system refuses to start threads.
    pub fn new() -> Result<Self, BackendError> {
        Self::with(0, set()?)
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
        Ok(Self { isa, arithmetic: Arithmetic::Single, threads: Threads::new(threads)? })
    }

    /// The same, with another arithmetic for inference; training always computes in single precision, and so does a
    /// processor that gains nothing from [`Arithmetic::Fixed`].
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        let arithmetic = if self.isa.gains_from_pairs() { arithmetic } else { Arithmetic::Single };
        Self { arithmetic, ..self }
    }

    fn machine(&self) -> Machine {
        Machine { isa: self.isa, arithmetic: self.arithmetic, threads: self.threads.clone() }
    }
}

impl BackendInfo for CpuBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> String {
        let arithmetic = match self.arithmetic {
            Arithmetic::Single => "",
            Arithmetic::Fixed => ", inference in 16-bit fixed point",
        };
        format!("cpu ({}, {} threads{arithmetic})", self.isa.name(), self.threads.count())
    }

    fn origin(&self) -> String {
        format!("cpu with {}", self.isa.name())
    }

    fn arithmetic(&self) -> &'static str {
        match self.arithmetic {
            Arithmetic::Single => "single",
            Arithmetic::Fixed => "fixed",
        }
    }

    fn is_processor(&self) -> bool {
        true
    }
}

impl Device for CpuBackend {
    type Inference = CpuInference;
    type Training = CpuTraining;

    fn place_inference(&self, graph: &Graph, weights: &Weights) -> Result<CpuInference, BackendError> {
        CpuInference::new(self.machine(), graph, weights)
    }

    fn place_training(&self, graph: &Graph, weights: &Weights) -> Result<CpuTraining, BackendError> {
        CpuTraining::new(self.machine(), graph, weights)
    }
}
