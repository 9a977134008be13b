//! What a training step leaves: its record, in the log and for the run's caller.

use bevy_ecs::prelude::*;

use crate::learn::{Record, TrainLog};
use crate::world::error::WorldError;

/// The run's log.
#[derive(Resource)]
pub struct Journal(pub TrainLog);

/// What the step under way reports; taken by the run's caller.
#[derive(Resource)]
pub struct Latest<R>(pub Option<R>);

/// Steps made so far.
#[derive(Resource)]
pub struct StepsDone(pub u64);

/// Appends the step's record to the log.
pub fn report<R: Record + Send + Sync + 'static>(
    latest: Res<Latest<R>>,
    mut journal: ResMut<Journal>,
    mut done: ResMut<StepsDone>,
) -> Result<(), WorldError> {
    let record = latest.0.as_ref();
    let record = record.ok_or_else(|| WorldError::Schedule("a step ended without a record".into()))?;
    journal.0.step(record)?;
    done.0 += 1;
    Ok(())
}
