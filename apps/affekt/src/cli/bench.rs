//! `affekt bench`: how fast this machine runs a network, a training step or the loader.

use affekt_engine::backend::{
    Backend, BackendError, Learning, MemoryNeed, Slot, TrainingPass, UpdateRule, slice_sizes,
};
use affekt_engine::learn::{Feedback, SemiSupervised, Settings, TrainBatch};
use affekt_engine::net::{Depth, Graph, ResNetSpec, Stem, Weights};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::bench_loader::LoaderJob;
use super::bench_passes::{Speed, Times, Work, measure, noise, time_infer, timed};
use super::compute::Compute;
use super::say;
use super::values::StemArg;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  affekt bench --model resnet50 --size 224 --batch 8 --mode infer --json
  affekt bench --mode step --model resnet18 --size 64 --stem no_pool
  affekt bench --model temporal --batch 32 --mode train --json
  affekt bench --mode loader --size 48 --workers 2 \\
    --data ferplus:faces/ferplus.tar#Train";

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
    /// Reading, decoding and strong augmentation of a dataset, by loader threads.
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
    mode: BenchMode,
    /// Network; `temporal` is the encoder of 64 frames over 2048 features (modes infer and train; --batch counts clips).
    #[arg(long, value_enum, default_value = "resnet50")]
    model: BenchModel,
    /// Side of the square input in pixels, 32 to 1024 [default: 224; 48 for the loader].
    #[arg(long)]
    size: Option<usize>,
    /// Pictures a pass, from 1 up (from 2 up in training).
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Pictures or clips of a pass at the most (modes train and step): larger batches go in slices whose gradients are added up.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=4096))]
    micro_batch: Option<u32>,
    /// Loader threads, 1 to 256.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    workers: u32,
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
    classes: usize,
    /// Measured passes, after one or two that are not.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    iterations: u32,
    /// Dataset of `--mode loader`.
    #[arg(long, value_name = "SPEC", required_if_eq("mode", "loader"))]
    data: Option<String>,
    /// One JSON line instead of text.
    #[arg(long)]
    json: bool,
    /// Print the time of each GPU kernel too, by timestamps; the passes themselves are slower then.
    #[arg(long)]
    profile: bool,
    #[command(flatten)]
    pub compute: Compute,
}

#[derive(Debug, Serialize)]
struct Measured {
    mode: BenchMode,
    model: Depth,
    size: usize,
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    micro_batch: Option<usize>,
    width: f32,
    stem: Stem,
    channels: usize,
    classes: usize,
    /// Median pass over pictures of the batch.
    ms_per_image: f64,
    #[serde(flatten)]
    speed: Speed,
}

