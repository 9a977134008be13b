//! Who may be somebody who was seen before. Nobody is recognised here: place, size and colours are compared, and a person decides.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

use super::row::TableRow;
use super::summary::{Person, Summary};
use crate::media::{Picture, decode};

/// Farthest two faces may be apart, in sides of their boxes.
const NEAR: f64 = 1.0;
/// Most that sizes may differ, as a factor.
const LIKE: f64 = 1.5;
/// Least share of colours in common, 0 to 1.
const COLOURS: f64 = 0.6;
/// Levels of each of red, green and blue that are told apart.
const LEVELS: usize = 4;

/// When and where somebody was seen first and last.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Span {
    first: (f64, [f64; 4]),
    last: (f64, [f64; 4]),
}

/// Gathers where people begin and end, row by row.
#[derive(Debug, Default)]
pub struct Spans {
    spans: BTreeMap<u32, Span>,
}

/// Two people who may be one.
#[derive(Debug, Clone, PartialEq)]
pub struct MayBeSame {
    /// Who was seen before.
    pub before: u32,
    /// Who was seen later.
    pub later: u32,
    /// Seconds between them.
    pub away: f64,
    /// Distance of their places in sides of the face.
    pub apart: f64,
    /// Share of colours in common, 0 to 1; `None` where there are no pictures.
    pub colours: Option<f64>,
}

impl Spans {
    /// Takes a row.
    pub fn push(&mut self, row: &TableRow) {
        let Some(face) = row.face.as_ref().filter(|_| !row.excluded) else { return };
        let seen = (row.seconds, face.face_box);
        self.spans.entry(face.person).or_insert(Span { first: seen, last: seen }).last = seen;
    }

    /// For each person the one who was seen before and looks most alike: at the same place, of the same size and, where there are
    /// pictures, in the same colours. A suggestion, no more.
    pub fn suggestions(&self, summary: &Summary) -> Vec<MayBeSame> {
        let colours: BTreeMap<u32, Vec<f64>> =
            summary.people.iter().filter_map(|person| Some((person.face, colours(person)?))).collect();
        let mut found = vec![];
        for (&later, span) in &self.spans {
            let like = |(&before, earlier): (&u32, &Span)| {
                let away = span.first.0 - earlier.last.0;
                let (a, b) = (earlier.last.1, span.first.1);
                let side = |b: [f64; 4]| (b[2] * b[3]).max(1.0).sqrt();
                let middle = |b: [f64; 4]| (b[0] + b[2] / 2.0, b[1] + b[3] / 2.0);
                let ((ax, ay), (bx, by)) = (middle(a), middle(b));
                let apart = (ax - bx).hypot(ay - by) / side(a).max(side(b));
                let size = side(a) / side(b);
                let shared = colours.get(&before).zip(colours.get(&later)).map(|(a, b)| in_common(a, b));
                let good = before != later
                    && away > 0.0
                    && apart <= NEAR
                    && (1.0 / LIKE..=LIKE).contains(&size)
                    && shared.is_none_or(|shared| shared >= COLOURS);
                good.then_some(MayBeSame { before, later, away, apart, colours: shared })
            };
            let score = |m: &MayBeSame| m.colours.unwrap_or(COLOURS) - 0.3 * m.apart;
            found.extend(self.spans.iter().filter_map(like).max_by(|a, b| score(a).total_cmp(&score(b))));
        }
        // A person is suggested as the one before somebody once: of two who come after, one at most is right.
        found.sort_by(|a, b| a.away.total_cmp(&b.away));
        let mut taken = BTreeSet::new();
        found.retain(|m| taken.insert(m.before));
        found.sort_by_key(|m| m.later);
        found
    }
}

/// Share of each colour in a person's pictures; `None` without any.
fn colours(person: &Person) -> Option<Vec<f64>> {
    let mut counts = vec![0.0; LEVELS * LEVELS * LEVELS];
    let mut all = 0.0;
    let pictures = person.thumbnails.iter().filter(|t| !t.excluded);
    for picture in pictures.filter_map(|t| decode(&BASE64.decode(t.jpeg.as_bytes()).ok()?).ok()) {
        let Picture { pixels, .. } = picture.with_channels(3);
        for pixel in pixels.as_chunks::<3>().0 {
            let [r, g, b] = pixel.map(|v| usize::from(v) * LEVELS / 256);
            counts[(r * LEVELS + g) * LEVELS + b] += 1.0;
            all += 1.0;
        }
    }
    (all > 0.0).then(|| counts.into_iter().map(|count| count / all).collect())
}

fn in_common(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.min(*b)).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::row::FaceRow;
    use super::super::summary::Thumbnail;
    use super::*;

    fn person(face: u32, level: u8) -> Person {
        let jpeg = BASE64.encode(&Picture::filled(16, 16, 3, level).to_jpeg(90).unwrap());
        Person {
            face,
            thumbnails: vec![Thumbnail { face, jpeg, ..Thumbnail::default() }],
            ..Person::default()
        }
    }

    fn seen(spans: &mut Spans, face: u32, seconds: f64, x: f64) {
        let face_box = [x, 100.0, 60.0, 60.0];
        let face = Some(FaceRow { face, person: face, face_box, ..FaceRow::default() });
        spans.push(&TableRow { seconds, face, ..TableRow::default() });
    }

    #[test]
    fn who_comes_back_to_the_same_place_in_the_same_colours_is_suggested() {
        let mut spans = Spans::default();
        for (face, seconds, x) in [(1, 0.0, 100.0), (1, 5.0, 110.0), (2, 0.0, 400.0), (2, 20.0, 400.0)] {
            seen(&mut spans, face, seconds, x);
        }
        for (face, x) in [(3, 130.0), (4, 390.0), (5, 250.0)] {
            seen(&mut spans, face, 10.0, x);
        }
        let summary = |third: u8| Summary {
            people: vec![person(1, 200), person(2, 200), person(3, third), person(4, 200), person(5, 200)],
            ..Summary::default()
        };
        let found = spans.suggestions(&summary(200));
        let [only] = found.as_slice() else { panic!("2 is still there, 5 is elsewhere: {found:?}") };
        assert_eq!((only.before, only.later, only.away), (1, 3, 5.0));
        assert!(only.colours.unwrap() > 0.9);
        assert_eq!(spans.suggestions(&summary(20)), [], "in other colours");
        let unseen = Summary::default();
        assert_eq!(spans.suggestions(&unseen)[0].colours, None, "without pictures place and size alone");
    }
}
