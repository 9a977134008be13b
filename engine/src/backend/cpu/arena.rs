//! A pass's activations: one buffer, of which the plan gives every value, gradient and what a step keeps its place.

use super::buffer::Buffer;
use crate::net::Region;

/// The place of what is not there.
pub(super) const NOWHERE: Region = Region { offset: 0, len: 0 };

/// The memory of a pass over a number of items.
pub(super) struct Arena<'a> {
    values: &'a mut [f32],
    items: usize,
}

impl<'a> Arena<'a> {
    /// The start of a buffer, made longer where it must be: `len` values an item.
    pub(super) fn new(buffer: &'a mut Buffer, len: usize, items: usize) -> Self {
        buffer.ensure(len * items);
        Self { values: buffer.as_mut_slice(), items }
    }

    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// One part, to read.
    pub(super) fn read(&self, region: Region) -> &[f32] {
        &self.values[self.range(region)]
    }

    /// One part, to write.
    pub(super) fn write(&mut self, region: Region) -> &mut [f32] {
        let range = self.range(region);
        &mut self.values[range]
    }

    fn range(&self, region: Region) -> std::ops::Range<usize> {
        region.offset * self.items..(region.offset + region.len) * self.items
    }

    /// Parts to write and parts to read, all at once.
    ///
    /// # Panics
    /// A part that is written touches another one, or one lies outside: the plan is wrong, or a step asks for what is
    /// no longer there.
    pub(super) fn split<const W: usize, const R: usize>(
        &mut self,
        write: [Region; W],
        read: [Region; R],
    ) -> ([&mut [f32]; W], [&[f32]; R]) {
        for (i, one) in write.iter().enumerate() {
            for other in write[..i].iter().chain(&read) {
                assert!(!one.overlaps(*other), "a step writes {one:?} while it uses {other:?}");
            }
        }
        let (base, len, items) = (self.values.as_mut_ptr(), self.values.len(), self.items);
        let place = |region: Region| {
            let (first, count) = (region.offset * items, region.len * items);
            assert!(
                first <= len && count <= len - first,
                "{region:?} of {items} items lies outside {len} values"
            );
            (first, count)
        };
        let write = write.map(|region| {
            let (first, count) = place(region);
            // SAFETY: the range lies inside `values`, which is borrowed mutably for as long as the result lives, and no
            // other range given out here touches it: both were asserted above.
            unsafe { std::slice::from_raw_parts_mut(base.add(first), count) }
        });
        let read = read.map(|region| {
            let (first, count) = place(region);
            // SAFETY: as above; ranges that are only read may coincide.
            unsafe { std::slice::from_raw_parts(base.add(first), count) }
        });
        (write, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(offset: usize, len: usize) -> Region {
        Region { offset, len }
    }

    #[test]
    fn parts_lie_where_the_plan_says_for_all_items() {
        let mut buffer = Buffer::default();
        let mut arena = Arena::new(&mut buffer, 10, 3);
        let ([a, b], [c, d, none]) =
            arena.split([region(0, 2), region(4, 1)], [region(2, 2), region(2, 1), NOWHERE]);
        assert_eq!((a.len(), b.len(), c.len(), d.len(), none.len()), (6, 3, 6, 3, 0));
        a.fill(1.0);
        b.fill(2.0);
        assert_eq!(arena.read(region(0, 5)), [[1.0; 6].as_slice(), &[0.0; 6], &[2.0; 3]].concat());
    }

    #[test]
    #[should_panic(expected = "a step writes")]
    fn two_written_parts_that_touch_are_refused() {
        let mut buffer = Buffer::default();
        let _ = Arena::new(&mut buffer, 10, 2).split([region(0, 3), region(2, 3)], []);
    }

    #[test]
    #[should_panic(expected = "a step writes")]
    fn a_part_that_is_written_and_read_is_refused() {
        let mut buffer = Buffer::default();
        let _ = Arena::new(&mut buffer, 10, 2).split([region(0, 3)], [region(0, 3)]);
    }

    #[test]
    #[should_panic(expected = "lies outside")]
    fn a_part_outside_is_refused() {
        let mut buffer = Buffer::default();
        let _ = Arena::new(&mut buffer, 10, 2).split([region(8, 3)], []);
    }
}
