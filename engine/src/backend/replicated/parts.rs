//! Values that every replica has, cut into as many parts as there are replicas.
//!
//! Replica `i` adds up part `i` of everybody's values, moves it, and gives it to the others: so a sum is made once and an update is
//! worked out once, however many replicas there are. All goes in pieces, so that what comes is used while it is still in the cache.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::sum;
use crate::backend::{BackendError, Team};
use crate::simd::Isa;

/// Values of a cache line: parts begin at whole ones.
const LINE: usize = 16;
/// Values of a part that are sent at once.
const PIECE: usize = 1 << 16;

/// Part `index` of so many values that are cut into `of` parts.
fn part(length: usize, index: usize, of: usize) -> Range<usize> {
    let cut = |index: usize| if index == of { length } else { length / LINE * index / of * LINE };
    cut(index)..cut(index + 1)
}

/// How the replicas of all processes share out values among each other.
pub(super) struct Parts {
    team: Arc<Team>,
    /// What the replicas of other processes sent, kept from piece to piece.
    incoming: Vec<Vec<f32>>,
    isa: Isa,
}

impl Parts {
    pub(super) fn new(team: Arc<Team>) -> Self {
        Self { team, incoming: vec![], isa: Isa::detect() }
    }

    /// The part of so many values that is this process's replica `own`'s.
    pub(super) fn of(&self, length: usize, own: usize) -> Range<usize> {
        part(length, self.team.own_replicas().start + own, self.team.replicas())
    }

    /// Of the values of this process's replicas, makes each replica's part the sum of all replicas' values there, in their order.
    /// Elsewhere they stay as they are.
    pub(super) fn add_up(&mut self, own: &mut [&mut [f32]]) -> Result<(), BackendError> {
        let pieces = Pieces::new(&self.team, own);
        for (member, piece) in pieces.all() {
            let ranges = pieces.ranges(member, piece);
            let here = ranges[self.team.rank()].clone();
            self.fetch(own, &ranges)?;
            self.sum(own, member, here);
        }
        Ok(())
    }

    /// Sends others the pieces that are theirs, and takes from them what they have of ours.
    fn fetch(&mut self, own: &[&mut [f32]], ranges: &[Range<usize>]) -> Result<(), BackendError> {
        let (rank, length) = (self.team.rank(), ranges[self.team.rank()].len());
        self.incoming.resize(self.team.replicas(), vec![]);
        for (replica, values) in self.incoming.iter_mut().enumerate() {
            values.resize(if replica / own.len() == rank { 0 } else { length }, 0.0);
        }
        for (member, values) in own.iter().enumerate() {
            let to =
                |(to, range): (usize, &Range<usize>)| if to == rank { &[] } else { &values[range.clone()] };
            let outgoing: Vec<&[f32]> = ranges.iter().enumerate().map(to).collect();
            let from = self.incoming.iter_mut().skip(member).step_by(own.len());
            let mut incoming: Vec<&mut [f32]> = from.map(Vec::as_mut_slice).collect();
            self.team.exchange(&outgoing, &mut incoming)?;
        }
        Ok(())
    }

    /// Puts the sums over all replicas at a range of places where a member has its own values.
    fn sum(&self, own: &mut [&mut [f32]], member: usize, here: Range<usize>) {
        let Range { start, end } = self.team.own_replicas();
        let (earlier, rest) = own.split_at_mut(member);
        let Some((to, later)) = rest.split_first_mut() else { return };
        let mut before: Vec<&[f32]> = self.incoming[..start].iter().map(Vec::as_slice).collect();
        before.extend(earlier.iter().map(|values| &values[here.clone()]));
        let mut behind: Vec<&[f32]> = later.iter().map(|values| &values[here.clone()]).collect();
        behind.extend(self.incoming[end..].iter().map(Vec::as_slice));
        sum::add_up(self.isa, &before, &mut to[here.clone()], &behind);
    }

    /// Gives each replica's part to all other replicas, so that all have the same values.
    pub(super) fn share(&self, own: &mut [&mut [f32]]) -> Result<(), BackendError> {
        let pieces = Pieces::new(&self.team, own);
        let rank = self.team.rank();
        for (member, piece) in pieces.all() {
            let ranges = pieces.ranges(member, piece);
            let mut cut = cut(own[member], &ranges);
            let here = &*std::mem::take(&mut cut[rank]);
            let to = |to: usize| if to == rank { &[][..] } else { here };
            let outgoing: Vec<&[f32]> = (0..ranges.len()).map(to).collect();
            self.team.exchange(&outgoing, &mut cut)?;
            let (before, rest) = own.split_at_mut(member);
            let Some((from, behind)) = rest.split_first_mut() else { continue };
            let others = before.par_iter_mut().chain(behind);
            others.for_each(|to| {
                for range in &ranges {
                    to[range.clone()].copy_from_slice(&from[range.clone()]);
                }
            });
        }
        Ok(())
    }
}

