//! `affekt bench`: how fast this machine runs a network, a training step or the loader.

use std::path::PathBuf;
use std::time::Instant;

use affekt_engine::backend::{Backend, KernelTime, Slot, TrainingPass, UpdateRule};
use affekt_engine::learn::{Feedback, SemiSupervised, Settings, TrainBatch};
use affekt_engine::net::{Depth, Graph, ResNetSpec, Stem, Weights};
use affekt_engine::random::{Address, Purpose};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::compute::{self, Compute};
use super::say;
use super::values::StemArg;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  affekt bench --model resnet50 --size 224 --batch 8 --mode infer --json
  affekt bench --model resnet18 --size 64 --batch 32 --mode step --stem no_pool
  affekt bench --model temporal --batch 32 --mode train --json
  affekt bench --mode loader --data ferplus:faces/ferplus.tar#Train --size 48";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BenchMode {
    /// Forward pass with running statistics.
    Infer,
    /// Forward, backward and update of one network.
    Train,
    /// The whole teacher/student step with exact feedback, as many unlabelled as labelled pictures.
    Step,
    /// Reading, decoding and strong augmentation of a dataset, on one core.
    Loader,
}

/// Which network is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
enum BenchModel {
    ResNet18,
    ResNet34,
    ResNet50,
    /// The temporal encoder.
    Temporal,
}

impl BenchModel {
    /// The residual network's depth; `None` for the temporal encoder.
    fn depth(self) -> Option<Depth> {
        match self {
            BenchModel::ResNet18 => Some(Depth::ResNet18),
            BenchModel::ResNet34 => Some(Depth::ResNet34),
            BenchModel::ResNet50 => Some(Depth::ResNet50),
            BenchModel::Temporal => None,
        }
    }
}

/// Measure speed and memory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// What is measured.
    #[arg(long, value_enum, default_value = "infer")]
    pub mode: BenchMode,
    /// Network; `temporal` is the encoder of 64 frames over 2048 features (modes infer and train; --batch counts clips).
    #[arg(long, value_enum, default_value = "resnet50")]
    model: BenchModel,
    /// Side of the square input in pixels, 32 to 1024 [default: 224; 48 for the loader].
    #[arg(long)]
    size: Option<usize>,
    /// Pictures a pass, from 1 up (from 2 up in training).
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub batch: u32,
    /// Factor on every layer's channels, 0.0625 to 8.
    #[arg(long, default_value_t = 1.0)]
    width: f32,
    /// First layers.
    #[arg(long, value_enum, default_value = "imagenet")]
    stem: StemArg,
    /// Input channels, 1 or 3 [default: 3; 1 for the loader].
    #[arg(long)]
    channels: Option<usize>,
    /// Outputs.
    #[arg(long, default_value_t = 8)]
    pub classes: usize,
    /// Measured passes, after one or two that are not.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub iterations: u32,
    /// Dataset of `--mode loader`.
    #[arg(long, value_name = "SPEC", required_if_eq("mode", "loader"))]
    data: Option<String>,
    /// One JSON line instead of text.
    #[arg(long)]
    pub json: bool,
    /// Print the time of each GPU kernel too, by timestamps; the passes themselves are slower then.
    #[arg(long)]
    pub profile: bool,
}

#[derive(Debug, Serialize)]
struct Measured {
    mode: BenchMode,
    model: Depth,
    size: usize,
    batch: usize,
    width: f32,
    stem: Stem,
    channels: usize,
    classes: usize,
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
    /// Median pass over pictures of the batch.
    ms_per_image: f64,
    /// Arithmetic of one pass over its fastest time, in 1e9 operations a second.
    gflops: f64,
    /// Highest resident memory of the process so far; null where the system does not tell.
    peak_mib: Option<f64>,
}

