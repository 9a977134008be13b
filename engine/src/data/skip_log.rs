//! Bad single items: skipped, counted and named, or fatal where the user asked for strictness.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::bitmap::Bitmap;
use super::{DataError, Stamp};

/// Warnings printed before the rest is only counted.
const NAMED: usize = 10;

/// Counts the items that could not be used. Shared between threads; an item that fails again is not counted again.
#[derive(Debug, Default)]
pub struct SkipLog {
    strict: bool,
    state: Mutex<State>,
}

/// What a log has, as one process tells another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SkipEntries {
    seen: Vec<u64>,
    lines: BTreeMap<u64, Bitmap>,
    first: Vec<String>,
    notes: usize,
    first_notes: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    /// Items by the first bits of a hash: of millions, two have the same ones by chance once in a million logs.
    seen: HashSet<u64>,
    /// Lines of lists, by list: a list may have millions of bad ones.
    lines: BTreeMap<u64, Bitmap>,
    first: Vec<String>,
    notes: usize,
    first_notes: Vec<String>,
}

impl State {
    fn count(&self) -> usize {
        self.seen.len() + self.lines.values().map(Bitmap::count).sum::<usize>()
    }

    /// Names an item that was counted just now, if it is one of the first.
    fn name(&mut self, error: impl FnOnce() -> DataError) {
        let count = self.count();
        if count <= NAMED {
            let line = error().to_string();
            log::warn!("skipped: {line}");
            self.first.push(line);
        } else if count == NAMED + 1 {
            log::warn!("skipped: more than {NAMED} items; the rest is only counted");
        }
    }
}

impl SkipLog {
    /// With `strict`, the first bad item is an error instead of a warning.
    pub fn new(strict: bool) -> Self {
        Self { strict, state: Mutex::default() }
    }

    /// Whether bad items are fatal.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Counts an item, and warns while only a few have been named. `key` identifies it (dataset and item).
    ///
    /// # Errors
    /// Gives `error` back under `strict`.
    pub fn skip(&self, key: &str, error: DataError) -> Result<(), DataError> {
        if self.strict {
            return Err(error);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.seen.insert(Stamp::place_of(key.as_bytes())) {
            state.name(|| error);
        }
        Ok(())
    }

    /// As [`SkipLog::skip`], for a line of a list, which `list` stands for: it takes a bit of memory, and its error is made only
    /// where somebody hears of it.
    pub(super) fn skip_line(
        &self,
        list: u64,
        number: u64,
        error: impl FnOnce() -> DataError,
    ) -> Result<(), DataError> {
        if self.strict {
            return Err(error());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = number as usize;
        if !state.lines.entry(list).or_default().set(number) {
            state.name(error);
        }
        Ok(())
    }

    /// Counts something odd about an item that is used all the same, and warns while only a few have been named. It is
    /// never fatal.
    pub fn note(&self, line: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.notes += 1;
        if state.notes <= NAMED {
            log::warn!("{line}");
            state.first_notes.push(line.to_owned());
        } else if state.notes == NAMED + 1 {
            log::warn!("more than {NAMED} items have something odd; the rest is only counted");
        }
    }

    /// Number of notes so far.
    pub fn notes(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).notes
    }

    /// The first few notes.
    pub fn noted(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).first_notes.clone()
    }

    /// Everything so far, for another process's log.
    pub fn entries(&self) -> SkipEntries {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen: Vec<u64> = state.seen.iter().copied().collect();
        seen.sort_unstable();
        SkipEntries {
            seen,
            lines: state.lines.clone(),
            first: state.first.clone(),
            notes: state.notes,
            first_notes: state.first_notes.clone(),
        }
    }

    /// Takes over what another process's log has and this one has not; of notes, which have no key, the higher number.
    pub fn absorb(&self, other: SkipEntries) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.extend(other.seen);
        for (list, lines) in other.lines {
            let own = state.lines.entry(list).or_default();
            lines.iter().for_each(|line| {
                own.set(line);
            });
        }
        for line in other.first {
            if state.first.len() < NAMED && !state.first.contains(&line) {
                state.first.push(line);
            }
        }
        state.notes = state.notes.max(other.notes);
        if state.first_notes.is_empty() {
            state.first_notes = other.first_notes;
        }
    }

    /// Number of different items skipped so far.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// The first few reasons, each naming its file and place.
    pub fn first(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> DataError {
        DataError::TooFew("bad".to_owned())
    }

    #[test]
    fn an_item_counts_once_however_often_it_fails() {
        let log = SkipLog::new(false);
        for key in 0..50 {
            for _ in 0..3 {
                assert!(log.skip(&key.to_string(), error()).is_ok());
            }
        }
        assert_eq!(log.count(), 50);
        assert_eq!(log.first().len(), NAMED);
    }

    #[test]
    fn notes_are_counted_and_are_no_skipped_items() {
        let log = SkipLog::new(true);
        (0..12).for_each(|_| log.note("odd"));
        assert_eq!((log.notes(), log.count(), log.noted().len()), (12, 0, NAMED));
    }

    #[test]
    fn strict_makes_the_first_bad_item_fatal() {
        assert!(SkipLog::new(true).skip("a", error()).is_err());
    }
}
