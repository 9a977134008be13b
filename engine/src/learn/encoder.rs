//! A temporal encoder at work: one answer out for each frame in, for any number of faces at once.
//!
//! An encoder that looks both ways reads overlapping clips and averages the logits that a frame gets in each of them. A
//! causal one answers every frame at once, as the last frame of a window that ends with it.

use std::collections::VecDeque;

use super::error::LearnError;
use super::head::Head;
use crate::backend::Inference;
use crate::signal::{ClipShape, ClipWindow, FeatureRing, OverlapMean, StreamWindows, write_feature_row};

/// Windows of a causal encoder that go through the network together.
const CAUSAL_BATCH: usize = 8;

/// The encoder's network and how it is used.
pub struct TemporalEncoder {
    network: Box<dyn Inference>,
    shape: ClipShape,
    causal: bool,
    /// Features of a frame, without the presence channel.
    features: usize,
    classes: usize,
    /// The student's classifier, where its logits are added to the encoder's.
    residual: Option<Head>,
}

/// What the encoder keeps of one face between frames; memory is that of two windows.
pub struct FeatureWindow(Frames);

enum Frames {
    /// For an encoder that looks both ways.
    Overlapping {
        windows: StreamWindows,
        mean: OverlapMean,
        /// Features of the newest frames, at most a window of them; `None` where there is no face.
        rows: VecDeque<Option<Vec<f32>>>,
        /// Frames taken in.
        seen: usize,
    },
    /// For a causal encoder.
    Ring(FeatureRing),
}

impl TemporalEncoder {
    /// Around a network whose input is `frames x 1 x (features + 1)`, with `stride` frames between two windows; a causal
    /// encoder moves by one frame, whatever the stride.
    ///
    /// # Errors
    /// The stride is 0 or longer than a window.
    pub fn new(network: Box<dyn Inference>, stride: usize, causal: bool) -> Result<Self, LearnError> {
        let (input, output) = (network.input(), network.output());
        let shape = ClipShape { length: input.h, stride: if causal { 1 } else { stride } };
        shape.check().map_err(|e| LearnError::Batch(e.to_string()))?;
        Ok(Self { network, shape, causal, features: input.c - 1, classes: output.c, residual: None })
    }

    /// Adds the student's own logits to the encoder's, as it was trained with them.
    #[must_use]
    pub fn with_residual(self, head: Head) -> Self {
        Self { residual: Some(head), ..self }
    }

    /// The window of a face of which no frame has come yet.
    ///
    /// # Errors
    /// None that [`TemporalEncoder::new`] has not met.
    pub fn window(&self) -> Result<FeatureWindow, LearnError> {
        Ok(FeatureWindow(if self.causal {
            Frames::Ring(FeatureRing::new(self.shape.length, self.features))
        } else {
            Frames::Overlapping {
                windows: StreamWindows::new(self.shape).map_err(|e| LearnError::Batch(e.to_string()))?,
                mean: OverlapMean::new(self.classes),
                rows: VecDeque::new(),
                seen: 0,
            }
        }))
    }

    /// Takes in the next frames' features of a face (`None`: it is not seen), and gives the logits of the frames that are
    /// now answered for good, in order: all of them with a causal encoder, else those that no later window can reach.
    ///
    /// # Errors
    /// The features have another length than the encoder reads, or the device failed.
    pub fn push(
        &mut self,
        window: &mut FeatureWindow,
        frames: &[Option<&[f32]>],
    ) -> Result<Vec<Vec<f32>>, LearnError> {
        if let Some(row) = frames.iter().flatten().find(|row| row.len() != self.features) {
            let (got, reads) = (row.len(), self.features);
            return Err(LearnError::Batch(format!("{got} features a frame, but the encoder reads {reads}")));
        }
        match &mut window.0 {
            Frames::Ring(ring) => self.push_causal(ring, frames),
            Frames::Overlapping { windows, mean, rows, seen } => {
                let mut out = vec![];
                for row in frames {
                    if rows.len() == self.shape.length {
                        rows.pop_front();
                    }
                    rows.push_back(row.map(<[f32]>::to_vec));
                    *seen += 1;
                    if let Some(clip) = windows.push() {
                        let logits = self.run_clip(&clip, rows, *seen)?;
                        mean.add(&clip, &logits, |_, logits| out.push(logits.to_vec()));
                    }
                }
                Ok(out)
            }
        }
    }

    /// No frame of the face follows: gives the logits of all frames that are still in.
    ///
    /// # Errors
    /// The device failed.
    pub fn finish(&mut self, window: FeatureWindow) -> Result<Vec<Vec<f32>>, LearnError> {
        let Frames::Overlapping { windows, mut mean, rows, seen } = window.0 else { return Ok(vec![]) };
        let mut out = vec![];
        if let Some(clip) = windows.finish() {
            let logits = self.run_clip(&clip, &rows, seen)?;
            mean.add(&clip, &logits, |_, logits| out.push(logits.to_vec()));
        }
        mean.finish(|_, logits| out.push(logits.to_vec()));
        Ok(out)
    }

    /// Logits of every place of one clip, whose last frame is the newest that came in.
    fn run_clip(
        &mut self,
        clip: &ClipWindow,
        rows: &VecDeque<Option<Vec<f32>>>,
        seen: usize,
    ) -> Result<Vec<f32>, LearnError> {
        let width = self.features + 1;
        let oldest = seen - rows.len();
        let mut input = vec![0.0; self.shape.length * width];
        for (frame, values) in clip.present.clone().zip(input.chunks_exact_mut(width)) {
            write_feature_row(rows[frame - oldest].as_deref(), values);
        }
        let mut logits = self.network.forward(&input, 1)?;
        if let Some(head) = &self.residual {
            logits.iter_mut().zip(head.residual_logits(&input)).for_each(|(logit, own)| *logit += own);
        }
        Ok(logits)
    }

