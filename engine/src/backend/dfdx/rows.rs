//! What values are on the device: rows of channels, whose number is known at run time only.

use dfdx::shapes::{Axis, HasShape as _, Shape as Extents};
use dfdx::tensor::{Cache, HasErr, NoneTape, Tape, Tensor};
use dfdx::tensor_ops::{BroadcastTo as _, Device, ReshapeTo as _};

/// A device of dfdx, the allocation cache that it does not count among what a device has, and how it gathers rows.
pub(super) trait Machine: Device<f32> + Cache {
    /// Rows to gather, as the device has them at hand.
    type Index: Clone + 'static;

    /// Whether what is gathered is put together beside the tensor first.
    const GATHERS_BESIDE: bool;

    /// Takes the numbers of rows.
    fn index(&self, rows: Vec<usize>) -> Outcome<Self::Index, Self>;

    /// The rows of an index one after the other.
    fn gather<T: Tape<f32, Self>>(x: Rows<Self, T>, index: Self::Index) -> Outcome<Rows<Self, T>, Self>;
}

/// An activation of `items x positions` rows by channels, with or without the tape that its gradient will need; or a
/// parameter.
pub(super) type Rows<D, T = NoneTape> = Tensor<(usize, usize), f32, D, T>;
/// What an operation gives, or what dfdx says is wrong.
pub(super) type Outcome<X, D> = Result<X, <D as HasErr>::Err>;

/// Host values as a tensor. Not dfdx's own `tensor`: with the allocation cache on it takes new memory at each call, and gives
/// it to the cache.
pub(super) fn upload<S: Extents, D: Machine>(
    device: &D,
    shape: S,
    values: &[f32],
) -> Outcome<Tensor<S, f32, D>, D> {
    let mut tensor = device.try_zeros_like(&shape)?;
    tensor.copy_from(values);
    Ok(tensor)
}

/// A contiguous tensor's values.
pub(super) fn download<S: Extents, D: Machine>(tensor: &Tensor<S, f32, D>) -> Vec<f32> {
    let mut values = vec![0.0; tensor.shape().num_elements()];
    tensor.copy_into(&mut values);
    values
}

/// `1 x c` as so many rows, without a copy.
pub(super) fn each_row<D: Machine, T: Tape<f32, D>>(
    vector: Rows<D, T>,
    rows: usize,
) -> Outcome<Rows<D, T>, D> {
    let channels = vector.shape().1;
    vector.try_reshape_like(&(channels,))?.try_broadcast_like::<_, Axis<0>>(&(rows, channels))
}

/// Makes the output of every item whose input is no number no number: dfdx's rectifier and its pool make a number of it.
pub(super) fn spread_nan(input: &[f32], output: &mut [f32], items: usize) {
    let (of_input, of_output) = (input.len() / items, output.len() / items);
    for (input, output) in input.chunks_exact(of_input).zip(output.chunks_exact_mut(of_output)) {
        if !input.iter().all(|value| value.is_finite()) {
            output.fill(f32::NAN);
        }
    }
}
