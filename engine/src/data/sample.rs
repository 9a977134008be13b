//! One item of a pool, in eight bytes: a pool of millions keeps nothing else in memory for each of its items.

/// One item of a pool. Its content hash and votes are asked of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    dataset: u16,
    /// [`Sample::UNLABELLED`] where it has none.
    class: u16,
    item: u32,
}

impl Sample {
    const UNLABELLED: u16 = u16::MAX;
    /// Datasets and classes that a pool can tell apart.
    pub(super) const MOST: usize = u16::MAX as usize;

    /// An item of a dataset; both stay below [`Sample::MOST`].
    pub(super) fn new(dataset: usize, item: u32, label: Option<usize>) -> Self {
        debug_assert!(dataset < Self::MOST && label.is_none_or(|label| label < Self::MOST));
        Self { dataset: dataset as u16, class: label.map_or(Self::UNLABELLED, |label| label as u16), item }
    }

    /// Index among the pool's datasets.
    pub fn dataset(self) -> usize {
        usize::from(self.dataset)
    }

    /// Index in the dataset.
    pub fn item(self) -> u32 {
        self.item
    }

    /// Class of the run; none where it is unlabelled.
    pub fn label(self) -> Option<usize> {
        (self.class != Self::UNLABELLED).then_some(usize::from(self.class))
    }

    /// The same item without its label.
    pub(super) fn unlabelled(self) -> Self {
        Self { class: Self::UNLABELLED, ..self }
    }

    /// The same item, of a dataset that stands so many places further on.
    pub(super) fn moved(self, places: usize) -> Self {
        Self { dataset: self.dataset + places as u16, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_takes_eight_bytes_and_keeps_what_it_was_given() {
        assert_eq!(size_of::<Sample>(), 8);
        let sample = Sample::new(3, u32::MAX, Some(7));
        assert_eq!((sample.dataset(), sample.item(), sample.label()), (3, u32::MAX, Some(7)));
        assert_eq!((sample.unlabelled().label(), sample.moved(2).dataset()), (None, 5));
    }
}
