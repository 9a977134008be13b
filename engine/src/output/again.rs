//! Who may be somebody who was seen before. Place, size and colours are compared, or what an embedding model says (`appearance`), and a
//! person decides.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use super::appearance::Appearance;
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

impl Span {
    /// Distance from where it ends to where another begins, in sides of the larger face.
    fn apart(&self, later: &Self) -> f64 {
        let (a, b) = (self.last.1, later.first.1);
        let middle = |b: [f64; 4]| (b[0] + b[2] / 2.0, b[1] + b[3] / 2.0);
        let ((ax, ay), (bx, by)) = (middle(a), middle(b));
        (ax - bx).hypot(ay - by) / side(a).max(side(b))
    }
}

fn side(face_box: [f64; 4]) -> f64 {
    (face_box[2] * face_box[3]).max(1.0).sqrt()
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
    /// Cosine similarity of their faces, -1 to 1, by the embedding model of [`Summary::appearance`]; `None` without one.
    pub similarity: Option<f64>,
}

impl Spans {
    /// Takes a row.
    pub fn push(&mut self, row: &TableRow) {
        let Some(face) = row.face.as_ref().filter(|_| !row.excluded) else { return };
        let seen = (row.seconds, face.face_box);
        self.spans.entry(face.person).or_insert(Span { first: seen, last: seen }).last = seen;
    }

    /// For each person the one who was seen before and looks most alike: by an embedding model where the summary has its
    /// similarities, else at the same place, of the same size and, where there are pictures, in the same colours. Nobody who was in
    /// view at the same time. A suggestion, no more.
    pub fn suggestions(&self, summary: &Summary) -> Vec<MayBeSame> {
        match &summary.appearance {
            Some(appearance) => self.by_appearance(appearance, summary),
            None => self.by_place(summary),
        }
    }

    /// Follows everybody from sight to sight, in the order in which they come: whoever comes goes on with the one who left and fits
    /// best. So somebody who leaves and comes back many times is suggested as one person at once, and nobody comes after two.
    fn by_place(&self, summary: &Summary) -> Vec<MayBeSame> {
        let colours: BTreeMap<u32, Vec<f64>> =
            summary.people.iter().filter_map(|person| Some((person.face, colours(person)?))).collect();
        let mut coming: Vec<(u32, &Span)> = self.spans.iter().map(|(person, span)| (*person, span)).collect();
        coming.sort_by(|(_, a), (_, b)| a.first.0.total_cmp(&b.first.0));
        // The last sight of everybody who is known so far.
        let mut last_seen: Vec<(u32, &Span)> = vec![];
        let mut found = vec![];
        for (later, span) in coming {
            let like = |(at, &(before, earlier)): (usize, &(u32, &Span))| {
                let away = span.first.0 - earlier.last.0;
                let apart = earlier.apart(span);
                let size = side(earlier.last.1) / side(span.first.1);
                let shared = colours.get(&before).zip(colours.get(&later)).map(|(a, b)| in_common(a, b));
                let good = away > 0.0
                    && apart <= NEAR
                    && (1.0 / LIKE..=LIKE).contains(&size)
                    && shared.is_none_or(|shared| shared >= COLOURS);
                let maybe = MayBeSame { before, later, away, apart, colours: shared, similarity: None };
                good.then_some((at, maybe))
            };
            let score = |m: &MayBeSame| m.colours.unwrap_or(COLOURS) - 0.3 * m.apart;
            let best = last_seen.iter().enumerate().filter_map(like);
            match best.max_by(|(_, a), (_, b)| score(a).total_cmp(&score(b)).then(b.away.total_cmp(&a.away)))
            {
                Some((at, maybe)) => {
                    last_seen[at] = (later, span);
                    found.push(maybe);
                }
                None => last_seen.push((later, span)),
            }
        }
        found.sort_by_key(|m| m.later);
        found
    }

