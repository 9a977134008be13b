//! Who looks like somebody seen before, by an embedding model: similarities are kept, embeddings are not. A person decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::world::live::FrameReading;

/// Most pairs of faces that are kept, the most similar first.
const MOST_PAIRS: usize = 100_000;
/// What similarities are rounded to.
const DECIMALS: f64 = 1e4;

/// How similar the faces of an input are, as its summary keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Appearance {
    /// The embedding model's file.
    pub model: String,
    /// Cosine similarity from which two people are suggested to be one.
    pub similarity: f64,
    /// Views of each face that were embedded, by its number; a face that was never seen well enough is not here.
    pub views: BTreeMap<u32, u32>,
    /// Faces that were never in view together, the most similar first.
    pub pairs: Vec<Likeness>,
}

/// How similar two faces are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// Who was seen before.
    pub before: u32,
    /// Who was seen later.
    pub later: u32,
    /// Cosine of the angle between the means of their embeddings, -1 to 1.
    pub similarity: f64,
}

/// A face's embeddings so far.
#[derive(Debug)]
struct Seen {
    first: f64,
    last: f64,
    views: u32,
    sum: Vec<f64>,
}

/// Gathers embeddings, frame by frame. Memory is an embedding a face.
#[derive(Debug, Default)]
pub struct Appearances {
    faces: BTreeMap<u32, Seen>,
}

impl Appearances {
    /// Takes the next frame.
    pub fn push(&mut self, reading: &FrameReading) {
        for face in &reading.faces {
            let (first, last) = (face.seconds, face.seconds);
            let seen = self.faces.entry(face.face).or_insert(Seen { first, last, views: 0, sum: vec![] });
            seen.last = last;
            if let Some(embedding) = &face.embedding {
                seen.views += 1;
                seen.sum.resize(embedding.len(), 0.0);
                for (sum, value) in seen.sum.iter_mut().zip(embedding) {
                    *sum += f64::from(*value);
                }
            }
        }
    }

    /// What they come to: by the model of this name, suggested from this similarity on.
    pub fn finish(self, model: &str, similarity: f64) -> Appearance {
        let seen: Vec<(u32, Seen)> = self.faces.into_iter().filter(|(_, seen)| seen.views > 0).collect();
        let mut pairs = vec![];
        for (before, a) in &seen {
            for (later, b) in seen.iter().filter(|(_, b)| a.last < b.first) {
                // Means of opposite directions may have none.
                if let Some(similarity) = cosine(&a.sum, &b.sum) {
                    let similarity = (similarity * DECIMALS).round() / DECIMALS;
                    pairs.push(Likeness { before: *before, later: *later, similarity });
                }
            }
            // A day in a street has a hundred million pairs.
            if pairs.len() > 2 * MOST_PAIRS {
                most_similar(&mut pairs);
            }
        }
        most_similar(&mut pairs);
        let views = seen.iter().map(|(face, seen)| (*face, seen.views)).collect();
        Appearance { model: model.to_owned(), similarity, views, pairs }
    }
}

/// Leaves as many pairs as are kept, the most similar first.
fn most_similar(pairs: &mut Vec<Likeness>) {
    pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    pairs.truncate(MOST_PAIRS);
}

fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    (a.len() == b.len() && cosine.is_finite()).then_some(cosine)
}
