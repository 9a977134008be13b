//! What a run needs of memory, known from its settings before any of it is taken.

use crate::backend::{Learning, MemoryNeed, Team};
use crate::learn::Method;
use crate::net::{Graph, PlanError};
use crate::world::config::{RefineConfig, RunConfig};

/// What to make smaller where a pre-training run does not fit.
pub const SMALLER_PRETRAINING: &str =
    "make training.batch, training.unlabelled_batch, evaluation.batch, model.width or model.size smaller";
/// What to make smaller where a temporal run does not fit.
pub const SMALLER_REFINING: &str = "make training.batch, student_batch, model.frames, model.width, model.feed_forward or model.layers smaller";
/// Steps that loader threads hold beside those that they work on: those that wait, and the one that is learned from.
const STEPS_BESIDE: usize = 3;
/// A checkpoint is a copy of the state and the same as the bytes of a file.
const CHECKPOINT_COPIES: u64 = 2;

/// Memory of a pre-training run over networks of this graph, which measures itself on `valid` pictures. Where views are made on
/// the device (`renders_views`), steps wait as pictures, which are not counted. It is that of this process of the team.
///
/// # Errors
/// The graph cannot be planned.
pub fn pretraining_need(
    config: &RunConfig,
    graph: &Graph,
    valid: usize,
    renders_views: bool,
    team: &Team,
) -> Result<MemoryNeed, PlanError> {
    let training = &config.training;
    let two = training.method == Method::Ssl;
    let replicas = team.own_replicas().len() as u64;
    let [batch, unlabelled] =
        [training.batch, training.unlabelled_batch].map(|all| all.div_ceil(team.replicas()));
    let averaged = training.ema_decay > 0.0;
    let learning = |items, slots, averaged| Learning { replicas, items, moments: 1, slots, averaged };
    let mut need = MemoryNeed::default();
    if two {
        // One pass over the labelled pictures and two views of the unlabelled ones.
        let items = batch.saturating_add(unlabelled.saturating_mul(2));
        need = need.learning("the teacher", graph, learning(items, 1, averaged && training.teacher_ema))?;
        need = need.learning("the student", graph, learning(batch.max(unlabelled), 2, averaged))?;
    } else {
        need = need.learning("the student", graph, learning(batch, 1, averaged))?;
    }
    let networks = if two { 2 } else { 1 };
    let kept = networks * (2 + u64::from(averaged));
    need = need.copies("a checkpoint", graph, kept * CHECKPOINT_COPIES);
    if !renders_views {
        let unlabelled = if two { training.unlabelled_batch.saturating_mul(2) } else { 0 };
        let pictures = training.batch.saturating_add(unlabelled);
        let steps = config.workers.saturating_add(STEPS_BESIDE);
        need = need.inputs("the pictures of steps ahead", graph, pictures.saturating_mul(steps));
    }
    if valid > 0 {
        need = need.answering("an evaluation", graph, config.evaluation.batch.min(valid))?;
    }
    Ok(need)
}

/// Memory of a temporal run: an encoder of this graph that learns, and the student's passes before it where features are not
/// kept yet.
///
/// # Errors
/// A graph cannot be planned.
pub fn refining_need(
    config: &RefineConfig,
    encoder: &Graph,
    student: &Graph,
    team: &Team,
) -> Result<MemoryNeed, PlanError> {
    let items = config.training.batch.div_ceil(team.replicas());
    let replicas = team.own_replicas().len() as u64;
    let how = Learning { replicas, items, moments: 2, slots: 1, averaged: false };
    let need = MemoryNeed::default().learning("the encoder", encoder, how)?;
    let need = need.copies("a checkpoint", encoder, 3 * CHECKPOINT_COPIES);
    need.answering("the student", student, config.student_batch)
}
