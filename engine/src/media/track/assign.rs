//! The cheapest assignment of rows to columns (the Hungarian method, in the form of shortest augmenting paths).

/// Pairs (row, column) of the assignment with the least sum of costs among those with the most pairs, using no pair that
/// costs more than `dearest`. Rows may be more or fewer than columns. Time is cubic in the larger number.
pub(super) fn assign(costs: &[Vec<f32>], dearest: f32) -> Vec<(usize, usize)> {
    let rows = costs.len();
    let columns = costs.first().map_or(0, Vec::len);
    let n = rows.max(columns);
    if rows == 0 || columns == 0 {
        return vec![];
    }
    // A pair that must not be made costs more than all pairs that may be made together.
    let forbidden = f64::from(dearest) * (n as f64 + 1.0);
    let cost = |row: usize, column: usize| match costs.get(row).and_then(|r| r.get(column)) {
        Some(&c) if c <= dearest => f64::from(c),
        _ => forbidden,
    };
    // Potentials of rows and columns, and the row of each column; place 0 stands for none, so all is counted from 1.
    let (mut u, mut v) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let mut row_of = vec![0usize; n + 1];
    for row in 1..=n {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; n + 1];
        let mut way = vec![0usize; n + 1];
        let mut used = vec![false; n + 1];
        while row_of[column] != 0 {
            used[column] = true;
            let (from, mut delta, mut next) = (row_of[column], f64::INFINITY, 0);
            for c in (1..=n).filter(|&c| !used[c]) {
                let reduced = cost(from - 1, c - 1) - u[from] - v[c];
                if reduced < least[c] {
                    (least[c], way[c]) = (reduced, column);
                }
                if least[c] < delta {
                    (delta, next) = (least[c], c);
                }
            }
            for c in 0..=n {
                if used[c] {
                    u[row_of[c]] += delta;
                    v[c] -= delta;
                } else {
                    least[c] -= delta;
                }
            }
            column = next;
        }
        while column != 0 {
            row_of[column] = row_of[way[column]];
            column = way[column];
        }
    }
    let mut pairs: Vec<(usize, usize)> = (1..=n)
        .map(|c| (row_of[c] - 1, c - 1))
        .filter(|&(r, c)| r < rows && c < columns && costs[r][c] <= dearest)
        .collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Address, Purpose};

    /// The best assignment by trying all.
    fn by_trying(costs: &[Vec<f32>], dearest: f32, row: usize, taken: &mut Vec<bool>) -> (usize, f32) {
        let Some(line) = costs.get(row) else { return (0, 0.0) };
        let mut best = by_trying(costs, dearest, row + 1, taken);
        for column in 0..line.len() {
            if taken[column] || line[column] > dearest {
                continue;
            }
            taken[column] = true;
            let (pairs, sum) = by_trying(costs, dearest, row + 1, taken);
            let here = (pairs + 1, sum + line[column]);
            if here.0 > best.0 || (here.0 == best.0 && here.1 < best.1) {
                best = here;
            }
            taken[column] = false;
        }
        best
    }

    #[test]
    fn no_assignment_is_cheaper() {
        for item in 0..300 {
            let mut rng = Address { seed: 7, purpose: Purpose::Synthesis, step: 0, item }.rng();
            let (rows, columns) = (1 + rng.below(5), 1 + rng.below(5));
            let costs: Vec<Vec<f32>> =
                (0..rows).map(|_| (0..columns).map(|_| rng.between(0.0, 1.4)).collect()).collect();
            let pairs = assign(&costs, 1.0);
            let sum: f32 = pairs.iter().map(|&(r, c)| costs[r][c]).sum();
            let (most, least) = by_trying(&costs, 1.0, 0, &mut vec![false; columns]);
            assert_eq!(pairs.len(), most, "{costs:?}");
            assert!((sum - least).abs() < 1e-5, "{costs:?}: {sum} {least}");
        }
    }

    #[test]
    fn the_nearest_pair_is_given_up_for_the_cheaper_whole() {
        // Greedy would take (0, 0) for 0.1 and leave (1, 1) for 0.9.
        assert_eq!(assign(&[vec![0.1, 0.2], vec![0.15, 0.9]], 1.0), [(0, 1), (1, 0)]);
        assert_eq!(assign(&[vec![f32::INFINITY]], 1.0), []);
        assert_eq!(assign(&[], 1.0), []);
        assert_eq!(assign(&[vec![]], 1.0), []);
    }
}
