//! The network that replicas make together.

use std::sync::Arc;

use rayon::prelude::*;

use super::batch_norm::BatchNorm;
use super::meeting::{Meeting, Seat};
use crate::backend::{
    AcrossReplicas, BackendError, NetworkState, Slot, Team, Training, TrainingPass, UpdateRule, ViewBatch,
    WeightSet,
};
use crate::net::{Graph, Shape, Weights};

/// Replicas of one network in this process, which learn together with those of the others.
pub(super) struct ReplicatedTraining {
    networks: Vec<Box<dyn Training>>,
    team: Arc<Team>,
    meeting: Arc<Meeting>,
    /// Whether replicas have running statistics of their own, which are averaged.
    averages_statistics: bool,
    sums: Sums,
}

/// Says that a replica ended, unless it is told that it ended well: others would wait for it for ever.
struct Watch<'a>(&'a Meeting, bool);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.leave();
        }
    }
}

impl ReplicatedTraining {
    /// Joins replicas that hold the same weights.
    ///
    /// # Errors
    /// Batch normalisation over the global batch was asked for, and this backend has none.
    pub(super) fn new(
        mut networks: Vec<Box<dyn Training>>,
        team: Arc<Team>,
        batch_norm: BatchNorm,
    ) -> Result<Self, BackendError> {
        let meeting = Arc::new(Meeting::new(Arc::clone(&team)));
        let normalises = networks[0].graph().params.iter().any(|param| !param.kind.is_trained());
        let shares = normalises && team.replicas() > 1;
        if shares && batch_norm == BatchNorm::Sync {
            for (own, network) in networks.iter_mut().enumerate() {
                network.share_statistics(
                    Arc::new(Seat::new(Arc::clone(&meeting), own)) as Arc<dyn AcrossReplicas>
                )?;
            }
        }
        let averages_statistics = shares && batch_norm == BatchNorm::Local;
        Ok(Self { networks, team, meeting, averages_statistics, sums: Sums::default() })
    }