    /// Who may be one person: all of a group were out of sight before the next came, and any two of them are as similar as it takes.
    /// Each is suggested as the one of the group before them.
    fn by_appearance(&self, appearance: &Appearance, summary: &Summary) -> Vec<MayBeSame> {
        let spans = &self.spans;
        let mut person = BTreeMap::new();
        for p in &summary.people {
            person.extend(p.faces.iter().map(|face| (*face, p.face)));
        }
        // People of several faces are as similar as the least similar of these.
        let mut like: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for pair in &appearance.pairs {
            let of = |face| person.get(&face).copied().filter(|person| spans.contains_key(person));
            if let (Some(a), Some(b)) = (of(pair.before), of(pair.later))
                && a != b
            {
                let least = like.entry((a.min(b), a.max(b))).or_insert(pair.similarity);
                *least = least.min(pair.similarity);
            }
        }
        let similarity = |a: u32, b: u32| like.get(&(a.min(b), a.max(b))).copied();
        let apart = |a: u32, b: u32| {
            let (a, b) = (&spans[&a], &spans[&b]);
            a.last.0 < b.first.0 || b.last.0 < a.first.0
        };
        let fits =
            |a: u32, b: u32| apart(a, b) && similarity(a, b).is_some_and(|s| s >= appearance.similarity);
        let mut links: Vec<(u32, u32)> = like.keys().copied().filter(|&(a, b)| fits(a, b)).collect();
        links.sort_by(|x, y| like[y].total_cmp(&like[x]));
        let mut group_of: BTreeMap<u32, u32> = spans.keys().map(|&person| (person, person)).collect();
        let mut groups: BTreeMap<u32, Vec<u32>> =
            spans.keys().map(|&person| (person, vec![person])).collect();
        for (a, b) in links {
            let (into, from) = (group_of[&a], group_of[&b]);
            if into != from && groups[&into].iter().all(|&a| groups[&from].iter().all(|&b| fits(a, b))) {
                let moved = groups.remove(&from).unwrap_or_default();
                group_of.extend(moved.iter().map(|&person| (person, into)));
                groups.entry(into).or_default().extend(moved);
            }
        }
        let mut found = vec![];
        for mut group in groups.into_values() {
            group.sort_by(|a, b| spans[a].first.0.total_cmp(&spans[b].first.0));
            found.extend(group.windows(2).map(|pair| {
                let (a, b) = (&spans[&pair[0]], &spans[&pair[1]]);
                MayBeSame {
                    before: pair[0],
                    later: pair[1],
                    away: b.first.0 - a.last.0,
                    apart: a.apart(b),
                    colours: None,
                    similarity: similarity(pair[0], pair[1]),
                }
            }));
        }
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

    #[test]
    fn who_leaves_and_comes_back_many_times_is_followed_to_the_last() {
        let mut spans = Spans::default();
        let mut people = vec![];
        // Somebody who is away for two seconds fourteen times, beside somebody in the same colours who stays.
        for sight in 0..15u32 {
            let (face, from) = (sight + 1, f64::from(sight) * 5.0);
            for second in 0..3u32 {
                seen(&mut spans, face, from + f64::from(second), 100.0 + f64::from(sight % 3) * 8.0);
                seen(&mut spans, 99, from + f64::from(second), 130.0);
            }
            people.push(person(face, 200));
        }
        people.push(person(99, 200));
        let found = spans.suggestions(&Summary { people, ..Summary::default() });
        let links: Vec<(u32, u32)> = found.iter().map(|m| (m.before, m.later)).collect();
        assert_eq!(links, (1..15).map(|face| (face, face + 1)).collect::<Vec<_>>());
    }

    #[test]
    fn two_who_come_back_go_on_with_whom_they_fit_best() {
        let mut spans = Spans::default();
        for (face, seconds, x) in [(1, 0.0, 100.0), (2, 0.0, 150.0), (3, 9.0, 145.0), (4, 9.5, 105.0)] {
            seen(&mut spans, face, seconds, x);
        }
        let found = spans.suggestions(&Summary::default());
        let links: Vec<(u32, u32)> = found.iter().map(|m| (m.before, m.later)).collect();
        assert_eq!(links, [(2, 3), (1, 4)]);
    }
}