/// Runs the command.
///
/// # Errors
/// The network cannot be built, or it fails while running.
pub fn run(args: &BenchArgs, compute: &Compute) -> Result<(), Failure> {
    if args.mode == BenchMode::Loader {
        let (size, channels) = (args.size.unwrap_or(48), args.channels.unwrap_or(1));
        return super::bench_loader::run(args.data.as_deref().unwrap_or_default(), size, channels, args.json);
    }
    let Some(depth) = args.model.depth() else { return super::bench_temporal::run(args, compute) };
    let spec = ResNetSpec {
        depth,
        size: args.size.unwrap_or(224),
        channels: args.channels.unwrap_or(3),
        classes: args.classes,
        width: args.width,
        stem: args.stem.into(),
    };
    let graph = spec.graph().map_err(Failure::usage)?;
    let batch = args.batch as usize;
    if args.mode != BenchMode::Infer && batch < 2 {
        return Err(Failure::usage(anyhow!("--batch is 1, but training needs at least 2 for batch-norm")));
    }
    let begun = Instant::now();
    let backend = compute::open(&compute.profiling(args.profile))?;
    let (times, passes) = match args.mode {
        BenchMode::Train => (time_train(&*backend, &graph, batch, args.iterations)?, 3),
        // Teacher: three views forward and backward. Student: unlabelled and labelled, forward and backward.
        BenchMode::Step => (time_step(&*backend, &graph, batch, args.iterations)?, 15),
        BenchMode::Infer | BenchMode::Loader => (time_infer(&*backend, &graph, batch, args.iterations)?, 1),
    };
    let (ms_first, ms_min, ms_median) = (times.first_since(begun), times.min(), times.median());
    let operations = 2.0 * graph.multiply_adds() as f64 * batch as f64 * f64::from(passes);
    let measured = Measured {
        mode: args.mode,
        model: spec.depth,
        size: spec.size,
        batch,
        width: spec.width,
        stem: spec.stem,
        channels: spec.channels,
        classes: spec.classes,
        threads: rayon::current_num_threads(),
        iterations: args.iterations,
        backend: backend.name(),
        parameters: graph.trained_values(),
        ms_first,
        ms_min,
        ms_median,
        ms_per_image: ms_median / batch as f64,
        gflops: operations / (ms_min * 1e6),
        peak_mib: peak_mib(),
    };
    if args.profile {
        say(&kernel_times(&*backend)?)?;
    }
    if args.json {
        return say(&serde_json::to_string(&measured)?);
    }
    let peak = measured.peak_mib.map_or("unknown".into(), |mib| format!("{mib:.0} MiB"));
    say(&format!(
        "{ms_min:.2} ms at best, {ms_median:.2} ms median, {:.2} ms an image, {:.0} GFLOP/s, first pass after \
         {ms_first:.0} ms, peak memory {peak}",
        measured.ms_per_image, measured.gflops
    ))
}

/// Time by kernel, a line each.
pub fn kernel_times(backend: &dyn Backend) -> Result<String, Failure> {
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

/// What passes took.
pub struct Times {
    /// When the first one ended.
    first: Instant,
    /// Milliseconds of each, sorted; the first passes, in which memory is claimed, are not counted.
    passes: Vec<f64>,
}

impl Times {
    /// Milliseconds until the end of the first pass.
    pub fn first_since(&self, begun: Instant) -> f64 {
        self.first.duration_since(begun).as_secs_f64() * 1e3
    }

    /// The fastest pass.
    pub fn min(&self) -> f64 {
        self.passes[0]
    }

    /// The median pass.
    pub fn median(&self) -> f64 {
        self.passes[self.passes.len() / 2]
    }
}

/// Times passes, at least one.
pub fn timed(iterations: u32, mut pass: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Times> {
    pass()?;
    let first = Instant::now();
    if iterations > 1 {
        pass()?;
    }
    let mut times = Vec::with_capacity(iterations as usize);
    for _ in 0..iterations {
        let start = Instant::now();
        pass()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(Times { first, passes: times })
}

fn time_infer(backend: &dyn Backend, graph: &Graph, batch: usize, n: u32) -> anyhow::Result<Times> {
    let mut network = backend.inference(graph, &Weights::initial(graph, 1))?;
    let input = noise(graph, batch, 0);
    timed(n, || {
        network.forward(&input, batch)?;
        Ok(())
    })
}

fn time_train(backend: &dyn Backend, graph: &Graph, batch: usize, n: u32) -> anyhow::Result<Times> {
    let mut network = backend.training(graph, &Weights::initial(graph, 1))?;
    let input = noise(graph, batch, 0);
    // Any gradient will do: only the time counts.
    let d_logits = vec![1e-3; batch * graph.output().len()];
    let rule = UpdateRule::Sgd { learning_rate: 1e-4, momentum: 0.9, weight_decay: 5e-4, scale: 1.0 };
    timed(n, || {
        network.forward(&input, batch, TrainingPass::Train)?;
        network.backward(&d_logits, Slot::First)?;
        network.update(Slot::First, &rule)?;
        Ok(())
    })
}

fn time_step(backend: &dyn Backend, graph: &Graph, batch: usize, n: u32) -> anyhow::Result<Times> {
    let mut settings = Settings {
        steps: 1_000_000,
        batch,
        unlabelled_batch: batch,
        teacher_warm_up_steps: 0,
        student_wait_steps: 0,
        ema_decay: 0.0,
        ..Settings::default()
    };
    settings.losses.feedback = Feedback::Exact;
    let teacher = backend.training(graph, &Weights::initial(graph, 1))?;
    let student = backend.training(graph, &Weights::initial(graph, 2))?;
    let mut learner = SemiSupervised::new(teacher, student, settings)?;
    let data = TrainBatch {
        labelled: noise(graph, batch, 0).into(),
        labels: (0..batch).map(|i| i % graph.output().len()).collect(),
        targets: None,
        weak: noise(graph, batch, 1).into(),
        strong: noise(graph, batch, 2).into(),
    };
    timed(n, || {
        learner.step(&data)?;
        Ok(())
    })
}

/// Random input, the same in every run.
pub fn noise(graph: &Graph, batch: usize, item: u64) -> Vec<f32> {
    let mut rng = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item }.rng();
    (0..batch * graph.input().len()).map(|_| rng.between(-2.0, 2.0)).collect()
}

/// Highest resident memory of this process in MiB.
pub fn peak_mib() -> Option<f64> {
    let text = std::fs::read_to_string(PathBuf::from("/proc/self/status")).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}
