//! The temporal encoder: each track's own window of features. Without an encoder faces pass through as the student left
//! them.

use bevy_ecs::prelude::*;
use bevy_platform::cell::SyncCell;

use crate::learn::{Answer, LearnError, TemporalEncoder};
use crate::world::components::{EncoderWindow, Ended, Features, TemporalAnswer, Timeline};
use crate::world::error::WorldError;

/// The encoder, where there is one, and its softmax temperature.
#[derive(Resource)]
pub struct Encoder(Option<(SyncCell<TemporalEncoder>, f32)>);

impl Encoder {
    /// An encoder with its temperature, or none.
    pub fn new(encoder: Option<(TemporalEncoder, f32)>) -> Self {
        Self(encoder.map(|(encoder, temperature)| (SyncCell::new(encoder), temperature)))
    }

    /// Whether faces pass an encoder.
    #[cfg(feature = "training")]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// The window of a track of which no frame has come yet.
    ///
    /// # Errors
    /// As [`TemporalEncoder::window`].
    pub fn window(&mut self) -> Result<EncoderWindow, LearnError> {
        Ok(EncoderWindow(self.0.as_mut().map(|(encoder, _)| encoder.get().window()).transpose()?))
    }
}

/// Gives every face whose answer is settled its [`TemporalAnswer`].
pub fn temporal(
    mut commands: Commands,
    mut encoder: ResMut<Encoder>,
    mut tracks: Query<(&mut Timeline, &mut EncoderWindow, Has<Ended>)>,
    mut faces: Query<&mut Features>,
) -> Result<(), WorldError> {
    for (mut timeline, mut window, ended) in &mut tracks {
        let fresh = std::mem::take(&mut timeline.fresh);
        let (Some((encoder, temperature)), Some(kept)) = (&mut encoder.0, &mut window.0) else {
            timeline.answered.extend(fresh);
            continue;
        };
        let encoder = encoder.get();
        let rows: Vec<Option<Vec<f32>>> = fresh
            .iter()
            .map(|face| face.and_then(|face| faces.get_mut(face).ok()).map(|mut f| std::mem::take(&mut f.0)))
            .collect();
        let rows: Vec<Option<&[f32]>> = rows.iter().map(Option::as_deref).collect();
        let mut answers = encoder.push(kept, &rows)?;
        timeline.unanswered.extend(fresh);
        if ended && let Some(kept) = window.0.take() {
            answers.extend(encoder.finish(kept)?);
        }
        for logits in answers {
            let Some(face) = timeline.unanswered.pop_front() else { break };
            if let Some(face) = face {
                commands.entity(face).insert(TemporalAnswer(Answer::of(&logits, *temperature)?));
            }
            timeline.answered.push(face);
        }
    }
    Ok(())
}