/// Runs the command.
///
/// # Errors
/// The network cannot be built, or it fails while running.
pub fn run(args: &BenchArgs, compute: &Compute) -> Result<(), Failure> {
    let (batch, n) = (args.batch as usize, args.iterations);
    let device = &compute.profiling(args.profile);
    let micro_batch = args.micro_batch.map(|most| most as usize);
    if micro_batch.is_some() && !matches!(args.mode, BenchMode::Train | BenchMode::Step) {
        return Err(Failure::usage(anyhow!(
            "--micro-batch cuts what is learned from: add --mode train or --mode step"
        )));
    }
    if args.mode == BenchMode::Loader {
        let (size, channels) = (args.size.unwrap_or(48), args.channels.unwrap_or(1));
        let data = args.data.as_deref().unwrap_or_default();
        let workers = args.workers as usize;
        return super::bench_loader::run(LoaderJob { data, size, channels, workers }, args.json);
    }
    let Some(depth) = args.model.depth() else {
        let train = match args.mode {
            BenchMode::Infer => false,
            BenchMode::Train => true,
            BenchMode::Step | BenchMode::Loader => {
                let problem = anyhow!("--model temporal is measured with --mode infer or --mode train");
                return Err(Failure::usage(problem));
            }
        };
        let clips =
            super::bench_temporal::Clips { batch, micro_batch, classes: args.classes, train, iterations: n };
        return super::bench_temporal::run(&clips, device, args.json);
    };
    let spec = ResNetSpec {
        depth,
        size: args.size.unwrap_or(224),
        channels: args.channels.unwrap_or(3),
        classes: args.classes,
        width: args.width,
        stem: args.stem.into(),
    };
    let graph = spec.graph().map_err(Failure::usage)?;
    if args.mode != BenchMode::Infer && batch < 2 {
        return Err(Failure::usage(anyhow!("--batch is 1, but training needs at least 2 for batch-norm")));
    }
    let need = |backend: &dyn Backend| need(backend, args.mode, &graph, (batch, micro_batch));
    let work = Work { graph: &graph, batch, micro_batch, iterations: n, need: &need };
    let speed = match args.mode {
        BenchMode::Train => measure(&work, device, work.forwards(1), |backend| time_train(backend, &work))?,
        // Teacher: three views forward and backward. Student: unlabelled and labelled, forward and backward.
        BenchMode::Step => {
            let forwards = work.forwards(3) + 2 * work.forwards(1);
            measure(&work, device, forwards, |backend| time_step(backend, &work))?
        }
        BenchMode::Infer | BenchMode::Loader => {
            measure(&work, device, 1, |backend| time_infer(backend, &work, &noise(&graph, batch, 0)))?
        }
    };
    if !args.json {
        return say(&speed.line("image", batch));
    }
    let measured = Measured {
        mode: args.mode,
        model: spec.depth,
        size: spec.size,
        batch,
        micro_batch,
        width: spec.width,
        stem: spec.stem,
        channels: spec.channels,
        classes: spec.classes,
        ms_per_image: speed.ms_median / batch as f64,
        speed,
    };
    say(&serde_json::to_string(&measured)?)
}

/// What a measurement takes of memory.
fn need(
    backend: &dyn Backend,
    mode: BenchMode,
    graph: &Graph,
    (batch, micro_batch): (usize, Option<usize>),
) -> Result<MemoryNeed, BackendError> {
    let learning = |items: usize, slots| {
        let slice = micro_batch.map_or(items, |most| slice_sizes(items, most)[0]);
        // Slices' gradients are added up.
        let slots = slots + u64::from(slice < items);
        Learning { replicas: 1, items: slice, moments: 1, slots, averaged: false }
    };
    let need = MemoryNeed::default();
    match mode {
        BenchMode::Train => {
            need.inputs("the input", graph, batch).learning(backend, "the network", graph, learning(batch, 1))
        }
        BenchMode::Step => need
            .inputs("the input", graph, 3 * batch)
            .learning(backend, "the teacher", graph, learning(3 * batch, 1))?
            .learning(backend, "the student", graph, learning(batch, 2)),
        BenchMode::Infer | BenchMode::Loader => {
            need.inputs("the input", graph, batch).answering(backend, "the network", graph, batch)
        }
    }
}

fn time_train(backend: &dyn Backend, work: &Work) -> anyhow::Result<Times> {
    let &Work { graph, batch, iterations, .. } = work;
    let mut network = work.learner(backend)?;
    let input = noise(graph, batch, 0);
    // Any gradient will do: only the time counts.
    let d_logits = vec![1e-3; batch * graph.output().len()];
    let rule = UpdateRule::Sgd { learning_rate: 1e-4, momentum: 0.9, weight_decay: 5e-4, scale: 1.0 };
    timed(iterations, || {
        network.forward(&input, batch, TrainingPass::Train)?;
        network.backward(&d_logits, Slot::First)?;
        network.update(Slot::First, &rule)?;
        Ok(())
    })
}

fn time_step(backend: &dyn Backend, work: &Work) -> anyhow::Result<Times> {
    let &Work { graph, batch, micro_batch, iterations, .. } = work;
    let mut settings = Settings {
        steps: 1_000_000,
        batch,
        micro_batch,
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
    timed(iterations, || {
        learner.step(&data)?;
        Ok(())
    })
}
