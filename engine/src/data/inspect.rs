//! What a dataset holds, item by item: counts, people, sizes, copies, and what is wrong with it.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::split::unique_most;
use super::{Annotation, DataError, Dataset, SkipLog};

/// Sizes of pictures that are named; the others are counted together.
const SIZES: usize = 12;
/// Items that are looked at between two words of progress.
const CHUNK: usize = 2048;

/// A count for each name, in an order that means something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts(pub Vec<(String, usize)>);

impl Counts {
    /// The count of a name.
    pub fn get(&self, name: &str) -> Option<usize> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in &self.0 {
            map.serialize_entry(name, count)?;
        }
        map.end()
    }
}

/// What [`inspect`] found.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Inspection {
    /// Items in all, those with problems too.
    pub items: usize,
    /// Different people or clips that the items show; `None` where the format does not tell.
    pub identities: Option<usize>,
    /// Items of each class, in the dataset's order. Votes count for the class with most of them.
    pub classes: Counts,
    /// Items without a label.
    pub unlabelled: usize,
    /// Items whose votes name no single class.
    pub ambiguous: usize,
    /// Items whose content another one has too, without the first of each content.
    pub duplicates: usize,
    /// Pictures that were decoded.
    pub decoded: usize,
    /// Decoded pictures of each size, as `WIDTHxHEIGHT`, the most frequent first; `other` beyond some.
    pub sizes: Counts,
    /// Items that cannot be used.
    pub unusable: usize,
    /// The first problems, with file and place.
    pub problems: Vec<String>,
}

/// Reads every item's content and decodes the pictures, in parallel: all, or `sample` of them, evenly spread. `skips` is the
/// log with which the dataset was opened.
///
/// # Errors
/// An item that cannot be used, where `skips` is strict.
pub fn inspect(
    dataset: &dyn Dataset,
    sample: Option<usize>,
    skips: &SkipLog,
) -> Result<Inspection, DataError> {
    let found = inspect_with(dataset, sample, skips, &mut |_| true)?;
    Ok(found.unwrap_or_default())
}

