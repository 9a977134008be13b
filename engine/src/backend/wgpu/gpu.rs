//! A device: adapter, queue, pipelines made once, and errors turned into ours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use affekt_shaders::{Access, Shader};

use super::adapters::{self, Adapter};
use super::kernel_cache::KernelCache;
use super::options::{Limits, WgpuOptions};
use super::profile::Profiler;
use crate::backend::BackendError;
use crate::backend::recording::memory::ALIGNMENT;
use crate::backend::recording::place::Room;
use crate::backend::recording::recorder::Terms;

/// Lanes of a register that the kernels for processors are written for.
const LANES: u32 = 8;

/// A compute pipeline with the layout of its one bind group.
pub(super) struct Kernel {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// An opened device.
pub(super) struct Gpu {
    pub adapter: Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub limits: wgpu::Limits,
    /// Bytes of memory of its own, where the driver tells.
    pub memory: Option<u64>,
    /// What recordings for it must know.
    pub terms: Terms,
    /// Whether convolutions of inference are in 16-bit floats.
    pub infers_in_half: bool,
    kernels: Mutex<HashMap<(&'static str, &'static str), Arc<Kernel>>>,
    failure: Arc<Mutex<Option<String>>>,
    staging: Mutex<Option<wgpu::Buffer>>,
    /// Bound where a kernel has a binding that it will not touch: to read, and to write.
    pub nothing: [wgpu::Buffer; 2],
    pub profiler: Option<Profiler>,
    cache: Option<KernelCache>,
}

/// What messages call a device.
fn device_name(adapter: &Adapter) -> String {
    format!("GPU `{}`", adapter.name)
}

/// What recordings for a device must know.
fn terms(adapter: &Adapter, uses_lanes: bool, limits: &wgpu::Limits) -> Terms {
    Terms {
        device: device_name(adapter),
        uses_lanes,
        binding_len: room(limits).binding,
        uniform_alignment: limits.min_uniform_buffer_offset_alignment.max(16) as usize,
    }
}

fn room(limits: &wgpu::Limits) -> Room {
    Room::of(limits.max_storage_buffer_binding_size, limits.max_buffer_size)
}

impl Drop for Gpu {
    fn drop(&mut self) {
        if let Some(cache) = &self.cache {
            cache.save();
        }
    }
}

impl Gpu {
    /// Opens the adapter that the options name, or the most capable one.
    pub(super) fn open(options: &WgpuOptions) -> Result<Self, BackendError> {
        let (adapter, handle) = adapters::choose(options.adapter.as_deref())?;
        let fail = |message: String| BackendError::Device { device: device_name(&adapter), message };
        let limits = match options.limits {
            Limits::Adapter => handle.limits(),
            Limits::WebGpu => wgpu::Limits::default(),
            Limits::Capped { binding, buffer } => {
                let limits = handle.limits();
                wgpu::Limits {
                    max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size.min(binding),
                    max_buffer_size: limits.max_buffer_size.min(buffer),
                    ..limits
                }
            }
        };
        // Kernels for processors read pairs of values and pass them between lanes.
        let lanes = wgpu::Features::SHADER_INT64 | wgpu::Features::SUBGROUP;
        let info = handle.get_info();
        let has_lanes = handle.features().contains(lanes)
            && (info.subgroup_min_size, info.subgroup_max_size) == (LANES, LANES);
        let uses_lanes = options.processor_kernels.unwrap_or(adapter.is_processor()) && has_lanes;
        let mut features = if uses_lanes { lanes } else { wgpu::Features::empty() };
        if options.half {
            if !handle.features().contains(wgpu::Features::SHADER_F16) {
                return Err(fail("it has no 16-bit floats (f16); leave out `--arithmetic half`".into()));
            }
            features |= wgpu::Features::SHADER_F16;
        }
        if options.profile {
            if !handle.features().contains(Profiler::FEATURES) {
                return Err(fail("it has no timestamps, which profiling needs".into()));
            }
            features |= Profiler::FEATURES;
        }
        let cache_folder =
            options.kernel_cache.as_deref().filter(|_| handle.features().contains(KernelCache::FEATURES));
        if cache_folder.is_some() {
            features |= KernelCache::FEATURES;
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("affekt"),
            required_features: features,
            required_limits: limits.clone(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(handle.request_device(&descriptor))
            .map_err(|e| fail(format!("the device cannot be opened: {e}")))?;
        let failure = Arc::new(Mutex::new(None));
        let note = |failure: &Arc<Mutex<Option<String>>>, message: String| {
            let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(message);
        };
        let uncaptured = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let message = match error {
                wgpu::Error::OutOfMemory { .. } => {
                    "out of memory; cut the batch by --micro-batch, take a smaller one, or `--backend cpu`"
                        .to_owned()
                }
                other => other.to_string(),
            };
            note(&uncaptured, message);
        }));
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(
                    &lost,
                    format!("the device was lost ({message}); resume the run, or use `--backend cpu`"),
                );
            }
        });
        let nothing = ["nothing to read", "nowhere to write"].map(|label| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: (16 * ALIGNMENT * 4) as u64,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        });
        let profiler = options.profile.then(|| Profiler::new(&device, &queue));
        let cache = cache_folder.and_then(|folder| KernelCache::open(&device, &info, folder));
        let memory = adapters::own_memory(&handle);
        let terms = terms(&adapter, uses_lanes, &limits);
        Ok(Self {
            memory,
            adapter,
            device,
            queue,
            limits,
            terms,
            infers_in_half: options.half,
            kernels: Mutex::default(),
            failure,
            staging: Mutex::default(),
            nothing,
            profiler,
            cache,
        })
    }

    pub(super) fn error(&self, message: impl Into<String>) -> BackendError {
        self.terms.error(message)
    }

    /// The first thing that went wrong since the device was opened, if any. A device that failed stays failed.
    pub(super) fn check(&self) -> Result<(), BackendError> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map_or(Ok(()), |message| Err(self.error(message.clone())))
    }

    /// The most values that a binding and a buffer can hold.
    pub(super) fn room(&self) -> Room {
        room(&self.limits)
    }

    /// The most values one binding can hold.
    pub(super) fn binding_len(&self) -> usize {
        self.terms.binding_len
    }

    /// Waits until everything submitted is done, so that memory that nobody holds any more is free.
    pub(super) fn settle(&self) -> Result<(), BackendError> {
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        waited.map(drop).map_err(|e| self.error(format!("waiting for it failed: {e}")))
    }

    /// A zeroed buffer of `len` values for shaders and copies.
    pub(super) fn buffer(&self, label: &str, len: usize) -> Result<wgpu::Buffer, BackendError> {
        let size = (len.max(1).next_multiple_of(ALIGNMENT) * 4) as u64;
        if size > self.limits.max_buffer_size {
            let (need, most) = (size >> 20, self.limits.max_buffer_size >> 20);
            return Err(self.error(format!(
                "{label} takes {need} MiB, but a buffer may have {most} MiB; take a smaller batch, or `--backend cpu`"
            )));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        });
        self.check()?;
        Ok(buffer)
    }

    /// A shader's entry point as a pipeline, made at its first use.
    pub(super) fn kernel(
        &self,
        shader: &'static Shader,
        entry: &'static str,
    ) -> Result<Arc<Kernel>, BackendError> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = kernels.get(&(shader.name, entry)) {
            return Ok(Arc::clone(kernel));
        }
        let kernel = Arc::new(self.compile(shader, entry));
        self.check().map_err(|e| self.error(format!("shader {}, {entry}: {e}", shader.name)))?;
        kernels.insert((shader.name, entry), Arc::clone(&kernel));
        Ok(kernel)
    }

    fn compile(&self, shader: &'static Shader, entry: &'static str) -> Kernel {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(shader.name),
            source: wgpu::ShaderSource::Wgsl(shader.source.into()),
        };
        // SAFETY: every index in our shaders is checked against the lengths in their uniform blocks, every loop ends
        // and no divisor is zero; tests guard each output with canaries.
        let module = unsafe {
            self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
        };
        let entry_of =
            |binding: usize, ty: wgpu::BufferBindingType, size: usize| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: wgpu::BufferSize::new(size as u64),
                },
                count: None,
            };
        let uniform = entry_of(0, wgpu::BufferBindingType::Uniform, shader.uniform);
        let storage = shader.storage.iter().zip(shader.strides).enumerate().map(|(i, (access, stride))| {
            let read_only = *access == Access::Read;
            entry_of(i + 1, wgpu::BufferBindingType::Storage { read_only }, *stride)
        });
        let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
        let layout = self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(shader.name),
            entries: &entries,
        });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(shader.name),
            bind_group_layouts: &[Some(&layout)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Kernels write before they read.
                zero_initialize_workgroup_memory: false,
                ..wgpu::PipelineCompilationOptions::default()
            },
            cache: self.cache.as_ref().map(KernelCache::pipelines),
        });
        Kernel { pipeline, layout }
    }

    /// Runs what `encode` records and reads `len` values of a buffer from value `first`.
    pub(super) fn submit_and_read(
        &self,
        encoder: wgpu::CommandEncoder,
        buffer: &wgpu::Buffer,
        first: usize,
        len: usize,
    ) -> Result<Vec<f32>, BackendError> {
        let mut encoder = encoder;
        let size = (len * 4) as u64;
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        if staging.as_ref().is_none_or(|s| s.size() < size) {
            *staging = Some(self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("read-back"),
                size: size.next_power_of_two().max(1 << 12).min(self.limits.max_buffer_size).max(size),
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }));
        }
        let Some(target) = staging.as_ref() else { return Err(self.error("no memory to read into")) };
        encoder.copy_buffer_to_buffer(buffer, (first * 4) as u64, target, 0, size);
        self.queue.submit([encoder.finish()]);
        let (tell, told) = crossbeam_channel::bounded(1);
        target.map_async(wgpu::MapMode::Read, 0..size, move |result| {
            // Nobody listens any more where waiting failed.
            let _ = tell.send(result);
        });
        self.settle()?;
        // Another thread that waits on the same device may be the one that tells.
        match told.recv() {
            Ok(Ok(())) => {}
            _ => return Err(self.error("its results cannot be read; the device may be lost")),
        }
        let values = {
            let view = target.get_mapped_range(0..size).map_err(|e| self.error(e.to_string()))?;
            bytemuck::pod_collect_to_vec::<u8, f32>(&view)
        };
        target.unmap();
        Ok(values)
    }

    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Values of a buffer.
    pub(super) fn read(&self, buffer: &wgpu::Buffer, len: usize) -> Result<Vec<f32>, BackendError> {
        self.submit_and_read(self.encoder(), buffer, 0, len)
    }

    /// Writes values to the start of a buffer, before anything submitted later.
    pub(super) fn write(&self, buffer: &wgpu::Buffer, first: usize, values: &[f32]) {
        self.queue.write_buffer(buffer, (first * 4) as u64, bytemuck::cast_slice(values));
    }
}
