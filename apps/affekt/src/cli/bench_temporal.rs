//! `affekt bench --model temporal`: how fast this machine runs the temporal encoder or a training step of it.

use std::time::Instant;

use affekt_engine::backend::{Backend, Slot, TrainingPass, UpdateRule};
use affekt_engine::net::{Graph, TemporalSpec, Weights};
use anyhow::anyhow;
use serde::Serialize;

use super::bench::{BenchArgs, BenchMode, Times, noise, peak_mib, timed};
use super::compute::{self, Compute};
use super::say;
use crate::failure::Failure;

#[derive(Debug, Serialize)]
struct Measured {
    mode: BenchMode,
    model: &'static str,
    #[serde(flatten)]
    spec: TemporalSpec,
    batch: usize,
    threads: usize,
    iterations: u32,
    backend: &'static str,
    parameters: usize,
    /// From opening the device to the end of the first pass, kernels compiled on the way.
    ms_first: f64,
    /// Fastest pass.
    ms_min: f64,
    /// Median pass.
    ms_median: f64,
    /// Median pass over clips of the batch.
    ms_per_clip: f64,
    /// Arithmetic of one pass over its fastest time, in 1e9 operations a second; attention itself is not counted.
    gflops: f64,
    /// Highest resident memory of the process so far; null where the system does not tell.
    peak_mib: Option<f64>,
}

/// Runs the command.
///
/// # Errors
/// The mode has no meaning here, or the network fails while running.
pub fn run(args: &BenchArgs, compute: &Compute) -> Result<(), Failure> {
    let spec = TemporalSpec::new(2048, args.classes);
    let graph = spec.graph().map_err(Failure::usage)?;
    let batch = args.batch as usize;
    let begun = Instant::now();
    let backend = compute::open(&compute.profiling(args.profile))?;
    let (times, passes) = match args.mode {
        BenchMode::Infer => (time_infer(&*backend, &graph, batch, args.iterations)?, 1),
        BenchMode::Train => (time_train(&*backend, &graph, batch, args.iterations)?, 3),
        BenchMode::Step | BenchMode::Loader => {
            let problem = anyhow!("--model temporal is measured with --mode infer or --mode train");
            return Err(Failure::usage(problem));
        }
    };
    let (ms_first, ms_min, ms_median) = (times.first_since(begun), times.min(), times.median());
    let operations = 2.0 * graph.multiply_adds() as f64 * batch as f64 * f64::from(passes);
    let measured = Measured {
        mode: args.mode,
        model: "temporal",
        spec,
        batch,
        threads: rayon::current_num_threads(),
        iterations: args.iterations,
        backend: backend.name(),
        parameters: graph.trained_values(),
        ms_first,
        ms_min,
        ms_median,
        ms_per_clip: ms_median / batch as f64,
        gflops: operations / (ms_min * 1e6),
        peak_mib: peak_mib(),
    };
    if args.profile {
        say(&super::bench::kernel_times(&*backend)?)?;
    }
    if args.json {
        return say(&serde_json::to_string(&measured)?);
    }
    let peak = measured.peak_mib.map_or("unknown".into(), |mib| format!("{mib:.0} MiB"));
    say(&format!(
        "{ms_min:.2} ms at best, {ms_median:.2} ms median, {:.2} ms a clip, {:.0} GFLOP/s, first pass after \
         {ms_first:.0} ms, peak memory {peak}",
        measured.ms_per_clip, measured.gflops
    ))
}

/// Random clips with every face present.
fn clips(graph: &Graph, batch: usize) -> Vec<f32> {
    let mut input = noise(graph, batch, 0);
    let channels = graph.input().c;
    input.chunks_exact_mut(channels).for_each(|frame| frame[channels - 1] = 1.0);
    input
}

fn time_infer(backend: &dyn Backend, graph: &Graph, batch: usize, n: u32) -> anyhow::Result<Times> {
    let mut network = backend.inference(graph, &Weights::initial(graph, 1))?;
    let input = clips(graph, batch);
    timed(n, || {
        network.forward(&input, batch)?;
        Ok(())
    })
}

fn time_train(backend: &dyn Backend, graph: &Graph, batch: usize, n: u32) -> anyhow::Result<Times> {
    let mut network = backend.training(graph, &Weights::initial(graph, 1))?;
    let input = clips(graph, batch);
    // Any gradient will do: only the time counts.
    let d_logits = vec![1e-3; batch * graph.output().len()];
    let mut step = 0;
    timed(n, || {
        step += 1;
        network.set_dropout_seed(step);
        network.forward(&input, batch, TrainingPass::Train)?;
        network.backward(&d_logits, Slot::First)?;
        let rule = UpdateRule::AdamW {
            learning_rate: 1e-4,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 1e-2,
            scale: 1.0,
            step,
        };
        network.update(Slot::First, &rule)?;
        Ok(())
    })
}
