//! A 3x3 weight as Winograd's points.

use std::ops::Range;

use rayon::prelude::*;

use super::tiling::Tiling;
use crate::backend::cpu::buffer::Shared;
use crate::simd::{Isa, Kernel, PANEL_VECTORS, Vector};

/// Input channels of a panel whose weights one task transforms.
const CHANNELS: usize = 16;

impl Tiling {
    /// Transforms a packed 3x3 weight (`panel x 9 x inputs x panel width`); `flip` turns it by 180 degrees.
    pub(in crate::backend::cpu) fn transform_weights(
        &self,
        isa: Isa,
        packed: &[f32],
        flip: bool,
        to: &mut [f32],
    ) {
        let width = isa.panel();
        let panels = self.outputs.div_ceil(width);
        assert!(packed.len() >= panels * 9 * self.inputs * width && to.len() >= self.weights_len(isa));
        let to = Shared::of(to);
        let steps = self.inputs.div_ceil(CHANNELS);
        (0..panels * steps).into_par_iter().for_each(|task| {
            let (panel, first) = (task / steps, task % steps * CHANNELS);
            let channels = first..self.inputs.min(first + CHANNELS);
            // SAFETY: the set was detected, lengths were checked, each task writes its own panel's channels.
            unsafe { isa.run(TransformWeights { tiling: self, packed, flip, to, panel, panels, channels }) };
        });
    }
}

struct TransformWeights<'a> {
    tiling: &'a Tiling,
    packed: &'a [f32],
    flip: bool,
    to: Shared,
    panel: usize,
    panels: usize,
    channels: Range<usize>,
}

impl Kernel for TransformWeights<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let width = V::LANES * PANEL_VECTORS;
        let inputs = self.tiling.inputs;
        unsafe {
            let half = V::splat(0.5);
            let zero = V::zero();
            for channel in self.channels {
                for v in 0..PANEL_VECTORS {
                    let mut g = [[zero; 3]; 3];
                    for tap in 0..9 {
                        let from = if self.flip { 8 - tap } else { tap };
                        let at = ((self.panel * 9 + from) * inputs + channel) * width + v * V::LANES;
                        g[tap / 3][tap % 3] = V::load(self.packed.as_ptr().add(at));
                    }
                    let mut rows = [[zero; 3]; 4];
                    for x in 0..3 {
                        let column = expand(g[0][x], g[1][x], g[2][x], half);
                        for y in 0..4 {
                            rows[y][x] = column[y];
                        }
                    }
                    for (y, row) in rows.iter().enumerate() {
                        let row = expand(row[0], row[1], row[2], half);
                        for (x, value) in row.iter().enumerate() {
                            let point = y * 4 + x;
                            let at = ((point * self.panels + self.panel) * inputs + channel) * width
                                + v * V::LANES;
                            value.store(self.to.at(at));
                        }
                    }
                }
            }
        }
    }
}

/// `G` times a column: three values of a filter to four.
///
/// A function rather than a closure, which might be compiled outside the instruction set.
#[inline(always)]
unsafe fn expand<V: Vector>(a: V, b: V, c: V, half: V) -> [V; 4] {
    unsafe {
        let zero = V::zero();
        let outer = a.add(c).mul_add(half, zero);
        let middle = b.mul_add(half, zero);
        [a, outer.add(middle), outer.sub(middle), c]
    }
}
