//! Stretches of one class for every kind of label, as annotation programs show them: a tier a person and kind.

use std::collections::BTreeMap;

use super::row::{FaceRow, TableRow};

/// A kind of label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TierKind {
    /// The one to report.
    Reported,
    /// Set by hand.
    ByHand,
    /// After the vote.
    Voted,
    /// Of the temporal encoder.
    Temporal,
    /// Of each frame alone.
    Frame,
}

impl TierKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Reported, Self::ByHand, Self::Voted, Self::Temporal, Self::Frame];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reported => "label",
            Self::ByHand => "by hand",
            Self::Voted => "voted",
            Self::Temporal => "temporal",
            Self::Frame => "frame",
        }
    }

    fn of(self, face: &FaceRow) -> Option<usize> {
        match self {
            Self::Reported => Some(face.label),
            Self::ByHand => face.by_hand.then_some(face.label),
            Self::Voted => Some(face.voted_label),
            Self::Temporal => face.temporal_label,
            Self::Frame => Some(face.frame_label),
        }
    }
}

/// A stretch of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TierSpan {
    /// The class.
    pub label: usize,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends.
    pub end: f64,
}

/// Tiers by person and kind. Memory is in the number of changes.
#[derive(Debug, Default)]
pub struct Tiers {
    spans: BTreeMap<(u32, TierKind), Vec<TierSpan>>,
    /// Tiers whose last stretch goes on if the next frame says the same.
    open: Vec<(u32, TierKind)>,
    last: Option<f64>,
    step: f64,
}

impl Tiers {
    /// Takes the rows of the next frame.
    pub fn push(&mut self, rows: &[TableRow]) {
        let Some(seconds) = rows.first().map(|row| row.seconds) else { return };
        if let Some(last) = self.last {
            self.step = seconds - last;
            self.close(seconds);
        }
        self.last = Some(seconds);
        let were_open = std::mem::take(&mut self.open);
        for face in rows.iter().filter(|row| !row.excluded).filter_map(|row| row.face.as_ref()) {
            for kind in TierKind::ALL {
                let Some(label) = kind.of(face) else { continue };
                let key = (face.person, kind);
                let tier = self.spans.entry(key).or_default();
                let goes_on = were_open.contains(&key) && tier.last().is_some_and(|last| last.label == label);
                if !goes_on {
                    tier.push(TierSpan { label, start: seconds, end: seconds });
                }
                self.open.push(key);
            }
        }
    }

    fn close(&mut self, seconds: f64) {
        for key in &self.open {
            if let Some(last) = self.spans.get_mut(key).and_then(|tier| tier.last_mut()) {
                last.end = seconds;
            }
        }
    }

    /// Ends the input; the last frame is as long as the one before it.
    pub fn finish(mut self) -> BTreeMap<(u32, TierKind), Vec<TierSpan>> {
        let end = self.last.map_or(0.0, |last| last + self.step);
        self.close(end);
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_stretches() {
        let mut tiers = Tiers::default();
        for second in 0..4u64 {
            let face = FaceRow {
                person: 3,
                voted_label: 0,
                label: usize::from(second == 2),
                by_hand: second == 2,
                frame_label: (second % 2) as usize,
                ..FaceRow::default()
            };
            tiers.push(&[TableRow {
                frame: second,
                seconds: second as f64,
                face: Some(face),
                ..TableRow::default()
            }]);
        }
        let tiers = tiers.finish();
        let of = |kind| -> Vec<(usize, f64, f64)> {
            tiers.get(&(3, kind)).into_iter().flatten().map(|a| (a.label, a.start, a.end)).collect()
        };
        assert_eq!(of(TierKind::Voted), [(0, 0.0, 4.0)]);
        assert_eq!(of(TierKind::Reported), [(0, 0.0, 2.0), (1, 2.0, 3.0), (0, 3.0, 4.0)]);
        assert_eq!(of(TierKind::ByHand), [(1, 2.0, 3.0)]);
        assert_eq!(of(TierKind::Frame).len(), 4);
        assert_eq!(of(TierKind::Temporal), []);
    }
}
