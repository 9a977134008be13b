//! Convolutions and linear layers as gathered products: the geometry of the forward pass, of the input's gradient and of
//! the weights' gradient, and the dispatches for each.

use affekt_shaders as shaders;
use affekt_shaders::ProductUniform;

use super::memory::Slice;
use super::recorder::{Recorder, tile_groups};
use super::reduce::reduce;
use super::store::Matrix;
use crate::backend::BackendError;
use crate::net::Shape;

/// Side of the tiles that `product.wgsl`, `weight_gradient.wgsl` and their forms for fours of channels make.
const TILE: usize = 64;
/// Side of those of the kernels for processors.
const LANES_TILE: usize = 32;
/// Rows of a tile where the number of channels is any.
const LANES_ROWS: usize = 16;
/// Workgroups that keep a GPU busy: a weight gradient with fewer tiles is cut into slices of rows.
const BUSY: usize = 512;
/// The same for a processor.
const LANES_BUSY: usize = 16;
/// The most scratch memory for slices of a weight gradient, in values.
const SLICES_LEN: usize = 1 << 23;
/// Rows of a slice are a multiple of this.
const SLICE_ROWS: usize = 256;

/// A convolution or linear layer.
#[derive(Debug, Clone, Copy)]
pub(in crate::backend) struct Extents {
    pub input: Shape,
    pub output: Shape,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub matrix: Matrix,
}

/// How a product ends.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::backend) struct Finish {
    pub bias: Option<Slice>,
    pub residual: Option<Slice>,
    pub relu: bool,
    pub add: bool,
}

impl Finish {
    fn bits(self) -> u32 {
        u32::from(self.bias.is_some())
            | u32::from(self.residual.is_some()) << 1
            | u32::from(self.relu) << 2
            | u32::from(self.add) << 3
    }
}

impl Extents {
    /// A linear layer over the flat item, or at each of the output's positions.
    pub(in crate::backend) fn linear(input: Shape, output: Shape, matrix: Matrix) -> Self {
        let positions = output.pixels();
        let flat = |c| Shape { h: 1, w: positions, c };
        let (input, output) = (flat(input.len() / positions), flat(output.c));
        Self { input, output, kernel: 1, stride: 1, padding: 0, matrix }
    }

    fn forward_geometry(&self, items: usize) -> ProductUniform {
        ProductUniform {
            rows: (items * self.output.pixels()) as u32,
            row_h: self.output.h as u32,
            row_w: self.output.w as u32,
            in_h: self.input.h as u32,
            in_w: self.input.w as u32,
            in_c: self.input.c as u32,
            in_mul: self.stride as i32,
            in_base_y: -(self.padding as i32),
            in_base_x: -(self.padding as i32),
            in_step: 1,
            taps_y: self.kernel as u32,
            taps_x: self.kernel as u32,
            tap_base_y: 0,
            tap_base_x: 0,
            tap_step: 1,
            kernel: self.kernel as u32,
            out_h: self.output.h as u32,
            out_w: self.output.w as u32,
            out_mul: 1,
            out_base_y: 0,
            out_base_x: 0,
            columns: self.output.c as u32,
            weight_c: self.matrix.inputs as u32,
            weight_stride: self.matrix.stride() as u32,
            finish: 0,
            slice_rows: 0,
        }
    }

    /// For the input positions that are (y, x) modulo the stride: which taps reach them, and from where.
    fn class_geometry(&self, items: usize, y: usize, x: usize) -> ProductUniform {
        let axis = |at: usize, size: usize| {
            let first = (at + self.padding) % self.stride;
            let taps = (self.kernel.max(first) - first).div_ceil(self.stride);
            let count = (size - at).div_ceil(self.stride);
            let base = (at + self.padding - first) / self.stride;
            (first, taps, count, base as i32)
        };
        let (tap_y, taps_y, rows, base_y) = axis(y, self.input.h);
        let (tap_x, taps_x, columns, base_x) = axis(x, self.input.w);
        ProductUniform {
            rows: (items * rows * columns) as u32,
            row_h: rows as u32,
            row_w: columns as u32,
            in_h: self.output.h as u32,
            in_w: self.output.w as u32,
            in_c: self.output.c as u32,
            in_mul: 1,
            in_base_y: base_y,
            in_base_x: base_x,
            in_step: -1,
            taps_y: taps_y as u32,
            taps_x: taps_x as u32,
            tap_base_y: tap_y as u32,
            tap_base_x: tap_x as u32,
            tap_step: self.stride as u32,
            out_h: self.input.h as u32,
            out_w: self.input.w as u32,
            out_mul: self.stride as u32,
            out_base_y: y as u32,
            out_base_x: x as u32,
            columns: self.input.c as u32,
            ..self.forward_geometry(items)
        }
    }
}

/// `output = finish(input x weights)`; `half` says that the weights are 16-bit floats, which takes a number of input channels
/// that 4 divides.
pub(in crate::backend) fn forward(
    to: &mut Recorder,
    extents: &Extents,
    items: usize,
    (weights, input, output): (Slice, Slice, Slice),
    finish: Finish,
    half: bool,
) -> Result<(), BackendError> {
    let geometry = extents.forward_geometry(items);
    let entry = if half { "forward_in_half" } else { "forward" };
    product(to, entry, geometry, (weights, input, output), finish)
}

