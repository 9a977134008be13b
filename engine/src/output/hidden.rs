//! Where faces must be hidden, told from a whole table: where they were seen, between two sights, and for a while before the first and
//! after the last, because a face is there before a detector finds it.

use std::collections::BTreeMap;

use super::row::TableRow;
use crate::media::{FaceBox, Hiding, Picture, hide, padded};

/// Longest that a face is hidden before it is first seen and after it was last seen, in seconds; a cut ends it.
pub const HELD: f64 = 2.0;
/// How much more around a face is hidden for each second that it was not seen, as a part of its box.
const GROWTH: f64 = 0.35;

/// A face in a frame.
#[derive(Debug, Clone, Copy)]
struct Sight {
    seconds: f64,
    place: FaceBox,
}

/// Every face of a film. Memory is 24 bytes a row.
#[derive(Debug, Default)]
pub struct HiddenFaces {
    faces: BTreeMap<u32, Vec<Sight>>,
    /// When each shot begins.
    shots: Vec<f64>,
    last_cut: Option<u64>,
}

impl HiddenFaces {
    /// Takes the next row.
    pub fn push(&mut self, row: &TableRow) {
        if self.last_cut != Some(row.cut) {
            self.last_cut = Some(row.cut);
            self.shots.push(row.seconds);
        }
        // What is excluded from counts is hidden all the same.
        if let Some(face) = &row.face {
            let [x, y, w, h] = face.face_box.map(|v| v as f32);
            let sight = Sight { seconds: row.seconds, place: FaceBox { x, y, w, h } };
            self.faces.entry(face.face).or_default().push(sight);
        }
    }

    /// The beginning and the end of the shot at a moment.
    fn shot(&self, seconds: f64) -> (f64, f64) {
        let after = self.shots.partition_point(|begin| *begin <= seconds + 1e-6);
        let begin = after.checked_sub(1).map_or(f64::NEG_INFINITY, |at| self.shots[at]);
        (begin, self.shots.get(after).copied().unwrap_or(f64::INFINITY))
    }

    /// Where faces are to be hidden at a moment, padded.
    pub fn boxes(&self, seconds: f64) -> Vec<FaceBox> {
        let shot = self.shot(seconds);
        self.faces.values().filter_map(|sights| place(sights, seconds, shot)).collect()
    }

    /// Hides all of them in a picture.
    pub fn hide(&self, picture: &mut Picture, seconds: f64, how: Hiding) {
        for place in self.boxes(seconds) {
            hide(picture, &place, how);
        }
    }
}

/// Where one face is at a moment; `shot` is its beginning and end.
fn place(sights: &[Sight], seconds: f64, (begin, end): (f64, f64)) -> Option<FaceBox> {
    let after = sights.partition_point(|sight| sight.seconds <= seconds + 1e-6);
    let before = after.checked_sub(1).map(|at| sights[at]);
    // A track ends at a cut, so both lie in the shot they belong to.
    let before = before.filter(|sight| sight.seconds + 1e-6 >= begin);
    let next = sights.get(after).copied().filter(|sight| sight.seconds < end - 1e-6);
    let grown = |sight: Sight| {
        let away = (sight.seconds - seconds).abs();
        (away <= HELD).then(|| padded(&sight.place, (GROWTH * away) as f32))
    };
    match (before, next) {
        (Some(before), Some(next)) => {
            let step = next.seconds - before.seconds;
            let part = ((seconds - before.seconds) / step.max(1e-9)).clamp(0.0, 1.0) as f32;
            let mix = |a: f32, b: f32| a + (b - a) * part;
            let (a, b) = (before.place, next.place);
            let between = FaceBox { x: mix(a.x, b.x), y: mix(a.y, b.y), w: mix(a.w, b.w), h: mix(a.h, b.h) };
            let away = (seconds - before.seconds).min(next.seconds - seconds);
            Some(padded(&between, (GROWTH * away) as f32))
        }
        (Some(before), None) => grown(before),
        (None, Some(next)) => grown(next),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::FaceRow;
    use super::*;

    /// Ten frames a second; a face at `x`, or none.
    fn film(rows: impl IntoIterator<Item = (u64, u64, Option<(u32, f64)>)>) -> HiddenFaces {
        let mut hidden = HiddenFaces::default();
        for (frame, cut, face) in rows {
            let face =
                face.map(|(face, x)| FaceRow { face, face_box: [x, 20.0, 40.0, 50.0], ..FaceRow::default() });
            hidden.push(&TableRow { frame, seconds: frame as f64 / 10.0, cut, face, ..TableRow::default() });
        }
        hidden
    }

    fn covers(hidden: &HiddenFaces, seconds: f64, x: f32) -> bool {
        hidden
            .boxes(seconds)
            .iter()
            .any(|b| b.x < x && b.x + b.w > x + 40.0 && b.y < 20.0 && b.y + b.h > 70.0)
    }

    #[test]
    fn a_face_is_hidden_between_sights_and_before_it_is_found() {
        let seen = |frame: u64| match frame {
            10..20 | 25..30 => Some((1, 100.0 + frame as f64)),
            _ => None,
        };
        let hidden = film((0..60).map(|frame| (frame, 0, seen(frame))));
        for frame in 0..49u32 {
            let x = 100.0 + frame.clamp(10, 29) as f32;
            assert!(covers(&hidden, f64::from(frame) / 10.0, x), "frame {frame}");
        }
        assert!(hidden.boxes(5.5).is_empty(), "long after, nobody is there");
        let width = |seconds: f64| hidden.boxes(seconds)[0].w;
        assert!(width(0.0) > width(0.9) && width(4.5) > width(3.0), "the less is known, the more is hidden");
    }

    #[test]
    fn nothing_is_held_beyond_a_cut() {
        let hidden =
            film((0..30).map(|frame| (frame, u64::from(frame >= 10), (frame >= 12).then_some((2, 80.0)))));
        assert!(hidden.boxes(0.9).is_empty(), "another shot");
        assert!(covers(&hidden, 1.0, 80.0), "back to the beginning of its own");
        let before =
            film((0..30).map(|frame| (frame, u64::from(frame >= 10), (frame < 9).then_some((1, 80.0)))));
        assert!(covers(&before, 0.9, 80.0) && before.boxes(1.0).is_empty());
    }
}
