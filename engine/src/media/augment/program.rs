//! What a compiled view is and means; every executor, on whatever device, does exactly this.

use serde::{Deserialize, Serialize};

use crate::media::LUMA;
use crate::media::reduce::step;

/// A view of one picture, ready to be executed. In order:
///
/// 1. **Reduce.** With `A = source_from_output`, an output step covers `fx = hypot(A[0][0], A[0][1])` source columns and
///    `fy = hypot(A[1][0], A[1][1])` rows. Where `fx > 1.5`, the picture is first reduced to `max(1, round(w / fx))`
///    columns, each the mean of the columns (fractions included) it covers; rows likewise, and the result is rounded to
///    8 bits once, after both.
/// 2. **Sample.** Coordinates are continuous: pixel `i` covers `[i, i + 1)`, its centre is `i + 0.5`. The output pixel in
///    column `u`, row `v` looks at `A (u + 0.5, v + 0.5, 1)` of the source, scaled to the reduced picture, and takes the
///    bilinear mean of the four nearest pixel centres. What lies outside is as [`Border`] says.
/// 3. **Colour.** Values are 0 to 255. If picture and contract are both RGB, `colour` is applied to each pixel as it is.
///    Otherwise one channel is left: an RGB picture goes through `luma(colour)`, a grey one counts as `r = g = b`. Then
///    values are rounded to the nearest of 0..=255, halves up.
/// 4. **Operations**, in order, on these 8-bit values.
/// 5. **Normalise** by the contract, `(value / 255 - mean[c]) / std[c]`, into NHWC; one channel becomes three where the
///    contract asks for three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Side of the square output in pixels.
    pub size: usize,
    /// Source coordinates of output coordinates.
    pub source_from_output: Affine,
    /// What lies outside the source.
    pub border: Border,
    /// Colour transform.
    pub colour: Colour,
    /// What follows the colour transform.
    pub operations: Vec<PixelOp>,
}

impl Program {
    /// Stretches the whole picture over the output and changes nothing else.
    pub fn stretch(source_dims: (usize, usize), size: usize) -> Self {
        let (width, height) = (source_dims.0 as f32, source_dims.1 as f32);
        Self {
            size,
            source_from_output: Affine([[width / size as f32, 0.0, 0.0], [0.0, height / size as f32, 0.0]]),
            border: Border::Clamp,
            colour: Colour::IDENTITY,
            operations: Vec::new(),
        }
    }

    /// How a picture of `source_dims` (width, height) is reduced and then sampled.
    pub(crate) fn geometry(&self, source_dims: (usize, usize)) -> Geometry {
        let [[a, b, c], [d, e, f]] = self.source_from_output.0;
        let target = |length: usize, step: f32| {
            if step > REDUCE_FROM {
                ((length as f32 / step).round() as usize).clamp(1, length)
            } else {
                length
            }
        };
        let width = target(source_dims.0, a.hypot(b));
        let height = target(source_dims.1, d.hypot(e));
        let (sx, sy) = (width as f32 / source_dims.0 as f32, height as f32 / source_dims.1 as f32);
        Geometry {
            width,
            height,
            steps: [step(source_dims.0, width), step(source_dims.1, height)],
            map: [[a * sx, b * sx, c * sx], [d * sy, e * sy, f * sy]],
        }
    }

    /// The colour transform's rows for a picture with `from` channels that goes on with `to`, which are no more. One
    /// channel uses the first row, and of that one channel only its first value and the addend.
    pub(crate) fn colour_rows(&self, from: usize, to: usize) -> [[f32; 4]; 3] {
        if (from, to) == (3, 3) {
            return self.colour.0;
        }
        let luma = self.colour.luma();
        let row = if from == 1 { [luma[0] + luma[1] + luma[2], 0.0, 0.0, luma[3]] } else { luma };
        [row, [0.0; 4], [0.0; 4]]
    }

