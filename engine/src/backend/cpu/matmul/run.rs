//! A product cut into tasks.

use rayon::prelude::*;

use super::fixed::FixedTask;
use super::single::SingleTask;
use super::task::{Product, TILES_PER_BLOCK, Task, ZEROS};
use crate::backend::cpu::fixed::Panels;
use crate::simd::Isa;

/// Tasks aimed at for each thread, so that none waits long for the last one.
const TASKS_PER_THREAD: usize = 8;

/// Row blocks that `rows` rows are divided into, whatever the number of threads.
pub(in crate::backend::cpu) fn row_blocks(isa: Isa, rows: usize) -> usize {
    rows.div_ceil(isa.rows() * TILES_PER_BLOCK)
}

impl Product<'_> {
    /// Computes the product on the current rayon pool.
    pub(in crate::backend::cpu) fn run(&self) {
        let panel = self.isa.panel();
        let rows = self.items * self.gather.rows();
        let panels = self.columns.div_ceil(panel);
        assert!(self.gather.longest <= ZEROS.len(), "a run longer than the row of zeros");
        assert!(self.input.len() >= self.items * self.gather.input_len, "input too short");
        assert!(self.weights.holds(panels * self.panel_len), "weights too short");
        if let Some(bias) = self.finish.bias {
            assert!(bias.len() >= panels * panel, "bias not padded");
        }
        if let Some(residual) = self.finish.residual {
            assert!(residual.len() >= self.items * self.gather.output_len, "residual too short");
        }
        let blocks = row_blocks(self.isa, rows);
        let groups = (TASKS_PER_THREAD * self.threads).div_ceil(blocks).clamp(1, panels);
        let per_group = panels.div_ceil(groups);
        let groups = panels.div_ceil(per_group);
        let step = self.isa.rows() * TILES_PER_BLOCK;
        (0..blocks * groups).into_par_iter().for_each(|task| {
            let (block, group) = (task / groups, task % groups);
            let rows = block * step..rows.min((block + 1) * step);
            let panels = group * per_group..panels.min((group + 1) * per_group);
            // SAFETY: the instruction set was detected; lengths were checked above; tasks write disjoint rows and
            // columns.
            let task = Task { product: self, block, rows, panels };
            match self.weights {
                Panels::Single(weights) => unsafe { self.isa.run(SingleTask { task, weights }) },
                Panels::Fixed(weights) => unsafe { self.isa.run_pairs(FixedTask { task, weights }) },
            }
        });
    }
}
