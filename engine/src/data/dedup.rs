//! Removing byte-identical items: within what is trained on, and between that and what is evaluated on.
//!
//! Millions of hashes are compared in twelve bytes each: by their first eight bytes, sorted, and whole only where those agree.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bitmap::Bitmap;
use super::hashes::HashReader;
use super::{DataError, Pool, Sample};

/// What de-duplication found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DedupReport {
    /// Further copies removed within the labelled training data.
    pub labelled_duplicates: usize,
    /// Of those, copies whose label differed from the kept one's.
    pub conflicting_labels: usize,
    /// Further copies removed within the unlabelled data.
    pub unlabelled_duplicates: usize,
    /// Labelled training items removed because an evaluation set holds the same content.
    pub labelled_in_evaluation: usize,
    /// Unlabelled training items removed because an evaluation set holds the same content.
    pub unlabelled_in_evaluation: usize,
    /// Training items removed because they look like another one, where that was asked for.
    #[serde(default)]
    pub near_duplicates: usize,
    /// Training items removed because they look like one of an evaluation set, where that was asked for.
    #[serde(default)]
    pub near_evaluation: usize,
}

/// Why an item was taken out of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A copy of another item.
    Copy,
    /// A copy of another item, which has another label.
    CopyWithOtherLabel,
    /// An evaluation set holds it too.
    InEvaluation,
    /// It looks like another item.
    NearCopy,
    /// It looks like an item of an evaluation set.
    NearEvaluation,
}

/// An item that was taken out of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Its dataset ([`super::pool::Member::id`]) and number.
    pub(super) item: (usize, u32),
    /// Why.
    pub(super) why: Why,
    /// What stands for it.
    pub(super) of: (usize, u32),
}

impl Removal {
    /// Why.
    pub fn why(&self) -> Why {
        self.why
    }
}

/// The start of a hash and what it belongs to: three numbers that sort by hash, then by place.
type Entry = [u32; 3];

fn entry(hash: &[u8; 32], place: u32) -> Entry {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]), place]
}

impl Pool {
    /// Keeps one copy of each content: the first labelled one, or the first. Gives the copies that were removed.
    ///
    /// # Errors
    /// The file with the hashes can no longer be read.
    pub fn remove_duplicates(&mut self) -> Result<Vec<Removal>, DataError> {
        let mut entries = Vec::with_capacity(self.len());
        let mut reader = self.hash_reader();
        for (index, sample) in self.samples.iter().enumerate() {
            if self.is_hashed(*sample) {
                entries.push(entry(&reader.get(sample.dataset(), sample.item())?, index as u32));
            }
        }
        entries.par_sort_unstable();
        let (mut removed, mut gone) = (Vec::new(), Bitmap::default());
        let alike = |a: &Entry, b: &Entry| a[..2] == b[..2];
        for group in entries.chunk_by(alike).filter(|group| group.len() > 1) {
            let mut whole = Vec::with_capacity(group.len());
            for &[_, _, index] in group {
                let sample = self.samples[index as usize];
                whole.push((reader.get(sample.dataset(), sample.item())?, index));
            }
            whole.sort_unstable();
            for copies in whole.chunk_by(|a, b| a.0 == b.0).filter(|copies| copies.len() > 1) {
                let sample = |&(_, index): &(_, u32)| self.samples[index as usize];
                let first = copies.iter().find(|copy| sample(copy).label().is_some()).unwrap_or(&copies[0]);
                let kept = sample(first);
                for copy in copies.iter().filter(|copy| copy.1 != first.1) {
                    let label = sample(copy).label();
                    let conflict = label.is_some() && label != kept.label();
                    let why = if conflict { Why::CopyWithOtherLabel } else { Why::Copy };
                    removed.push(Removal { item: self.place(sample(copy)), why, of: self.place(kept) });
                    gone.set(copy.1 as usize);
                }
            }
        }
        drop(reader);
        self.forget(&gone);
        Ok(removed)
    }