    /// The same view seen in a mirror, for test-time augmentation.
    #[must_use]
    pub fn mirrored(mut self) -> Self {
        self.source_from_output = self.source_from_output.after(Affine::mirror(self.size as f32));
        for operation in &mut self.operations {
            if let PixelOp::Erase { left, width, .. } = operation {
                *left = self.size - *left - *width;
            }
        }
        self
    }
}

/// The random bits of [`PixelOp::Noise`] for a pixel.
pub fn scrambled(seed: u32, pixel: u32) -> u32 {
    let mut bits = pixel.wrapping_mul(0x2c92_77b5).wrapping_add(seed);
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x7feb_352d);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x846c_a68b);
    bits ^ (bits >> 16)
}

/// An output step that covers more source than this asks for an area mean first.
const REDUCE_FROM: f32 = 1.5;

/// Steps 1 and 2 of a [`Program`] for a picture of some size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Geometry {
    /// Columns of the reduced picture.
    pub width: usize,
    /// Its rows.
    pub height: usize,
    /// Source columns of a reduced one, and what part of it each makes up; likewise rows.
    pub steps: [(f32, f32); 2],
    /// Coordinates in the reduced picture of output coordinates.
    pub map: [[f32; 3]; 2],
}

impl Geometry {
    /// Whether there is anything to reduce.
    pub(crate) fn reduces(&self, source_dims: (usize, usize)) -> bool {
        (self.width, self.height) != source_dims
    }
}

/// A map of the plane: `x' = m[0][0] x + m[0][1] y + m[0][2]`, `y'` likewise from the second row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine(pub [[f32; 3]; 2]);

impl Affine {
    /// Leaves every point where it is.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);

    /// Mirrors columns of a square of the given side.
    pub fn mirror(side: f32) -> Self {
        Self([[-1.0, 0.0, side], [0.0, 1.0, 0.0]])
    }

    /// The linear map `[[a, b], [c, d]]` about a fixed point.
    pub fn about(centre: f32, [[a, b], [c, d]]: [[f32; 2]; 2]) -> Self {
        Self([[a, b, centre - (a + b) * centre], [c, d, centre - (c + d) * centre]])
    }

    /// Where the point comes to lie.
    pub fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let [[a, b, c], [d, e, f]] = self.0;
        (a * x + b * y + c, d * x + e * y + f)
    }

    /// `first`, then this map.
    #[must_use]
    pub fn after(&self, first: Self) -> Self {
        let [m0, m1] = self.0;
        let row = |m: [f32; 3]| {
            let at = |j: usize| m[0] * first.0[0][j] + m[1] * first.0[1][j];
            [at(0), at(1), at(2) + m[2]]
        };
        Self([row(m0), row(m1)])
    }
}

/// What a sample outside the source sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// The nearest pixel of the picture.
    Clamp,
    /// The picture again, mirrored at its edge.
    Mirror,
    /// A grey value, 0 to 255, before the colour transform.
    Fill(u8),
}

/// A colour transform on values from 0 to 255: output channel `i` is `m[i][0] r + m[i][1] g + m[i][2] b + m[i][3]`.
///
/// Transforms that a policy makes turn grey into grey, so one channel can carry a grey picture to the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Colour(pub [[f32; 4]; 3]);

/// What contrast and its relatives turn about: mid-grey. A fixed value needs no pass over the picture.
const PIVOT: f32 = 128.0;

impl Colour {
    /// Changes nothing.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);

    /// `gain` times the value plus `offset`.
    pub fn linear(gain: f32, offset: f32) -> Self {
        Self([[gain, 0.0, 0.0, offset], [0.0, gain, 0.0, offset], [0.0, 0.0, gain, offset]])
    }

    /// Multiplies every value; 1 changes nothing.
    pub fn brightness(factor: f32) -> Self {
        Self::linear(factor, 0.0)
    }

