//! What every measurement of `affekt bench` shares: passes that are timed, and what they say of a machine.

use std::time::Instant;

use affekt_engine::backend::{Backend, BackendError, BackendSpec, KernelTime, MemoryNeed, Training, sliced};
use affekt_engine::files::read_of_system;
use affekt_engine::net::{Graph, Weights};
use affekt_engine::random::{Address, Purpose};
use anyhow::anyhow;
use serde::Serialize;

use super::compute;
use super::say;
use crate::failure::Failure;

/// What is measured.
pub struct Work<'a> {
    pub graph: &'a Graph,
    /// Samples a pass.
    pub batch: usize,
    /// Samples of a slice of it at the most, where it is cut to be learned from.
    pub micro_batch: Option<usize>,
    /// Measured passes, after one or two that are not.
    pub iterations: u32,
    /// What they take of a backend's memory.
    pub need: &'a dyn Fn(&dyn Backend) -> Result<MemoryNeed, BackendError>,
}

impl Work<'_> {
    /// A network that learns, from slices where that is wanted.
    ///
    /// # Errors
    /// The device has no room for it, or it cannot be cut.
    pub fn learner(&self, backend: &dyn Backend) -> Result<Box<dyn Training>, BackendError> {
        let network = backend.training(self.graph, &Weights::initial(self.graph, 1))?;
        match self.micro_batch {
            Some(most) => sliced(network, most),
            None => Ok(network),
        }
    }

    /// As how many forward passes over a batch it counts to learn from so many: a backward pass is two, and slices go forward twice.
    pub fn forwards(&self, batches: u32) -> u32 {
        let is_cut = self.micro_batch.is_some_and(|most| most < self.batch * batches as usize);
        batches * (3 + u32::from(is_cut))
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Speed {
    threads: usize,
    iterations: u32,
    backend: &'static str,
    parameters: usize,
    /// From opening the device to the end of the first pass, kernels compiled on the way.
    ms_first: f64,
    /// Fastest pass.
    ms_min: f64,
    /// Median pass.
    pub ms_median: f64,
    /// Arithmetic of one pass over its fastest time, in 1e9 operations a second; attention itself is not counted.
    gflops: f64,
    /// What it was known to need of memory beforehand, kernels' own buffers left out.
    need_mib: f64,
    /// Highest resident memory of the process so far; null where the system does not tell.
    peak_mib: Option<f64>,
}

impl Speed {
    /// In words; a `unit` is one sample of the batch.
    pub fn line(&self, unit: &str, batch: usize) -> String {
        let peak = self.peak_mib.map_or("unknown".into(), |mib| format!("{mib:.0} MiB"));
        format!(
            "{:.2} ms at best, {:.2} ms median, {:.2} ms per {unit}, {:.0} GFLOP/s, first pass after {:.0} ms, peak memory \
             {peak}",
            self.ms_min,
            self.ms_median,
            self.ms_median / batch as f64,
            self.gflops,
            self.ms_first
        )
    }
}

/// Opens the device and measures `time`, one pass of which is as much arithmetic as `forwards` forward passes. Prints the time by
/// kernel where that is asked for.
///
/// # Errors
/// The device cannot be opened, the network fails, or a profile is asked of a device that has none.
pub fn measure(
    work: &Work,
    device: &BackendSpec,
    forwards: u32,
    time: impl FnOnce(&dyn Backend) -> anyhow::Result<Times>,
) -> Result<Speed, Failure> {
    let begun = Instant::now();
    let backend = compute::open(device)?;
    let smaller = "make --batch, --size or --width smaller";
    let need = (work.need)(&*backend).map_err(Failure::usage)?;
    need.check(&*backend, smaller).map_err(Failure::usage)?;
    let times = time(&*backend)?;
    if device.profile {
        say(&kernel_times(&*backend)?)?;
    }
    let operations = 2.0 * work.graph.multiply_adds() as f64 * work.batch as f64 * f64::from(forwards);
    let ms_min = times.passes[0];
    Ok(Speed {
        threads: rayon::current_num_threads(),
        iterations: work.iterations,
        backend: backend.name(),
        parameters: work.graph.trained_values(),
        ms_first: times.first.duration_since(begun).as_secs_f64() * 1e3,
        ms_min,
        ms_median: times.passes[times.passes.len() / 2],
        gflops: operations / (ms_min * 1e6),
        need_mib: need.total() as f64 / f64::from(1 << 20),
        peak_mib: peak_mib(),
    })
}

/// What passes took.
pub struct Times {
    /// When the first one ended.
    first: Instant,
    /// Milliseconds of each, sorted; the first passes, in which memory is claimed, are not counted.
    passes: Vec<f64>,
}

/// Times passes, at least one.
pub fn timed(iterations: u32, mut pass: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Times> {
    pass()?;
    let first = Instant::now();
    if iterations > 1 {
        pass()?;
    }
    let mut passes = Vec::with_capacity(iterations as usize);
    for _ in 0..iterations {
        let start = Instant::now();
        pass()?;
        passes.push(start.elapsed().as_secs_f64() * 1e3);
    }
    passes.sort_by(f64::total_cmp);
    Ok(Times { first, passes })
}

/// Times forward passes with running statistics.
pub fn time_infer(backend: &dyn Backend, work: &Work, input: &[f32]) -> anyhow::Result<Times> {
    let mut network = backend.inference(work.graph, &Weights::initial(work.graph, 1))?;
    timed(work.iterations, || {
        network.forward(input, work.batch)?;
        Ok(())
    })
}

/// Random input, the same in every run.
pub fn noise(graph: &Graph, batch: usize, item: u64) -> Vec<f32> {
    let mut rng = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item }.rng();
    (0..batch * graph.input().len()).map(|_| rng.between(-2.0, 2.0)).collect()
}

/// Time by kernel, a line each.
fn kernel_times(backend: &dyn Backend) -> Result<String, Failure> {
    let times = backend.profile();
    if times.is_empty() {
        return Err(Failure::usage(anyhow!("--profile times the kernels of a GPU; add --backend wgpu")));
    }
    let total: f64 = times.iter().map(|t| t.ms).sum();
    let line = |t: &KernelTime| {
        format!("{:>6.1} %{:>12.2} ms{:>8} calls  {}", 100.0 * t.ms / total, t.ms, t.calls, t.kernel)
    };
    Ok(times.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Highest resident memory of this process in MiB.
pub fn peak_mib() -> Option<f64> {
    let text = read_of_system("/proc/self/status")?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}
