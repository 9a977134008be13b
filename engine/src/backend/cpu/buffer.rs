//! Memory aligned for the widest registers, and the pointer that tasks share to write disjoint parts of it.

/// One cache line of numbers.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A growable array of `f32` that starts on a cache line. Fresh memory is zero.
#[derive(Default)]
pub(super) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    pub(super) fn zeroed(len: usize) -> Self {
        Self { lines: vec![Line([0.0; 16]); len.div_ceil(16)], len }
    }

    /// Makes room for at least `len` values. What was there is kept only when it already fits.
    pub(super) fn ensure(&mut self, len: usize) {
        if self.len < len {
            // Freed first, so that both are never held at once.
            self.lines = Vec::new();
            *self = Self::zeroed(len);
        }
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        // SAFETY: `Line` is 16 `f32` without padding, and `len` never exceeds what the lines hold.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_slice`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    pub(super) fn pointer(&mut self) -> Shared {
        Shared(self.lines.as_mut_ptr().cast())
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone(), len: self.len }
    }
}

/// A pointer that parallel tasks may share because each writes a part of its own.
#[derive(Clone, Copy)]
pub(super) struct Shared(*mut f32);

// SAFETY: the tasks that share it write disjoint ranges; every use says which.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn of(slice: &mut [f32]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// A part of what another one points to.
    pub(super) fn from_pointer(pointer: *mut f32) -> Self {
        Self(pointer)
    }

    /// # Safety
    /// `offset` is within the allocation.
    #[inline(always)]
    pub(super) unsafe fn at(self, offset: usize) -> *mut f32 {
        unsafe { self.0.add(offset) }
    }

    /// # Safety
    /// `offset..offset + len` is within the allocation and no other task touches it meanwhile.
    #[inline(always)]
    pub(super) unsafe fn slice<'a>(self, offset: usize, len: usize) -> &'a mut [f32] {
        unsafe { std::slice::from_raw_parts_mut(self.0.add(offset), len) }
    }
}
