//! A network's buffers, and parts of them.

use affekt_shaders::Access;

/// Buffers start at multiples of this many values inside the one they lie in (256 bytes, WebGPU's rule).
pub(in crate::backend) const ALIGNMENT: usize = 64;

/// Which of a network's buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::backend) enum Memory {
    Values,
    Running,
    Folded,
    /// One of the arenas of activations.
    Arena(usize),
    Scratch,
    Gradient,
    /// The first moment or the moving average, in an update.
    First,
    /// AdamW's second moment.
    Second,
    /// The other gradient of a dot product.
    Other,
    /// Seeds of the dropouts' masks.
    Masks,
    /// What `augment.wgsl` reads: views, their operations, tables and pictures; and where it works.
    Views,
    Operations,
    Tables,
    Pictures,
    Work,
    /// Bound where a kernel has a binding that it will not touch: to read, and to write.
    Unread,
    Unwritten,
}

/// Part of a buffer, in values.
#[derive(Debug, Clone, Copy)]
pub(in crate::backend) struct Slice {
    pub memory: Memory,
    pub offset: usize,
    pub len: usize,
}

impl Slice {
    /// The whole of the scratch memory from its start, as far as a dispatch uses it.
    pub(in crate::backend) fn scratch(len: usize) -> Self {
        Self { memory: Memory::Scratch, offset: 0, len }
    }

    /// A place for a binding that is not used; each of a dispatch's has its own, because writable bindings must not
    /// overlap.
    pub(in crate::backend) fn nothing(which: usize, access: Access) -> Self {
        let memory = if access == Access::Read { Memory::Unread } else { Memory::Unwritten };
        Self { memory, offset: which * ALIGNMENT, len: ALIGNMENT }
    }
}
