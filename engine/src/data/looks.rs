//! Copies that are not equal byte by byte: saved again, made smaller, brightened. Found by how pictures look, in 256 bits.

use rayon::prelude::*;

use super::bitmap::Bitmap;
use super::hashes::{Digest, Hashed, Hashes, UNREADABLE};
use super::{DataError, Dataset, Pool, Recipe, Removal, SkipLog, Why};
use crate::media::Picture;

/// Rows and columns of the pattern.
const SIDE: usize = 16;
/// Pictures that one is compared with, of those that agree with it in a part of their bits: pictures of one tone all do.
const MOST_COMPARED: usize = 512;

/// The difference hash of a picture (Krawetz 2013, at 16 by 16): the picture in grey, 17 by 16 pixels, and a bit for each pixel
/// that says whether its right neighbour is brighter.
///
/// # Errors
/// It is no picture.
pub fn look(picture: &Picture) -> Result<[u8; 32], String> {
    let small = picture.with_channels(1).resized(SIDE + 1, SIDE).map_err(|e| e.to_string())?;
    let mut bits = [0u8; 32];
    for (y, row) in small.pixels.chunks_exact(SIDE + 1).enumerate() {
        for (x, pair) in row.windows(2).enumerate() {
            let bit = y * SIDE + x;
            bits[bit / 8] |= u8::from(pair[1] > pair[0]) << (bit % 8);
        }
    }
    // All bits clear is what stands for a picture that cannot be read.
    if bits == UNREADABLE {
        bits[0] = 1;
    }
    Ok(bits)
}

/// Bits in which two looks differ.
pub fn look_distance(a: &[u8; 32], b: &[u8; 32]) -> u32 {
    a.as_chunks::<8>()
        .0
        .iter()
        .zip(b.as_chunks::<8>().0)
        .map(|(a, b)| (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)).count_ones())
        .sum()
}

/// For each look the earlier ones that differ from it in at most `bits` bits, as pairs of later and earlier, sorted.
///
/// Looks that differ in k bits agree wholly in one of any k + 1 parts, so that only those need be compared. Among very many that
/// agree, each is compared with the nearest 512 in the order of their bits.
fn near_pairs(looks: &[Digest], bits: u32) -> Vec<(u32, u32)> {
    let parts = (bits as usize + 1).min(256);
    let part_of = |look: &Digest, part: usize| {
        // The bits of a part, 64 at the most, as a number.
        let (start, end) = (part * 256 / parts, ((part + 1) * 256 / parts).min(part * 256 / parts + 64));
        (start..end).fold(0u64, |all, bit| all << 1 | u64::from(look[bit / 8] >> (bit % 8) & 1))
    };
    let found = (0..parts).into_par_iter().flat_map_iter(|part| {
        let mut order: Vec<(u64, u32)> =
            looks.iter().enumerate().map(|(index, look)| (part_of(look, part), index as u32)).collect();
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| looks[a.1 as usize].cmp(&looks[b.1 as usize])).then(a.1.cmp(&b.1))
        });
        let mut pairs = Vec::new();
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            for (at, &(_, one)) in group.iter().enumerate() {
                for &(_, other) in group[at + 1..].iter().take(MOST_COMPARED) {
                    if look_distance(&looks[one as usize], &looks[other as usize]) <= bits {
                        pairs.push((one.max(other), one.min(other)));
                    }
                }
            }
        }
        pairs
    });
    let mut pairs: Vec<(u32, u32)> = found.collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    pairs
}

/// Removes from the pools what looks like an item of an evaluation pool, then, of what looks alike within each pool, all but the
/// first. Does nothing where the recipe asks for nothing. A picture that cannot be decoded looks like none.
///
/// # Errors
/// A picture that cannot be read where `skips` is strict; the hashing was stopped.
pub(super) fn remove_near_copies(
    pools: [&mut Pool; 2],
    evaluation: &[&Pool],
    recipe: &Recipe,
    skips: &SkipLog,
) -> Result<Vec<Removal>, DataError> {
    let Some(bits) = recipe.near_duplicates else { return Ok(Vec::new()) };
    let mut evaluated = Vec::new();
    for pool in evaluation {
        let samples = pool.samples.iter().chain(&pool.unused);
        evaluated.extend(Looks::of(pool, recipe, skips)?.places(pool, samples.copied())?);
    }
    let mut removed = Vec::new();
    for pool in pools {
        let own = Looks::of(pool, recipe, skips)?.places(pool, pool.samples.iter().copied())?;
        let first = evaluated.len();
        let all: Vec<Digest> = evaluated.iter().chain(&own).map(|(look, ..)| *look).collect();
        let mut gone = Bitmap::default();
        for (later, earlier) in near_pairs(&all, bits) {
            let (later, earlier) = (later as usize, earlier as usize);
            let known = earlier < first;
            // What an evaluation set holds is nobody's copy, and what is gone stands for nothing.
            if later < first || (!known && gone.get(own[earlier - first].2)) || gone.get(own[later - first].2)
            {
                continue;
            }
            let (item, index) = (own[later - first].1, own[later - first].2);
            let of = if known { evaluated[earlier].1 } else { own[earlier - first].1 };
            removed.push(Removal { item, why: if known { Why::NearEvaluation } else { Why::NearCopy }, of });
            gone.set(index);
        }
        pool.forget(&gone);
    }
    Ok(removed)
}

