//! `--threads`, `--backend`, `--adapter` and `--arithmetic`: what computes. What the names mean is the engine's business.

use std::ffi::OsStr;
use std::sync::Arc;

use affekt_engine::backend::{self, ArithmeticChoice, Backend, BackendSpec};
use affekt_engine::world::config::ComputeConfig;
use anyhow::{Context as _, anyhow};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args, Command, ValueEnum};

use crate::failure::Failure;

/// What computes: the last options of every command that computes, and of no other.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Computing")]
pub struct Compute {
    /// Threads for computing; results do not depend on it. Default: one per core.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// What computes networks: the processor, a GPU through wgpu, or a GPU where there is one that is not a processor
    /// [default: cpu; of a run that goes on, what computed it]. NAME:ADAPTER, as wgpu:1, is short for it and --adapter.
    #[arg(long, value_name = "NAME", value_parser = BackendParser)]
    backend: Option<Wanted>,
    /// GPU to use, by its number in `affekt doctor` or part of its name. Default: the most capable one.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// How networks infer; training is always in single precision. Default: on the processor fixed for reading pictures and
    /// video, else single.
    #[arg(long, value_enum)]
    arithmetic: Option<ArithmeticArg>,
}

/// A choice of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ArithmeticArg {
    /// Single precision.
    Single,
    /// 16-bit fixed point where the processor gains from it: probabilities differ by less than a thousandth.
    Fixed,
    /// 16-bit floats, on a GPU that has them: logits differ by some thousandths of their range.
    Half,
}

impl From<ArithmeticArg> for ArithmeticChoice {
    fn from(choice: ArithmeticArg) -> Self {
        match choice {
            ArithmeticArg::Single => Self::Single,
            ArithmeticArg::Fixed => Self::Fixed,
            ArithmeticArg::Half => Self::Half,
        }
    }
}

/// The backends there are, and unlisted those that are not built in: the engine's error says how to build them in.
fn backend_names() -> PossibleValuesParser {
    let there = backend::names().into_iter().map(PossibleValue::new);
    let left_out = backend::left_out().into_iter().map(|(name, _)| PossibleValue::new(name).hide(true));
    PossibleValuesParser::new(there.chain(left_out))
}

/// A backend by name, and its adapter where one was named with it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    adapter: Option<String>,
}

/// Reads `cpu`, `wgpu`, `cuda:1`.
#[derive(Debug, Clone, Copy)]
struct BackendParser;

impl TypedValueParser for BackendParser {
    type Value = Wanted;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Wanted, clap::Error> {
        let text = value.to_string_lossy();
        let (name, adapter) = match text.split_once(':') {
            Some((name, adapter)) if !adapter.is_empty() => (name, Some(adapter.to_owned())),
            _ => (&*text, None),
        };
        let name = backend_names().parse_ref(command, arg, OsStr::new(name))?;
        Ok(Wanted { name, adapter })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = backend_names();
        let values: Vec<PossibleValue> = names.possible_values()?.collect();
        Some(Box::new(values.into_iter()))
    }
}

impl Compute {
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

    /// What was asked for, the processor where nothing was.
    pub fn spec(&self) -> BackendSpec {
        self.over(BackendSpec::default())
    }

    /// What was asked for, in fixed point where nothing was: for reading pictures and video, where speed counts more than
    /// the last digits.
    pub fn reading(&self) -> BackendSpec {
        self.over(BackendSpec { reading: true, ..BackendSpec::default() })
    }

    /// What was asked for, timing every kernel where `profile` says so.
    pub fn profiling(&self, profile: bool) -> BackendSpec {
        BackendSpec { profile, ..self.spec() }
    }

    /// What was asked for over what a run's settings say.
    pub fn over_config(&self, config: &ComputeConfig) -> BackendSpec {
        self.over(config.spec())
    }

    fn over(&self, spec: BackendSpec) -> BackendSpec {
        // Another backend has adapters and arithmetic of its own.
        let spec = match &self.backend {
            Some(wanted) if wanted.name != spec.name => {
                BackendSpec { name: wanted.name.clone(), adapter: None, arithmetic: None, ..spec }
            }
            _ => spec,
        };
        let beside = self.backend.as_ref().and_then(|wanted| wanted.adapter.clone());
        BackendSpec {
            adapter: self.adapter.clone().or(beside).or(spec.adapter),
            arithmetic: self.arithmetic.map(Into::into).or(spec.arithmetic),
            threads: self.threads.unwrap_or(spec.threads),
            ..spec
        }
    }