    /// Moves values from (above 1) or to (below 1) mid-grey.
    pub fn contrast(factor: f32) -> Self {
        Self::linear(factor, PIVOT * (1.0 - factor))
    }

    /// Moves colours from (above 1) or to (below 1) their luma.
    pub fn saturation(factor: f32) -> Self {
        let mut m = Self::linear(factor, 0.0).0;
        for row in &mut m {
            for (value, weight) in row.iter_mut().zip(LUMA) {
                *value += (1.0 - factor) * weight;
            }
        }
        Self(m)
    }

    /// Turns hues by a fraction of the colour circle, in the chroma plane of YIQ; luma stays.
    pub fn hue(turn: f32) -> Self {
        // Rows of I and Q, and the columns with which they enter RGB again.
        const I: [f32; 3] = [0.596, -0.274, -0.322];
        const Q: [f32; 3] = [0.211, -0.523, 0.312];
        const FROM_I: [f32; 3] = [0.956, -0.272, -1.106];
        const FROM_Q: [f32; 3] = [0.621, -0.647, 1.703];
        let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
        let mut m = Self::saturation(cos).0;
        for (i, row) in m.iter_mut().enumerate() {
            for j in 0..3 {
                row[j] += sin * (FROM_Q[i] * I[j] - FROM_I[i] * Q[j]);
            }
        }
        Self(m)
    }

    /// This transform, then `next`; nothing is clamped in between.
    #[must_use]
    pub fn then(&self, next: Self) -> Self {
        let mut m = [[0.0; 4]; 3];
        for (row, n) in m.iter_mut().zip(next.0) {
            for (j, value) in row.iter_mut().enumerate() {
                *value = n[0] * self.0[0][j] + n[1] * self.0[1][j] + n[2] * self.0[2][j];
            }
            row[3] += n[3];
        }
        Self(m)
    }

    /// The one row that gives the luma of the transformed colour.
    pub fn luma(&self) -> [f32; 4] {
        std::array::from_fn(|j| (0..3).map(|i| LUMA[i] * self.0[i][j]).sum())
    }
}

/// An operation on the sampled, coloured 8-bit picture; channels are treated one by one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PixelOp {
    /// Keeps the upper bits of every value and zeroes the rest.
    Posterize {
        /// Bits kept, 1 to 8.
        bits: u8,
    },
    /// Inverts every value at or above the threshold.
    Solarize {
        /// First value that is inverted; 256 inverts none.
        threshold: u16,
    },
    /// Stretches the values from the least to the greatest over 0..=255; a channel of one value stays.
    AutoContrast,
    /// Levels the histogram: with `step = (pixels - count of the greatest value) / 255`, value `v` becomes
    /// `min(255, (count below v + step / 2) / step)` in whole numbers; `step = 0` changes nothing.
    Equalize,
    /// Mixes with the smoothed picture: `smooth + factor (value - smooth)`, rounded, where `smooth` is the rounded mean of
    /// the 3x3 neighbourhood with the centre counted five times. The outermost pixels stay.
    Sharpness {
        /// 0 smooths, 1 changes nothing, 2 sharpens.
        factor: f32,
    },
    /// Smooths by the weights 1, 2, 1 along rows and columns, each pass rounded, halves up; the outermost pixels are
    /// continued. `n` passes are a Gaussian of `sqrt(n / 2)` pixels.
    Blur {
        /// How often.
        passes: u8,
    },
    /// Adds `(a + b - 255) amplitude / 256`, rounded down, to all channels of a pixel, where `a` and `b` are the two lowest
    /// bytes of [`scrambled`] at the pixel's place in its rows.
    Noise {
        /// Greatest change in grey levels; its deviation is 0.41 of it.
        amplitude: u8,
        /// Which noise.
        seed: u32,
    },
    /// Overwrites a box, which lies inside the output.
    Erase {
        /// First column.
        left: usize,
        /// First row.
        top: usize,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// RGB value; a single channel takes its rounded luma.
        value: [u8; 3],
    },
}
