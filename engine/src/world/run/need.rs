//! What a run needs of memory, known from its settings before any of it is taken.

use crate::backend::{BackendError, BackendInfo, Learning, MemoryNeed, slice_sizes};
use crate::learn::Method;
use crate::net::Graph;
use crate::world::config::{RefineConfig, RunConfig};

/// What to make smaller where a pre-training run does not fit.
pub const SMALLER_PRETRAINING: &str = "cut passes by --micro-batch (training.micro_batch) or by a smaller one, or make training.batch, training.unlabelled_batch, \
     evaluation.batch, model.size, model.width or model.depth smaller";
/// What to make smaller where a temporal run does not fit.
pub const SMALLER_REFINING: &str = "cut passes by --micro-batch (training.micro_batch) or by a smaller one, or make training.batch, student_batch, model.frames, model.width, model.feed_forward or model.layers smaller";
/// Steps that loader threads hold beside those that they work on: those that wait, and the one that is learned from.
const STEPS_BESIDE: usize = 3;
/// A checkpoint is a copy of the state and the same as the bytes of a file.
const CHECKPOINT_COPIES: u64 = 2;

/// Memory of a pre-training run on a backend over networks of this graph, which measures itself on `valid` pictures. It is that of
/// the steps in which everybody learns, which take the most. Where views are made on the device, steps wait as pictures, which are
/// not counted. It is that of this process of the team.
///
/// # Errors
/// The graph cannot be planned, or the backend cannot have a pass of the run.
pub fn pretraining_need(
    config: &RunConfig,
    graph: &Graph,
    valid: usize,
    backend: &(impl BackendInfo + ?Sized),
) -> Result<MemoryNeed, BackendError> {
    let (training, team) = (&config.training, backend.team());
    let two = training.method == Method::Ssl;
    let replicas = team.own_replicas().len() as u64;
    let averaged = training.ema_decay > 0.0;
    let passes = training.passes();
    let mut inputs = MemoryNeed::default();
    let mut learning = |passes: &[usize], slots, averaged| {
        let largest = passes.first().copied().unwrap_or(0);
        let slice = training.micro_batch.map_or(largest, |most| slice_sizes(largest, most)[0]);
        let is_cut = slice < largest;
        if is_cut {
            // Slices are made anew in the backward pass.
            inputs = std::mem::take(&mut inputs).inputs("inputs of slices", graph, largest);
        }
        let slots = slots + u64::from(is_cut);
        Learning { replicas, items: slice.div_ceil(team.replicas()), moments: 1, slots, averaged }
    };
    let mut need = MemoryNeed::default();
    if two {
        let how = learning(&passes.teacher, 1, averaged && training.teacher_ema);
        need = need.learning(backend, "the teacher", graph, how)?;
        need = need.learning(backend, "the student", graph, learning(&passes.student, 2, averaged))?;
    } else {
        need = need.learning(backend, "the student", graph, learning(&passes.teacher, 1, averaged))?;
    }
    if valid > 0 {
        need = need.answering(backend, "an evaluation", graph, config.evaluation.batch.min(valid))?;
    }
    let networks = if two { 2 } else { 1 };
    let kept = networks * (2 + u64::from(averaged));
    need = need.copies("a checkpoint", graph, kept * CHECKPOINT_COPIES);
    if !backend.renders_views() {
        need = need.and(inputs);
        let unlabelled = if two { training.unlabelled_batch.saturating_mul(2) } else { 0 };
        let pictures = training.batch.saturating_add(unlabelled);
        let steps = config.workers.saturating_add(STEPS_BESIDE);
        need = need.inputs("the pictures of steps ahead", graph, pictures.saturating_mul(steps));
    }
    Ok(need)
}

/// Memory of a temporal run on a backend: an encoder of this graph that learns, and the student's passes before it where features
/// are not kept yet.
///
/// # Errors
/// A graph cannot be planned, or the backend cannot have a pass of the run.
pub fn refining_need(
    config: &RefineConfig,
    encoder: &Graph,
    student: &Graph,
    backend: &(impl BackendInfo + ?Sized),
) -> Result<MemoryNeed, BackendError> {
    let (team, batch) = (backend.team(), config.training.batch);
    let slice = config.training.micro_batch.map_or(batch, |most| slice_sizes(batch, most)[0]);
    // Slices are made anew in the backward pass, and their gradients added up.
    let is_cut = slice < batch;
    let items = slice.div_ceil(team.replicas());
    let replicas = team.own_replicas().len() as u64;
    let how = Learning { replicas, items, moments: 2, slots: 1 + u64::from(is_cut), averaged: false };
    let mut need = MemoryNeed::default().learning(backend, "the encoder", encoder, how)?;
    if is_cut {
        need = need.inputs("inputs of slices", encoder, batch);
    }
    let need = need.answering(backend, "the student", student, config.student_batch)?;
    Ok(need.copies("a checkpoint", encoder, 3 * CHECKPOINT_COPIES))
}