    /// Does something in every replica at once; `own` counts those of this process.
    fn each<T: Send>(
        &mut self,
        work: impl Fn(usize, &mut dyn Training) -> Result<T, BackendError> + Sync,
    ) -> Result<Vec<T>, BackendError> {
        if let [network] = self.networks.as_mut_slice() {
            return Ok(vec![work(0, network.as_mut())?]);
        }
        let (work, meeting) = (&work, &*self.meeting);
        std::thread::scope(|scope| {
            let mut threads = vec![];
            for (own, network) in self.networks.iter_mut().enumerate() {
                threads.push(scope.spawn(move || {
                    let mut watch = Watch(meeting, false);
                    let done = work(own, network.as_mut())?;
                    watch.1 = true;
                    Ok(done)
                }));
            }
            let ended =
                |thread: std::thread::ScopedJoinHandle<'_, Result<T, BackendError>>| match thread.join() {
                    Ok(done) => done,
                    Err(panic) => std::panic::resume_unwind(panic),
                };
            threads.into_iter().map(ended).collect()
        })
    }

    /// Refuses a batch that cannot be cut into the replicas.
    fn check(&self, items: usize) -> Result<(), BackendError> {
        let replicas = self.team.replicas();
        if items > 0 && items.is_multiple_of(replicas) {
            return Ok(());
        }
        Err(BackendError::Spec(format!(
            "a pass over {items} items cannot be shared out evenly among {replicas} replicas; make the batch a multiple of {replicas}"
        )))
    }

    /// A pass of every replica on its items, and what comes of it on the whole batch.
    fn pass(
        &mut self,
        items: usize,
        pass: TrainingPass,
        forward: impl Fn(Vec<usize>, &mut dyn Training) -> Result<Vec<f32>, BackendError> + Sync,
    ) -> Result<Vec<f32>, BackendError> {
        self.check(items)?;
        let (first, replicas) = (self.team.own_replicas().start, self.team.replicas());
        let own =
            self.each(|own, network| forward((first + own..items).step_by(replicas).collect(), network))?;
        if self.averages_statistics && pass == TrainingPass::Train {
            self.average_statistics()?;
        }
        let row = self.graph().output().len();
        let mut gathered = vec![];
        self.team.gather_values(&own.concat(), &mut gathered)?;
        if gathered.len() != items * row {
            return Err(BackendError::Spec(format!(
                "the processes' batches differ: {} logits came of {items} items of {row}",
                gathered.len()
            )));
        }
        let each = items / replicas;
        let in_order = (0..items).flat_map(|item| {
            let at = item % replicas * each + item / replicas;
            gathered[at * row..(at + 1) * row].iter().copied()
        });
        Ok(in_order.collect())
    }

    /// Gives every replica the mean of all running statistics.
    fn average_statistics(&mut self) -> Result<(), BackendError> {
        let own = self.each(|_, network| network.read_statistics())?;
        let length = own[0].len();
        let mut gathered = vec![];
        self.team.gather_values(&own.concat(), &mut gathered)?;
        let mut total = vec![0.0f64; length];
        for replica in gathered.chunks_exact(length) {
            total.iter_mut().zip(replica).for_each(|(total, value)| *total += f64::from(*value));
        }
        let replicas = self.team.replicas() as f64;
        let mean: Vec<f32> = total.into_iter().map(|total| (total / replicas) as f32).collect();
        self.each(|_, network| network.write_statistics(&mean))?;
        Ok(())
    }

    /// The sum of all replicas' gradients in a slot, in the order of replicas.
    fn add_up(&mut self, slot: Slot) -> Result<(), BackendError> {
        if self.team.replicas() == 1 {
            return Ok(());
        }
        let mut own = vec![];
        for network in &mut self.networks {
            match network.own_gradient(slot)? {
                Some(values) => own.push(values),
                None => return self.add_up_read(slot),
            }
        }
        self.sums.total(&self.team, &own)?;
        let total = &self.sums.total;
        own.into_par_iter().for_each(|values| values.copy_from_slice(total));
        Ok(())
    }

    /// The same of a device that does not keep gradients at hand.
    fn add_up_read(&mut self, slot: Slot) -> Result<(), BackendError> {
        let mut own = self.each(|_, network| network.read_gradient(slot))?;
        let own: Vec<&mut [f32]> = own.iter_mut().map(Vec::as_mut_slice).collect();
        self.sums.total(&self.team, &own)?;
        let total = std::mem::take(&mut self.sums.total);
        self.each(|_, network| network.write_gradient(slot, &total)).map(drop)
    }
}

/// Room for sums, kept from pass to pass: memory that is new each time costs more than the sums.
#[derive(Default)]
struct Sums {
    outgoing: Vec<f32>,
    incoming: Vec<f32>,
    slice: Vec<f32>,
    /// What came of it.
    total: Vec<f32>,
}

impl Sums {
    /// The sum of everybody's values, from those of this process's replicas: each process adds up a slice and gives it to the others.
    fn total(&mut self, team: &Team, own: &[&mut [f32]]) -> Result<(), BackendError> {
        let (length, processes) = (own[0].len(), team.processes());
        if processes == 1 {
            sum(own, length, &mut self.total);
            return Ok(());
        }
        let slice = |rank: usize| length * rank / processes..length * (rank + 1) / processes;
        let lengths: Vec<usize> = (0..processes).map(|rank| slice(rank).len() * own.len()).collect();
        if let [values] = own {
            team.exchange(values, &lengths, &mut self.incoming)?;
        } else {
            self.outgoing.clear();
            for rank in 0..processes {
                for values in own {
                    self.outgoing.extend_from_slice(&values[slice(rank)]);
                }
            }
            team.exchange(&self.outgoing, &lengths, &mut self.incoming)?;
        }
        let here = slice(team.rank()).len();
        let replicas: Vec<&[f32]> = self.incoming.chunks_exact(here.max(1)).collect();
        sum(&replicas, here, &mut self.slice);
        team.gather_values(&self.slice, &mut self.total)?;
        if self.total.len() == length {
            return Ok(());
        }
        let got = self.total.len();
        Err(BackendError::Spec(format!("the processes' networks differ: {got} values instead of {length}")))
    }
}

