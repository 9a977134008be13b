//! The faces in sight: what is marked in the picture and what stands beside it.

use affekt_engine::signal::most_probable;

use super::faces::Card;
use super::live::{Live, Playing};
use super::picture::Mark;
use crate::pipeline::Seen;

impl Live {
    /// The faces of the last frame, to be marked in it.
    pub fn marks(&self) -> Vec<Mark> {
        let looks = self.wanted.looks_away_at_most();
        let mark = |seen: &Seen| Mark {
            who: seen.reading.face.to_string(),
            face_box: seen.reading.face_box,
            label: seen.reading.voted_label,
            now: now(seen),
            unsure: share(seen) < self.wanted.unsure_share(),
            // In a crowd not every face has a history.
            detected: seen.reading.detected || self.history.seen_lately(seen.reading.face, looks),
            by: "",
        };
        self.last.iter().flat_map(|shown| shown.faces.iter().flatten()).map(mark).collect()
    }

    /// A card for each face of the last frame.
    pub fn cards(&self) -> Vec<Card> {
        let is_still = self.info.as_ref().is_some_and(|info| info.still);
        let card = |seen: &Seen| Card {
            person: seen.reading.face,
            label: seen.reading.voted_label,
            now: now(seen),
            unsure: share(seen) < self.wanted.unsure_share(),
            vote: (!is_still).then_some(seen.reading.vote_share),
            name: format!("Person {}", seen.reading.face),
            probabilities: seen.smoothed.clone(),
            neutral: (self.playing == Playing::On).then_some(seen.neutral),
            by: "",
        };
        self.last.iter().flat_map(|shown| shown.faces.iter().flatten()).map(card).collect()
    }
}

/// Probability of the voted class, as it is shown.
fn share(seen: &Seen) -> f32 {
    seen.smoothed.get(seen.reading.voted_label).copied().unwrap_or(seen.reading.confidence)
}

/// The class that the bars show as the most probable, and its probability.
fn now(seen: &Seen) -> (usize, f32) {
    most_probable(&seen.smoothed).unwrap_or((seen.reading.voted_label, seen.reading.confidence))
}
