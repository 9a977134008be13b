//! `affekt bench --model temporal`: how fast this machine runs the temporal encoder or a training step of it.

use affekt_engine::backend::{
    Backend, BackendSpec, Learning, MemoryNeed, Slot, TrainingPass, UpdateRule, slice_sizes,
};
use affekt_engine::net::TemporalSpec;
use serde::Serialize;

use super::bench_passes::{Speed, Times, Work, measure, noise, time_infer, timed};
use super::say;
use crate::failure::Failure;

/// What is measured.
pub struct Clips {
    /// Clips a pass.
    pub batch: usize,
    /// Clips of a slice at the most, where a training step is cut.
    pub micro_batch: Option<usize>,
    pub classes: usize,
    /// A training step instead of a forward pass.
    pub train: bool,
    pub iterations: u32,
}

#[derive(Debug, Serialize)]
struct Measured {
    mode: &'static str,
    model: &'static str,
    #[serde(flatten)]
    spec: TemporalSpec,
    batch: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    micro_batch: Option<usize>,
    /// Median pass over clips of the batch.
    ms_per_clip: f64,
    #[serde(flatten)]
    speed: Speed,
}

/// Runs the command.
///
/// # Errors
/// The network cannot be built, or it fails while running.
pub fn run(clips: &Clips, device: &BackendSpec, json: bool) -> Result<(), Failure> {
    let spec = TemporalSpec::new(2048, clips.classes);
    let graph = spec.graph().map_err(Failure::usage)?;
    let batch = clips.batch;
    let need = |backend: &dyn Backend| {
        let need = MemoryNeed::default().inputs("the input", &graph, batch);
        if clips.train {
            let items = clips.micro_batch.map_or(batch, |most| slice_sizes(batch, most)[0]);
            // Slices' gradients are added up.
            let slots = 1 + u64::from(items < batch);
            let how = Learning { replicas: 1, items, moments: 2, slots, averaged: false };
            need.learning(backend, "the encoder", &graph, how)
        } else {
            need.answering(backend, "the encoder", &graph, batch)
        }
    };
    let micro_batch = clips.micro_batch;
    let work = Work { graph: &graph, batch, micro_batch, iterations: clips.iterations, need: &need };
    // Every face is present.
    let input = || {
        let (mut input, channels) = (noise(&graph, batch, 0), graph.input().c);
        input.chunks_exact_mut(channels).for_each(|frame| frame[channels - 1] = 1.0);
        input
    };
    let (mode, speed) = if clips.train {
        ("train", measure(&work, device, work.forwards(1), |backend| time_train(backend, &work, &input()))?)
    } else {
        ("infer", measure(&work, device, 1, |backend| time_infer(backend, &work, &input()))?)
    };
    if !json {
        return say(&speed.line("clip", work.batch));
    }
    let ms_per_clip = speed.ms_median / work.batch as f64;
    let measured =
        Measured { mode, model: "temporal", spec, batch: work.batch, micro_batch, ms_per_clip, speed };
    say(&serde_json::to_string(&measured)?)
}

fn time_train(backend: &dyn Backend, work: &Work, input: &[f32]) -> anyhow::Result<Times> {
    let mut network = work.learner(backend)?;
    // Any gradient will do: only the time counts.
    let d_logits = vec![1e-3; work.batch * work.graph.output().len()];
    let mut step = 0;
    timed(work.iterations, || {
        step += 1;
        network.set_dropout_seed(step);
        network.forward(input, work.batch, TrainingPass::Train)?;
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
