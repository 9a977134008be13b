//! What GPUs this machine has, for `--adapter` and for people.

use std::sync::OnceLock;

use crate::backend::BackendError;

/// An adapter as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// Its place in the list, as `--adapter` takes it.
    pub index: usize,
    /// Its name, of which `--adapter` takes any part.
    pub name: String,
    /// `discrete GPU`, `integrated GPU`, `virtual GPU`, `processor` or `other`.
    pub kind: &'static str,
    /// Graphics interface: `Vulkan`, `Metal`, `Dx12`.
    pub interface: String,
    /// Driver's name and version.
    pub driver: String,
    /// Memory of its own, MiB; `None` where its driver does not tell.
    pub memory_mib: Option<u64>,
    /// Largest binding, MiB.
    pub binding_mib: u64,
    /// Largest buffer, MiB.
    pub buffer_mib: u64,
    /// Workgroup memory, KiB.
    pub workgroup_kib: u32,
    /// Optional features that kernels could use.
    pub features: Vec<&'static str>,
}

impl Adapter {
    /// Whether it computes on the processor, as software drivers do.
    pub fn is_processor(&self) -> bool {
        self.kind == "processor"
    }

    fn describe(index: usize, adapter: &wgpu::Adapter) -> Self {
        let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "processor",
            wgpu::DeviceType::Other => "other",
        };
        let known = [
            (wgpu::Features::SUBGROUP, "subgroups"),
            (wgpu::Features::SHADER_F16, "f16"),
            (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
            (wgpu::Features::PIPELINE_CACHE, "pipeline cache"),
        ];
        Self {
            index,
            name: info.name,
            kind,
            interface: format!("{:?}", info.backend),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            memory_mib: own_memory(adapter).map(|bytes| bytes >> 20),
            binding_mib: limits.max_storage_buffer_binding_size >> 20,
            buffer_mib: limits.max_buffer_size >> 20,
            workgroup_kib: limits.max_compute_workgroup_storage_size >> 10,
            features: known.iter().filter(|(f, _)| features.contains(*f)).map(|(_, name)| *name).collect(),
        }
    }

    /// Order of preference: the lower the better.
    fn rank(&self) -> usize {
        let kinds = ["discrete GPU", "integrated GPU", "virtual GPU", "other", "processor"];
        kinds.iter().position(|k| *k == self.kind).unwrap_or(kinds.len())
    }
}

/// The process has one instance: drivers do not like many.
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::PRIMARY;
        wgpu::Instance::new(descriptor)
    })
}

/// Bytes of the largest memory that an adapter calls its own, where its driver tells: those of Vulkan on Linux do.
#[cfg(target_os = "linux")]
pub(super) fn own_memory(adapter: &wgpu::Adapter) -> Option<u64> {
    /// `VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`.
    const DEVICE_LOCAL: u32 = 1;
    // SAFETY: the adapter is only asked, nothing of it is destroyed, and the guard ends with this function.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: the physical device is of this instance, and both live as long as the adapter.
    let memory = unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    let heaps = memory.memory_heaps.iter().take(memory.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn own_memory(_adapter: &wgpu::Adapter) -> Option<u64> {
    None
}

/// Every adapter of this machine, in `--adapter`'s order.
pub fn adapters() -> Vec<Adapter> {
    found().into_iter().map(|(adapter, _)| adapter).collect()
}

fn found() -> Vec<(Adapter, wgpu::Adapter)> {
    let handles = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::PRIMARY));
    handles.into_iter().enumerate().map(|(i, handle)| (Adapter::describe(i, &handle), handle)).collect()
}

/// The adapter that `wanted` names by number or by part of its name, or the most capable one.
pub(super) fn choose(wanted: Option<&str>) -> Result<(Adapter, wgpu::Adapter), BackendError> {
    let mut found = found();
    let names = found.iter().map(|(a, _)| format!("{} {} ({})", a.index, a.name, a.kind)).collect::<Vec<_>>();
    if found.is_empty() {
        return Err(BackendError::Unavailable(
            "no Vulkan, Metal or Direct3D 12 adapter was found; install a driver (in Debian `mesa-vulkan-drivers` for \
             a software one), or use `--backend cpu`"
                .into(),
        ));
    }
    let Some(wanted) = wanted else {
        found.sort_by_key(|(adapter, _)| adapter.rank());
        return Ok(found.swap_remove(0));
    };
    let index = wanted.parse::<usize>().ok().filter(|i| *i < found.len()).or_else(|| {
        let wanted = wanted.to_lowercase();
        found.iter().position(|(a, _)| !wanted.is_empty() && a.name.to_lowercase().contains(&wanted))
    });
    match index {
        Some(index) => Ok(found.swap_remove(index)),
        None => Err(BackendError::Unavailable(format!(
            "no adapter is called `{wanted}`; there are: {}",
            names.join(", ")
        ))),
    }
}