    /// Removes every sample whose content one of the other pools' sources holds too, as a sample or as an item that
    /// was not usable there; gives what was removed.
    ///
    /// # Errors
    /// As [`Pool::remove_duplicates`].
    pub fn remove_content_of(&mut self, others: &[&Pool]) -> Result<Vec<Removal>, DataError> {
        let known: Vec<(&Pool, Sample)> = (others.iter())
            .flat_map(|pool| pool.samples.iter().chain(&pool.unused).map(|&sample| (*pool, sample)))
            .filter(|(pool, sample)| pool.is_hashed(*sample))
            .collect();
        let mut readers: Vec<HashReader> = others.iter().map(|pool| pool.hash_reader()).collect();
        let reader_of = |pool: &Pool| others.iter().position(|other| std::ptr::eq(*other, pool)).unwrap_or(0);
        let mut entries = Vec::with_capacity(known.len());
        for (place, (pool, sample)) in known.iter().enumerate() {
            let hash = readers[reader_of(pool)].get(sample.dataset(), sample.item())?;
            entries.push(entry(&hash, place as u32));
        }
        entries.par_sort_unstable();
        let mut gone = Bitmap::default();
        let mut removed = Vec::new();
        let mut reader = self.hash_reader();
        for (index, sample) in self.samples.iter().enumerate() {
            if entries.is_empty() || !self.is_hashed(*sample) {
                continue;
            }
            let hash = reader.get(sample.dataset(), sample.item())?;
            let start = entry(&hash, 0);
            let first = entries.partition_point(|entry| *entry < start);
            for &[_, _, place] in entries[first..].iter().take_while(|entry| entry[..2] == start[..2]) {
                let (pool, other) = known[place as usize];
                if readers[reader_of(pool)].get(other.dataset(), other.item())? == hash {
                    let of = pool.place(other);
                    removed.push(Removal { item: self.place(*sample), why: Why::InEvaluation, of });
                    gone.set(index);
                    break;
                }
            }
        }
        drop(reader);
        self.forget(&gone);
        Ok(removed)
    }

    /// Dataset and number of a sample, whichever pool it is in.
    pub(super) fn place(&self, sample: Sample) -> (usize, u32) {
        (self.members[sample.dataset()].id(), sample.item())
    }

    /// Takes samples away; their content stays known.
    pub(super) fn forget(&mut self, gone: &Bitmap) {
        let mut index = 0;
        let _ = self.split_off(|_| {
            index += 1;
            !gone.get(index - 1)
        });
    }

    fn is_hashed(&self, sample: Sample) -> bool {
        self.members[sample.dataset()].hashes.are_known()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Ambiguous;
    use super::super::pool::tests::{all_for, ferplus_pool};
    use super::*;

    #[test]
    fn copies_go_and_the_first_labelled_one_stays() {
        let tie = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        let lines = [(1, tie), (1, all_for(3)), (1, all_for(4)), (1, all_for(3)), (2, all_for(4))];
        let (_dir, mut pool) = ferplus_pool(&lines, Ambiguous::Unlabelled, "ferplus8", "");
        let removed = pool.remove_duplicates().unwrap();
        let conflicts = removed.iter().filter(|removal| removal.why == Why::CopyWithOtherLabel).count();
        assert_eq!((removed.len(), conflicts), (3, 1));
        let kept = removed.iter().map(|removal| removal.of.1).collect::<Vec<_>>();
        assert_eq!(kept, [1, 1, 1], "the item that stands for each");
        assert_eq!(pool.labels(), [Some(3), Some(4)]);
        assert_eq!(pool.remove_duplicates().unwrap(), []);
    }

    #[test]
    fn nothing_that_is_evaluated_on_stays_in_training() {
        let lines = [(1, all_for(0)), (2, all_for(1)), (2, all_for(1)), (3, all_for(2))];
        let (_train_dir, mut train) = ferplus_pool(&lines, Ambiguous::Drop, "ferplus8", "");
        let (_valid_dir, valid) =
            ferplus_pool(&[(2, all_for(5)), (9, all_for(5))], Ambiguous::Drop, "ferplus8", "");
        assert_eq!(train.remove_content_of(&[&valid]).unwrap().len(), 2);
        assert_eq!(train.labels(), [Some(0), Some(2)]);
        let hashes = valid.hashes().unwrap();
        assert!(train.hashes().unwrap().iter().all(|hash| !hashes.contains(hash)));
    }

    #[test]
    fn items_an_evaluation_set_does_not_score_are_kept_out_of_training_too() {
        let lines = [(1, all_for(0)), (2, all_for(1)), (3, all_for(1))];
        let (_train_dir, train) = ferplus_pool(&lines, Ambiguous::Drop, "ferplus8", "");
        let tie = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        for ambiguous in [Ambiguous::Drop, Ambiguous::Unlabelled] {
            let (_dir, mut valid) = ferplus_pool(&[(2, tie), (9, all_for(5))], ambiguous, "ferplus8", "");
            assert_eq!(valid.retain_labelled(), usize::from(ambiguous == Ambiguous::Unlabelled));
            assert_eq!(valid.labels(), [Some(5)]);
            assert_eq!(train.clone().remove_content_of(&[&valid]).unwrap().len(), 1);
        }
    }
}
