//! A recorded list of dispatches: which kernel over which parts of which buffers, made once and run often.

use std::sync::Arc;

use affekt_shaders::Shader;

use super::gpu::{Gpu, Kernel};
use super::memory::{Memory, Slice};
use crate::backend::BackendError;

/// The most workgroups in one dimension that every adapter allows.
const MOST_GROUPS: usize = 65_535;
/// Invocations of the kernels that go value by value.
const WIDTH: usize = 64;

struct Pending {
    name: (&'static str, &'static str),
    kernel: Arc<Kernel>,
    uniform: usize,
    uniform_size: usize,
    slices: Vec<Slice>,
    groups: [u32; 3],
}

/// Collects dispatches.
pub(super) struct Recorder<'a> {
    gpu: &'a Gpu,
    uniforms: Vec<u8>,
    pending: Vec<Pending>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(gpu: &'a Gpu) -> Self {
        Self { gpu, uniforms: vec![], pending: vec![] }
    }

    pub(super) fn gpu(&self) -> &'a Gpu {
        self.gpu
    }

    /// Adds a dispatch. `slices` are the shader's storage bindings in order; a `None` binds nothing.
    pub(super) fn dispatch<U: bytemuck::Pod>(
        &mut self,
        shader: &'static Shader,
        entry: &'static str,
        uniform: &U,
        slices: &[Option<Slice>],
        groups: [u32; 3],
    ) -> Result<(), BackendError> {
        debug_assert_eq!(size_of::<U>(), shader.uniform, "{}", shader.name);
        debug_assert_eq!(slices.len(), shader.storage.len(), "{}", shader.name);
        let kernel = self.gpu.kernel(shader, entry)?;
        let alignment = self.gpu.limits.min_uniform_buffer_offset_alignment.max(16) as usize;
        let at = self.uniforms.len().next_multiple_of(alignment);
        self.uniforms.resize(at, 0);
        self.uniforms.extend_from_slice(bytemuck::bytes_of(uniform));
        let slices: Vec<Slice> = (0..slices.len())
            .map(|i| slices[i].unwrap_or_else(|| Slice::nothing(i, shader.storage[i])))
            .collect();
        for slice in &slices {
            if slice.len > self.gpu.binding_len() {
                let (need, most) = (slice.len >> 18, self.gpu.binding_len() >> 18);
                return Err(self.gpu.error(format!(
                    "{}: one value of the network takes {need} MiB, but a binding may have {most} MiB; take a smaller \
                     batch, or `--backend cpu`",
                    shader.name
                )));
            }
        }
        let uniform_size = size_of::<U>();
        let name = (shader.name, entry);
        self.pending.push(Pending { name, kernel, uniform: at, uniform_size, slices, groups });
        Ok(())
    }

    /// Makes the bind groups; `memory` gives each buffer but those for nothing, which must hold what [`Recorder::scratch_len`] asks for.
    pub(super) fn finish<'b>(
        self,
        memory: impl Fn(Memory) -> &'b wgpu::Buffer,
    ) -> Result<Program, BackendError> {
        let size = (self.uniforms.len().max(16) as u64).next_multiple_of(16);
        let uniforms = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut bytes = self.uniforms;
        bytes.resize(size as usize, 0);
        self.gpu.queue.write_buffer(&uniforms, 0, &bytes);
        let dispatches = self
            .pending
            .into_iter()
            .map(|pending| {
                let uniform = wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &uniforms,
                        offset: pending.uniform as u64,
                        size: wgpu::BufferSize::new(pending.uniform_size as u64),
                    }),
                };
                let storage = pending.slices.iter().enumerate().map(|(i, slice)| wgpu::BindGroupEntry {
                    binding: i as u32 + 1,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: match slice.memory {
                            Memory::Unread => &self.gpu.nothing[0],
                            Memory::Unwritten => &self.gpu.nothing[1],
                            other => memory(other),
                        },
                        offset: (slice.offset * 4) as u64,
                        // Kernels that read pairs may read the padding behind an odd value.
                        size: wgpu::BufferSize::new((slice.len.next_multiple_of(4) * 4) as u64),
                    }),
                });
                let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
                let group = self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(pending.name.0),
                    layout: &pending.kernel.layout,
                    entries: &entries,
                });
                let uniform = pending.uniform;
                Dispatch {
                    name: pending.name,
                    kernel: pending.kernel,
                    group,
                    groups: pending.groups,
                    uniform,
                }
            })
            .collect();
        self.gpu.check()?;
        Ok(Program { dispatches, uniforms })
    }

    /// Values of scratch memory that the dispatches use.
    pub(super) fn scratch_len(&self) -> usize {
        let scratch = self.pending.iter().flat_map(|p| &p.slices).filter(|s| s.memory == Memory::Scratch);
        scratch.map(|s| s.offset + s.len).max().unwrap_or(0)
    }
}

struct Dispatch {
    name: (&'static str, &'static str),
    kernel: Arc<Kernel>,
    group: wgpu::BindGroup,
    groups: [u32; 3],
    /// Place of its uniform block.
    uniform: usize,
}

/// Recorded dispatches, ready to run.
pub(super) struct Program {
    dispatches: Vec<Dispatch>,
    uniforms: wgpu::Buffer,
}

impl Program {
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

/// Workgroups of 64 for `len` values, in two dimensions where one is not enough.
pub(super) fn value_groups(len: usize) -> [u32; 3] {
    row_groups(len.div_ceil(WIDTH))
}

/// `count` workgroups, in two dimensions where one is not enough; kernels leave out those past the end.
pub(super) fn row_groups(count: usize) -> [u32; 3] {
    let x = count.min(MOST_GROUPS);
    [x as u32, count.div_ceil(x.max(1)) as u32, 1]
}

/// Workgroups for tiles in two dimensions, the second going on in the third where it is long.
pub(super) fn tile_groups(columns: usize, rows: usize) -> [u32; 3] {
    let [y, z, _] = row_groups(rows);
    [columns as u32, y, z]
}
