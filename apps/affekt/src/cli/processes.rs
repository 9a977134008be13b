//! The processes that `mpirun` or `srun` has started this one among.

use std::sync::{Arc, Mutex, PoisonError};

use affekt_engine::backend::{Backend, BackendSpec, BatchNorm, Link, open_replicated};
use anyhow::anyhow;

use crate::failure::Failure;

/// What launchers tell the processes that they start: how many there are.
const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];
/// What they tell a process only if it was started to talk to the others: Slurm starts others too.
const RANKS: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];

/// The way to the other processes, once it is open; MPI can be entered once.
static LINK: Mutex<Option<Arc<dyn Link>>> = Mutex::new(None);

/// How many processes a launcher has started, this one among them.
fn launched() -> Option<usize> {
    RANKS.iter().find(|name| std::env::var_os(name).is_some())?;
    SIZES.iter().find_map(|name| std::env::var(name).ok()?.parse().ok()).filter(|&size| size > 1)
}

/// The way to the other processes, where there are any.
///
/// # Errors
/// This build has no MPI, or it cannot be entered or does not find the others.
pub fn link() -> Result<Option<Arc<dyn Link>>, Failure> {
    let Some(size) = launched() else { return Ok(None) };
    let mut link = LINK.lock().unwrap_or_else(PoisonError::into_inner);
    if link.is_none() {
        let entered = enter(size)?;
        if entered.size() == 1 {
            return Err(Failure::usage(anyhow!(
                "{size} processes were started, but MPI sees one: what started them and the MPI library do not understand each other; \
                 try srun --mpi=pmix or --mpi=pmi2, or mpirun of the same library (docs/cluster.md)"
            )));
        }
        *link = Some(entered);
    }
    Ok(link.clone())
}

#[cfg(feature = "mpi")]
fn enter(_: usize) -> Result<Arc<dyn Link>, Failure> {
    affekt_engine::backend::mpi::world().map_err(|error| Failure::Run(error.into()))
}

#[cfg(not(feature = "mpi"))]
fn enter(size: usize) -> Result<Arc<dyn Link>, Failure> {
    Err(Failure::usage(anyhow!(
        "this is one of {size} processes that mpirun or srun has started, and this affekt is built without MPI, so each of them would \
         do all of the work; build it with --features mpi (docs/cluster.md), or start one process"
    )))
}

/// Refuses what cannot be done by several processes together.
///
/// # Errors
/// There are several.
pub fn alone(what: &str) -> Result<(), Failure> {
    match launched() {
        None => Ok(()),
        Some(size) => {
            Err(Failure::usage(anyhow!("{what} runs in one process, and mpirun or srun has started {size}")))
        }
    }
}

/// Opens a backend whose training networks are shared out among the processes.
///
/// # Errors
/// As [`open_replicated`] and [`link`].
pub fn open(spec: &BackendSpec, replication: (usize, BatchNorm)) -> Result<Arc<dyn Backend>, Failure> {
    open_replicated(spec, replication, link()?).map_err(Failure::usage)
}

/// This process's number, where there are several.
pub fn rank() -> Option<usize> {
    let link = LINK.lock().unwrap_or_else(PoisonError::into_inner);
    link.as_ref().filter(|link| link.size() > 1).map(|link| link.rank())
}

/// Leaves the other processes: in peace where all do, else by ending them with an exit code.
pub fn leave(ended: Option<u8>) {
    let link = LINK.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(link), Some(code)) = (link.filter(|link| link.size() > 1), ended) {
        link.abort(code);
    }
}
