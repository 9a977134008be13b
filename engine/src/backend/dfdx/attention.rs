//! Attention among an item's positions.

use dfdx::shapes::{Axes3, Axis, HasShape as _};
use dfdx::tensor::{PutTape as _, SplitTape as _, Tape, Tensor};
use dfdx::tensor_ops::{
    BroadcastTo as _, PermuteTo as _, ReshapeTo as _, TryAdd as _, TryMatMul as _, TryMul as _,
};

use super::rows::{Machine, Outcome, Rows, upload};
use super::tables::{Reorder, Tables};

/// Added to the score of a key that takes no part: nothing of its exponential is left beside a key that does.
const MASKED: f32 = -1e30;

/// Which keys each position may look at.
pub(super) struct Mask<D: Machine> {
    /// 0 for those, [`MASKED`] for others: `items x heads` by positions by keys.
    addend: Tensor<(usize, usize, usize), f32, D>,
    /// 1 where any key is left, else 0: `items x heads` by positions.
    any: Rows<D>,
}

impl<D: Machine> Mask<D> {
    /// From which positions are there as keys, an item after the other, and whether later ones are hidden.
    pub(super) fn new(
        device: &D,
        there: &[bool],
        (items, positions, heads): (usize, usize, usize),
        causal: bool,
    ) -> Outcome<Self, D> {
        let (mut addend, mut any) = (vec![], vec![]);
        for there in there.chunks_exact(positions) {
            for _ in 0..heads {
                for at in 0..positions {
                    let sees = |key: usize| there[key] && !(causal && key > at);
                    addend.extend((0..positions).map(|key| if sees(key) { 0.0 } else { MASKED }));
                    any.push(if (0..positions).any(sees) { 1.0 } else { 0.0 });
                }
            }
        }
        let batch = items * heads;
        Ok(Self {
            addend: upload(device, (batch, positions, positions), &addend)?,
            any: upload(device, (batch, positions), &any)?,
        })
    }
}

/// `softmax(Q K^T / sqrt(d)) V` for each head, of rows that hold queries, keys and values side by side.
pub(super) fn attend<D: Machine, T: Tape<f32, D>>(
    tables: &mut Tables<D>,
    x: Rows<D, T>,
    (items, positions, heads): (usize, usize, usize),
    mask: Option<&Mask<D>>,
) -> Outcome<Rows<D, T>, D> {
    let (rows, channels) = *x.shape();
    let width = channels / 3 / heads;
    let (x, mut tape) = x.try_reshape_like(&(rows * 3 * heads, width))?.split_tape();
    let batch = items * heads;
    let mut part = |which: usize, tape: T| {
        let index = tables.reorder(Reorder::Split(which), (positions, heads), items)?;
        D::gather(x.clone().put_tape(tape), index)?.try_reshape_like(&(batch, positions, width))
    };
    // Each on a tape of its own; the products join them.
    let [queries, keys, values] =
        [part(0, std::mem::take(&mut tape))?, part(1, T::default())?, part(2, T::default())?];
    let keys = keys.try_permute::<(usize, usize, usize), Axes3<0, 2, 1>>()?;
    let mut scores = queries.try_matmul(keys)?.try_mul(1.0 / (width as f32).sqrt())?;
    if let Some(mask) = mask {
        scores = scores.try_add(mask.addend.clone())?;
    }
    let mut out = scores.try_softmax::<Axis<2>>()?.try_matmul(values)?;
    if let Some(mask) = mask {
        out = out.try_mul(mask.any.clone().try_broadcast_like::<_, Axis<2>>(&(batch, positions, width))?)?;
    }
    let out = out.try_reshape_like(&(batch * positions, width))?;
    let joined = D::gather(out, tables.reorder(Reorder::Join, (positions, heads), items)?)?;
    joined.try_reshape_like(&(rows, heads * width))
}