/// Gradient of a layer's input from that of its output, added to what is there where `add` says so.
pub(in crate::backend) fn input_gradient(
    to: &mut Recorder,
    extents: &Extents,
    items: usize,
    (weights, d_output, d_input): (Slice, Slice, Slice),
    add: bool,
) -> Result<(), BackendError> {
    let stride = extents.stride;
    for (y, x) in (0..stride.min(extents.input.h)).flat_map(|y| (0..stride).map(move |x| (y, x))) {
        if x >= extents.input.w {
            continue;
        }
        let geometry = extents.class_geometry(items, y, x);
        if add && geometry.taps_y * geometry.taps_x == 0 {
            continue;
        }
        let finish = Finish { add, ..Finish::default() };
        product(to, "input_gradient", geometry, (weights, d_output, d_input), finish)?;
    }
    Ok(())
}

fn product(
    to: &mut Recorder,
    entry: &'static str,
    geometry: ProductUniform,
    (weights, input, output): (Slice, Slice, Slice),
    finish: Finish,
) -> Result<(), BackendError> {
    let uniform = ProductUniform { finish: finish.bits(), ..geometry };
    let slices = [Some(weights), finish.bias, Some(input), finish.residual, Some(output)];
    let (columns, rows) = (uniform.columns as usize, uniform.rows as usize);
    let groups = tile_groups(columns.div_ceil(TILE), rows.div_ceil(TILE));
    if entry == "forward_in_half" {
        let uniform = bytemuck::cast::<ProductUniform, shaders::ProductHalfUniform>(uniform);
        return to.dispatch(&shaders::PRODUCT_HALF, entry, &uniform, &slices, groups);
    }
    if !to.uses_lanes() {
        if uniform.in_c.is_multiple_of(4) {
            let uniform = bytemuck::cast::<ProductUniform, shaders::ProductQuadsUniform>(uniform);
            return to.dispatch(&shaders::PRODUCT_QUADS, entry, &uniform, &slices, groups);
        }
        return to.dispatch(&shaders::PRODUCT, entry, &uniform, &slices, groups);
    }
    let (entry, tile) = match (entry, uniform.in_c.is_multiple_of(8)) {
        (entry, true) => (entry, LANES_TILE),
        ("forward", false) => ("forward_any", LANES_ROWS),
        (_, false) => ("input_gradient_any", LANES_ROWS),
    };
    let uniform = bytemuck::cast::<ProductUniform, shaders::ProductLanesUniform>(uniform);
    let groups = tile_groups(columns.div_ceil(LANES_TILE), rows.div_ceil(tile));
    to.dispatch(&shaders::PRODUCT_LANES, entry, &uniform, &slices, groups)
}

/// Gradient of a layer's weights.
pub(in crate::backend) fn weight_gradient(
    to: &mut Recorder,
    extents: &Extents,
    items: usize,
    (input, d_output, gradient): (Slice, Slice, Slice),
) -> Result<(), BackendError> {
    let geometry = extents.forward_geometry(items);
    let matrix = extents.matrix;
    let (tile, busy) = if to.uses_lanes() { (LANES_TILE, LANES_BUSY) } else { (TILE, BUSY) };
    let (columns, inner) = (matrix.outputs.div_ceil(tile), extents.inner().div_ceil(tile));
    let rows = geometry.rows as usize;
    let most = (SLICES_LEN / matrix.len()).clamp(1, rows.div_ceil(SLICE_ROWS));
    let wanted = busy.div_ceil(columns * inner).clamp(1, most);
    let slice_rows = rows.div_ceil(wanted).next_multiple_of(16);
    let slices = rows.div_ceil(slice_rows);
    let uniform = ProductUniform { slice_rows: slice_rows as u32, ..geometry };
    let partial = if slices == 1 { gradient } else { Slice::scratch(slices * matrix.len()) };
    let groups = [columns as u32, inner as u32, slices as u32];
    let bound = [Some(input), Some(d_output), Some(partial)];
    let output_fits = extents.output.c.is_multiple_of(4);
    if to.uses_lanes() {
        let fits = extents.input.c.is_multiple_of(LANES_TILE) && output_fits;
        let entry = if fits { "main" } else { "any" };
        let uniform = bytemuck::cast::<ProductUniform, shaders::WeightGradientLanesUniform>(uniform);
        to.dispatch(&shaders::WEIGHT_GRADIENT_LANES, entry, &uniform, &bound, groups)?;
    } else if extents.input.c.is_multiple_of(4) && output_fits {
        let uniform = bytemuck::cast::<ProductUniform, shaders::WeightGradientQuadsUniform>(uniform);
        to.dispatch(&shaders::WEIGHT_GRADIENT_QUADS, "main", &uniform, &bound, groups)?;
    } else {
        let uniform = bytemuck::cast::<ProductUniform, shaders::WeightGradientUniform>(uniform);
        to.dispatch(&shaders::WEIGHT_GRADIENT, "main", &uniform, &bound, groups)?;
    }
    if slices > 1 {
        reduce(to, partial, slices, matrix.len(), gradient)?;
    }
    Ok(())
}

impl Extents {
    /// Rows of the weights.
    fn inner(&self) -> usize {
        self.kernel * self.kernel * self.input.c
    }
}
