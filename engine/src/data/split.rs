//! Dividing a dataset into parts so that nobody is in two of them and each has its share of every class.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Annotation, DataError, Dataset, Stamp};
use crate::media::Picture;

/// Some of a dataset's items, as a dataset. Votes become the class with most of them, or none on a tie.
#[derive(Clone)]
pub struct Selection {
    dataset: Arc<dyn Dataset>,
    items: Vec<usize>,
}

impl Selection {
    /// These items of a dataset, in this order.
    ///
    /// # Panics
    /// Later, where an item is none of the dataset's.
    pub fn new(dataset: Arc<dyn Dataset>, items: Vec<usize>) -> Self {
        Self { dataset, items }
    }
}

impl Dataset for Selection {
    fn name(&self) -> &str {
        self.dataset.name()
    }

    fn classes(&self) -> &[String] {
        self.dataset.classes()
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn key(&self, index: usize) -> String {
        self.dataset.key(self.items[index])
    }

    fn annotation(&self, index: usize) -> Annotation {
        match self.dataset.annotation(self.items[index]) {
            Annotation::Votes(votes) => unique_most(&votes).map_or(Annotation::None, Annotation::Class),
            other => other,
        }
    }

    fn group(&self, index: usize) -> Result<Option<String>, DataError> {
        self.dataset.group(self.items[index])
    }

    fn stamp(&self, index: usize) -> Option<Stamp> {
        self.dataset.stamp(self.items[index])
    }

    fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
        self.dataset.content_hash(self.items[index])
    }

    fn stored(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.dataset.stored(self.items[index])
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        self.dataset.picture(self.items[index])
    }
}

/// The entry with the most votes, where there is one alone.
pub(super) fn unique_most(votes: &[f32]) -> Option<usize> {
    let most = votes.iter().copied().fold(0.0, f32::max);
    let mut first = votes.iter().enumerate().filter(|(_, vote)| most > 0.0 && **vote == most);
    let (class, _) = first.next()?;
    first.next().is_none().then_some(class)
}

