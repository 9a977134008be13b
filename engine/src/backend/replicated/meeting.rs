//! Where the replicas of all processes wait for each other, and hand each other numbers.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::backend::{AcrossReplicas, BackendError, Team};

/// A place where each of this process's replicas brings bytes and takes everybody's away.
pub(super) struct Meeting {
    team: Arc<Team>,
    state: Mutex<State>,
    turn: Condvar,
}

/// The bytes of every replica, in their order.
type Brought = Arc<Vec<Vec<u8>>>;

struct State {
    /// What this process's replicas have brought to this round.
    brought: Vec<Option<Vec<u8>>>,
    round: u64,
    /// What came of the last round.
    outcome: Result<Brought, String>,
    /// A replica has ended and will not come: nobody is to wait for it.
    is_over: bool,
}

impl Meeting {
    pub(super) fn new(team: Arc<Team>) -> Self {
        let brought = vec![None; team.own_replicas().len()];
        let state = State { brought, round: 0, outcome: Ok(Arc::default()), is_over: false };
        Self { team, state: Mutex::new(state), turn: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings bytes of this process's replica `own` (from 0), as long as everybody else's, and gives those of all replicas.
    pub(super) fn meet(&self, own: usize, bytes: Vec<u8>) -> Result<Brought, BackendError> {
        let mut state = self.state();
        let round = state.round;
        state.brought[own] = Some(bytes);
        if state.brought.iter().all(Option::is_some) {
            let here: Vec<Vec<u8>> = state.brought.iter_mut().filter_map(Option::take).collect();
            state.outcome = self.everywhere(&here).map(Arc::new).map_err(|error| error.to_string());
            state.round += 1;
            self.turn.notify_all();
        } else {
            while state.round == round && !state.is_over {
                state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.round == round {
                return Err(failed("another replica ended".into()));
            }
        }
        state.outcome.clone().map_err(failed)
    }

    /// The bytes of all processes' replicas, from those of this one's.
    fn everywhere(&self, here: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackendError> {
        let length = here.first().map_or(0, Vec::len);
        let mut all = vec![];
        for process in self.team.gather(here.concat())? {
            if length == 0 {
                all.extend(here.iter().map(|_| vec![]));
            } else if process.len() == length * here.len() {
                all.extend(process.chunks_exact(length).map(<[u8]>::to_vec));
            } else {
                return Err(failed(format!(
                    "one brought {} bytes, another {}",
                    process.len(),
                    length * here.len()
                )));
            }
        }
        Ok(all)
    }

    /// Says that a replica of this process will not come any more.
    pub(super) fn leave(&self) {
        self.state().is_over = true;
        self.turn.notify_all();
    }
}

fn failed(message: String) -> BackendError {
    BackendError::Device { device: "replicas".into(), message }
}

/// One replica's way to the others.
pub(super) struct Seat {
    meeting: Arc<Meeting>,
    own: usize,
}

impl Seat {
    pub(super) fn new(meeting: Arc<Meeting>, own: usize) -> Self {
        Self { meeting, own }
    }
}

impl AcrossReplicas for Seat {
    fn replicas(&self) -> usize {
        self.meeting.team.replicas()
    }

    fn add_up(&self, values: &mut [f64]) -> Result<(), BackendError> {
        let all =
            self.meeting.meet(self.own, values.iter().flat_map(|value| value.to_le_bytes()).collect())?;
        values.fill(0.0);
        for replica in all.iter() {
            for (value, bytes) in values.iter_mut().zip(replica.as_chunks().0) {
                *value += f64::from_le_bytes(*bytes);
            }
        }
        Ok(())
    }
}
