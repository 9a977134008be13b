//! The backend whose training networks are replicas.

use std::sync::Arc;

use super::batch_norm::BatchNorm;
use super::network::ReplicatedTraining;
use crate::backend::{
    Backend, BackendError, BackendInfo, BackendSpec, Inference, KernelTime, Link, Team, Training, open,
};
use crate::net::{Graph, PlanPurpose, Weights};

/// Opens a backend whose training networks are `replicas` (0: one for each process of the link) copies that learn together. With
/// one replica and no link it is the backend itself.
///
/// # Errors
/// As [`open`]; the processes do not divide the replicas, or compute with different last digits.
pub fn open_replicated(
    spec: &BackendSpec,
    (replicas, batch_norm): (usize, BatchNorm),
    link: Option<Arc<dyn Link>>,
) -> Result<Arc<dyn Backend>, BackendError> {
    let whole = open(spec)?;
    let team = Team::new(link, replicas)?;
    if team.processes() == 1 && team.replicas() == 1 {
        return Ok(whole);
    }
    team.agree(
        "what computes",
        &whole.origin(),
        "their results would differ in the last digits; set AFFEKT_ISA to what all have (such as avx2), or use machines of one kind",
    )?;
    let own = team.own_replicas().len();
    // A pool of threads each: a replica waits for the others with its thread.
    let threads = match spec.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    };
    let parts = if own == 1 {
        vec![Arc::clone(&whole)]
    } else {
        let spec = BackendSpec { threads: (threads / own).max(1), ..spec.clone() };
        (0..own).map(|_| open(&spec)).collect::<Result<_, _>>()?
    };
    Ok(Arc::new(Replicated { whole, parts, team: Arc::new(team), batch_norm }))
}

struct Replicated {
    /// What answers.
    whole: Arc<dyn Backend>,
    /// What each replica learns with.
    parts: Vec<Arc<dyn Backend>>,
    team: Arc<Team>,
    batch_norm: BatchNorm,
}

impl BackendInfo for Replicated {
    fn name(&self) -> &'static str {
        self.whole.name()
    }

    fn describe(&self) -> String {
        let (replicas, processes) = (self.team.replicas(), self.team.processes());
        format!("{}; {replicas} replicas in {processes} processes", self.whole.describe())
    }

    fn origin(&self) -> String {
        self.whole.origin()
    }

    fn arithmetic(&self) -> &'static str {
        self.whole.arithmetic()
    }

    fn adapter(&self) -> Option<String> {
        self.whole.adapter()
    }

    fn is_processor(&self) -> bool {
        self.whole.is_processor()
    }

    fn memory(&self) -> Option<u64> {
        self.whole.memory()
    }

    fn activations(&self, graph: &Graph, purpose: PlanPurpose, items: usize) -> Result<u64, BackendError> {
        self.whole.activations(graph, purpose, items)
    }

    fn profile(&self) -> Vec<KernelTime> {
        self.whole.profile()
    }

    fn renders_views(&self) -> bool {
        self.whole.renders_views()
    }

    fn team(&self) -> Arc<Team> {
        Arc::clone(&self.team)
    }
}

impl Backend for Replicated {
    fn inference(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Inference>, BackendError> {
        self.whole.inference(graph, weights)
    }

    fn training(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Training>, BackendError> {
        let networks =
            self.parts.iter().map(|part| part.training(graph, weights)).collect::<Result<_, _>>()?;
        Ok(Box::new(ReplicatedTraining::new(networks, Arc::clone(&self.team), self.batch_norm)?))
    }
}
