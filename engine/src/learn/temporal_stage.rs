//! The encoder over a video of any length: overlapping windows, whose logits are averaged, one frame out for one in.

use std::collections::VecDeque;

use super::error::LearnError;
use super::loss::{arg_max, softmax};
use crate::backend::{Mode, Network};

/// What a network says of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The most probable class.
    pub class: usize,
    /// One a class, summing to 1.
    pub probabilities: Vec<f32>,
}

impl Answer {
    /// The answer of a row of logits, at a softmax temperature.
    pub fn of(logits: &[f32], temperature: f32) -> Self {
        let classes = logits.len();
        let probabilities = softmax(logits, classes, temperature);
        Self { class: arg_max(logits, classes).first().copied().unwrap_or(0), probabilities }
    }

    /// Probability of the most probable class.
    pub fn confidence(&self) -> f32 {
        self.probabilities.get(self.class).copied().unwrap_or(0.0)
    }
}

/// Windows of the encoder's length begin every `stride` frames from the first frame on; a last one ends at the video's
/// last frame where those leave frames over. A video shorter than a window is one window whose rest counts as missing.
/// A frame's logits are the mean over the windows it lies in. Memory is that of a window and a stride.
pub struct TemporalStage {
    network: Box<dyn Network>,
    frames: usize,
    stride: usize,
    /// Features of the newest frames; `None` where there is no face.
    rows: VecDeque<Option<Vec<f32>>>,
    /// Sum of logits and number of windows, of the frames that are not out yet.
    sums: VecDeque<(Vec<f64>, u32)>,
    /// Frames taken in.
    seen: usize,
    /// Frames given out.
    given: usize,
    /// First frame of the next window.
    next: usize,
}

impl TemporalStage {
    /// Around an encoder whose input is `frames x 1 x (features + 1)`; `stride` is held to 1 up to its frames.
    pub fn new(network: Box<dyn Network>, stride: usize) -> Self {
        let frames = network.graph().input().h;
        let stride = stride.clamp(1, frames.max(1));
        let (rows, sums) = (VecDeque::new(), VecDeque::new());
        Self { network, frames, stride, rows, sums, seen: 0, given: 0, next: 0 }
    }

    /// Takes in the next frame's features (`None`: no face), and gives the logits of the frames that no later window can
    /// reach, in order.
    ///
    /// # Errors
    /// The features have another length than the encoder reads, or the device failed.
    pub fn push(&mut self, row: Option<&[f32]>) -> Result<Vec<Vec<f32>>, LearnError> {
        let features = self.network.graph().input().c - 1;
        if let Some(row) = row.filter(|row| row.len() != features) {
            let got = row.len();
            return Err(LearnError::Batch(format!(
                "{got} features a frame, but the encoder reads {features}"
            )));
        }
        self.rows.push_back(row.map(<[f32]>::to_vec));
        self.sums.push_back((vec![0.0; self.network.graph().output().c], 0));
        self.seen += 1;
        if self.seen < self.next + self.frames {
            return Ok(vec![]);
        }
        self.window(self.next)?;
        self.next += self.stride;
        while self.rows.len() > self.frames {
            self.rows.pop_front();
        }
        Ok(self.give(self.next))
    }

    /// Ends the video: gives the logits of all frames that are still in, and is ready for the next video.
    ///
    /// # Errors
    /// The device failed.
    pub fn finish(&mut self) -> Result<Vec<Vec<f32>>, LearnError> {
        let covered = if self.next == 0 { 0 } else { self.next - self.stride + self.frames };
        if covered < self.seen {
            self.window(self.seen.saturating_sub(self.frames))?;
        }
        let rest = self.give(self.seen);
        self.rows.clear();
        self.sums.clear();
        (self.seen, self.given, self.next) = (0, 0, 0);
        Ok(rest)
    }

    /// Runs the window that begins at frame `first`.
    fn window(&mut self, first: usize) -> Result<(), LearnError> {
        let (channels, classes) = (self.network.graph().input().c, self.network.graph().output().c);
        let oldest = self.seen - self.rows.len();
        let mut input = vec![0.0; self.frames * channels];
        for (frame, values) in (first..self.seen).zip(input.chunks_exact_mut(channels)) {
            if let Some(row) = &self.rows[frame - oldest] {
                values[..channels - 1].copy_from_slice(row);
                values[channels - 1] = 1.0;
            }
        }
        let logits = self.network.forward(&input, 1, Mode::Infer)?;
        for (frame, logits) in (first..self.seen).zip(logits.chunks_exact(classes)) {
            let Some(at) = frame.checked_sub(self.given) else { continue };
            let (sum, windows) = &mut self.sums[at];
            sum.iter_mut().zip(logits).for_each(|(sum, logit)| *sum += f64::from(*logit));
            *windows += 1;
        }
        Ok(())
    }

