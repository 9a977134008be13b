//! The processes that train together, and how the copies of a network are shared out among them.
//!
//! A global batch is always cut into the same number of replicas: item `i` belongs to replica `i % replicas`, and a process keeps
//! `replicas / processes` of them. What is computed depends on the number of replicas, never on that of processes: sums over
//! replicas are made in their order, whoever holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::BackendError;
use crate::clock::Clock;

/// How processes reach each other. Every call is made by all processes alike, in the same order.
pub trait Link: Send + Sync {
    /// This process's number, from 0.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn size(&self) -> usize;

    /// Everybody's bytes, in the order of ranks. They may differ in length.
    ///
    /// # Errors
    /// A process is gone, or the system refuses.
    fn all_gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, BackendError>;

    /// Replaces `all` by everybody's values, one behind the other in the order of ranks.
    ///
    /// # Errors
    /// As [`Link::all_gather`].
    fn all_gather_values(&self, values: &[f32], all: &mut Vec<f32>) -> Result<(), BackendError>;

    /// Sends `outgoing[r]` to process `r`, and fills `incoming[r]` with what it sent here: as many values as there is room for. Both
    /// are empty for this process itself.
    ///
    /// # Errors
    /// As [`Link::all_gather`].
    fn exchange(&self, outgoing: &[&[f32]], incoming: &mut [&mut [f32]]) -> Result<(), BackendError>;

    /// Ends all processes, this one included, with an exit code.
    fn abort(&self, code: u8) -> !;
}

/// The processes of a run. The default is one process with one replica.
pub struct Team {
    link: Option<Arc<dyn Link>>,
    replicas: usize,
    clock: Clock,
    waited: AtomicU64,
    sent: AtomicU64,
}

impl Default for Team {
    fn default() -> Self {
        Self::of(None, 1)
    }
}

/// Bytes of a value.
#[cfg(feature = "training")]
const VALUE: usize = 4;
/// Bytes of one message of a long broadcast; MPI counts in 32 bits.
const PIECE: usize = 1 << 28;

impl Team {
    /// So many replicas (0: one for each process), shared out evenly.
    ///
    /// # Errors
    /// The processes do not divide them evenly.
    pub fn new(link: Option<Arc<dyn Link>>, replicas: usize) -> Result<Self, BackendError> {
        let processes = link.as_ref().map_or(1, |link| link.size());
        let replicas = if replicas == 0 { processes } else { replicas };
        if !replicas.is_multiple_of(processes) {
            return Err(BackendError::Spec(format!(
                "{replicas} replicas cannot be shared out evenly among {processes} processes; start as many processes as divide \
                 {replicas}, or leave --replicas out for one replica a process"
            )));
        }
        Ok(Self::of(link, replicas))
    }

    fn of(link: Option<Arc<dyn Link>>, replicas: usize) -> Self {
        let clock = Clock::default();
        Self { link, replicas, clock, waited: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    /// This process's number, from 0.
    pub fn rank(&self) -> usize {
        self.link.as_ref().map_or(0, |link| link.rank())
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.link.as_ref().map_or(1, |link| link.size())
    }

    /// Whether this process writes what the run writes, and speaks to people.
    pub fn leads(&self) -> bool {
        self.rank() == 0
    }

    /// Copies of a network in all processes together.
    pub fn replicas(&self) -> usize {
        self.replicas
    }

    /// The replicas of this process.
    pub fn own_replicas(&self) -> std::ops::Range<usize> {
        let own = self.replicas / self.processes();
        self.rank() * own..(self.rank() + 1) * own
    }

    /// Whether an item at that place of a global batch is computed here.
    pub fn computes(&self, place: usize) -> bool {
        self.own_replicas().contains(&(place % self.replicas))
    }

    /// Whether piece `index` of work that is dealt out one by one is this process's.
    pub fn does(&self, index: usize) -> bool {
        index % self.processes() == self.rank()
    }

    /// Everybody's bytes, in the order of ranks.
    ///
    /// # Errors
    /// As [`Link::all_gather`].
    pub fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, BackendError> {
        let Some(link) = &self.link else { return Ok(vec![bytes]) };
        self.timed(bytes.len() * (link.size() - 1), || link.all_gather(bytes))
    }

    /// As [`Link::all_gather_values`].
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "training")]
    pub(super) fn gather_values(&self, values: &[f32], all: &mut Vec<f32>) -> Result<(), BackendError> {
        let Some(link) = &self.link else {
            all.clear();
            all.extend_from_slice(values);
            return Ok(());
        };
        self.timed(VALUE * values.len() * (link.size() - 1), || link.all_gather_values(values, all))
    }