/// A look, the place of its sample, and the sample's number.
type Placed = (Digest, (usize, u32), usize);

/// The looks of a pool's datasets.
struct Looks(Vec<Hashes>);

impl Looks {
    fn of(pool: &Pool, recipe: &Recipe, skips: &SkipLog) -> Result<Self, DataError> {
        let hashing = super::Hashing { on: true, ..recipe.hashing.clone() };
        let make = |dataset: &dyn Dataset, item: usize| {
            look(&dataset.picture(item)?)
                .map_err(|reason| DataError::TooFew(format!("{}: {reason}", dataset.key(item))))
        };
        let looks = pool.members.iter().map(|member| {
            let dataset = member.dataset();
            let hashed = Hashed { dataset, items: dataset.len() as u32, kind: "look", make: &make };
            Hashes::of(hashed, &hashing, skips)
        });
        looks.collect::<Result<_, _>>().map(Self)
    }

    /// Look, place and number of each sample that has one.
    fn places(
        &self,
        pool: &Pool,
        samples: impl Iterator<Item = super::Sample>,
    ) -> Result<Vec<Placed>, DataError> {
        let mut reader = super::hashes::HashReader::new(&self.0);
        let mut places = Vec::new();
        for (index, sample) in samples.enumerate() {
            let look = reader.get(sample.dataset(), sample.item())?;
            if look != UNREADABLE {
                places.push((look, pool.place(sample), index));
            }
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use super::*;
    use crate::data::{Annotation, MemoryFaces, Source, Vocabulary, training_pools};
    use crate::random::{Address, Purpose};

    /// A smooth picture, another one for each number.
    fn face(number: u64) -> Picture {
        let mut rng = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item: number }.rng();
        let coarse =
            Picture { width: 7, height: 7, channels: 1, pixels: (0..49).map(|_| rng.bits() as u8).collect() };
        coarse.resized(64, 64).unwrap()
    }

    fn changed(picture: &Picture) -> [Picture; 4] {
        let pixels = |change: &dyn Fn(u8) -> u8| Picture {
            pixels: picture.pixels.iter().map(|&p| change(p)).collect(),
            ..picture.clone()
        };
        let saved = crate::media::decode(&picture.to_jpeg(60).unwrap()).unwrap();
        [saved, picture.resized(48, 48).unwrap(), pixels(&|p| p / 2 + 40), pixels(&|p| p.saturating_add(20))]
    }

    #[test]
    fn a_picture_saved_again_smaller_or_brighter_looks_alike_and_another_one_does_not() {
        for number in 0..8 {
            let one = look(&face(number)).unwrap();
            for other in changed(&face(number)) {
                assert!(look_distance(&one, &look(&other).unwrap()) <= 24);
            }
            assert!(look_distance(&one, &look(&face(number + 1)).unwrap()) > 60);
        }
        let flat = look(&Picture::filled(9, 9, 3, 7)).unwrap();
        assert_ne!(flat, UNREADABLE);
    }

    #[test]
    fn pairs_are_those_that_comparing_all_with_all_finds() {
        let mut rng = Address { seed: 3, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng();
        let mut looks: Vec<Digest> = (0..40).map(|_| std::array::from_fn(|_| rng.bits() as u8)).collect();
        for index in 0..200 {
            let mut near = looks[rng.below(looks.len())];
            for _ in 0..index % 14 {
                let bit = rng.below(256);
                near[bit / 8] ^= 1 << (bit % 8);
            }
            looks.push(near);
        }
        for bits in [0, 1, 5, 10, 30] {
            let mut all = Vec::new();
            for later in 0..looks.len() {
                let near =
                    (0..later).filter(|&earlier| look_distance(&looks[later], &looks[earlier]) <= bits);
                all.extend(near.map(|earlier| (later as u32, earlier as u32)));
            }
            assert_eq!(near_pairs(&looks, bits), all, "{bits} bits");
        }
    }

    #[test]
    fn what_looks_like_validation_goes_first_then_what_looks_alike_and_each_is_named() {
        let set = |name: &str, pictures: Vec<Picture>| {
            let items = pictures.into_iter().map(|picture| (picture, Annotation::Class(0)));
            Source::new(Arc::new(MemoryFaces::new(name, ["happy", "sad"], items).unwrap()))
        };
        let train: Vec<Picture> = (0..3)
            .flat_map(|n| std::iter::once(face(n)).chain(changed(&face(n)).into_iter().take(2)))
            .collect();
        let (train, valid) = (set("train", train), set("valid", vec![changed(&face(1))[0].clone()]));
        let vocabulary = Vocabulary::open("happiness,sadness").unwrap();
        let skips = SkipLog::new(true);
        let valid = Pool::build(&vocabulary, &[valid], &skips).unwrap();
        let pools = |near_duplicates| {
            let recipe = Recipe { near_duplicates, ..Recipe::default() };
            training_pools(&vocabulary, std::slice::from_ref(&train), &[], &[&valid], &recipe, &skips)
                .unwrap()
        };
        // Byte by byte the picture that was saved again is in both.
        assert_eq!(pools(None).labelled.len(), 8);
        let near = pools(Some(24));
        assert_eq!(near.labelled.samples().iter().map(|sample| sample.item()).collect::<Vec<_>>(), [0, 6]);
        assert_eq!((near.report.near_evaluation, near.report.near_duplicates), (2, 4));
    }
}
