//! Where records lie: five bytes a record, and none for its key where keys count on.

/// Numbers below 2^40, five bytes each.
#[derive(Debug, Default)]
struct Narrow {
    low: Vec<u32>,
    high: Vec<u8>,
}

impl Narrow {
    fn push(&mut self, number: u64) {
        self.low.push(number as u32);
        self.high.push((number >> 32) as u8);
    }

    fn get(&self, index: usize) -> u64 {
        u64::from(self.high[index]) << 32 | u64::from(self.low[index])
    }

    fn len(&self) -> usize {
        self.low.len()
    }
}

/// Keys and offsets of records, in the order of the index.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Quarters of offsets, which are multiples of four: up to 4 TiB.
    quarters: Narrow,
    first_key: u64,
    /// All keys, where they do not count on from the first.
    keys: Option<Narrow>,
}

/// Keys and offsets that are told apart: below 2^40, and below four times that.
pub(super) const LIMIT: u64 = 1 << 40;

impl Places {
    /// Adds a record. The key is below [`LIMIT`], the offset a multiple of 4 below four times that.
    pub fn push(&mut self, key: u64, offset: u64) {
        let count = self.len() as u64;
        if count == 0 {
            self.first_key = key;
        }
        if self.keys.is_none() && key != self.first_key + count {
            let mut keys = Narrow::default();
            (0..count).for_each(|place| keys.push(self.first_key + place));
            self.keys = Some(keys);
        }
        if let Some(keys) = &mut self.keys {
            keys.push(key);
        }
        self.quarters.push(offset / 4);
    }

    pub fn len(&self) -> usize {
        self.quarters.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Key and offset of a record.
    pub fn get(&self, index: usize) -> (u64, u64) {
        (self.key(index), self.quarters.get(index) * 4)
    }

    fn key(&self, index: usize) -> u64 {
        self.keys.as_ref().map_or(self.first_key + index as u64, |keys| keys.get(index))
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The same in no more memory than it takes.
    pub fn shrunk(mut self) -> Self {
        for list in std::iter::once(&mut self.quarters).chain(&mut self.keys) {
            list.low.shrink_to_fit();
            list.high.shrink_to_fit();
        }
        self
    }

    /// Those that `keep` wants.
    pub fn retain(self, mut keep: impl FnMut(u64, u64) -> bool) -> Self {
        let mut kept = Self::default();
        self.iter()
            .filter(|&(key, offset)| keep(key, offset))
            .for_each(|(key, offset)| kept.push(key, offset));
        kept.shrunk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(records: &[(u64, u64)]) -> Places {
        let mut places = Places::default();
        for &(key, offset) in records {
            places.push(key, offset);
        }
        places
    }

    #[test]
    fn keys_and_offsets_come_back_whether_keys_count_on_or_not() {
        let far = 4 * (LIMIT - 1);
        for records in [
            vec![(1, 0), (2, 8), (3, 1 << 34)],
            vec![(7, far), (8, 4), (8, 8), (0, 0), (LIMIT - 1, 12)],
            vec![],
        ] {
            let places = places(&records);
            assert_eq!(places.iter().collect::<Vec<_>>(), records);
            let kept = places.retain(|key, _| key != 8);
            assert!(kept.iter().eq(records.iter().copied().filter(|(key, _)| *key != 8)));
        }
    }

    #[test]
    fn keys_that_count_on_cost_nothing() {
        let records: Vec<(u64, u64)> = (1..1000).map(|key| (key, key * 8)).collect();
        assert!(places(&records).keys.is_none());
    }
}
