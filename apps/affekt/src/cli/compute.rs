//! `--threads`, `--backend` and `--adapter`: what computes.

use std::sync::Arc;

use affekt_engine::backend::{self, Backend, BackendSpec};
use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};

use crate::failure::Failure;

/// Tells Mesa's Vulkan layer that chooses among adapters to stay out, where there is no desktop: it would complain on
/// standard error about every look for one. Called before any thread starts.
#[expect(clippy::disallowed_methods, reason = "no thread runs yet that could read the environment")]
pub fn quiet_drivers() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() && std::env::var_os("NODEVICE_SELECT").is_none() {
        // SAFETY: nothing else runs yet that could read the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// What computes.
#[derive(Debug, Clone, Default, Args)]
pub struct Compute {
    /// Threads for computing; results do not depend on it. Default: one per core.
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// What computes networks: the processor, a GPU through wgpu, or a GPU where there is one that is not a processor.
    #[arg(long, global = true, value_enum, default_value_t = BackendChoice::Cpu)]
    backend: BackendChoice,
    /// GPU to use, by its number in `affekt doctor` or part of its name. Default: the most capable one.
    #[arg(long, global = true, value_name = "NAME")]
    adapter: Option<String>,
    /// How networks infer; training is always in single precision. Default: on the processor fixed for reading pictures and
    /// video, else single.
    #[arg(long, global = true, value_enum)]
    arithmetic: Option<ArithmeticChoice>,
    /// Without `arithmetic`, infer in fixed point.
    #[arg(skip)]
    fixed_by_default: bool,
    /// Time every kernel; only `bench` asks for it.
    #[arg(skip)]
    profile: bool,
}

/// A choice of backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum BackendChoice {
    #[default]
    Cpu,
    Wgpu,
    Auto,
}

/// A choice of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ArithmeticChoice {
    /// Single precision.
    Single,
    /// 16-bit fixed point where the processor gains from it: probabilities differ by less than a thousandth.
    Fixed,
    /// 16-bit floats, on a GPU that has them: logits differ by some thousandths of their range.
    Half,
}

impl From<ArithmeticChoice> for backend::ArithmeticChoice {
    fn from(choice: ArithmeticChoice) -> Self {
        match choice {
            ArithmeticChoice::Single => Self::Single,
            ArithmeticChoice::Fixed => Self::Fixed,
            ArithmeticChoice::Half => Self::Half,
        }
    }
}

impl Compute {
    /// The same for reading pictures and video, where speed counts more than the last digits.
    pub fn for_reading(&self) -> Self {
        Self { fixed_by_default: true, ..self.clone() }
    }

    /// Sets the number of threads of everything that is not a backend's.
    ///
    /// # Errors
    /// It is 0, or the system refuses to start threads.
    pub fn set_threads(&self) -> Result<(), Failure> {
        let Some(threads) = self.threads else { return Ok(()) };
        if threads == 0 {
            return Err(Failure::usage(anyhow!("--threads is 0, but must be at least 1")));
        }
        Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().context("--threads")?)
    }

    /// The same, timing every kernel where `profile` says so.
    pub fn profiling(&self, profile: bool) -> Self {
        Self { profile, ..self.clone() }
    }

    /// Half the processor's threads, for each of two runs side by side: small networks fill two threads better that way
    /// than by sharing every layer. `None` where that cannot be: one thread, or a GPU.
    pub fn halved(&self) -> Option<Self> {
        let threads =
            self.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
        let splits = self.backend == BackendChoice::Cpu && threads > 1;
        splits.then(|| Self { threads: Some(threads / 2), ..self.clone() })
    }

    fn spec(&self) -> BackendSpec {
        let name = match self.backend {
            BackendChoice::Cpu => "cpu",
            BackendChoice::Wgpu => "wgpu",
            BackendChoice::Auto => backend::AUTO,
        };
        BackendSpec {
            name: name.into(),
            adapter: self.adapter.clone(),
            arithmetic: self.arithmetic.map(Into::into),
            threads: self.threads.unwrap_or(0),
            profile: self.profile,
            reading: self.fixed_by_default,
        }
    }

    /// Opens the backend that was asked for.
    ///
    /// # Errors
    /// There is no such adapter, it cannot be opened, or threads cannot be started.
    pub fn open(&self) -> Result<Arc<dyn Backend>, Failure> {
        backend::open(&self.spec()).map_err(Failure::usage)
    }
}

#[cfg(test)]
mod tests {
    use affekt_engine::backend::BackendInfo as _;
    use affekt_engine::backend::cpu::{Arithmetic, CpuBackend};

    use super::*;

    #[test]
    fn reading_is_in_fixed_point_unless_told_otherwise() {
        let opened = |compute: Compute| compute.open().map(|backend| backend.arithmetic()).ok();
        // Where the processor gains nothing from fixed point there is none.
        let fixed = CpuBackend::new().unwrap().with_arithmetic(Arithmetic::Fixed);
        let fixed = fixed.arithmetic();
        let compute = Compute::default();
        assert_eq!(opened(compute.for_reading()), Some(fixed));
        assert_eq!(opened(compute.clone()), Some("single"));
        let told = Compute { arithmetic: Some(ArithmeticChoice::Single), ..compute };
        assert_eq!(opened(told.for_reading()), Some("single"));
        // Without a GPU the processor stands in, with a fast form of its own.
        let auto = Compute { backend: BackendChoice::Auto, ..Compute::default() };
        let auto = Compute { arithmetic: Some(ArithmeticChoice::Half), ..auto };
        assert!([Some("half"), Some(fixed)].contains(&opened(auto)));
    }

    #[test]
    fn an_arithmetic_of_another_backend_is_a_mistake() {
        let with =
            |backend, arithmetic| Compute { backend, arithmetic: Some(arithmetic), ..Compute::default() };
        for compute in [
            with(BackendChoice::Wgpu, ArithmeticChoice::Fixed),
            with(BackendChoice::Cpu, ArithmeticChoice::Half),
        ] {
            assert!(matches!(compute.open(), Err(Failure::Usage(_))));
        }
    }

    #[test]
    fn only_the_processors_threads_are_halved() {
        let with = |threads, backend| Compute { threads: Some(threads), backend, ..Compute::default() };
        let half = |compute: Compute| compute.halved().and_then(|half| half.threads);
        assert_eq!(half(with(5, BackendChoice::Cpu)), Some(2));
        assert_eq!(half(with(1, BackendChoice::Cpu)), None);
        assert_eq!(half(with(4, BackendChoice::Wgpu)), None);
        assert_eq!(half(with(4, BackendChoice::Auto)), None);
    }
}