    /// Takes out the frames before `end`.
    fn give(&mut self, end: usize) -> Vec<Vec<f32>> {
        let count = end.min(self.seen) - self.given;
        self.given += count;
        let mean = |(sum, windows): (Vec<f64>, u32)| {
            sum.into_iter().map(|s| (s / f64::from(windows.max(1))) as f32).collect()
        };
        self.sums.drain(..count).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend as _;
    use crate::backend::cpu::CpuBackend;
    use crate::net::{TemporalSpec, Weights};
    use crate::random::{Address, Purpose};

    const FRAMES: usize = 8;
    const FEATURES: usize = 3;

    fn encoder(causal: bool) -> Box<dyn Network> {
        let spec = TemporalSpec {
            features: FEATURES,
            classes: 2,
            frames: FRAMES,
            width: 8,
            layers: 1,
            heads: 2,
            feed_forward: 8,
            dropout: 0.0,
            causal,
        };
        let graph = spec.graph().expect("a valid specification");
        let backend = CpuBackend::new().expect("a processor");
        backend.network(&graph, &Weights::initial(&graph, 3)).expect("a network")
    }

    fn video(frames: u64) -> Vec<Option<Vec<f32>>> {
        let row = |item: u64| {
            let mut rng = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item }.rng();
            (item % 5 != 3).then(|| (0..FEATURES).map(|_| rng.normal()).collect())
        };
        (0..frames).map(row).collect()
    }

    /// One window by itself.
    fn alone(network: &mut dyn Network, rows: &[Option<Vec<f32>>]) -> Vec<Vec<f32>> {
        let mut input = vec![0.0; FRAMES * (FEATURES + 1)];
        for (row, values) in rows.iter().zip(input.chunks_exact_mut(FEATURES + 1)) {
            if let Some(row) = row {
                values[..FEATURES].copy_from_slice(row);
                values[FEATURES] = 1.0;
            }
        }
        let logits = network.forward(&input, 1, Mode::Infer).expect("logits");
        logits.chunks_exact(2).map(<[f32]>::to_vec).collect()
    }

    /// The definition: every window over the whole video, then means.
    fn reference(rows: &[Option<Vec<f32>>], stride: usize) -> Vec<Vec<f64>> {
        let mut network = encoder(false);
        let mut starts: Vec<usize> =
            (0..).map(|i| i * stride).take_while(|s| s + FRAMES <= rows.len()).collect();
        if starts.last().map_or(0, |s| s + FRAMES) < rows.len() {
            starts.push(rows.len().saturating_sub(FRAMES));
        }
        let mut sums = vec![(vec![0.0; 2], 0.0); rows.len()];
        for start in starts {
            let end = (start + FRAMES).min(rows.len());
            for (frame, logits) in (start..end).zip(alone(&mut *network, &rows[start..end])) {
                sums[frame].0.iter_mut().zip(&logits).for_each(|(s, l)| *s += f64::from(*l));
                sums[frame].1 += 1.0;
            }
        }
        sums.into_iter().map(|(sum, n)| sum.into_iter().map(|s| s / n).collect()).collect()
    }

    #[test]
    fn streaming_gives_the_mean_over_all_windows_at_any_length() {
        for length in [1, 5, 8, 9, 12, 15, 16, 37] {
            for stride in [3, 4, 8] {
                let rows = video(length);
                let mut stage = TemporalStage::new(encoder(false), stride);
                // Twice, because a finished video must leave nothing behind.
                for _ in 0..2 {
                    let mut out = vec![];
                    for row in &rows {
                        out.extend(stage.push(row.as_deref()).expect("logits"));
                        assert!(stage.rows.len() <= FRAMES && stage.sums.len() <= 2 * FRAMES);
                    }
                    out.extend(stage.finish().expect("logits"));
                    let expected = reference(&rows, stride);
                    assert_eq!(out.len(), expected.len(), "length {length} stride {stride}");
                    for (ours, theirs) in out.iter().flatten().zip(expected.iter().flatten()) {
                        let difference = (f64::from(*ours) - theirs).abs();
                        assert!(difference < 1e-5, "length {length} stride {stride}: {ours} {theirs}");
                    }
                }
            }
        }
    }

    #[test]
    fn features_of_another_length_are_refused() {
        let mut stage = TemporalStage::new(encoder(false), 4);
        let error = stage.push(Some(&[0.0; 5])).expect_err("5 features").to_string();
        assert!(error.contains("5 features") && error.contains("reads 3"), "{error}");
    }
}