    /// Half the processor's threads, for each of two runs side by side: small networks fill two threads better that way
    /// than by sharing every layer. `None` where that cannot be: one thread, or a GPU.
    pub fn halved(&self) -> Option<Self> {
        let threads =
            self.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
        let splits = self.spec().name == "cpu" && threads > 1;
        splits.then(|| Self { threads: Some(threads / 2), ..self.clone() })
    }

    /// Opens the backend that was asked for.
    ///
    /// # Errors
    /// There is no such adapter, it cannot be opened, or threads cannot be started.
    pub fn open(&self) -> Result<Arc<dyn Backend>, Failure> {
        open(&self.spec())
    }
}

/// Opens a backend.
///
/// # Errors
/// As [`backend::open`].
pub fn open(spec: &BackendSpec) -> Result<Arc<dyn Backend>, Failure> {
    backend::open(spec).map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_in_fixed_point_unless_told_otherwise() {
        let opened = |spec: &BackendSpec| open(spec).map(|backend| backend.arithmetic()).ok();
        // Where the processor gains nothing from fixed point there is none.
        let fixed = BackendSpec { arithmetic: Some(ArithmeticChoice::Fixed), ..BackendSpec::default() };
        let compute = Compute::default();
        assert_eq!(opened(&compute.reading()), opened(&fixed));
        assert_eq!(opened(&compute.spec()), Some("single"));
        let told = Compute { arithmetic: Some(ArithmeticArg::Single), ..compute };
        assert_eq!(opened(&told.reading()), Some("single"));
    }

    fn plain(name: &str) -> Wanted {
        Wanted { name: name.into(), adapter: None }
    }

    #[test]
    fn an_arithmetic_of_another_backend_is_a_mistake() {
        let with = |backend: &str, arithmetic| {
            let backend = Some(plain(backend));
            Compute { backend, arithmetic: Some(arithmetic), ..Compute::default() }
        };
        for compute in [with("wgpu", ArithmeticArg::Fixed), with("cpu", ArithmeticArg::Half)] {
            assert!(matches!(compute.open(), Err(Failure::Usage(_))));
        }
    }

    #[test]
    fn a_backend_that_is_not_built_in_is_asked_for_and_answered_with_its_feature() {
        for (name, _) in backend::left_out() {
            let error = Compute { backend: Some(plain(name)), ..Compute::default() }.open().err();
            let Some(Failure::Usage(error)) = error else { panic!("{name} is not here") };
            assert!(error.to_string().contains(&format!("--features {name}")), "{error}");
        }
    }

    #[test]
    fn flags_win_over_what_a_run_says_and_another_backend_forgets_its_details() {
        let run = ComputeConfig {
            backend: "wgpu".into(),
            adapter: Some("some GPU".into()),
            arithmetic: Some(ArithmeticChoice::Half),
        };
        let spec = Compute::default().over_config(&run);
        assert_eq!((spec.name.as_str(), spec.adapter.as_deref()), ("wgpu", Some("some GPU")));
        let spec = Compute { backend: Some(plain("cpu")), ..Compute::default() }.over_config(&run);
        assert_eq!((spec.name.as_str(), spec.adapter, spec.arithmetic), ("cpu", None, None));
    }

    #[test]
    fn an_adapter_may_stand_behind_the_backends_name() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            compute: Compute,
        }
        let spec = |words: &[&str]| {
            let line = <Line as clap::Parser>::try_parse_from(["affekt"].iter().chain(words));
            line.map(|line| line.compute.spec()).map_err(|e| e.to_string())
        };
        let named = |words: &[&str]| spec(words).map(|spec| (spec.name, spec.adapter));
        let of = |name: &str, adapter: &str| Ok((name.to_owned(), Some(adapter.to_owned())));
        assert_eq!(named(&["--backend", "wgpu:llvmpipe"]), of("wgpu", "llvmpipe"));
        assert_eq!(named(&["--backend", "cuda:1"]), of("cuda", "1"));
        assert_eq!(named(&["--backend", "auto:0"]), of("auto", "0"));
        assert_eq!(named(&["--backend", "cpu"]), Ok(("cpu".into(), None)));
        for wrong in ["gpu:1", "wgpu:", ":1"] {
            let error = spec(&["--backend", wrong]).expect_err(wrong);
            assert!(error.contains("possible values: cpu"), "{error}");
        }
    }

    #[test]
    fn only_the_processors_threads_are_halved() {
        let with = |threads, backend: &str| {
            let backend = Some(plain(backend));
            Compute { threads: Some(threads), backend, ..Compute::default() }
        };
        let half = |compute: Compute| compute.halved().and_then(|half| half.threads);
        assert_eq!(half(with(5, "cpu")), Some(2));
        assert_eq!(half(with(1, "cpu")), None);
        assert_eq!(half(with(4, "wgpu")), None);
        assert_eq!(half(with(4, "auto")), None);
    }
}
