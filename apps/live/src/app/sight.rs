//! The faces in sight: what is marked in the picture and what stands beside it.

use super::faces::Card;
use super::live::{Live, Playing};
use super::picture::Mark;
use crate::pipeline::Seen;

impl Live {
    /// The faces of the last frame, to be marked in it.
    pub fn marks(&self) -> Vec<Mark> {
        let looks = self.wanted.looks_away_at_most();
        let mark = |seen: &Seen| Mark {
            person: seen.reading.face,
            face_box: seen.reading.face_box,
            label: seen.reading.voted_label,
            share: seen.reading.vote_share,
            unsure: share(seen) < self.wanted.unsure_share(),
            // In a crowd not every face has a history.
            detected: seen.reading.detected || self.history.seen_lately(seen.reading.face, looks),
            by: "",
        };
        self.last.iter().flat_map(|shown| shown.faces.iter().flatten()).map(mark).collect()
    }

    /// A card for each face of the last frame.
    pub fn cards(&self) -> Vec<Card> {
        let card = |seen: &Seen| Card {
            person: seen.reading.face,
            label: seen.reading.voted_label,
            share: share(seen),
            unsure: share(seen) < self.wanted.unsure_share(),
            vote: Some(momentary(seen)),
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

/// The voted class's share of the vote, and the class that the bars show as the most probable with its probability.
fn momentary(seen: &Seen) -> (f32, usize, f32) {
    let best = (0..seen.smoothed.len()).rev().max_by(|&a, &b| seen.smoothed[a].total_cmp(&seen.smoothed[b]));
    let now = best.unwrap_or(seen.reading.voted_label);
    (seen.reading.vote_share, now, seen.smoothed.get(now).copied().unwrap_or(0.0))
}
