//! A convolution's weight gradient: for every tap, the product of inputs (transposed) with output gradients.
//!
//! Work is cut into fixed chunks of output positions and ranges of channels. A task copies its part of both operands
//! into narrow strips that stay in the L2 cache and serve all taps, and adds up its own piece of the gradient. Chunks
//! are summed in order afterwards, so the result does not depend on the number of threads.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use super::conv::Extents;
use crate::simd::{Isa, Kernel, PANEL_VECTORS, Vector, with_rows};

/// Output positions that one pass over a register tile takes.
const POSITIONS: usize = 256;
/// Channels of either side in one task.
const CHANNELS: usize = 128;
/// Tasks aimed at, so that many cores have work.
const TASKS: usize = 32;

/// How the work is cut; depends on the extents and the batch only.
#[derive(Debug, Clone)]
pub(super) struct WeightGradient {
    extents: Extents,
    /// Channels per position of what is read: a kernel row of a framed input counts as channels.
    channels: usize,
    /// Taps that remain beside those channels, rows and columns.
    taps: (usize, usize),
    /// Output rows in one unit.
    unit_rows: usize,
    /// Units in one pass.
    units_per_pass: usize,
}

impl WeightGradient {
    pub(super) fn new(extents: Extents) -> Self {
        let (channels, taps) = if extents.is_framed() {
            (extents.kernel * extents.input.c, (extents.kernel, 1))
        } else {
            (extents.input.c, (extents.kernel, extents.kernel))
        };
        let out = extents.output;
        let unit_rows = (POSITIONS / out.w).clamp(1, out.h);
        let units_per_pass = (POSITIONS / (unit_rows * out.w)).max(1);
        Self { extents, channels, taps, unit_rows, units_per_pass }
    }

    fn units_per_image(&self) -> usize {
        self.extents.output.h.div_ceil(self.unit_rows)
    }

    /// Input rows and columns that a unit reads, and the step between neighbouring outputs.
    fn window(&self) -> Window {
        let e = &self.extents;
        // A 1x1 kernel reads every stride-th position only; a framed one has its columns resolved already.
        if e.kernel == 1 {
            return Window { rows: self.unit_rows, columns: e.output.w, row_step: 1, column_step: 1 };
        }
        let rows = (self.unit_rows - 1) * e.stride + self.taps.0;
        if e.is_framed() {
            return Window { rows, columns: e.output.w, row_step: e.stride, column_step: 1 };
        }
        let columns = e.input.w + 2 * e.padding;
        Window { rows, columns, row_step: e.stride, column_step: e.stride }
    }

    fn split(&self, isa: Isa, items: usize) -> Split {
        let inputs = ranges(self.channels, CHANNELS, isa.rows());
        let outputs = ranges(self.extents.output.c, CHANNELS, isa.panel());
        let passes = (items * self.units_per_image()).div_ceil(self.units_per_pass);
        let chunks = TASKS.div_ceil(inputs.len() * outputs.len()).clamp(1, passes);
        Split { inputs, outputs, passes, chunks }
    }

    /// Computes the gradient into `gradient` (packed as the weight is). `input` is the frame where there is one.
    pub(super) fn run(
        &self,
        isa: Isa,
        items: usize,
        input: &[f32],
        d_output: &[f32],
        gradient: &mut [f32],
        partial: &mut Buffer,
    ) {
        let split = self.split(isa, items);
        let len = gradient.len();
        let target = if split.chunks > 1 {
            partial.ensure(split.chunks * len);
            partial.pointer()
        } else {
            Shared::of(gradient)
        };
        let pieces = split.inputs.len() * split.outputs.len();
        (0..split.chunks * pieces).into_par_iter().for_each(|task| {
            let (chunk, piece) = (task / pieces, task % pieces);
            let (i, o) = (piece % split.inputs.len(), piece / split.inputs.len());
            let passes = split.passes * chunk / split.chunks..split.passes * (chunk + 1) / split.chunks;
            let task = Task {
                plan: self,
                items,
                passes,
                inputs: split.inputs[i].clone(),
                outputs: split.outputs[o].clone(),
                input,
                d_output,
                target,
                target_offset: chunk * len,
                panel: isa.panel(),
            };
            // SAFETY: the set was detected; each task writes its chunk's copy of its own channel ranges.
            unsafe { isa.run(task) };
        });
        if split.chunks > 1 {
            let partial = &partial.as_slice()[..split.chunks * len];
            gradient.par_chunks_mut(4096).enumerate().for_each(|(c, to)| {
                let first = c * 4096;
                to.copy_from_slice(&partial[first..first + to.len()]);
                for chunk in 1..split.chunks {
                    let from = &partial[chunk * len + first..][..to.len()];
                    to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
                }
            });
        }
    }
}