/// Values that are added at once.
const STRETCH: usize = 1 << 11;

/// The sum of so many replicas' values, in their order.
fn sum<V: AsRef<[f32]> + Sync>(replicas: &[V], length: usize, out: &mut Vec<f32>) {
    out.resize(length, 0.0);
    out.par_chunks_mut(STRETCH).enumerate().for_each(|(at, out)| {
        let mut sums = [0.0f64; STRETCH];
        let sums = &mut sums[..out.len()];
        for values in replicas {
            let values = &values.as_ref()[at * STRETCH..][..out.len()];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = *sum as f32);
    });
}

impl Training for ReplicatedTraining {
    fn graph(&self) -> &Graph {
        self.networks[0].graph()
    }

    fn forward(&mut self, input: &[f32], items: usize, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        let shape: Shape = self.graph().input();
        super::super::checked::check_input(shape, input, items)?;
        let len = shape.len();
        self.pass(items, pass, |places, network| {
            let part: Vec<f32> =
                places.iter().flat_map(|at| &input[at * len..(at + 1) * len]).copied().collect();
            network.forward(&part, places.len(), pass)
        })
    }

    fn forward_views(&mut self, views: &ViewBatch, pass: TrainingPass) -> Result<Vec<f32>, BackendError> {
        views.check(self.graph().input())?;
        self.pass(views.views().len(), pass, |places, network| {
            network.forward_views(&views.picked(&places), pass)
        })
    }

    fn reserve(&mut self, items: usize) -> Result<(), BackendError> {
        self.check(items)?;
        let part = items / self.team.replicas();
        self.each(|_, network| network.reserve(part)).map(drop)
    }

    /// Each replica draws masks of its own.
    fn set_dropout_seed(&mut self, seed: u64) {
        let first = self.team.own_replicas().start;
        for (own, network) in self.networks.iter_mut().enumerate() {
            network.set_dropout_seed(seed ^ ((first + own) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
    }

    fn backward(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let row = self.graph().output().len();
        let (first, replicas) = (self.team.own_replicas().start, self.team.replicas());
        let items = d_logits.len() / row.max(1);
        self.check(items)?;
        self.each(|own, network| {
            let places = (first + own..items).step_by(replicas);
            let part: Vec<f32> = places.flat_map(|at| &d_logits[at * row..(at + 1) * row]).copied().collect();
            network.backward(&part, slot)
        })?;
        self.add_up(slot)
    }

    /// Each slot holds the sum over all replicas, so what is added is the replicas' sum too.
    fn accumulate(&mut self, d_logits: &[f32], slot: Slot) -> Result<(), BackendError> {
        let mut sum = self.read_gradient(slot)?;
        self.backward(d_logits, slot)?;
        sum.iter_mut().zip(self.read_gradient(slot)?).for_each(|(sum, part)| *sum += part);
        self.write_gradient(slot, &sum)
    }

    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        self.networks[0].dot(a, b)
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        self.each(|_, network| network.update(slot, rule)).map(drop)
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.each(|_, network| network.track_average(decay)).map(drop)
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        self.networks[0].gradient(slot)
    }

    fn read_gradient(&mut self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        self.networks[0].read_gradient(slot)
    }

    fn own_gradient(&mut self, slot: Slot) -> Result<Option<&mut [f32]>, BackendError> {
        // One replica's alone are not to be changed.
        self.networks[0].own_gradient(slot).map(|_| None)
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        self.each(|_, network| network.write_gradient(slot, gradient)).map(drop)
    }

    fn read_statistics(&mut self) -> Result<Vec<f32>, BackendError> {
        self.networks[0].read_statistics()
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        self.each(|_, network| network.write_statistics(statistics)).map(drop)
    }

    fn share_statistics(&mut self, _: Arc<dyn AcrossReplicas>) -> Result<(), BackendError> {
        Err(BackendError::Order("replicas cannot be replicated again"))
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        self.networks[0].weights(which)
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        self.networks[0].state()
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        self.each(|_, network| network.restore(state)).map(drop)
    }
}
