//! Threads that hash together as processes do.

#![allow(clippy::unwrap_used, reason = "tests")]
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use super::divided::{ROUND, SHARE};
use super::kept_file::CHUNK;
use super::pass::tests::Counted;
use super::{Digest, HashPeers, HashReader, Hashes, Hashing};
use crate::data::{DataError, SkipLog};

struct Peer {
    rank: usize,
    table: Arc<(Barrier, Mutex<Vec<Vec<u8>>>)>,
}

impl HashPeers for Peer {
    fn rank(&self) -> usize {
        self.rank
    }

    fn processes(&self) -> usize {
        self.table.1.lock().unwrap().len()
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, String> {
        let (everybody, messages) = &*self.table;
        messages.lock().unwrap()[self.rank] = bytes;
        everybody.wait();
        let all = messages.lock().unwrap().clone();
        everybody.wait();
        Ok(all)
    }
}

/// What each process has in the end: its hashes, what it kept in its file, and what it skipped.
type Outcome = Result<(Vec<Digest>, bool, Vec<String>), DataError>;

/// Hashes in so many processes, each with a set and settings of its own.
fn together(sets: &[Counted], hashing: impl Fn(usize) -> Hashing + Sync) -> Vec<Outcome> {
    let table = Arc::new((Barrier::new(sets.len()), Mutex::new(vec![vec![]; sets.len()])));
    std::thread::scope(|scope| {
        let start = |(rank, set): (usize, &Counted)| {
            let peer: Arc<dyn HashPeers> = Arc::new(Peer { rank, table: Arc::clone(&table) });
            let hashing = Hashing { peers: Some(peer), ..hashing(rank) };
            let set = set.clone();
            scope.spawn(move || -> Outcome {
                let skips = SkipLog::new(false);
                let hashes = Hashes::of_content(&set, set.items as u32, &hashing, &skips)?;
                let mut reader = HashReader::new([&hashes]);
                let all = (0..set.items as u32).map(|item| reader.get(0, item)).collect::<Result<_, _>>()?;
                Ok((all, matches!(hashes, Hashes::Kept { .. }), skips.first()))
            })
        };
        let threads: Vec<_> = sets.iter().enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn sets(processes: usize, items: usize) -> Vec<Counted> {
    (0..processes).map(|_| Counted::new(items)).collect()
}

fn reads(sets: &[Counted]) -> Vec<usize> {
    sets.iter().map(|set| set.read.swap(0, Ordering::SeqCst)).collect()
}

/// Each process's own folder, as on machines that share none.
fn kept_in(folder: &Path, rank: usize) -> Hashing {
    Hashing { kept_from: 100, ..Hashing::kept_in(Some(folder.join(rank.to_string()))) }
}

/// More than a round of two processes, and no multiple of anything.
const ITEMS: usize = (2 * ROUND + 1) * CHUNK as usize + 77;

#[test]
fn all_processes_have_the_hashes_of_one_and_each_item_is_read_by_one() {
    let one = together(&sets(1, ITEMS), |_| Hashing::default()).remove(0).unwrap();
    for processes in [2, 3] {
        let sets = sets(processes, ITEMS);
        for outcome in together(&sets, |_| Hashing::default()) {
            assert!(outcome.unwrap() == one, "{processes} processes");
        }
        let reads = reads(&sets);
        assert_eq!(reads.iter().sum::<usize>(), ITEMS);
        let fair = ITEMS / processes;
        assert!(reads.iter().all(|read| read.abs_diff(fair) <= 2 * SHARE as usize), "{reads:?}");
    }
    assert!(one.2[0].contains("item 3 is damaged"));
}

#[test]
fn small_sets_and_empty_ones_are_shared_out_too() {
    for items in [0, 5, SHARE as usize + 1] {
        let one = together(&sets(1, items), |_| Hashing::default()).remove(0).unwrap();
        let sets = sets(3, items);
        assert!(together(&sets, |_| Hashing::default()).into_iter().all(|outcome| outcome.unwrap() == one));
        assert_eq!(reads(&sets).iter().sum::<usize>(), items);
    }
}

#[test]
fn the_first_process_alone_keeps_hashes_and_what_it_has_is_not_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut sets = sets(2, ITEMS);
    let fresh: Vec<_> = together(&sets, |_| Hashing::default()).into_iter().map(|o| o.unwrap().0).collect();
    for (second_half, most) in [(1, ITEMS + 1), (1, 1), (2, ITEMS / 2 + CHUNK as usize + 1)] {
        for set in &mut sets {
            set.modified[1] = second_half;
        }
        reads(&sets);
        let outcomes = together(&sets, |rank| kept_in(dir.path(), rank));
        for (rank, outcome) in outcomes.into_iter().enumerate() {
            let (hashes, is_kept, skipped) = outcome.unwrap();
            assert!(hashes == fresh[rank] && is_kept == (rank == 0));
            assert!(skipped.len() == 1 && skipped[0].contains("item 3 is damaged"), "{skipped:?}");
        }
        let read = reads(&sets);
        assert!(read.iter().sum::<usize>() <= most, "{read:?} of {most}");
        assert!(most == 1 || read.iter().all(|&read| read > most / 3), "{read:?}");
    }
    assert!(!dir.path().join("1").exists());
}

#[test]
fn where_one_is_stopped_all_are_and_whole_rounds_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let sets = sets(2, ITEMS);
    let told = Arc::new(AtomicUsize::new(0));
    let outcomes = together(&sets, |rank| {
        let told = Arc::clone(&told);
        let progress = move |_: &str, done: u64, total: u64| {
            told.fetch_max(done as usize, Ordering::SeqCst);
            assert!(done <= total);
            rank == 0 || done <= 2 * (ROUND as u64) * u64::from(CHUNK)
        };
        Hashing { progress: Some(Arc::new(progress)), ..kept_in(dir.path(), rank) }
    });
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(DataError::Stopped))));
    reads(&sets);
    for outcome in together(&sets, |rank| kept_in(dir.path(), rank)) {
        outcome.unwrap();
    }
    let again: usize = reads(&sets).iter().sum();
    assert!(again <= ITEMS - 2 * ROUND * CHUNK as usize + 1, "{again}");
}

#[test]
fn processes_with_different_data_are_refused() {
    let sets = [Counted::new(600), Counted::new(500)];
    let outcomes = together(&sets, |_| Hashing::default());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(DataError::Processes(_)))));
}