struct Window {
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

struct Split {
    inputs: Vec<Range<usize>>,
    outputs: Vec<Range<usize>>,
    passes: usize,
    chunks: usize,
}

/// Even ranges of at most about `most`, each but the last a multiple of `multiple`.
fn ranges(count: usize, most: usize, multiple: usize) -> Vec<Range<usize>> {
    let parts = count.div_ceil(most);
    let step = count.div_ceil(parts).div_ceil(multiple) * multiple;
    (0..count).step_by(step).map(|start| start..count.min(start + step)).collect()
}

thread_local! {
    static STRIPS: Cell<(Buffer, Buffer)> = Cell::default();
}

struct Task<'a> {
    plan: &'a WeightGradient,
    items: usize,
    passes: Range<usize>,
    inputs: Range<usize>,
    outputs: Range<usize>,
    input: &'a [f32],
    d_output: &'a [f32],
    target: Shared,
    target_offset: usize,
    panel: usize,
}

/// One row of outputs inside the strips.
#[derive(Clone, Copy, Default)]
struct Line {
    input: usize,
    output: usize,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        unsafe { with_rows!(V, self.tiles_of()) }
    }
}

impl Task<'_> {
    #[inline(always)]
    unsafe fn tiles_of<V: Vector, const R: usize>(self) {
        let plan = self.plan;
        let out = plan.extents.output;
        let window = plan.window();
        let per_pass = plan.units_per_pass;
        let unit_len = window.rows * window.columns;
        let strip_in = per_pass * unit_len * R;
        let strip_out = per_pass * plan.unit_rows * out.w * self.panel;
        let tiles = self.inputs.len().div_ceil(R);
        let panels = self.outputs.len().div_ceil(self.panel);
        let (mut x, mut dy) = STRIPS.take();
        x.ensure(tiles * strip_in);
        dy.ensure(panels * strip_out);
        let units = self.items * plan.units_per_image();
        let mut lines = Vec::with_capacity(per_pass * plan.unit_rows);
        for pass in self.passes.clone() {
            lines.clear();
            let mut position = 0;
            for slot in 0..per_pass.min(units - pass * per_pass) {
                let unit = pass * per_pass + slot;
                let (image, y0) =
                    (unit / plan.units_per_image(), unit % plan.units_per_image() * plan.unit_rows);
                let rows = plan.unit_rows.min(out.h - y0);
                self.copy_input::<R>(image, y0, &window, slot * unit_len, strip_in, x.as_mut_slice());
                self.copy_output(image, y0, rows, position, strip_out, dy.as_mut_slice());
                for y in 0..rows {
                    let input = slot * unit_len + y * window.row_step * window.columns;
                    lines.push(Line { input, output: position + y * out.w });
                }
                position += rows * out.w;
            }
            let first = pass == self.passes.start;
            for panel in 0..panels {
                let dy = &dy.as_slice()[panel * strip_out..][..strip_out];
                for tap in 0..plan.taps.0 * plan.taps.1 {
                    let (ky, kx) = (tap / plan.taps.1, tap % plan.taps.1);
                    let shift = ky * window.columns + kx;
                    for tile in 0..tiles {
                        let x = &x.as_slice()[tile * strip_in..][..strip_in];
                        unsafe {
                            let acc = product::<V, R>(x, dy, &lines, shift, window.column_step, out.w);
                            self.add::<V, R>(&acc, tap, tile, panel, first);
                        }
                    }
                }
            }
        }
        STRIPS.set((x, dy));
    }

    /// Copies the input window of one unit into strips of `R` channels.
    #[inline(always)]
    fn copy_input<const R: usize>(
        &self,
        image: usize,
        y0: usize,
        window: &Window,
        at: usize,
        strip: usize,
        x: &mut [f32],
    ) {
        let e = &self.plan.extents;
        let framed = e.is_framed();
        let frame = if framed { e.frame() } else { e.input };
        let padding = if framed { 0 } else { e.padding };
        let pixel_step = if framed || e.kernel == 1 { e.stride } else { 1 };
        let row_step = if e.kernel == 1 { e.stride } else { 1 };
        let image = &self.input[image * frame.len()..][..frame.len()];
        for row in 0..window.rows {
            let y = (y0 * e.stride + row * row_step).checked_sub(padding).filter(|&y| y < frame.h);
            for column in 0..window.columns {
                let to = (at + row * window.columns + column) * R;
                let from = (column * pixel_step).checked_sub(padding).filter(|&c| c < frame.w);
                let (Some(y), Some(c)) = (y, from) else {
                    for tile in 0..self.inputs.len().div_ceil(R) {
                        x[tile * strip + to..][..R].fill(0.0);
                    }
                    continue;
                };
                let pixel = &image[(y * frame.w + c) * frame.c + self.inputs.start..][..self.inputs.len()];
                let mut chunks = pixel.chunks_exact(R);
                let mut to = to;
                for chunk in &mut chunks {
                    x[to..to + R].copy_from_slice(chunk);
                    to += strip;
                }
                let rest = chunks.remainder();
                if !rest.is_empty() {
                    x[to..to + rest.len()].copy_from_slice(rest);
                    x[to + rest.len()..to + R].fill(0.0);
                }
            }
        }
    }

    /// Copies the output gradient of one unit into strips of a panel's width.
    #[inline(always)]
    fn copy_output(
        &self,
        image: usize,
        y0: usize,
        rows: usize,
        position: usize,
        strip: usize,
        dy: &mut [f32],
    ) {
        let out = self.plan.extents.output;
        let from = &self.d_output[(image * out.h + y0) * out.w * out.c..][..rows * out.w * out.c];
        for (p, pixel) in from.chunks_exact(out.c).enumerate() {
            let mut to = (position + p) * self.panel;
            for chunk in pixel[self.outputs.clone()].chunks(self.panel) {
                dy[to..to + chunk.len()].copy_from_slice(chunk);
                dy[to + chunk.len()..to + self.panel].fill(0.0);
                to += strip;
            }
        }
    }

    /// Adds a register tile to this task's piece of the gradient.
    #[inline(always)]
    unsafe fn add<V: Vector, const R: usize>(
        &self,
        acc: &[[V; PANEL_VECTORS]; R],
        tap: usize,
        tile: usize,
        panel: usize,
        first: bool,
    ) {
        let width = self.panel;
        let channels = self.plan.channels;
        let inner = channels * self.plan.taps.0 * self.plan.taps.1;
        let panel = self.outputs.start / width + panel;
        let channel = self.inputs.start + tile * R;
        let rows = (self.inputs.end - channel).min(R);
        let at = self.target_offset + (panel * inner + tap * channels + channel) * width;
        for (r, row) in acc.iter().enumerate() {
            if r >= rows {
                break;
            }
            for (v, value) in row.iter().enumerate() {
                unsafe {
                    let to = self.target.at(at + r * width + v * V::LANES);
                    let sum = if first { *value } else { value.add(V::load(to)) };
                    sum.store(to);
                }
            }
        }
    }
}

/// `R x panel` register tile: sum over positions of input (transposed) times output gradient.
#[inline(always)]
unsafe fn product<V: Vector, const R: usize>(
    x: &[f32],
    dy: &[f32],
    lines: &[Line],
    shift: usize,
    step: usize,
    len: usize,
) -> [[V; PANEL_VECTORS]; R] {
    let width = V::LANES * PANEL_VECTORS;
    unsafe {
        let mut acc = [[V::zero(); PANEL_VECTORS]; R];
        for line in lines {
            let mut a = x.as_ptr().add((line.input + shift) * R);
            let mut b = dy.as_ptr().add(line.output * width);
            for _ in 0..len {
                let (w0, w1) = (V::load(b), V::load(b.add(V::LANES)));
                for (r, acc) in acc.iter_mut().enumerate() {
                    let value = V::splat(*a.add(r));
                    acc[0] = value.mul_add(w0, acc[0]);
                    acc[1] = value.mul_add(w1, acc[1]);
                }
                a = a.add(step * R);
                b = b.add(width);
            }
        }
        acc
    }
}
