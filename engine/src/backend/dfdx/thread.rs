//! The thread that owns a device and what is on it. A tape of dfdx cannot be sent to another thread, so networks live where they
//! compute, and what others hold of them is a [`Tenant`].

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Sender, bounded};

use super::rows::{Machine, Outcome};
use super::tables::Tables;
use crate::backend::BackendError;

type Job<D> = Box<dyn FnOnce(&mut House<D>) + Send>;

/// What the thread owns.
struct House<D: Machine> {
    tables: Tables<D>,
    networks: BTreeMap<u64, Box<dyn Any>>,
}

/// A device with its thread, which ends with the last network and backend that hold it.
pub(super) struct DeviceThread<D: Machine> {
    /// What computes, for messages.
    label: String,
    jobs: Option<Sender<Job<D>>>,
    thread: Option<JoinHandle<()>>,
    next: AtomicU64,
}

impl<D: Machine> DeviceThread<D> {
    /// Opens a device in a new thread. `open` runs there, and what it gives beside the device comes back.
    ///
    /// # Errors
    /// The system starts no thread, or `open` fails.
    pub(super) fn start<R: Send + 'static>(
        label: &str,
        open: impl FnOnce() -> Result<(D, R), BackendError> + Send + 'static,
    ) -> Result<(Arc<Self>, R), BackendError> {
        let (jobs, queue) = bounded::<Job<D>>(1);
        let (tell, opened) = bounded(1);
        let main = move || {
            let device = match open() {
                Ok((device, rest)) => {
                    let _ = tell.send(Ok(rest));
                    device
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                    return;
                }
            };
            let mut house = House { tables: Tables::new(device), networks: BTreeMap::new() };
            for job in queue {
                job(&mut house);
            }
        };
        let thread = Builder::new().name("affekt-dfdx".into()).spawn(main);
        let thread =
            thread.map_err(|e| BackendError::Unavailable(format!("no thread can be started: {e}")))?;
        let ended = || BackendError::Unavailable(format!("{label} ended while it was opened"));
        let rest = opened.recv().map_err(|_| ended())??;
        let (jobs, thread) = (Some(jobs), Some(thread));
        Ok((Arc::new(Self { label: label.into(), jobs, thread, next: AtomicU64::new(0) }), rest))
    }

    /// Makes a network there.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn place<N: 'static>(
        self: &Arc<Self>,
        make: impl FnOnce(&D) -> Outcome<N, D> + Send + 'static,
    ) -> Result<Tenant<D, N>, BackendError> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.ask(move |house| {
            let network = make(&house.tables.device).map_err(|error| error.to_string())?;
            house.networks.insert(key, Box::new(network));
            Ok(())
        })?;
        Ok(Tenant { thread: Arc::clone(self), key, network: PhantomData })
    }

    /// Runs a job and waits for what it gives.
    fn ask<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut House<D>) -> Result<R, String> + Send + 'static,
    ) -> Result<R, BackendError> {
        let (tell, told) = bounded(1);
        let sent = self.send(Box::new(move |house: &mut House<D>| {
            let _ = tell.send(job(house));
        }));
        // A job that panics takes the thread with it, and its end of the channel.
        let answer = if sent { told.recv().ok() } else { None };
        let answer =
            answer.unwrap_or_else(|| Err("its thread has ended; the reason is on standard error".into()));
        answer.map_err(|message| BackendError::Device { device: self.label.clone(), message })
    }

    fn send(&self, job: Job<D>) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }
}

impl<D: Machine> Drop for DeviceThread<D> {
    fn drop(&mut self) {
        // Without a sender the thread's loop ends.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A network on a device's thread; it goes when this does.
pub(super) struct Tenant<D: Machine, N> {
    thread: Arc<DeviceThread<D>>,
    key: u64,
    network: PhantomData<fn() -> N>,
}

impl<D: Machine, N: 'static> Tenant<D, N> {
    /// Runs something with the network and waits for what it gives.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut N, &mut Tables<D>) -> Outcome<R, D> + Send + 'static,
    ) -> Result<R, BackendError> {
        let key = self.key;
        self.thread.ask(move |house| {
            let network = house.networks.get_mut(&key).and_then(|network| network.downcast_mut::<N>());
            let Some(network) = network else { return Err("the network is gone".into()) };
            job(network, &mut house.tables).map_err(|error| error.to_string())
        })
    }
}

impl<D: Machine, N> Drop for Tenant<D, N> {
    fn drop(&mut self) {
        let key = self.key;
        self.thread.send(Box::new(move |house: &mut House<D>| {
            house.networks.remove(&key);
        }));
    }
}
