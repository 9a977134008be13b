//! What a bootstrap draws: items, or all items of a person or video at once.

use std::collections::BTreeMap;

use crate::learn::Confusion;

/// Items put together to what is drawn as one. Each unit is a short list of (cell, items); a cell is a place in counts of true
/// against answered classes, one such table for each group.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    classes: usize,
    tables: usize,
    drawn: Vec<Vec<(usize, u32)>>,
}

impl Units {
    /// Of items `(unit, group, truth, answer)`; units are numbered in the order of their names. `tables` is the number of
    /// groups.
    pub fn new<K: Ord>(
        classes: usize,
        tables: usize,
        items: impl IntoIterator<Item = (K, usize, usize, usize)>,
    ) -> Self {
        let mut units: BTreeMap<K, BTreeMap<usize, u32>> = BTreeMap::new();
        for (unit, table, truth, answer) in items {
            let cell = (table * classes + truth) * classes + answer;
            *units.entry(unit).or_default().entry(cell).or_default() += 1;
        }
        Self {
            classes,
            tables,
            drawn: units.into_values().map(|cells| cells.into_iter().collect()).collect(),
        }
    }

    /// Number of units.
    pub fn len(&self) -> usize {
        self.drawn.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.drawn.is_empty()
    }

    /// Number of tables.
    pub fn tables(&self) -> usize {
        self.tables
    }

    /// The counts of every table over some units, each as often as it is named.
    pub fn counts(&self, drawn: impl IntoIterator<Item = usize>) -> Vec<Confusion> {
        let cells = self.classes * self.classes;
        let mut counts = vec![0u64; self.tables * cells];
        for unit in drawn {
            for &(cell, items) in &self.drawn[unit] {
                counts[cell] += u64::from(items);
            }
        }
        counts.chunks_exact(cells.max(1)).map(|table| Confusion::of_counts(self.classes, table)).collect()
    }

    /// The counts of all units.
    pub fn all(&self) -> Vec<Confusion> {
        self.counts(0..self.len())
    }

    /// What a statistic is when each unit in turn is left out. Units of equal content have equal values, so that few are
    /// computed where units are items.
    pub fn without_each(&self, statistic: impl Fn(&[Confusion]) -> f64) -> Vec<f64> {
        let mut known: BTreeMap<&[(usize, u32)], f64> = BTreeMap::new();
        let all: Vec<u64> = self.all().iter().flat_map(Confusion::rows).flatten().collect();
        let cells = self.classes * self.classes;
        let mut left = vec![];
        for unit in &self.drawn {
            let value = *known.entry(unit.as_slice()).or_insert_with(|| {
                let mut counts = all.clone();
                for &(cell, items) in unit {
                    counts[cell] -= u64::from(items);
                }
                let tables = counts.chunks_exact(cells.max(1));
                let tables: Vec<_> = tables.map(|table| Confusion::of_counts(self.classes, table)).collect();
                statistic(&tables)
            });
            left.push(value);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_count_their_items_in_each_table() {
        let items = [("b", 0, 0, 0), ("a", 1, 0, 1), ("b", 0, 0, 0), ("a", 0, 1, 1)];
        let units = Units::new(2, 2, items);
        assert_eq!((units.len(), units.tables()), (2, 2));
        let counts = units.counts([1, 1, 0]);
        assert_eq!(counts[0].rows(), [[4, 0], [0, 1]], "b twice, a once");
        assert_eq!(counts[1].rows(), [[0, 1], [0, 0]]);
        let left = units.without_each(|tables| tables[0].items() as f64);
        assert_eq!(left, [2.0, 1.0], "without a, without b");
    }
}
