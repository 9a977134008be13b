//! The GELU with a slope of its own.

use dfdx::tensor::{NoneTape, PutTape as _, SplitTape as _, Tape};
use dfdx::tensor_ops::{TryAdd as _, TryDiv as _, TryMul as _, TrySub as _};

use super::rows::{Machine, Outcome, Rows};

/// `1 / sqrt(2 pi)`
const DENSITY_AT_ZERO: f32 = 0.398_942_3;

/// `x Phi(x)`. dfdx has it, but the normal density in its slope is too large by the root of two; so the tape is given a straight
/// line through each value, whose slope `Phi(x) + x phi(x)` is worked out here.
pub(super) fn gelu<D: Machine, T: Tape<f32, D>>(x: Rows<D, T>) -> Outcome<Rows<D, T>, D> {
    if !T::OWNS_TAPE {
        return x.try_accurate_gelu();
    }
    let (x, tape) = x.split_tape();
    // A copy that the tape does not know.
    let plain = || x.retaped::<NoneTape>();
    let value = plain().try_accurate_gelu()?;
    // 0 / 0 where `x` is 0, where it is a half.
    let phi = value.clone().try_div(plain())?.try_nans_to(0.5)?;
    let density = plain().try_square()?.try_mul(-0.5)?.try_exp()?.try_mul(DENSITY_AT_ZERO)?;
    let slope = phi.try_add(density.try_mul(plain())?)?;
    let offset = value.try_sub(plain().try_mul(slope.clone())?)?;
    x.put_tape(tape).try_mul(slope)?.try_add(offset)
}
