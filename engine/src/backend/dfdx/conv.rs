//! Convolutions and pools: rows under a window are gathered, then multiplied, or the largest is taken.
//!
//! Never shifted slices: dfdx's backward pass of `slice` assigns on the processor where it must add, so that overlapping ones
//! lose gradient.

use dfdx::shapes::Axis;
use dfdx::tensor::Tape;
use dfdx::tensor_ops::{
    BroadcastTo as _, MaxTo as _, ReshapeTo as _, SumTo as _, TryMatMul as _, TryMul as _,
};

use super::rows::{Machine, Outcome, Rows};
use super::tables::{Tables, Windows};
use crate::net::Shape;

/// A convolution without bias; the weight has a row for each (tap, input channel), a column for each output channel.
pub(super) fn convolve<D: Machine, T: Tape<f32, D>>(
    tables: &mut Tables<D>,
    items: usize,
    x: Rows<D, T>,
    weight: &Rows<D>,
    windows: Windows,
) -> Outcome<Rows<D, T>, D> {
    let Windows { input, output, kernel, stride, padding } = windows;
    if (kernel, stride, padding) == (1, 1, 0) {
        return x.try_matmul(weight.clone());
    }
    let patches = gathered(tables, items, x, windows)?;
    let patches = patches.try_reshape_like(&(items * output.pixels(), kernel * kernel * input.c))?;
    patches.try_matmul(weight.clone())
}

/// A maximum pool over values that are not negative, so that the padding's zeros never win. A window's gradient goes to every
/// value that is as large as its largest: behind a rectifier that differs from one of them at zeros only, whose gradient
/// the rectifier drops.
pub(super) fn max_pool<D: Machine, T: Tape<f32, D>>(
    tables: &mut Tables<D>,
    items: usize,
    x: Rows<D, T>,
    windows: Windows,
) -> Outcome<Rows<D, T>, D> {
    let Windows { input, output, kernel, .. } = windows;
    let patches = gathered(tables, items, x, windows)?;
    let patches = patches.try_reshape_like(&(items * output.pixels(), kernel * kernel, input.c))?;
    patches.try_max::<(usize, usize), Axis<1>>()
}

/// The mean over an item's positions.
pub(super) fn average_pool<D: Machine, T: Tape<f32, D>>(
    items: usize,
    x: Rows<D, T>,
    input: Shape,
) -> Outcome<Rows<D, T>, D> {
    let sums = x.try_reshape_like(&(items, input.pixels(), input.c))?;
    sums.try_sum::<(usize, usize), Axis<1>>()?.try_mul(1.0 / input.pixels() as f32)
}

/// The rows under every window, `items x windows x taps` of them.
fn gathered<D: Machine, T: Tape<f32, D>>(
    tables: &mut Tables<D>,
    items: usize,
    x: Rows<D, T>,
    windows: Windows,
) -> Outcome<Rows<D, T>, D> {
    let Windows { input, padding, .. } = windows;
    let x = if padding == 0 {
        x
    } else {
        // Not by `concat_along`, which dfdx compiles on CUDA while the program runs.
        let framed = D::gather(x, tables.frame(input, padding, items)?)?;
        let shape = *dfdx::shapes::HasShape::shape(&framed);
        let inside = tables.inside(input, padding, items)?.try_reshape_like(&(shape.0,))?;
        framed.try_mul(inside.try_broadcast_like::<_, Axis<1>>(&shape)?)?
    };
    D::gather(x, tables.windows(windows, items)?)
}
