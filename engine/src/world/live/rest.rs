//! Whose face at rest is known, or being looked at.

use std::collections::BTreeMap;

use crate::learn::Answer;
use crate::signal::{NeutralCalibration, NeutralOffset};
use crate::world::error::WorldError;

/// What is known of a person's face at rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NeutralState {
    /// Nothing: readings are as the model gives them.
    Unknown,
    /// It is being looked at.
    Gathering {
        /// How much of the time is over, 0 to 1.
        part: f64,
    },
    /// It is taken off the person's readings.
    Known {
        /// Whether neutral leads at rest; if not, the face was probably not neutral, and it is best to try again.
        complete: bool,
    },
}

/// A face's calibration.
enum Rest {
    Gathering(NeutralCalibration),
    Known(NeutralOffset),
}

/// The calibrations of all faces under way.
pub(super) struct Rests {
    /// The class that a resting face should show.
    neutral: Option<usize>,
    of_face: BTreeMap<u32, Rest>,
}

impl Rests {
    /// Of a model's classes the one called neutral is meant.
    pub fn new(classes: &[String]) -> Self {
        let neutral = classes.iter().position(|class| class.eq_ignore_ascii_case("neutral"));
        Self { neutral, of_face: BTreeMap::new() }
    }

    /// Begins to look at a face. What was known of it is forgotten.
    pub fn begin(&mut self, face: u32, seconds: f64) -> Result<(), WorldError> {
        if self.neutral.is_none() {
            return Err(WorldError::setting(
                "neutral",
                "has no meaning: the model has no class of that name",
            ));
        }
        let calibration =
            NeutralCalibration::new(seconds).map_err(|e| WorldError::setting("neutral", e.to_string()))?;
        self.of_face.insert(face, Rest::Gathering(calibration));
        Ok(())
    }

    pub fn forget(&mut self, face: u32) {
        self.of_face.remove(&face);
    }

    pub fn state(&self, face: u32) -> NeutralState {
        match self.of_face.get(&face) {
            None => NeutralState::Unknown,
            Some(Rest::Gathering(calibration)) => NeutralState::Gathering { part: calibration.part() },
            Some(Rest::Known(offset)) => NeutralState::Known { complete: offset.complete },
        }
    }

    /// Takes a face's answer of the frame at `seconds`: gives it with the resting face taken off where that is known, and
    /// `None` where the answer stays as it is.
    pub fn take(&mut self, face: u32, seconds: f64, answer: &Answer) -> Option<Answer> {
        let rest = self.of_face.get_mut(&face)?;
        match rest {
            Rest::Known(offset) => Some(answer.with(offset)),
            Rest::Gathering(calibration) => {
                let neutral = self.neutral?;
                if let Some(offset) = calibration.push(seconds, &answer.probabilities, neutral) {
                    *rest = Rest::Known(offset);
                }
                None
            }
        }
    }
}