    /// As [`Link::exchange`].
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "training")]
    pub(super) fn exchange(
        &self,
        outgoing: &[&[f32]],
        incoming: &mut [&mut [f32]],
    ) -> Result<(), BackendError> {
        let Some(link) = &self.link else { return Ok(()) };
        let sent: usize = outgoing.iter().map(|values| values.len()).sum();
        self.timed(VALUE * sent, || link.exchange(outgoing, incoming))
    }

    fn timed<T>(&self, bytes: usize, talk: impl FnOnce() -> T) -> T {
        let began = self.clock.now();
        let answer = talk();
        let took = self.clock.now().saturating_sub(began).as_nanos() as u64;
        self.waited.fetch_add(took, Ordering::Relaxed);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        answer
    }

    /// What the leading process makes, in every process.
    ///
    /// # Errors
    /// What `make` says, in the leading process; it must then end the others ([`Team::abort`]).
    pub fn from_lead<E: From<BackendError>>(
        &self,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        if self.processes() == 1 {
            return make();
        }
        let bytes = if self.leads() { make()? } else { vec![] };
        let lengths = self.gather((bytes.len() as u64).to_le_bytes().to_vec())?;
        let length = lengths.first().and_then(|l| l.as_slice().try_into().ok()).map_or(0, u64::from_le_bytes);
        let mut all = Vec::with_capacity(length as usize);
        while all.len() < length as usize {
            let end = bytes.len().min(all.len() + PIECE);
            let piece = bytes.get(all.len()..end).unwrap_or_default().to_vec();
            all.extend(self.gather(piece)?.swap_remove(0));
        }
        Ok(all)
    }

    /// The highest of everybody's numbers.
    ///
    /// # Errors
    /// As [`Link::all_gather`].
    pub fn highest(&self, number: u8) -> Result<u8, BackendError> {
        let all = self.gather(vec![number])?;
        Ok(all.into_iter().flatten().max().unwrap_or(number))
    }

    /// Refuses a team whose processes differ in something that decides the last digits of a result.
    ///
    /// # Errors
    /// They differ.
    pub fn agree(&self, what: &str, here: &str, advice: &str) -> Result<(), BackendError> {
        let all = self.gather(here.as_bytes().to_vec())?;
        let Some((rank, other)) = all.iter().enumerate().find(|(_, other)| **other != all[0]) else {
            return Ok(());
        };
        let (first, other) = (String::from_utf8_lossy(&all[0]), String::from_utf8_lossy(other));
        Err(BackendError::Spec(format!(
            "the processes differ in {what}: {first} in process 0, {other} in process {rank}; {advice}"
        )))
    }

    /// Time spent talking so far, waiting for slower processes included.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// Bytes sent to other processes so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends all processes with an exit code, where there are others; else does nothing.
    pub fn abort(&self, code: u8) {
        if let Some(link) = self.link.as_ref().filter(|link| link.size() > 1) {
            link.abort(code);
        }
    }
}

#[cfg(all(test, feature = "training"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::replicated::testing::together;
    use super::*;

    #[test]
    fn replicas_and_pieces_of_work_are_shared_out_without_rest() {
        let shares = together(3, |link| {
            let team = Team::new(Some(link), 6).unwrap();
            let places: Vec<usize> = (0..12).filter(|place| team.computes(*place)).collect();
            let pieces: Vec<usize> = (0..7).filter(|piece| team.does(*piece)).collect();
            (team.own_replicas(), places, pieces)
        });
        assert_eq!(shares[1], (2..4, vec![2, 3, 8, 9], vec![1, 4]));
        let mut places: Vec<usize> = shares.iter().flat_map(|share| share.1.clone()).collect();
        places.sort_unstable();
        assert_eq!(places, (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn a_number_of_replicas_that_the_processes_do_not_divide_is_refused() {
        let errors = together(2, |link| Team::new(Some(link), 3).err().unwrap().to_string());
        assert!(errors[0].contains("3 replicas") && errors[0].contains("2 processes"), "{}", errors[0]);
    }

    #[test]
    fn what_the_leading_process_makes_is_everywhere_and_only_it_makes_it() {
        let everywhere = together(3, |link| {
            let team = Team::new(Some(link), 0).unwrap();
            let made = team.from_lead(|| {
                assert!(team.leads());
                Ok::<_, BackendError>(b"settings".to_vec())
            });
            (made.unwrap(), team.highest(team.rank() as u8).unwrap())
        });
        assert!(everywhere.iter().all(|(made, highest)| made == b"settings" && *highest == 2));
    }

    #[test]
    fn processes_that_differ_are_refused_with_what_differs() {
        let errors = together(2, |link| {
            let team = Team::new(Some(link), 0).unwrap();
            let name = if team.rank() == 0 { "avx2" } else { "avx512" };
            team.agree("instruction set", "same", "").unwrap();
            team.agree("instruction set", name, "set AFFEKT_ISA").unwrap_err().to_string()
        });
        for words in ["avx2 in process 0", "avx512 in process 1", "AFFEKT_ISA"] {
            assert!(errors.iter().all(|error| error.contains(words)), "{errors:?}");
        }
    }
}
