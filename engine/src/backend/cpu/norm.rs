//! Batch normalisation in training, fused with residual sum and rectifier, forward and backward.
//!
//! With `x` the convolution's result over `N` positions of a batch: `mean`, `variance` (biased) per channel,
//! `z = scale (x - mean) / sqrt(variance + epsilon) + shift + residual`, `out = max(z, 0)`.

use rayon::prelude::*;

use super::buffer::{Buffer, Shared};
use crate::backend::{AcrossReplicas, BackendError};
use crate::simd::{Isa, Kernel, Vector};

/// Positions in one task; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 256;

/// Statistics of a batch, per channel.
#[derive(Debug, Clone, Default)]
pub(super) struct Statistics {
    pub mean: Vec<f32>,
    /// Biased variance.
    pub variance: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`.
    pub inverse_deviation: Vec<f32>,
    /// `scale * inverse_deviation`.
    pub factor: Vec<f32>,
    /// `shift - mean * factor`.
    pub addend: Vec<f32>,
}

/// Two sums of each channel.
pub(super) type Totals = Vec<[f64; 2]>;

/// Of the column sums that the convolution left, `blocks x 2 x padded` sums and sums of squares, those of the channels.
pub(super) fn channel_totals(sums: &[f32], blocks: usize, padded: usize, channels: usize) -> Totals {
    let mut totals = vec![[0.0f64; 2]; channels];
    for block in sums.chunks_exact(2 * padded).take(blocks) {
        let (first, second) = block.split_at(padded);
        for (total, (s, q)) in totals.iter_mut().zip(first.iter().zip(second)) {
            total[0] += f64::from(*s);
            total[1] += f64::from(*q);
        }
    }
    totals
}

/// The batch that statistics are over: this network's, or that of all its replicas together.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a>(pub Option<&'a dyn AcrossReplicas>);

impl Batch<'_> {
    /// Sums over the batch, from those over this network's part of it.
    fn add_up(self, totals: &mut Totals) -> Result<(), BackendError> {
        self.0.map_or(Ok(()), |across| across.add_up(totals.as_flattened_mut()))
    }

    /// Positions in the batch, from those in this network's part, which is as large as every other's.
    pub(super) fn count(self, own: usize) -> usize {
        own * self.0.map_or(1, AcrossReplicas::replicas)
    }
}

impl Statistics {
    /// From a layer's totals over `count` positions of this network's part of the batch.
    pub(super) fn of(
        mut totals: Totals,
        count: usize,
        batch: Batch<'_>,
        (epsilon, scale, shift): (f32, &[f32], &[f32]),
    ) -> Result<Self, BackendError> {
        batch.add_up(&mut totals)?;
        let count = batch.count(count);
        let mut statistics = Self::default();
        for (c, [sum, squares]) in totals.into_iter().enumerate() {
            let mean = sum / count as f64;
            let variance = (squares / count as f64 - mean * mean).max(0.0);
            let inverse = 1.0 / (variance + f64::from(epsilon)).sqrt();
            let factor = f64::from(scale[c]) * inverse;
            statistics.mean.push(mean as f32);
            statistics.variance.push(variance as f32);
            statistics.inverse_deviation.push(inverse as f32);
            statistics.factor.push(factor as f32);
            statistics.addend.push((f64::from(shift[c]) - mean * factor) as f32);
        }
        Ok(statistics)
    }

    /// Moves running statistics towards these; the running variance is unbiased. A batch with a non-finite value
    /// moves nothing: the step it belongs to is skipped, and the statistics would never recover.
    pub(super) fn update_running(&self, momentum: f32, count: usize, mean: &mut [f32], variance: &mut [f32]) {
        if !self.mean.iter().chain(&self.variance).all(|v| v.is_finite()) {
            return;
        }
        let unbias = count as f32 / (count.max(2) - 1) as f32;
        for (to, from) in mean.iter_mut().zip(&self.mean) {
            *to += momentum * (from - *to);
        }
        for (to, from) in variance.iter_mut().zip(&self.variance) {
            *to += momentum * (from * unbias - *to);
        }
    }
}

/// `out = relu?(x * factor + addend + residual?)`
pub(super) fn normalise(
    isa: Isa,
    x: &[f32],
    statistics: &Statistics,
    residual: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let step = ROWS * statistics.factor.len();
    out.par_chunks_mut(step).enumerate().for_each(|(i, out)| {
        let x = &x[i * step..][..out.len()];
        let residual = residual.map(|r| &r[i * step..][..out.len()]);
        // SAFETY: the set was detected.
        unsafe { isa.run(Normalise { x, statistics, residual, relu, out }) };
    });
}

struct Normalise<'a> {
    x: &'a [f32],
    statistics: &'a Statistics,
    residual: Option<&'a [f32]>,
    relu: bool,
    out: &'a mut [f32],
}

impl Kernel for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.statistics.factor.len();
        let whole = channels / V::LANES * V::LANES;
        let low = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let (factor, addend) = (&self.statistics.factor[..], &self.statistics.addend[..]);
        for (row, out) in self.out.chunks_exact_mut(channels).enumerate() {
            let x = &self.x[row * channels..][..channels];
            let residual = self.residual.map(|r| &r[row * channels..][..channels]);
            unsafe {
                let low = V::splat(low);
                for c in (0..whole).step_by(V::LANES) {
                    let f = V::load(factor.as_ptr().add(c));
                    let mut z = V::load(x.as_ptr().add(c)).mul_add(f, V::load(addend.as_ptr().add(c)));
                    if let Some(residual) = residual {
                        z = z.add(V::load(residual.as_ptr().add(c)));
                    }
                    low.max(z).store(out.as_mut_ptr().add(c));
                }
            }
            for c in whole..channels {
                let z = x[c].mul_add(factor[c], addend[c]) + residual.map_or(0.0, |r| r[c]);
                out[c] = if low > z { low } else { z };
            }
        }
    }
}

/// Where the gradient of a fused step's output passes the rectifier.
#[derive(Clone, Copy)]
pub(super) enum Gate<'a> {
    /// There is no rectifier.
    Open,
    /// Where this output is positive.
    Output(&'a [f32]),
    /// Where the normalised value is positive; recomputed, which saves reading the output.
    Normalised,
}

/// Gradients of scale and shift, each a value per channel.
pub(super) struct ChannelGradients {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

/// Backward through rectifier, sum and normalisation. `gradient` holds the output's gradient and receives that of the
/// convolution's result `x`; the residual's gradient is written to `residual`, or added where the flag says so.
pub(super) fn backward(
    isa: Isa,
    x: &[f32],
    statistics: &Statistics,
    gate: Gate<'_>,
    gradient: &mut [f32],
    residual: Option<(Shared, bool)>,
    (partial, batch): (&mut Buffer, Batch<'_>),
) -> Result<ChannelGradients, BackendError> {
    let channels = statistics.factor.len();
    let (step, count) = (ROWS * channels, gradient.len() / channels);
    let tasks = gradient.len().div_ceil(step);
    partial.ensure(tasks * 2 * channels);
    let sums = partial.pointer();
    gradient.par_chunks(step).enumerate().for_each(|(i, gradient)| {
        let part = i * step..i * step + gradient.len();
        // SAFETY: each task writes its own sums; the set was detected.
        unsafe {
            let totals = sums.slice(i * 2 * channels, 2 * channels);
            isa.run(Sums { x: &x[part.clone()], statistics, gate: gate.part(part), gradient, totals });
        }
    });
    let mut totals = vec![[0.0f64; 2]; channels];
    for sums in partial.as_slice()[..tasks * 2 * channels].chunks_exact(2 * channels) {
        for (c, total) in totals.iter_mut().enumerate() {
            total[0] += f64::from(sums[c]);
            total[1] += f64::from(sums[channels + c]);
        }
    }
    let mut gradients = ChannelGradients { scale: vec![], shift: vec![] };
    for (c, [plain, centred]) in totals.iter().enumerate() {
        gradients.shift.push(*plain as f32);
        gradients.scale.push((centred * f64::from(statistics.inverse_deviation[c])) as f32);
    }
    batch.add_up(&mut totals)?;
    let count = batch.count(count);
    let mut terms = Terms::default();
    for (c, [plain, centred]) in totals.into_iter().enumerate() {
        let inverse = f64::from(statistics.inverse_deviation[c]);
        let factor = f64::from(statistics.factor[c]);
        let slope = -factor * inverse * inverse * centred / count as f64;
        terms.slope.push(slope as f32);
        terms.addend.push((-factor * plain / count as f64 - slope * f64::from(statistics.mean[c])) as f32);
    }
    gradient.par_chunks_mut(step).enumerate().for_each(|(i, gradient)| {
        let part = i * step..i * step + gradient.len();
        let len = gradient.len();
        // SAFETY: each task writes its own rows of the residual's gradient; the set was detected.
        unsafe {
            let residual = residual.map(|(to, add)| (to.slice(i * step, len), add));
            let x = &x[part.clone()];
            isa.run(Apply { x, statistics, terms: &terms, gate: gate.part(part), gradient, residual });
        }
    });
    Ok(gradients)
}

/// Backward where there is no normalisation: only rectifier and sum, in place.
pub(super) fn gate_only(gate: Gate<'_>, gradient: &mut [f32], residual: Option<(Shared, bool)>) {
    const STEP: usize = 1 << 14;
    gradient.par_chunks_mut(STEP).enumerate().for_each(|(i, gradient)| {
        if let Gate::Output(out) = gate {
            for (g, o) in gradient.iter_mut().zip(&out[i * STEP..]) {
                *g = if *o > 0.0 { *g } else { 0.0 };
            }
        }
        if let Some((to, add)) = residual {
            // SAFETY: each task writes its own part.
            let to = unsafe { to.slice(i * STEP, gradient.len()) };
            for (to, g) in to.iter_mut().zip(gradient.iter()) {
                *to = if add { *to + g } else { *g };
            }
        }
    });
}

impl Gate<'_> {
    fn part(&self, part: std::ops::Range<usize>) -> Self {
        match self {
            Gate::Output(out) => Gate::Output(&out[part]),
            other => *other,
        }
    }

    /// The gradient that passes, for `LANES` channels from `at`; `c` is the channel of `at`.
    #[inline(always)]
    unsafe fn pass<V: Vector>(&self, g: V, x: V, statistics: &Statistics, at: usize, c: usize) -> V {
        unsafe {
            match self {
                Gate::Open => g,
                Gate::Output(out) => g.where_positive(V::load(out.as_ptr().add(at))),
                Gate::Normalised => {
                    let factor = V::load(statistics.factor.as_ptr().add(c));
                    g.where_positive(x.mul_add(factor, V::load(statistics.addend.as_ptr().add(c))))
                }
            }
        }
    }

    #[inline(always)]
    fn pass_one(&self, g: f32, x: f32, statistics: &Statistics, at: usize, c: usize) -> f32 {
        let open = match self {
            Gate::Open => true,
            Gate::Output(out) => out[at] > 0.0,
            Gate::Normalised => x.mul_add(statistics.factor[c], statistics.addend[c]) > 0.0,
        };
        if open { g } else { 0.0 }
    }
}

struct Sums<'a> {
    x: &'a [f32],
    statistics: &'a Statistics,
    gate: Gate<'a>,
    gradient: &'a [f32],
    /// Sums of the gradient, then of the gradient times the centred value.
    totals: &'a mut [f32],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let channels = self.statistics.mean.len();
        let whole = channels / V::LANES * V::LANES;
        self.totals.fill(0.0);
        let (plain, centred) = self.totals.split_at_mut(channels);
        for at in (0..self.gradient.len()).step_by(channels) {
            unsafe {
                for c in (0..whole).step_by(V::LANES) {
                    let x = V::load(self.x.as_ptr().add(at + c));
                    let g = V::load(self.gradient.as_ptr().add(at + c));
                    let g = self.gate.pass(g, x, self.statistics, at + c, c);
                    let x = x.sub(V::load(self.statistics.mean.as_ptr().add(c)));
                    let (p, q) = (plain.as_mut_ptr().add(c), centred.as_mut_ptr().add(c));
                    V::load(p).add(g).store(p);
                    g.mul_add(x, V::load(q)).store(q);
                }
            }
            for c in whole..channels {
                let x = self.x[at + c];
                let g = self.gate.pass_one(self.gradient[at + c], x, self.statistics, at + c, c);
                plain[c] += g;
                centred[c] += g * (x - self.statistics.mean[c]);
            }
        }
    }
}

/// What the mean and variance add to the gradient: `slope * x + addend` per channel.
#[derive(Default)]
struct Terms {
    slope: Vec<f32>,
    addend: Vec<f32>,
}

struct Apply<'a> {
    x: &'a [f32],
    statistics: &'a Statistics,
    terms: &'a Terms,
    gate: Gate<'a>,
    gradient: &'a mut [f32],
    residual: Option<(&'a mut [f32], bool)>,
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let channels = self.statistics.mean.len();
        let whole = channels / V::LANES * V::LANES;
        let factor = &self.statistics.factor[..];
        for at in (0..self.gradient.len()).step_by(channels) {
            unsafe {
                for c in (0..whole).step_by(V::LANES) {
                    let x = V::load(self.x.as_ptr().add(at + c));
                    let to = self.gradient.as_mut_ptr().add(at + c);
                    let g = self.gate.pass(V::load(to), x, self.statistics, at + c, c);
                    if let Some((residual, add)) = &mut self.residual {
                        let to = residual.as_mut_ptr().add(at + c);
                        if *add { g.add(V::load(to)).store(to) } else { g.store(to) }
                    }
                    let rest = x.mul_add(
                        V::load(self.terms.slope.as_ptr().add(c)),
                        V::load(self.terms.addend.as_ptr().add(c)),
                    );
                    g.mul_add(V::load(factor.as_ptr().add(c)), rest).store(to);
                }
            }
            for c in whole..channels {
                let x = self.x[at + c];
                let g = self.gate.pass_one(self.gradient[at + c], x, self.statistics, at + c, c);
                if let Some((residual, add)) = &mut self.residual {
                    residual[at + c] = if *add { residual[at + c] + g } else { g };
                }
                let rest = x.mul_add(self.terms.slope[c], self.terms.addend[c]);
                self.gradient[at + c] = g.mul_add(factor[c], rest);
            }
        }
    }
}
