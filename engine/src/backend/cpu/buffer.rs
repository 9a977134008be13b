//! Memory aligned for the widest registers, and the pointer that tasks share to write disjoint parts of it.

/// Values of a cache line.
const LINE: usize = 16;

/// A growable array of `f32` that starts on a cache line. Fresh memory is zero, and taken from the system only where it is
/// touched.
#[derive(Default)]
pub(super) struct Buffer {
    /// With room for the values to start at the first line in it.
    room: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    pub(super) fn zeroed(len: usize) -> Self {
        // Whole lines, which kernels may touch to their ends, and one more for where the first of them starts.
        let room = vec![0.0; len.next_multiple_of(LINE) + LINE];
        let start = (room.as_ptr().addr().next_multiple_of(4 * LINE) - room.as_ptr().addr()) / 4;
        Self { room, start, len }
    }

    /// Makes room for at least `len` values. What was there is kept only when it already fits.
    pub(super) fn ensure(&mut self, len: usize) {
        if self.len < len {
            // Freed first, so that both are never held at once.
            *self = Self::default();
            *self = Self::zeroed(len);
        }
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        &self.room[self.start..self.start + self.len]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.room[self.start..self.start + self.len]
    }

    pub(super) fn pointer(&mut self) -> Shared {
        Shared::of(&mut self.room[self.start..])
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_start_on_a_line_and_at_zero_wherever_they_lie() {
        let mut kept = vec![];
        for len in [0, 1, 15, 16, 17, 1000, 40_000] {
            let mut buffer = Buffer::zeroed(len);
            assert_eq!(buffer.as_slice(), vec![0.0; len]);
            assert!(buffer.pointer().0.addr().is_multiple_of(64), "{len}");
            buffer.as_mut_slice().fill(1.5);
            let mut copy = buffer.clone();
            assert_eq!(copy.as_slice(), buffer.as_slice());
            assert!(copy.pointer().0.addr().is_multiple_of(64), "{len}");
            buffer.ensure(len + 1);
            assert_eq!(buffer.as_slice(), vec![0.0; len + 1]);
            assert!(buffer.pointer().0.addr().is_multiple_of(64), "{len}");
            kept.extend([buffer, copy]);
        }
    }
}