/// In which order parts go from process to process: one replica of each process after the other, piece by piece.
struct Pieces {
    /// Of each member of a process, where the parts of all processes' such members lie.
    parts: Vec<Vec<Range<usize>>>,
}

impl Pieces {
    fn new(team: &Team, own: &[&mut [f32]]) -> Self {
        let length = own.first().map_or(0, |values| values.len());
        let of = |member: usize, rank: usize| part(length, rank * own.len() + member, team.replicas());
        let parts = |member| (0..team.processes()).map(|rank| of(member, rank)).collect();
        Self { parts: (0..own.len()).map(parts).collect() }
    }

    /// Member and piece, one after the other.
    fn all(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.parts.iter().enumerate().flat_map(|(member, parts)| {
            let longest = parts.iter().map(Range::len).max().unwrap_or(0);
            (0..longest.div_ceil(PIECE)).map(move |piece| (member, piece))
        })
    }

    /// Where that piece lies in each process's part.
    fn ranges(&self, member: usize, piece: usize) -> Vec<Range<usize>> {
        let within = |part: &Range<usize>| {
            let at = |piece: usize| part.end.min(part.start + piece * PIECE);
            at(piece)..at(piece + 1)
        };
        self.parts[member].iter().map(within).collect()
    }
}

/// Ranges of values, which lie in ascending order and apart.
fn cut<'a>(mut values: &'a mut [f32], ranges: &[Range<usize>]) -> Vec<&'a mut [f32]> {
    let (mut pieces, mut at) = (vec![], 0);
    for range in ranges {
        let (piece, behind) = std::mem::take(&mut values)[range.start - at..].split_at_mut(range.len());
        pieces.push(piece);
        (values, at) = (behind, range.end);
    }
    pieces
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::testing::together;
    use super::*;

    /// Longer than a piece for each of four replicas, and no multiple of anything.
    const LENGTH: usize = 4 * PIECE + 12_345;
    const REPLICAS: usize = 4;

    fn value(replica: usize, at: usize) -> f32 {
        ((replica + 1) as f32).powi(5) / (at % 1013 + 1) as f32
    }

    fn summed(processes: usize) -> Vec<Vec<f32>> {
        let of_each = together(processes, |link| {
            let team = Arc::new(Team::new(Some(link), REPLICAS).unwrap());
            let replicas = team.own_replicas();
            let mut parts = Parts::new(team);
            let of = |replica| (0..LENGTH).map(|at| value(replica, at)).collect();
            let mut own: Vec<Vec<f32>> = replicas.clone().map(of).collect();
            let mut own: Vec<&mut [f32]> = own.iter_mut().map(Vec::as_mut_slice).collect();
            parts.add_up(&mut own).unwrap();
            for (member, values) in own.iter().enumerate() {
                let part = parts.of(LENGTH, member);
                let others = (0..LENGTH).filter(|at| !part.contains(at));
                assert!({ others }.all(|at| values[at] == value(replicas.start + member, at)));
            }
            parts.share(&mut own).unwrap();
            own.iter().map(|values| values.to_vec()).collect::<Vec<_>>()
        });
        of_each.concat()
    }

    #[test]
    fn every_replica_gets_the_same_sums_whatever_process_it_is_in() {
        let sum = |at| (0..REPLICAS).map(|replica| f64::from(value(replica, at))).sum::<f64>() as f32;
        let expected: Vec<f32> = (0..LENGTH).map(sum).collect();
        for processes in [1, 2, 4] {
            let summed = summed(processes);
            assert_eq!(summed.len(), REPLICAS);
            assert!(summed.iter().all(|values| *values == expected), "{processes} processes");
        }
    }

    #[test]
    fn parts_hold_every_value_once() {
        for (length, of) in [(0, 3), (5, 2), (100, 3), (11_000_003, 7)] {
            let ends = (0..of).fold(0, |at, index| {
                assert_eq!(part(length, index, of).start, at);
                part(length, index, of).end
            });
            assert_eq!(ends, length);
        }
    }
}
