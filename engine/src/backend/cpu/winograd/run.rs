//! A convolution cut into tasks.

use rayon::prelude::*;

use super::fixed::FixedTask;
use super::single::SingleTask;
use super::task::{Convolution, OUTPUTS, Task};
use crate::backend::cpu::fixed::Panels;
use crate::backend::cpu::matmul::ZEROS;

impl Convolution<'_> {
    /// Computes it on the current rayon pool.
    pub(in crate::backend::cpu) fn run(&self) {
        let t = &self.tiling;
        let (h, w) = t.output_size();
        assert!(self.input.len() >= self.items * t.height * t.width * t.inputs, "input too short");
        assert!(self.weights.holds(t.weights_len(self.isa)), "weights too short");
        assert!(t.inputs <= ZEROS.len(), "more channels than the row of zeros");
        if let Some(residual) = self.finish.residual {
            assert!(residual.len() >= self.items * h * w * t.outputs, "residual too short");
        }
        let groups = t.outputs.div_ceil(OUTPUTS);
        (0..t.blocks(self.items) * groups).into_par_iter().for_each(|task| {
            let task = Task { whole: self, block: task / groups, first: task % groups * OUTPUTS };
            // SAFETY: the set was detected, lengths were checked, each task writes its own tiles and channels.
            match self.weights {
                Panels::Single(weights) => unsafe { self.isa.run(SingleTask { task, weights }) },
                Panels::Fixed(weights) => unsafe { self.isa.run_pairs(FixedTask { task, weights }) },
            }
        });
    }
}
