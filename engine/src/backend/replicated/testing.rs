//! Processes in play: threads that are linked by memory.

use std::sync::{Arc, Condvar, Mutex};

use crate::backend::{BackendError, Link};

/// Runs a function in so many threads as if each were a process; gives what they made, in the order of ranks.
pub(in crate::backend) fn together<T: Send>(size: usize, work: impl Fn(Arc<dyn Link>) -> T + Sync) -> Vec<T> {
    let table = Arc::new(Table { rows: Mutex::new((0, vec![None; size], vec![])), turn: Condvar::new() });
    std::thread::scope(|scope| {
        let start = |rank| {
            let (link, work) = (Arc::new(Thread { rank, size, table: Arc::clone(&table) }), &work);
            scope.spawn(move || work(link))
        };
        let threads: Vec<_> = (0..size).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("it did not panic")).collect()
    })
}

/// What one round's processes bring: a message to each of the others.
type Row = Vec<Vec<u8>>;

struct Table {
    /// The round, what was brought to it, and what was brought to the one before.
    rows: Mutex<(u64, Vec<Option<Row>>, Vec<Row>)>,
    turn: Condvar,
}

struct Thread {
    rank: usize,
    size: usize,
    table: Arc<Table>,
}

impl Link for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, BackendError> {
        Ok(self.post(vec![bytes; self.size]))
    }

    fn all_gather_values(&self, values: &[f32], all: &mut Vec<f32>) -> Result<(), BackendError> {
        *all = numbers(&self.post(vec![bytes(values); self.size]));
        Ok(())
    }

    fn exchange(&self, outgoing: &[&[f32]], incoming: &mut [&mut [f32]]) -> Result<(), BackendError> {
        let rows = self.post(outgoing.iter().map(|values| bytes(values)).collect());
        for (to, from) in incoming.iter_mut().zip(rows) {
            to.copy_from_slice(&numbers(&[from]));
        }
        Ok(())
    }

    fn abort(&self, code: u8) -> ! {
        panic!("process {} ended all with {code}", self.rank)
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn numbers(rows: &[Vec<u8>]) -> Vec<f32> {
    rows.concat().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

impl Thread {
    /// A message to each of the others; gives theirs.
    fn post(&self, outgoing: Row) -> Row {
        let mut rows = self.table.rows.lock().expect("nobody panics in here");
        let round = rows.0;
        rows.1[self.rank] = Some(outgoing);
        if rows.1.iter().all(Option::is_some) {
            rows.2 = rows.1.iter_mut().filter_map(Option::take).collect();
            rows.0 += 1;
            self.table.turn.notify_all();
        } else {
            rows = self.table.turn.wait_while(rows, |rows| rows.0 == round).expect("nobody panics in here");
        }
        rows.2.iter().map(|row| row[self.rank].clone()).collect()
    }
}
