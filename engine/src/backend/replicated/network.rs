//! The network that replicas make together.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::batch_norm::BatchNorm;
use super::meeting::{Meeting, Seat};
use super::parts::Parts;
use crate::backend::{
    AcrossReplicas, BackendError, Kept, NetworkState, Slot, Team, Training, TrainingPass, UpdateRule,
    ViewBatch, WeightSet,
};
use crate::net::{Graph, Shape, Weights};

/// Replicas of one network in this process, which learn together with those of the others.
pub(super) struct ReplicatedTraining {
    graph: Graph,
    /// What is asked of one of them may have to be fetched from the others first.
    networks: RefCell<Vec<Box<dyn Training>>>,
    team: Arc<Team>,
    meeting: Arc<Meeting>,
    /// Whether replicas have running statistics of their own, which are averaged.
    averages_statistics: bool,
    /// Whether each replica moves a part of the parameters only, and has the others' from them.
    are_divided: bool,
    parts: RefCell<Parts>,
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
        let parts = Parts::new(Arc::clone(&team));
        let are_divided = team.replicas() > 1 && networks[0].own(Kept::Weights)?.is_some();
        if are_divided {
            let length = networks[0].own(Kept::Weights)?.map_or(0, |values| values.len());
            team.agree("a network", &format!("one of {length} values"), "give all of them the same")?;
            for (own, network) in networks.iter_mut().enumerate() {
                network.move_only(parts.of(length, own))?;
            }
        }
        Ok(Self {
            graph: networks[0].graph().clone(),
            networks: RefCell::new(networks),
            team,
            meeting,
            averages_statistics,
            are_divided,
            parts: RefCell::new(parts),
        })
    }

    /// Does something in every replica at once; `own` counts those of this process.
    fn each<T: Send>(
        &mut self,
        work: impl Fn(usize, &mut dyn Training) -> Result<T, BackendError> + Sync,
    ) -> Result<Vec<T>, BackendError> {
        let networks = self.networks.get_mut();
        if let [network] = networks.as_mut_slice() {
            return Ok(vec![work(0, network.as_mut())?]);
        }
        let (work, meeting) = (&work, &*self.meeting);
        std::thread::scope(|scope| {
            let mut threads = vec![];
            for (own, network) in networks.iter_mut().enumerate() {
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

    /// Does something with values of all of this process's replicas, where they lie; `None` where the device does not keep them at
    /// hand, or has none.
    fn with_own(
        &self,
        kept: Kept,
        work: impl FnOnce(&mut Parts, &mut [&mut [f32]]) -> Result<(), BackendError>,
    ) -> Result<Option<()>, BackendError> {
        let mut networks = self.networks.borrow_mut();
        let own =
            networks.iter_mut().map(|network| network.own(kept)).collect::<Result<Option<Vec<_>>, _>>()?;
        own.map(|mut own| work(&mut self.parts.borrow_mut(), &mut own)).transpose()
    }

    /// Gives every replica all parts of what each has moved a part of.
    fn share(&self, kept: Kept) -> Result<(), BackendError> {
        if self.are_divided {
            self.with_own(kept, |parts, own| parts.share(own))?;
        }
        Ok(())
    }

    /// The sum of all replicas' gradients in a slot, in the order of replicas: each has its part of it, or, of a device that does not
    /// keep gradients at hand, all.
    fn add_up(&mut self, slot: Slot) -> Result<(), BackendError> {
        if self.team.replicas() == 1 {
            return Ok(());
        }
        if self.are_divided {
            return self.with_own(Kept::Gradient(slot), Parts::add_up).map(drop);
        }
        let mut read = self.each(|_, network| network.read_gradient(slot))?;
        let mut own: Vec<&mut [f32]> = read.iter_mut().map(Vec::as_mut_slice).collect();
        let parts = self.parts.get_mut();
        parts.add_up(&mut own)?;
        parts.share(&mut own)?;
        self.each(|own, network| network.write_gradient(slot, &read[own])).map(drop)
    }
}

impl Training for ReplicatedTraining {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn replicas(&self) -> usize {
        self.team.replicas()
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
        for (own, network) in self.networks.get_mut().iter_mut().enumerate() {
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
        if !self.are_divided {
            let mut sum = self.read_gradient(slot)?;
            self.backward(d_logits, slot)?;
            sum.iter_mut().zip(self.read_gradient(slot)?).for_each(|(sum, part)| *sum += part);
            return self.write_gradient(slot, &sum);
        }
        let mut sums = vec![];
        self.with_own(Kept::Gradient(slot), |parts, own| {
            sums.extend(own.iter().enumerate().map(|(i, values)| values[parts.of(values.len(), i)].to_vec()));
            Ok(())
        })?;
        self.backward(d_logits, slot)?;
        self.with_own(Kept::Gradient(slot), |parts, own| {
            for (i, (values, sum)) in own.iter_mut().zip(sums).enumerate() {
                let part = parts.of(values.len(), i);
                values[part].iter_mut().zip(sum).for_each(|(part, sum)| *part += sum);
            }
            Ok(())
        })
        .map(drop)
    }

    /// Of divided replicas the sum over parts, in the order of replicas.
    fn dot(&self, a: Slot, b: Slot) -> Result<f64, BackendError> {
        if !self.are_divided {
            return self.networks.borrow()[0].dot(a, b);
        }
        let mut networks = self.networks.borrow_mut();
        let own = networks.par_iter_mut().map(|network| network.dot(a, b)).collect::<Result<Vec<_>, _>>()?;
        let all = self.team.gather(own.into_iter().flat_map(f64::to_le_bytes).collect())?.concat();
        Ok(all.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).sum())
    }

    fn update(&mut self, slot: Slot, rule: &UpdateRule) -> Result<(), BackendError> {
        self.each(|_, network| network.update(slot, rule))?;
        self.share(Kept::Weights)
    }

    fn track_average(&mut self, decay: f32) -> Result<(), BackendError> {
        self.each(|_, network| network.track_average(decay)).map(drop)
    }

    fn gradient(&self, slot: Slot) -> Result<Weights, BackendError> {
        self.share(Kept::Gradient(slot))?;
        self.networks.borrow()[0].gradient(slot)
    }

    fn read_gradient(&mut self, slot: Slot) -> Result<Vec<f32>, BackendError> {
        self.share(Kept::Gradient(slot))?;
        self.networks.get_mut()[0].read_gradient(slot)
    }

    fn own(&mut self, _: Kept) -> Result<Option<&mut [f32]>, BackendError> {
        // One replica's alone are not to be changed.
        Ok(None)
    }

    fn move_only(&mut self, _: Range<usize>) -> Result<(), BackendError> {
        Err(BackendError::Order("replicas cannot be replicated again"))
    }

    fn write_gradient(&mut self, slot: Slot, gradient: &[f32]) -> Result<(), BackendError> {
        self.each(|_, network| network.write_gradient(slot, gradient)).map(drop)
    }

    fn read_statistics(&mut self) -> Result<Vec<f32>, BackendError> {
        self.networks.get_mut()[0].read_statistics()
    }

    fn write_statistics(&mut self, statistics: &[f32]) -> Result<(), BackendError> {
        self.each(|_, network| network.write_statistics(statistics)).map(drop)
    }

    fn share_statistics(&mut self, _: Arc<dyn AcrossReplicas>) -> Result<(), BackendError> {
        Err(BackendError::Order("replicas cannot be replicated again"))
    }

    fn weights(&self, which: WeightSet) -> Result<Weights, BackendError> {
        if which == WeightSet::Ema {
            self.share(Kept::Average)?;
        }
        self.networks.borrow()[0].weights(which)
    }

    fn state(&self) -> Result<NetworkState, BackendError> {
        [Kept::Momentum, Kept::SecondMoment, Kept::Average]
            .into_iter()
            .try_for_each(|kept| self.share(kept))?;
        self.networks.borrow()[0].state()
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), BackendError> {
        self.each(|_, network| network.restore(state)).map(drop)
    }
}
