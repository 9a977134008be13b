//! Removing byte-identical items: within what is trained on, and between that and what is evaluated on.

use std::collections::HashMap;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Pool;

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
}

impl Pool {
    /// Keeps one copy of each content: the first labelled one, or the first. Gives the number of copies removed and how
    /// many of them had another label than the kept copy.
    pub fn remove_duplicates(&mut self) -> (usize, usize) {
        let mut kept: HashMap<[u8; 32], usize> = HashMap::with_capacity(self.samples.len());
        for (index, sample) in self.samples.iter().enumerate() {
            let first = kept.entry(sample.hash).or_insert(index);
            if self.samples[*first].label.is_none() && sample.label.is_some() {
                *first = index;
            }
        }
        let conflicts = self.samples.iter().filter(|sample| {
            let label = self.samples[kept[&sample.hash]].label;
            sample.label.is_some() && sample.label != label
        });
        let conflicts = conflicts.count();
        let before = self.samples.len();
        let mut index = 0;
        self.samples.retain(|sample| {
            index += 1;
            kept[&sample.hash] == index - 1
        });
        (before - self.samples.len(), conflicts)
    }

    /// Removes every sample whose content one of the other pools' sources holds too, as a sample or as an item that
    /// was not usable there; gives the number removed.
    pub fn remove_content_of(&mut self, others: &[&Pool]) -> usize {
        let hashes: HashSet<&[u8; 32]> =
            others.iter().flat_map(|pool| pool.samples.iter().map(|s| &s.hash).chain(&pool.unused)).collect();
        self.split_off(|sample| !hashes.contains(&sample.hash)).len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ambiguous;
    use super::super::pool::tests::{all_for, ferplus_pool};

    #[test]
    fn copies_go_and_the_first_labelled_one_stays() {
        let tie = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        let lines = [(1, tie), (1, all_for(3)), (1, all_for(4)), (1, all_for(3)), (2, all_for(4))];
        let (_dir, mut pool) = ferplus_pool(&lines, Ambiguous::Unlabelled, "ferplus8", "");
        assert_eq!(pool.remove_duplicates(), (3, 1));
        assert_eq!(pool.labels(), [Some(3), Some(4)]);
        assert_eq!(pool.remove_duplicates(), (0, 0));
    }

    #[test]
    fn nothing_that_is_evaluated_on_stays_in_training() {
        let lines = [(1, all_for(0)), (2, all_for(1)), (2, all_for(1)), (3, all_for(2))];
        let (_train_dir, mut train) = ferplus_pool(&lines, Ambiguous::Drop, "ferplus8", "");
        let (_valid_dir, valid) =
            ferplus_pool(&[(2, all_for(5)), (9, all_for(5))], Ambiguous::Drop, "ferplus8", "");
        assert_eq!(train.remove_content_of(&[&valid]), 2);
        assert_eq!(train.labels(), [Some(0), Some(2)]);
        let hashes: Vec<_> = valid.samples().iter().map(|sample| sample.hash).collect();
        assert!(train.samples().iter().all(|sample| !hashes.contains(&sample.hash)));
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
            assert_eq!(train.clone().remove_content_of(&[&valid]), 1);
        }
    }
}
