//! What is known of a person's face at rest, for people.

use crate::world::components::RestingFace;

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

impl From<Option<&RestingFace>> for NeutralState {
    fn from(rest: Option<&RestingFace>) -> Self {
        match rest {
            None => Self::Unknown,
            Some(RestingFace::Gathering(calibration)) => Self::Gathering { part: calibration.part() },
            Some(RestingFace::Known(offset)) => Self::Known { complete: offset.complete },
        }
    }
}