/// Items of each part, in the dataset's order. Whoever or whatever [`Dataset::group`] names is in one part alone; where it
/// names nothing, copies of one content are. Shares are relative, above 0; parts come as near to their share of each class as
/// groups allow. The outcome depends on `seed` and the data alone.
///
/// # Errors
/// Fewer than two parts, a share that is not above 0, an item that cannot be read, or a part that would be empty.
pub fn split(dataset: &dyn Dataset, shares: &[f64], seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
    let error = |reason: String| DataError::TooFew(format!("{}: {reason}", dataset.name()));
    if shares.len() < 2 || shares.iter().any(|share| !(share.is_finite() && *share > 0.0)) {
        return Err(error("a split has two or more parts, each with a share above 0".to_owned()));
    }
    let groups = groups(dataset, seed)?;
    let classes = dataset.classes().len() + 1;
    let class_of = |item: usize| match dataset.annotation(item) {
        Annotation::Class(class) => class,
        Annotation::Votes(votes) => unique_most(&votes).unwrap_or(classes - 1),
        Annotation::None => classes - 1,
    };
    let mut totals = vec![0.0; classes];
    (0..dataset.len()).for_each(|item| totals[class_of(item)] += 1.0);
    let all: f64 = shares.iter().sum();
    // What each part still lacks of each class.
    let mut lacks: Vec<Vec<f64>> =
        shares.iter().map(|share| totals.iter().map(|total| total * share / all).collect()).collect();
    let mut parts = vec![Vec::new(); shares.len()];
    for items in groups {
        let mut counts = vec![0.0; classes];
        for item in items.iter().copied() {
            counts[class_of(item)] += 1.0;
        }
        // The part that lacks most of what the group has, relative to its share, so that rare classes weigh as much.
        let gain = |part: usize| -> f64 {
            let each = counts.iter().zip(&lacks[part]).zip(&totals);
            each.filter(|((count, _), _)| **count > 0.0)
                .map(|((count, lack), total)| count / total * lack / (total * shares[part] / all))
                .sum()
        };
        let gains: Vec<f64> = (0..shares.len()).map(gain).collect();
        let best =
            (1..shares.len()).fold(0, |best, part| if gains[part] > gains[best] { part } else { best });
        lacks[best].iter_mut().zip(&counts).for_each(|(lack, count)| *lack -= count);
        parts[best].extend(items);
    }
    if let Some(empty) = parts.iter().position(Vec::is_empty) {
        return Err(error(format!(
            "part {} of {} would be empty: too few people, clips or items",
            empty + 1,
            shares.len()
        )));
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    Ok(parts)
}

/// Items that belong together: large groups first, for small ones can even out what they leave, and in an order that the seed
/// decides among groups of about one size.
fn groups(dataset: &dyn Dataset, seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
    let name = |item: usize| match dataset.group(item)? {
        Some(group) => Ok(group),
        None => Ok(blake3::Hash::from(dataset.content_hash(item)?).to_hex().to_string()),
    };
    let names: Vec<String> =
        (0..dataset.len()).into_par_iter().with_min_len(64).map(name).collect::<Result<_, DataError>>()?;
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (item, name) in names.into_iter().enumerate() {
        groups.entry(name).or_default().push(item);
    }
    let place = |name: &str| *blake3::hash(format!("{seed}/{name}").as_bytes()).as_bytes();
    let mut groups: Vec<_> = groups
        .into_iter()
        .map(|(name, items)| ((std::cmp::Reverse(items.len().ilog2()), place(&name)), items))
        .collect();
    groups.sort_unstable();
    Ok(groups.into_iter().map(|(_, items)| items).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use super::*;
    use crate::data::MemoryFaces;

    /// Faces of `people` people who show each of two classes, the second in every fourth item.
    struct People {
        people: usize,
        classes: Vec<String>,
    }

    impl Dataset for People {
        fn name(&self) -> &'static str {
            "people"
        }

        fn classes(&self) -> &[String] {
            &self.classes
        }

        fn len(&self) -> usize {
            self.people * 12
        }

        fn key(&self, index: usize) -> String {
            index.to_string()
        }

        fn annotation(&self, index: usize) -> Annotation {
            Annotation::Class(usize::from(index.is_multiple_of(4)))
        }

        fn group(&self, index: usize) -> Result<Option<String>, DataError> {
            Ok(Some((index % self.people).to_string()))
        }

        fn content_hash(&self, index: usize) -> Result<[u8; 32], DataError> {
            Ok([index as u8; 32])
        }

        fn picture(&self, _: usize) -> Result<Picture, DataError> {
            Ok(Picture::filled(2, 2, 1, 0))
        }
    }

    fn people(people: usize) -> People {
        People { people, classes: vec!["sad".into(), "happy".into()] }
    }

    #[test]
    fn nobody_is_in_two_parts_and_each_has_its_share_of_every_class() {
        let set = people(50);
        let parts = split(&set, &[70.0, 20.0, 10.0], 1).unwrap();
        let who = |part: &[usize]| part.iter().map(|item| item % 50).collect::<HashSet<_>>();
        assert!(who(&parts[0]).is_disjoint(&who(&parts[1])) && who(&parts[1]).is_disjoint(&who(&parts[2])));
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 600, "nothing is lost");
        for (part, share) in parts.iter().zip([0.7, 0.2, 0.1]) {
            let happy = part.iter().filter(|item| item.is_multiple_of(4)).count() as f64;
            assert!((happy - 150.0 * share).abs() <= 9.0, "{happy} of {}", 150.0 * share);
            assert!((part.len() as f64 - 600.0 * share).abs() <= 24.0, "{} of {}", part.len(), 600.0 * share);
        }
        assert_eq!(split(&set, &[7.0, 2.0, 1.0], 1).unwrap(), parts, "shares are relative");
        assert_ne!(split(&set, &[7.0, 2.0, 1.0], 2).unwrap(), parts, "the seed decides");
    }

    #[test]
    fn without_groups_copies_stay_together_and_a_tie_has_no_class() {
        let face = |tone, annotation| (Picture::filled(2, 2, 1, tone), annotation);
        let items = (0..40).map(|item| face(item / 2, Annotation::Votes(vec![1.0, f32::from(item / 20)])));
        let faces: Arc<dyn Dataset> = Arc::new(MemoryFaces::new("mine", ["sad", "happy"], items).unwrap());
        let parts = split(&*faces, &[1.0, 1.0], 3).unwrap();
        for pair in 0..20 {
            assert_eq!(parts[0].contains(&(2 * pair)), parts[0].contains(&(2 * pair + 1)), "{pair}");
        }
        let part = Selection::new(Arc::clone(&faces), vec![39, 0]);
        assert_eq!([part.annotation(0), part.annotation(1)], [Annotation::None, Annotation::Class(0)]);
        assert_eq!((part.len(), part.key(1)), (2, faces.key(0)));
    }

    #[test]
    fn a_split_that_cannot_be_made_is_refused() {
        assert!(split(&people(1), &[1.0, 1.0], 0).unwrap_err().to_string().contains("would be empty"));
        for shares in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN]] {
            assert!(split(&people(9), shares, 0).unwrap_err().to_string().contains("two or more parts"));
        }
    }
}
