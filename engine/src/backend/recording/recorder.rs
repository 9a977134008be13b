//! Collects dispatches: which kernel over which parts of which buffers.

use affekt_shaders::Shader;

use super::memory::{Memory, Slice};
use crate::backend::BackendError;

/// The most workgroups in one dimension that every adapter allows.
const MOST_GROUPS: usize = 65_535;
/// Invocations of the kernels that go value by value.
const WIDTH: usize = 64;

/// What a recording must know of the device that will run it.
#[derive(Debug, Clone)]
pub(in crate::backend) struct Terms {
    /// What messages call it.
    pub device: String,
    /// Whether to use the kernels for processors, whose workgroup is one register of eight lanes.
    pub uses_lanes: bool,
    /// The most values that one binding can hold.
    pub binding_len: usize,
    /// What places of uniform blocks are multiples of, in bytes.
    pub uniform_alignment: usize,
}

impl Terms {
    pub(in crate::backend) fn error(&self, message: impl Into<String>) -> BackendError {
        BackendError::Device { device: self.device.clone(), message: message.into() }
    }
}

/// One dispatch.
pub(in crate::backend) struct Dispatch {
    pub shader: &'static Shader,
    pub entry: &'static str,
    /// Place of its uniform block, in bytes.
    pub uniform: usize,
    /// Its storage bindings, in order.
    pub slices: Vec<Slice>,
    pub groups: [u32; 3],
}

/// Dispatches in their order, with their uniform blocks.
pub(in crate::backend) struct Recording {
    /// All uniform blocks.
    pub uniforms: Vec<u8>,
    pub dispatches: Vec<Dispatch>,
}

impl Recording {
    /// Values of scratch memory that the dispatches use.
    pub(in crate::backend) fn scratch_len(&self) -> usize {
        let slices = self.dispatches.iter().flat_map(|dispatch| &dispatch.slices);
        let scratch = slices.filter(|slice| slice.memory == Memory::Scratch);
        scratch.map(|slice| slice.offset + slice.len).max().unwrap_or(0)
    }
}

impl Slice {
    /// Bytes that are bound: kernels that read pairs may read the padding behind an odd value.
    pub(in crate::backend) fn bound_bytes(&self) -> usize {
        self.len.next_multiple_of(4) * 4
    }
}

/// Collects dispatches.
pub(in crate::backend) struct Recorder {
    terms: Terms,
    recording: Recording,
}

impl Recorder {
    pub(in crate::backend) fn new(terms: &Terms) -> Self {
        let recording = Recording { uniforms: vec![], dispatches: vec![] };
        Self { terms: terms.clone(), recording }
    }

    pub(in crate::backend) fn uses_lanes(&self) -> bool {
        self.terms.uses_lanes
    }

    /// Adds a dispatch. `slices` are the shader's storage bindings in order; a `None` binds nothing.
    pub(in crate::backend) fn dispatch<U: bytemuck::Pod>(
        &mut self,
        shader: &'static Shader,
        entry: &'static str,
        block: &U,
        slices: &[Option<Slice>],
        groups: [u32; 3],
    ) -> Result<(), BackendError> {
        debug_assert_eq!(size_of::<U>(), shader.uniform, "{}", shader.name);
        debug_assert_eq!(slices.len(), shader.storage.len(), "{}", shader.name);
        let Recording { uniforms, dispatches } = &mut self.recording;
        let uniform = uniforms.len().next_multiple_of(self.terms.uniform_alignment);
        uniforms.resize(uniform, 0);
        uniforms.extend_from_slice(bytemuck::bytes_of(block));
        let slices: Vec<Slice> = (0..slices.len())
            .map(|i| slices[i].unwrap_or_else(|| Slice::nothing(i, shader.storage[i])))
            .collect();
        for slice in &slices {
            if slice.len > self.terms.binding_len {
                let (need, most) = (slice.len >> 18, self.terms.binding_len >> 18);
                return Err(self.terms.error(format!(
                    "{}: one value of the network takes {need} MiB, but a binding may have {most} MiB; take a smaller \
                     batch, or `--backend cpu`",
                    shader.name
                )));
            }
        }
        dispatches.push(Dispatch { shader, entry, uniform, slices, groups });
        Ok(())
    }

    /// What was collected, its uniform blocks filled up to whole words of 16 bytes.
    pub(in crate::backend) fn finish(self) -> Recording {
        let mut recording = self.recording;
        let size = recording.uniforms.len().max(16).next_multiple_of(16);
        recording.uniforms.resize(size, 0);
        recording
    }
}

/// Workgroups of 64 for `len` values, in two dimensions where one is not enough.
pub(in crate::backend) fn value_groups(len: usize) -> [u32; 3] {
    row_groups(len.div_ceil(WIDTH))
}

/// `count` workgroups, in two dimensions where one is not enough; kernels leave out those past the end.
pub(in crate::backend) fn row_groups(count: usize) -> [u32; 3] {
    let x = count.min(MOST_GROUPS);
    [x as u32, count.div_ceil(x.max(1)) as u32, 1]
}

/// Workgroups for tiles in two dimensions, the second going on in the third where it is long.
pub(in crate::backend) fn tile_groups(columns: usize, rows: usize) -> [u32; 3] {
    let [y, z, _] = row_groups(rows);
    [columns as u32, y, z]
}
