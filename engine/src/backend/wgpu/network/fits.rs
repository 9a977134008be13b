//! How many items a training pass can have: batch normalisation sees a batch as a whole, so unlike inference it cannot go
//! in parts, and each of its values must fit a binding and all of them one buffer.

use super::graph::Placed;
use crate::backend::BackendError;
use crate::backend::wgpu::place::Placement;
use crate::net::PlanPurpose;

impl Placed {
    /// Refuses a training pass over more items than this adapter can have, saying how many it can.
    pub(super) fn check_fits(&self, items: usize) -> Result<(), BackendError> {
        let live_ranges = self.plan.live_ranges(PlanPurpose::Training);
        let longest = live_ranges.iter().map(|life| life.len).max().unwrap_or(1).max(1);
        let most_in_binding = self.gpu.binding_len() / longest;
        let buffer_len = (self.gpu.limits.max_buffer_size / 4) as usize;
        let fits = |items: usize| {
            items <= most_in_binding
                && Placement::new(&self.plan, PlanPurpose::Training, items).len <= buffer_len
        };
        if fits(items) {
            return Ok(());
        }
        // Places grow with the number of items, so the limit lies between one that fits and one that does not.
        let (mut fit, mut too_many) = (0, items);
        while too_many - fit > 1 {
            let middle = usize::midpoint(fit, too_many);
            if fits(middle) { fit = middle } else { too_many = middle }
        }
        let limits = &self.gpu.limits;
        Err(self.gpu.error(format!(
            "a training pass over {items} items is too large: at most {fit} fit, because the largest value takes {} KiB an \
             item, a binding has {} MiB and a buffer {} MiB; take smaller batches (a teacher's pass holds the labelled and \
             twice the unlabelled one), or `--backend cpu`",
            longest.div_ceil(256),
            limits.max_storage_buffer_binding_size >> 20,
            limits.max_buffer_size >> 20,
        )))
    }
}
