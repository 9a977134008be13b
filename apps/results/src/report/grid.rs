//! Curves of any length in bounded space: steps fall into columns, and columns are merged in pairs when there are too
//! many. A column keeps its lowest and highest value, so that a spike of one step is still seen among a million.

use std::collections::BTreeMap;

/// What fell into one column of one curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Values.
    pub count: u64,
    /// Lowest value.
    pub low: f64,
    /// Highest value.
    pub high: f64,
    /// Their sum.
    pub sum: f64,
    /// Sum of their steps.
    steps: f64,
}

impl Column {
    const EMPTY: Self = Self { count: 0, low: f64::INFINITY, high: f64::NEG_INFINITY, sum: 0.0, steps: 0.0 };

    fn add(&mut self, step: u64, value: f64) {
        self.merge(Self { count: 1, low: value, high: value, sum: value, steps: step as f64 });
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.sum += other.sum;
        self.steps += other.steps;
    }

    /// Mean step of the values: the step itself where there is one; `None` where there are none.
    pub fn step(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.steps / self.count as f64).round())
    }

    /// Mean of the values; `None` where there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Curves by name over common columns of `width` steps each.
#[derive(Debug, Clone)]
pub struct Grid {
    most: usize,
    width: u64,
    curves: BTreeMap<String, Vec<Column>>,
    first: u64,
    last: u64,
}

impl Grid {
    /// A grid that never has more than `most` columns (at least 2).
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), width: 1, curves: BTreeMap::new(), first: u64::MAX, last: 0 }
    }

    /// Adds a value of a curve. Values that are not finite are left out.
    pub fn add(&mut self, step: u64, curve: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.first = self.first.min(step);
        self.last = self.last.max(step);
        while step / self.width >= self.most as u64 {
            self.halve();
        }
        let at = (step / self.width) as usize;
        if !self.curves.contains_key(curve) {
            self.curves.insert(curve.into(), vec![]);
        }
        if let Some(columns) = self.curves.get_mut(curve) {
            if columns.len() <= at {
                columns.resize(at + 1, Column::EMPTY);
            }
            columns[at].add(step, value);
        }
    }

    fn halve(&mut self) {
        self.width *= 2;
        for columns in self.curves.values_mut() {
            let merged = columns.chunks(2).map(|pair| {
                let mut column = pair[0];
                pair.iter().skip(1).for_each(|&other| column.merge(other));
                column
            });
            *columns = merged.collect();
        }
    }

    /// First and last step of any curve; `None` for an empty grid.
    pub fn steps(&self) -> Option<(u64, u64)> {
        (self.first <= self.last).then_some((self.first, self.last))
    }

    /// Names of the curves.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.curves.keys().map(String::as_str)
    }

    /// The middle step of each column from the first to the last that any curve uses.
    pub fn middles(&self) -> Vec<f64> {
        let Some((first, last)) = self.steps() else { return vec![] };
        let middle = |at: u64| {
            let (from, to) = (at * self.width, at * self.width + self.width - 1);
            f64::midpoint(from.max(first) as f64, to.min(last) as f64).floor()
        };
        (first / self.width..=last / self.width).map(middle).collect()
    }

    /// A curve's columns, one for each of [`Self::middles`]; `None` where the curve is unknown.
    pub fn curve(&self, name: &str) -> Option<Vec<Column>> {
        let columns = self.curves.get(name)?;
        let (first, last) = self.steps()?;
        let range = (first / self.width) as usize..=(last / self.width) as usize;
        Some(range.map(|at| columns.get(at).copied().unwrap_or(Column::EMPTY)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_of_one_step_survives_a_hundred_thousand() {
        let mut grid = Grid::new(100);
        for step in 1..=100_000 {
            let value = if step == 70_001 { 50.0 } else { (step % 7) as f64 };
            grid.add(step, "loss", value);
        }
        let columns = grid.curve("loss").unwrap();
        assert!(columns.len() <= 100 && columns.len() > 40, "{}", columns.len());
        let high = columns.iter().map(|c| c.high).fold(f64::MIN, f64::max);
        let low = columns.iter().map(|c| c.low).fold(f64::MAX, f64::min);
        assert_eq!((low, high), (0.0, 50.0));
        let at = columns.iter().position(|c| c.high == 50.0).unwrap();
        assert!((grid.middles()[at] - 70_001.0).abs() <= grid.width as f64, "at its place");
        assert_eq!(columns.iter().map(|c| c.count).sum::<u64>(), 100_000);
    }

    #[test]
    fn curves_share_their_columns_and_keep_their_gaps() {
        let mut grid = Grid::new(8);
        for step in 10..30 {
            grid.add(step, "a", 1.0);
        }
        grid.add(29, "late", 2.0);
        grid.add(12, "a", f64::NAN);
        let (a, late) = (grid.curve("a").unwrap(), grid.curve("late").unwrap());
        assert_eq!((a.len(), late.len()), (grid.middles().len(), grid.middles().len()));
        assert_eq!(late.iter().filter_map(Column::mean).collect::<Vec<_>>(), [2.0]);
        assert_eq!(late[0].mean(), None);
        assert!(grid.curve("none").is_none());
        assert_eq!(grid.steps(), Some((10, 29)));
    }

    #[test]
    fn a_step_from_beyond_is_no_trouble() {
        let mut grid = Grid::new(4);
        grid.add(1, "a", 1.0);
        grid.add(u64::MAX, "a", 3.0);
        assert!(grid.curve("a").unwrap().len() <= 4);
        assert_eq!(grid.middles().len(), grid.curve("a").unwrap().len());
    }
}