/// As [`inspect`]; `progress` hears how many items were looked at, and stops it by giving `false`: then nothing is given back. Of an
/// item some ten bytes stay in memory, and the names of people and clips.
///
/// # Errors
/// As there.
pub fn inspect_with(
    dataset: &dyn Dataset,
    sample: Option<usize>,
    skips: &SkipLog,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Inspection>, DataError> {
    let items = dataset.len();
    let every = sample.map_or(1, |sample| items.div_ceil(sample.max(1)).max(1));
    let look = |item: usize| {
        let looked = || {
            let hash = dataset.content_hash(item)?;
            let group = dataset.group(item)?;
            let picture = if item.is_multiple_of(every) { Some(dataset.picture(item)?) } else { None };
            Ok((hash, group, picture.map(|picture| (picture.width, picture.height))))
        };
        match looked() {
            Ok(found) => Ok(Some(found)),
            Err(error) => skips.skip(&dataset.key(item), error).map(|()| None),
        }
    };
    let mut found = Inspection { items, ..Inspection::default() };
    let (mut contents, mut groups) = (Vec::with_capacity(items), HashSet::new());
    let mut sizes: HashMap<(usize, usize), usize> = HashMap::new();
    for start in (0..items).step_by(CHUNK) {
        let chunk = start..items.min(start + CHUNK);
        let looked: Vec<Option<_>> =
            chunk.clone().into_par_iter().with_min_len(16).map(look).collect::<Result<_, DataError>>()?;
        for (hash, group, size) in looked.into_iter().flatten() {
            let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hash;
            // Of millions of items, two have the same first 64 bits by chance once in a million sets.
            contents.push(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            if let Some(group) = group.filter(|group| !groups.contains(group)) {
                groups.insert(group);
            }
            if let Some(size) = size {
                found.decoded += 1;
                *sizes.entry(size).or_insert(0) += 1;
            }
        }
        if !progress(chunk.end) {
            return Ok(None);
        }
    }
    contents.par_sort_unstable();
    found.duplicates = contents.len() - contents.chunk_by(|a, b| a == b).count();
    found.identities = (!groups.is_empty()).then_some(groups.len());
    found.sizes = most_frequent(sizes);
    count_labels(dataset, &mut found);
    found.unusable = skips.count();
    found.problems = skips.noted();
    found.problems.extend(skips.first());
    Ok(Some(found))
}

fn most_frequent(sizes: HashMap<(usize, usize), usize>) -> Counts {
    // A map in order first, so that sizes of one count come in one order.
    let sizes: BTreeMap<_, _> = sizes.into_iter().collect();
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named =
        sizes.iter().take(SIZES).map(|((width, height), count)| (format!("{width}x{height}"), *count));
    let mut counts: Vec<(String, usize)> = named.collect();
    let other: usize = sizes.iter().skip(SIZES).map(|(_, count)| count).sum();
    if other > 0 {
        counts.push(("other".to_owned(), other));
    }
    Counts(counts)
}

fn count_labels(dataset: &dyn Dataset, found: &mut Inspection) {
    let mut counts = vec![0; dataset.classes().len()];
    for item in 0..dataset.len() {
        match dataset.annotation(item) {
            Annotation::None => found.unlabelled += 1,
            Annotation::Class(class) => counts[class] += 1,
            Annotation::Votes(votes) => match unique_most(&votes) {
                Some(class) => counts[class] += 1,
                None => found.ambiguous += 1,
            },
        }
    }
    found.classes = Counts(dataset.classes().iter().cloned().zip(counts).collect());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::data::{Format, Formats, MemoryFaces, Spec};
    use crate::media::Picture;

    #[test]
    fn labels_copies_and_sizes_are_counted() {
        let face = |side, tone| Picture::filled(side, side, 1, tone);
        let items = [
            (face(4, 1), Annotation::Class(1)),
            (face(4, 1), Annotation::Class(0)),
            (face(4, 2), Annotation::Votes(vec![1.0, 3.0])),
            (face(6, 3), Annotation::Votes(vec![2.0, 2.0])),
            (face(4, 4), Annotation::None),
        ];
        let faces = MemoryFaces::new("mine", ["sad", "happy"], items).unwrap();
        let found = inspect(&faces, None, &SkipLog::new(true)).unwrap();
        assert_eq!((found.items, found.duplicates, found.identities), (5, 1, None));
        assert_eq!((found.unlabelled, found.ambiguous), (1, 1));
        let json = serde_json::to_string(&found).unwrap();
        assert!(json.contains(r#""classes":{"sad":1,"happy":2}"#), "{json}");
        assert!(json.contains(r#""sizes":{"4x4":4,"6x6":1}"#), "{json}");
        let some = inspect(&faces, Some(2), &SkipLog::new(true)).unwrap();
        assert_eq!((some.items, some.decoded), (5, 2), "items 0 and 3");
    }

    #[test]
    fn damaged_items_are_problems_and_fatal_when_strict() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.png"), b"text").unwrap();
        std::fs::write(dir.path().join("b.webp"), b"text").unwrap();
        let spec = Spec::new("folder", dir.path());
        let skips = SkipLog::new(false);
        let faces = Formats::files().open(&spec, &skips).unwrap();
        let found = inspect(&*faces, None, &skips).unwrap();
        assert_eq!((found.items, found.unusable, found.decoded), (2, 2, 0));
        let problems = found.problems.join("\n");
        assert!(problems.contains("b.webp") && problems.contains("a.png: neither"), "{problems}");
        let skips = SkipLog::new(true);
        let faces = Formats::files().open(&spec, &skips).unwrap();
        assert!(inspect(&*faces, None, &skips).is_err());
    }

    #[test]
    fn people_are_counted_where_the_format_tells() {
        let clips = crate::data::ClipFormats::files();
        let dir = tempfile::tempdir().unwrap();
        for clip in ["a", "b"] {
            crate::data::formats::affwild2::tests::write_frames(&dir.path().join(clip), 1..=2);
        }
        let format: Format = crate::data::frames_of(clips.check(&Spec::new("clips", dir.path())).unwrap());
        let frames = format.open(&Spec::new("clips", dir.path()), &SkipLog::new(true)).unwrap();
        let found = inspect(&*frames, None, &SkipLog::new(true)).unwrap();
        assert_eq!((found.items, found.identities), (4, Some(2)));
    }
}
