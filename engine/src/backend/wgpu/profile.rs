//! Time by kernel, by timestamps around each dispatch.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::backend::KernelTime;

/// Dispatches whose times one query set holds; a program's later ones are not timed.
const MOST: u32 = 2048;

type Name = (&'static str, &'static str);

/// Collects times; a program's are read when the next one is encoded.
pub(super) struct Profiler {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readable: wgpu::Buffer,
    /// Nanoseconds of a tick.
    period: f64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the query set was last used for.
    pending: Vec<Name>,
    times: BTreeMap<Name, (u64, f64)>,
}

impl Profiler {
    /// Features that a device needs for it.
    pub(super) const FEATURES: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY;

    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let buffer = |label, usage| {
            let size = u64::from(2 * MOST) * 8;
            device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false })
        };
        Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * MOST,
            }),
            resolved: buffer(
                Some("timestamps"),
                wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            ),
            readable: buffer(
                Some("timestamps to read"),
                wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            ),
            period: f64::from(queue.get_timestamp_period()),
            state: Mutex::default(),
        }
    }

    /// Encodes named dispatches, each in a pass of its own between two timestamps.
    pub(super) fn encode<'a>(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        dispatches: impl Iterator<Item = (Name, Box<dyn Fn(&mut wgpu::ComputePass<'_>) + 'a>)>,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.collect(device, &mut state);
        for (i, (name, dispatch)) in dispatches.enumerate() {
            let timed = (i as u32) < MOST;
            let at = 2 * i as u32;
            let timestamp_writes = timed.then_some(wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: Some(at),
                end_of_pass_write_index: Some(at + 1),
            });
            let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
            dispatch(&mut encoder.begin_compute_pass(&descriptor));
            if timed {
                state.pending.push(name);
            }
        }
        let count = 2 * state.pending.len() as u32;
        if count > 0 {
            encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
            encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.readable, 0, u64::from(count) * 8);
        }
    }

    /// Adds the times of what was last encoded and has been submitted since.
    fn collect(&self, device: &wgpu::Device, state: &mut State) {
        if state.pending.is_empty() {
            return;
        }
        let size = state.pending.len() as u64 * 16;
        let (tell, told) = crossbeam_channel::bounded(1);
        self.readable.map_async(wgpu::MapMode::Read, 0..size, move |result| {
            let _ = tell.send(result);
        });
        let names = std::mem::take(&mut state.pending);
        if device.poll(wgpu::PollType::wait_indefinitely()).is_err() || !matches!(told.recv(), Ok(Ok(()))) {
            return;
        }
        if let Ok(view) = self.readable.get_mapped_range(0..size) {
            let ticks = bytemuck::pod_collect_to_vec::<u8, u64>(&view);
            for (name, pair) in names.into_iter().zip(ticks.chunks_exact(2)) {
                let (calls, ms) = state.times.entry(name).or_default();
                *calls += 1;
                *ms += pair[1].saturating_sub(pair[0]) as f64 * self.period * 1e-6;
            }
        }
        self.readable.unmap();
    }

    /// Everything so far, the longest first.
    pub(super) fn times(&self, device: &wgpu::Device) -> Vec<KernelTime> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.collect(device, &mut state);
        let mut times: Vec<KernelTime> = state
            .times
            .iter()
            .map(|((shader, entry), &(calls, ms))| KernelTime {
                kernel: format!("{shader} {entry}"),
                calls,
                ms,
            })
            .collect();
        times.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        times
    }
}
