//! A person's face at rest, taken off what networks answer.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;

use crate::signal::NeutralOffset;
use crate::world::components::{InFrame, RestingFace, Seconds, StudentAnswer, TemporalAnswer, Timeline};
use crate::world::error::WorldError;

/// Resting faces that are known before their people are seen, by the number that they will get.
#[derive(Resource, Default)]
pub struct KnownRests(pub BTreeMap<u32, NeutralOffset>);

/// The class that a resting face should show; `None` where the model has no class of that name.
#[derive(Resource)]
pub struct NeutralClass(pub Option<usize>);

impl NeutralClass {
    /// Of a model's classes the one called neutral is meant.
    pub fn of(classes: &[String]) -> Self {
        Self(classes.iter().position(|class| class.eq_ignore_ascii_case("neutral")))
    }
}

/// Takes the resting face off the newly answered faces of each track that has one, or goes on looking at it.
pub fn take_off_rest(
    neutral: Res<NeutralClass>,
    mut tracks: Query<(&Timeline, &mut RestingFace)>,
    mut faces: Query<(&InFrame, &mut StudentAnswer, Option<&mut TemporalAnswer>)>,
    frames: Query<&Seconds>,
) -> Result<(), WorldError> {
    let Some(neutral) = neutral.0 else { return Ok(()) };
    for (timeline, mut rest) in &mut tracks {
        for &face in timeline.answered.iter().flatten() {
            let Ok((frame, mut student, temporal)) = faces.get_mut(face) else { continue };
            let answer = temporal.map_or_else(|| &mut student.0, |temporal| &mut temporal.into_inner().0);
            match &mut *rest {
                RestingFace::Known(offset) => *answer = answer.with(offset),
                RestingFace::Gathering(calibration) => {
                    let Ok(seconds) = frames.get(frame.0) else { continue };
                    if let Some(offset) = calibration.push(seconds.0, &answer.probabilities, neutral) {
                        *rest = RestingFace::Known(offset);
                    }
                }
            }
        }
    }
    Ok(())
}
