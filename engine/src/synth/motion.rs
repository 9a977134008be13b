//! Smooth motion without memory: any moment can be asked for alone.

use super::Stream;
use crate::random::{Address, Purpose, Random};

/// Where the random numbers of a clip stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClipAddress {
    pub seed: u64,
    pub clip: usize,
}

impl ClipAddress {
    /// The numbers of one stretch of time, or of the whole clip for item 0.
    pub fn rng(self, stream: Stream, item: u64) -> Random {
        let step = stream as u64 | ((self.clip as u64) << 16);
        Address { seed: self.seed, purpose: Purpose::Synthesis, step, item }.rng()
    }

    /// `N` independent curves with mean 0 and standard deviation about 1 that wander with a period of so many frames: cubic
    /// B-splines over random numbers at every period, so speed and acceleration are smooth too.
    pub fn drift<const N: usize>(self, stream: Stream, frame: usize, period: usize) -> [f32; N] {
        let (cell, t) = ((frame / period) as u64, (frame % period) as f32 / period as f32);
        let weights = [
            (1.0 - t).powi(3) / 6.0,
            (3.0 * t.powi(3) - 6.0 * t * t + 4.0) / 6.0,
            (-3.0 * t.powi(3) + 3.0 * t * t + 3.0 * t + 1.0) / 6.0,
            t.powi(3) / 6.0,
        ];
        let mut curves = [0.0; N];
        for (offset, weight) in weights.into_iter().enumerate() {
            let mut rng = self.rng(stream, cell + offset as u64);
            for curve in &mut curves {
                // The spline averages neighbours, which takes a third of the deviation.
                *curve += 1.45 * weight * rng.normal().clamp(-2.0, 2.0);
            }
        }
        curves
    }

    /// The one stretch within each `cell` frames, if the cell has it: `draw` gives its length, or 0 for none. Where in
    /// the cell it begins is random. Returns the frames since it began and its length.
    pub fn stretch(
        self,
        stream: Stream,
        frame: usize,
        cell: usize,
        draw: impl FnOnce(&mut Random) -> usize,
    ) -> Option<(usize, usize)> {
        let mut rng = self.rng(stream, (frame / cell) as u64);
        let length = draw(&mut rng).min(cell);
        let since = (frame % cell).checked_sub(rng.below(cell - length + 1))?;
        (since < length).then_some((since, length))
    }

    /// Whether a frame lies in one of the runs that make up a share of all frames.
    pub fn in_run(self, stream: Stream, frame: usize, share: f32) -> bool {
        const CELL: usize = 64;
        // Runs of 1 to 11 frames while these suffice, else longer ones in every cell.
        let mean = (share * CELL as f32).max(6.0);
        let probability = share * CELL as f32 / mean;
        let draw = |rng: &mut Random| {
            if rng.chance(probability) { 1 + rng.below((2.0 * mean) as usize - 1) } else { 0 }
        };
        share > 0.0 && self.stretch(stream, frame, CELL, draw).is_some()
    }
}

/// From 0 to 1 with no corner at either end.
pub(super) fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A stretch's strength: 0 outside, up over `rise` frames, 1, and down over `fall` frames.
pub(super) fn envelope(since: usize, length: usize, rise: usize, fall: usize) -> f32 {
    let since = since as f32 + 0.5;
    let left = length as f32 - since;
    smooth_step(since / rise.max(1) as f32).min(smooth_step(left / fall.max(1) as f32))
}
