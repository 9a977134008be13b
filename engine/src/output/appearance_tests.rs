//! Who is suggested to be somebody seen before, by an embedding model.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::again::Spans;
use super::appearance::{Appearance, Appearances};
use super::row::{FaceRow, TableRow};
use super::summary::{Person, Summary};
use crate::world::live::{FaceReading, FrameReading};

/// Faces with their time in view and their direction in degrees; at 10 frames a second, embedded in the first and the last.
fn read(faces: &[(u32, [u32; 2], f64)]) -> (Spans, Appearances, Summary) {
    let (mut spans, mut appearances) = (Spans::default(), Appearances::default());
    for frame in 0..200 {
        let there = faces.iter().filter(|(_, [from, to], _)| (*from..=*to).contains(&frame));
        let seconds = f64::from(frame) / 10.0;
        let face = |&(face, [from, to], degrees): &(u32, [u32; 2], f64)| {
            let turned = (degrees + if frame == from { 1.0 } else { -1.0 }).to_radians();
            let embedding =
                (frame == from || frame == to).then(|| vec![turned.cos() as f32, turned.sin() as f32]);
            FaceReading { face, seconds, embedding, probabilities: vec![1.0], ..FaceReading::default() }
        };
        let reading = FrameReading {
            frame: u64::from(frame),
            seconds,
            faces: there.map(face).collect(),
            ..FrameReading::default()
        };
        for row in &TableRow::of(&reading) {
            spans.push(row);
        }
        appearances.push(&reading);
    }
    let person = |&(face, ..): &(u32, [u32; 2], f64)| Person { face, faces: vec![face], ..Person::default() };
    (spans, appearances, Summary { people: faces.iter().map(person).collect(), ..Summary::default() })
}

fn suggested(faces: &[(u32, [u32; 2], f64)]) -> Vec<(u32, u32)> {
    let (spans, appearances, mut summary) = read(faces);
    summary.appearance = Some(appearances.finish("embed.onnx", 0.9));
    spans.suggestions(&summary).iter().map(|m| (m.before, m.later)).collect()
}

#[test]
fn who_leaves_and_comes_back_is_suggested_and_who_is_another_or_beside_is_not() {
    let faces = [(1, [0, 40], 0.0), (2, [0, 150], 2.0), (3, [60, 90], 80.0), (4, [100, 150], 5.0)];
    assert_eq!(suggested(&faces), [(1, 4)], "2 is in view together with both, 3 is another");
    let (spans, appearances, mut summary) = read(&faces);
    let kept = appearances.finish("embed.onnx", 0.9);
    assert_eq!(kept.views.values().copied().collect::<Vec<_>>(), [2, 2, 2, 2]);
    let pairs: Vec<(u32, u32)> = kept.pairs.iter().map(|p| (p.before, p.later)).collect();
    assert_eq!(pairs, [(1, 4), (3, 4), (1, 3)], "the most similar first, none of faces in view together");
    assert!((kept.pairs[0].similarity - 5f64.to_radians().cos()).abs() < 1e-3);
    summary.appearance = Some(Appearance { similarity: 0.999, ..kept });
    assert_eq!(spans.suggestions(&summary), [], "not as similar as that");
}

#[test]
fn any_two_of_a_group_are_as_similar_as_it_takes_and_each_follows_the_one_before() {
    let near = [(1, [0, 9], 0.0), (2, [20, 29], 5.0), (3, [40, 49], 2.0)];
    assert_eq!(suggested(&near), [(1, 2), (2, 3)]);
    // 20 degrees are a cosine of 0.94, 40 of 0.77: a chain of small steps leads to nobody else.
    let far = [(1, [0, 9], 0.0), (2, [20, 29], 21.0), (3, [40, 49], 41.0)];
    assert_eq!(suggested(&far), [(2, 3)]);
    // Of two who come at once, the more similar one.
    let two = [(1, [0, 9], 0.0), (2, [20, 29], 9.0), (3, [20, 29], 3.0)];
    assert_eq!(suggested(&two), [(1, 3)]);
}

#[test]
fn people_who_were_merged_are_as_similar_as_the_least_of_their_faces() {
    let (spans, appearances, mut summary) =
        read(&[(1, [0, 9], 0.0), (2, [20, 29], 60.0), (3, [40, 49], 3.0)]);
    let mut merged = Spans::default();
    for (person, at) in [(1, 0.0), (1, 2.9), (3, 4.0), (3, 4.9)] {
        let face = FaceRow { face: person, person, ..Default::default() };
        merged.push(&TableRow { seconds: at, face: Some(face), ..TableRow::default() });
    }
    summary.appearance = Some(appearances.finish("embed.onnx", 0.9));
    assert_eq!(spans.suggestions(&summary).len(), 1);
    summary.people = vec![
        Person { face: 1, faces: vec![1, 2], ..Person::default() },
        Person { face: 3, faces: vec![3], ..Person::default() },
    ];
    assert_eq!(merged.suggestions(&summary), [], "2 is not similar to 3");
}

#[test]
fn a_face_without_a_good_view_is_not_compared() {
    let (_, mut appearances, _) = read(&[(1, [0, 9], 0.0), (2, [20, 29], 0.0)]);
    let face = FaceReading { face: 3, seconds: 30.0, ..FaceReading::default() };
    appearances.push(&FrameReading { faces: vec![face], ..FrameReading::default() });
    let kept = appearances.finish("embed.onnx", 0.5);
    assert!(!kept.views.contains_key(&3) && kept.pairs.len() == 1);
    let json = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<Appearance>(&json).unwrap(), kept);
}
