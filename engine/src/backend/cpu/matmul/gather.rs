//! Which input values make up the rows of a product.

use std::ops::Range;

use crate::backend::cpu::fixed::suits;

/// Offset that stands for a row of zeros (padding).
pub(in crate::backend::cpu) const PADDING: u32 = u32::MAX;

/// Values of the inner dimension that one pass over a register tile takes: its panel then stays in the L1 cache.
pub(super) const INNER_BLOCK: usize = 256;

/// A contiguous run of the inner dimension.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Which table gives the rows' offsets.
    pub(super) tap: usize,
    /// Where the run starts after a row's offset.
    pub(super) start: usize,
    /// Its length.
    pub(super) len: usize,
    /// Its first row in the weight panel.
    pub(super) weight_row: usize,
}

/// Which input values make up each row of the product, for one image.
#[derive(Debug, Clone)]
pub(in crate::backend::cpu) struct Gather {
    /// Offset of each row's output values in an output image.
    pub(super) outputs: Vec<u32>,
    /// `taps x rows`: offset of each run in an input image, or [`PADDING`].
    pub(super) offsets: Vec<u32>,
    pub(super) taps: usize,
    pub(super) runs: Vec<Run>,
    /// Groups of runs, each at most about [`INNER_BLOCK`] long.
    pub(super) blocks: Vec<Range<usize>>,
    pub(super) longest: usize,
    pub(super) input_len: usize,
    pub(super) output_len: usize,
}

impl Gather {
    /// `outputs[row]` is where a row's result goes in an image of `output_len` values; tap `t` reads `length` values
    /// from `offsets[t][row]` of an image of `input_len` values and multiplies them with the weight rows from
    /// `weight_rows[t]`.
    pub(in crate::backend::cpu) fn new(
        outputs: Vec<u32>,
        offsets: &[Vec<u32>],
        weight_rows: &[usize],
        length: usize,
        input_len: usize,
        output_len: usize,
    ) -> Self {
        let taps = offsets.len();
        let mut runs = Vec::new();
        for (tap, &row) in weight_rows.iter().enumerate() {
            let parts = length.div_ceil(INNER_BLOCK);
            for part in 0..parts {
                let (start, end) = (length * part / parts, length * (part + 1) / parts);
                runs.push(Run { tap, start, len: end - start, weight_row: row + start });
            }
        }
        let mut blocks = Vec::new();
        let (mut first, mut total) = (0, 0);
        for (i, run) in runs.iter().enumerate() {
            if total > 0 && total + run.len > INNER_BLOCK {
                blocks.push(first..i);
                (first, total) = (i, 0);
            }
            total += run.len;
        }
        blocks.push(first..runs.len());
        let longest = runs.iter().map(|r| r.start + r.len).max().unwrap_or(0);
        Self { outputs, offsets: offsets.concat(), taps, runs, blocks, longest, input_len, output_len }
    }

    pub(super) fn rows(&self) -> usize {
        self.outputs.len()
    }

    /// Whether the product can be taken in fixed point.
    pub(in crate::backend::cpu) fn suits_fixed(&self) -> bool {
        suits(self.runs.iter().flat_map(|run| [run.start, run.len, run.weight_row]))
    }

    /// Rows of a weight panel that are added up together, of one run each.
    pub(in crate::backend::cpu) fn weight_blocks(&self) -> impl Iterator<Item = Vec<Range<usize>>> {
        self.blocks.iter().map(|block| {
            self.runs[block.clone()].iter().map(|run| run.weight_row..run.weight_row + run.len).collect()
        })
    }
}