    /// Each frame as the last of the window that ends with it.
    fn push_causal(
        &mut self,
        ring: &mut FeatureRing,
        frames: &[Option<&[f32]>],
    ) -> Result<Vec<Vec<f32>>, LearnError> {
        let (len, classes) = (ring.window_len(), self.classes);
        let mut out = Vec::with_capacity(frames.len());
        for part in frames.chunks(CAUSAL_BATCH) {
            let mut input = vec![0.0; part.len() * len];
            for (row, window) in part.iter().zip(input.chunks_exact_mut(len)) {
                ring.push(*row);
                ring.window(window);
            }
            let logits = self.network.forward(&input, part.len())?;
            for (row, logits) in part.iter().zip(logits.chunks_exact(self.shape.length * classes)) {
                let mut last = logits[logits.len() - classes..].to_vec();
                if let (Some(head), Some(row)) = (&self.residual, row) {
                    last.iter_mut().zip(head.logits(row)).for_each(|(logit, own)| *logit += own);
                }
                out.push(last);
            }
        }
        Ok(out)
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

    fn network(causal: bool) -> Box<dyn Inference> {
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
            residual: false,
        };
        let graph = spec.graph().expect("a valid specification");
        let backend = CpuBackend::new().expect("a processor");
        backend.inference(&graph, &Weights::initial(&graph, 3)).expect("a network")
    }

    fn video(frames: u64) -> Vec<Option<Vec<f32>>> {
        let row = |item: u64| {
            let mut rng = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item }.rng();
            (item % 5 != 3).then(|| (0..FEATURES).map(|_| rng.normal()).collect())
        };
        (0..frames).map(row).collect()
    }

    /// One window by itself, its frames at its first places.
    fn alone(network: &mut dyn Inference, rows: &[Option<Vec<f32>>]) -> Vec<Vec<f32>> {
        let mut input = vec![0.0; FRAMES * (FEATURES + 1)];
        for (row, values) in rows.iter().zip(input.chunks_exact_mut(FEATURES + 1)) {
            if let Some(row) = row {
                values[..FEATURES].copy_from_slice(row);
                values[FEATURES] = 1.0;
            }
        }
        let logits = network.forward(&input, 1).expect("logits");
        logits.chunks_exact(2).map(<[f32]>::to_vec).collect()
    }

    /// The definition: every window over the whole video, then means.
    fn reference(rows: &[Option<Vec<f32>>], stride: usize) -> Vec<Vec<f64>> {
        let mut network = network(false);
        let mut starts: Vec<usize> =
            (0..rows.len()).step_by(stride).filter(|s| s + FRAMES <= rows.len()).collect();
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
            for (stride, together) in [(3, 1), (4, 5), (8, 40)] {
                let rows = video(length);
                let mut encoder = TemporalEncoder::new(network(false), stride, false).expect("a stride");
                let mut window = encoder.window().expect("a window");
                let mut out = vec![];
                for rows in rows.chunks(together) {
                    let rows: Vec<_> = rows.iter().map(Option::as_deref).collect();
                    out.extend(encoder.push(&mut window, &rows).expect("logits"));
                }
                out.extend(encoder.finish(window).expect("logits"));
                let expected = reference(&rows, stride);
                assert_eq!(out.len(), expected.len(), "length {length} stride {stride}");
                for (ours, theirs) in out.iter().flatten().zip(expected.iter().flatten()) {
                    let difference = (f64::from(*ours) - theirs).abs();
                    assert!(difference < 1e-5, "length {length} stride {stride}: {ours} {theirs}");
                }
            }
        }
    }

    #[test]
    fn a_causal_encoder_answers_every_frame_at_once_from_those_before_it() {
        let rows = video(20);
        let mut bare = network(true);
        let mut encoder = TemporalEncoder::new(network(true), 99, true).expect("no stride is needed");
        let mut window = encoder.window().expect("a window");
        let mut out = vec![];
        for rows in rows.chunks(3) {
            let rows: Vec<_> = rows.iter().map(Option::as_deref).collect();
            let answers = encoder.push(&mut window, &rows).expect("logits");
            assert_eq!(answers.len(), rows.len(), "an answer a frame, from the first frame on");
            out.extend(answers);
        }
        assert!(encoder.finish(window).expect("nothing is left").is_empty());
        for (frame, answer) in out.iter().enumerate() {
            // The frame stands last; places before the video's first frame are missing frames.
            let mut last = vec![None; FRAMES.saturating_sub(frame + 1)];
            last.extend(rows[(frame + 1).saturating_sub(FRAMES)..=frame].iter().cloned());
            let whole = alone(&mut *bare, &last);
            for (ours, theirs) in answer.iter().zip(&whole[FRAMES - 1]) {
                assert!((ours - theirs).abs() < 1e-5, "frame {frame}: {ours} {theirs}");
            }
        }
    }

    #[test]
    fn features_of_another_length_are_refused() {
        let mut encoder = TemporalEncoder::new(network(false), 4, false).expect("a stride");
        let mut window = encoder.window().expect("a window");
        let error = encoder.push(&mut window, &[Some(&[0.0; 5])]).expect_err("5 features").to_string();
        assert!(error.contains("5 features") && error.contains("reads 3"), "{error}");
        assert!(TemporalEncoder::new(network(false), 9, false).is_err(), "a stride longer than a window");
    }
}
