//! Normalisations.

use dfdx::shapes::{Axis, HasShape as _};
use dfdx::tensor::{NoneTape, PutTape as _, SplitTape as _, Tape};
use dfdx::tensor_ops::{TryAdd as _, TryMatMul as _, TryMul as _, TrySub as _};

use super::rows::{Machine, Outcome, Rows, each_row};
use super::tables::Tables;

/// A batch's mean and biased variance, `1 x channels` each.
pub(super) struct Statistics<D: Machine> {
    pub mean: Rows<D>,
    pub variance: Rows<D>,
}

/// Normalises channels by the batch's own statistics. Sums are products with a row of equal weights: dfdx's sum over rows
/// reads column by column.
pub(super) fn batch_norm<D: Machine, T: Tape<f32, D>>(
    tables: &mut Tables<D>,
    x: Rows<D, T>,
    (scale, shift): (&Rows<D>, &Rows<D>),
    epsilon: f32,
) -> Outcome<(Rows<D, T>, Statistics<D>), D> {
    let rows = x.shape().0;
    let weights = tables.mean_of(rows)?;
    let (x, tape) = x.split_tape();
    let mean = weights.retaped::<T>().try_matmul(x.retaped::<T>())?;
    let kept = mean.retaped::<NoneTape>();
    let centred = x.put_tape(tape).try_sub(each_row(mean, rows)?)?;
    let variance = weights.retaped::<T>().try_matmul(centred.retaped::<T>().try_square()?)?;
    let statistics = Statistics { mean: kept, variance: variance.retaped::<NoneTape>() };
    let factor = variance.try_add(epsilon)?.try_sqrt()?.try_recip()?.try_mul(scale.clone())?;
    let out = centred.try_mul(each_row(factor, rows)?)?.try_add(each_row(shift.clone(), rows)?)?;
    Ok((out, statistics))
}

/// `x factor + addend`, a factor and an addend a channel: what is left of a batch normalisation by running statistics.
pub(super) fn affine<D: Machine, T: Tape<f32, D>>(
    x: Rows<D, T>,
    factor: &Rows<D>,
    addend: &Rows<D>,
) -> Outcome<Rows<D, T>, D> {
    let rows = x.shape().0;
    x.try_mul(each_row(factor.clone(), rows)?)?.try_add(each_row(addend.clone(), rows)?)
}

/// Normalises the channels of each row.
pub(super) fn layer_norm<D: Machine, T: Tape<f32, D>>(
    x: Rows<D, T>,
    (scale, shift): (&Rows<D>, &Rows<D>),
    epsilon: f32,
) -> Outcome<Rows<D, T>, D> {
    affine(x.try_normalize::<Axis<1>>(f64::from(epsilon))?, scale, shift)
}
