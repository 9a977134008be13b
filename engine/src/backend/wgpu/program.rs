//! A recording on a device: its kernels compiled and its buffers bound once, run often.

use std::sync::Arc;

use super::gpu::{Gpu, Kernel};
use crate::backend::BackendError;
use crate::backend::recording::memory::Memory;
use crate::backend::recording::recorder::Recording;

struct Dispatch {
    name: (&'static str, &'static str),
    kernel: Arc<Kernel>,
    group: wgpu::BindGroup,
    groups: [u32; 3],
    /// Place of its uniform block.
    uniform: usize,
}

/// Dispatches, ready to run.
pub(super) struct Program {
    dispatches: Vec<Dispatch>,
    uniforms: wgpu::Buffer,
}

impl Program {
    /// Makes the bind groups; `memory` gives each buffer but those for nothing, which must hold what
    /// [`Recording::scratch_len`] asks for.
    pub(super) fn new<'b>(
        gpu: &Gpu,
        recording: Recording,
        memory: impl Fn(Memory) -> &'b wgpu::Buffer,
    ) -> Result<Self, BackendError> {
        let uniforms = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size: recording.uniforms.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue.write_buffer(&uniforms, 0, &recording.uniforms);
        let mut dispatches = Vec::with_capacity(recording.dispatches.len());
        for recorded in recording.dispatches {
            let kernel = gpu.kernel(recorded.shader, recorded.entry)?;
            let uniform = wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &uniforms,
                    offset: recorded.uniform as u64,
                    size: wgpu::BufferSize::new(recorded.shader.uniform as u64),
                }),
            };
            let storage = recorded.slices.iter().enumerate().map(|(i, slice)| wgpu::BindGroupEntry {
                binding: i as u32 + 1,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: match slice.memory {
                        Memory::Unread => &gpu.nothing[0],
                        Memory::Unwritten => &gpu.nothing[1],
                        other => memory(other),
                    },
                    offset: (slice.offset * 4) as u64,
                    size: wgpu::BufferSize::new(slice.bound_bytes() as u64),
                }),
            });
            let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(recorded.shader.name),
                layout: &kernel.layout,
                entries: &entries,
            });
            let name = (recorded.shader.name, recorded.entry);
            let (groups, uniform) = (recorded.groups, recorded.uniform);
            dispatches.push(Dispatch { name, kernel, group, groups, uniform });
        }
        gpu.check()?;
        Ok(Self { dispatches, uniforms })
    }

    /// Replaces the uniform block of a dispatch for what is submitted later.
    pub(super) fn set_uniform<U: bytemuck::Pod>(&self, gpu: &Gpu, dispatch: usize, uniform: &U) {
        let at = self.dispatches[dispatch].uniform;
        gpu.queue.write_buffer(&self.uniforms, at as u64, bytemuck::bytes_of(uniform));
    }

    /// Encodes all of it: into one compute pass, or timed, each dispatch in its own.
    pub(super) fn encode(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder) {
        if let Some(profiler) = &gpu.profiler {
            let dispatches = self.dispatches.iter().map(|d| {
                let encode: Box<dyn Fn(&mut wgpu::ComputePass<'_>)> = Box::new(|pass| d.encode(pass));
                (d.name, encode)
            });
            return profiler.encode(&gpu.device, encoder, dispatches);
        }
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for dispatch in &self.dispatches {
            dispatch.encode(&mut pass);
        }
    }
}

impl Dispatch {
    fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.kernel.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        let [x, y, z] = self.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}
