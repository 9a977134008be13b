//! Processes that `mpirun` or `srun` has started, as a [`Link`].
//!
//! Whoever talks does it in their own thread, one after the other: a thread of MPI's own would have to be woken for every layer that
//! normalises over the whole batch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mpi::Count;
use mpi::Rank;
use mpi::Threading;
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{
    Communicator as _, CommunicatorCollectives as _, Destination as _, Equivalence, Source as _,
};

use super::{BackendError, Link};

type Answer<T> = Result<T, BackendError>;

/// The processes of an MPI run. Leaving MPI waits for the others, so that it is dropped by all or by none.
struct MpiLink {
    rank: usize,
    size: usize,
    entered: Mutex<Entered>,
}

/// What is left when it is dropped, and all processes of it.
struct Entered {
    world: SimpleCommunicator,
    _universe: Universe,
}

// SAFETY: both are handles of MPI, which was entered with `Serialized`: any thread may use them, one at a time, and the lock around
// them sees to that.
unsafe impl Send for Entered {}

/// Enters MPI. It can be entered once in a process, and is left where the link is dropped, which must be the same thread.
///
/// # Errors
/// The library cannot be initialised, or was before, or cannot be used by several threads.
pub fn world() -> Result<Arc<dyn Link>, BackendError> {
    let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Serialized) else {
        return Err(failed("it was entered before"));
    };
    if threading < Threading::Serialized {
        return Err(failed(
            "this library was built for programs of one thread; use one that has MPI_THREAD_SERIALIZED",
        ));
    }
    let world = universe.world();
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    Ok(Arc::new(MpiLink { rank, size, entered: Mutex::new(Entered { world, _universe: universe }) }))
}

fn failed(message: &str) -> BackendError {
    BackendError::Device { device: "MPI".into(), message: message.to_owned() }
}

/// Lengths and beginnings of pieces that lie one behind the other.
struct Layout {
    counts: Vec<Count>,
    starts: Vec<Count>,
    total: usize,
}

impl Layout {
    fn of(lengths: impl Iterator<Item = usize>) -> Result<Self, BackendError> {
        let (mut counts, mut starts, mut total) = (vec![], vec![], 0usize);
        for length in lengths {
            let count = Count::try_from(length).ok();
            let (Some(count), Ok(start)) = (count, Count::try_from(total)) else {
                return Err(failed(
                    "a message is longer than 2 GiB; use a smaller network or more processes",
                ));
            };
            counts.push(count);
            starts.push(start);
            total += length;
        }
        Ok(Self { counts, starts, total })
    }

    /// The pieces of what was received.
    fn cut(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let pieces = self.starts.iter().zip(&self.counts);
        pieces.map(|(&start, &count)| bytes[start as usize..(start + count) as usize].to_vec()).collect()
    }
}

fn all_gather(world: &SimpleCommunicator, bytes: &[u8]) -> Answer<Vec<Vec<u8>>> {
    let mut all = vec![];
    let layout = gather(world, bytes, &mut all)?;
    Ok(layout.cut(&all))
}

/// Everybody's values, one behind the other; gives how many each has.
fn gather<T: Equivalence + Default + Clone>(
    world: &SimpleCommunicator,
    values: &[T],
    all: &mut Vec<T>,
) -> Answer<Layout> {
    let mut lengths = vec![0u64; world.size() as usize];
    world.all_gather_into(&(values.len() as u64), &mut lengths[..]);
    let layout = Layout::of(lengths.iter().map(|&length| length as usize))?;
    all.resize(layout.total, T::default());
    // MPI refuses a message of nothing to nobody; that all came here is known.
    if layout.total > 0 {
        let mut to = PartitionMut::new(&mut all[..], &layout.counts[..], &layout.starts[..]);
        world.all_gather_varcount_into(values, &mut to);
    }
    Ok(layout)
}

/// Everything under way at once: nobody waits for anybody's turn.
fn exchange(world: &SimpleCommunicator, outgoing: &[&[f32]], incoming: &mut [&mut [f32]]) {
    mpi::request::scope(|scope| {
        let mut under_way = vec![];
        for (rank, to) in incoming.iter_mut().enumerate().filter(|(_, to)| !to.is_empty()) {
            under_way.push(world.process_at_rank(rank as Rank).immediate_receive_into(scope, &mut **to));
        }
        for (rank, from) in outgoing.iter().enumerate().filter(|(_, from)| !from.is_empty()) {
            under_way.push(world.process_at_rank(rank as Rank).immediate_send(scope, *from));
        }
        for request in under_way {
            request.wait();
        }
    });
}

impl MpiLink {
    fn entered(&self) -> MutexGuard<'_, Entered> {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for MpiLink {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, bytes: Vec<u8>) -> Answer<Vec<Vec<u8>>> {
        all_gather(&self.entered().world, &bytes)
    }

    fn all_gather_values(&self, values: &[f32], all: &mut Vec<f32>) -> Answer<()> {
        gather(&self.entered().world, values, all).map(drop)
    }

    fn exchange(&self, outgoing: &[&[f32]], incoming: &mut [&mut [f32]]) -> Answer<()> {
        exchange(&self.entered().world, outgoing, incoming);
        Ok(())
    }

    fn abort(&self, code: u8) -> ! {
        match self.entered.try_lock() {
            Ok(entered) => entered.world.abort(code.into()),
            // Another thread waits in a message: a process that leaves so is noticed by whoever started it.
            Err(_) => std::process::exit(code.into()),
        }
    }
}
