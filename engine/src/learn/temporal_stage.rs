//! The encoder over a video of any length: overlapping windows, whose logits are averaged, one frame out for one in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::LearnError;
use super::head::Head;
use super::loss::{arg_max, softmax};
use crate::backend::Inference;
use crate::signal::{ClipShape, ClipWindow, NeutralOffset, OverlapMean, StreamWindows, write_feature_row};

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

    /// The answer with a person's resting face taken off.
    #[must_use]
    pub fn with(&self, offset: &NeutralOffset) -> Self {
        let probabilities = offset.apply(&self.probabilities);
        let class = arg_max(&probabilities, probabilities.len()).first().copied().unwrap_or(self.class);
        Self { class, probabilities }
    }

    /// Probability of the most probable class.
    pub fn confidence(&self) -> f32 {
        self.probabilities.get(self.class).copied().unwrap_or(0.0)
    }
}

/// Feeds an encoder the clips of [`StreamWindows`] and averages its logits over those that a frame lies in. Memory is that
/// of two windows.
pub struct TemporalStage {
    /// Shared by the stages of all faces of a video; only one of them is at work at a time.
    network: Arc<Mutex<Box<dyn Inference>>>,
    /// Features of a frame.
    features: usize,
    /// The student's classifier, where its logits are added.
    head: Option<Arc<Head>>,
    shape: ClipShape,
    windows: StreamWindows,
    mean: OverlapMean,
    /// Features of the newest frames, at most a window of them; `None` where there is no face.
    rows: VecDeque<Option<Vec<f32>>>,
    /// Frames taken in.
    seen: usize,
}

impl TemporalStage {
    /// Around an encoder whose input is `frames x 1 x (features + 1)`, with `stride` frames between two windows.
    ///
    /// # Errors
    /// The stride is 0 or longer than a window.
    pub fn new(network: Box<dyn Inference>, stride: usize) -> Result<Self, LearnError> {
        let shape = ClipShape { length: network.graph().input().h, stride };
        let windows = StreamWindows::new(shape).map_err(|e| LearnError::Batch(e.to_string()))?;
        let mean = OverlapMean::new(network.graph().output().c);
        let features = network.graph().input().c - 1;
        let network = Arc::new(Mutex::new(network));
        Ok(Self { network, features, head: None, shape, windows, mean, rows: VecDeque::new(), seen: 0 })
    }

    /// A stage for another video, over the same network.
    ///
    /// # Errors
    /// None that [`TemporalStage::new`] has not met.
    pub fn another(&self) -> Result<Self, LearnError> {
        let windows = StreamWindows::new(self.shape).map_err(|e| LearnError::Batch(e.to_string()))?;
        Ok(Self {
            network: Arc::clone(&self.network),
            features: self.features,
            head: self.head.clone(),
            shape: self.shape,
            windows,
            mean: OverlapMean::new(self.mean.classes()),
            rows: VecDeque::new(),
            seen: 0,
        })
    }

    /// Adds the student's own logits to the encoder's, as it was trained with them.
    #[must_use]
    pub fn with_head(mut self, head: Head) -> Self {
        self.head = Some(Arc::new(head));
        self
    }

    /// Takes in the next frame's features (`None`: no face), and gives the logits of the frames that no later window can
    /// reach, in order.
    ///
    /// # Errors
    /// The features have another length than the encoder reads, or the device failed.
    pub fn push(&mut self, row: Option<&[f32]>) -> Result<Vec<Vec<f32>>, LearnError> {
        let features = self.features;
        if let Some(row) = row.filter(|row| row.len() != features) {
            let got = row.len();
            return Err(LearnError::Batch(format!(
                "{got} features a frame, but the encoder reads {features}"
            )));
        }
        if self.rows.len() == self.shape.length {
            self.rows.pop_front();
        }
        self.rows.push_back(row.map(<[f32]>::to_vec));
        self.seen += 1;
        let window = self.windows.push();
        window.map_or_else(|| Ok(vec![]), |window| self.run(&window))
    }

    /// Ends the video: gives the logits of all frames that are still in, and is ready for the next video.
    ///
    /// # Errors
    /// The device failed.
    pub fn finish(&mut self) -> Result<Vec<Vec<f32>>, LearnError> {
        let fresh = StreamWindows::new(self.shape).map_err(|e| LearnError::Batch(e.to_string()))?;
        let last = std::mem::replace(&mut self.windows, fresh).finish();
        let mut out = last.map_or_else(|| Ok(vec![]), |window| self.run(&window))?;
        self.mean.finish(|_, logits| out.push(logits.to_vec()));
        self.rows.clear();
        self.seen = 0;
        Ok(out)
    }

    /// Runs one window; gives the frames before it.
    fn run(&mut self, window: &ClipWindow) -> Result<Vec<Vec<f32>>, LearnError> {
        let channels = self.features + 1;
        let oldest = self.seen - self.rows.len();
        let mut input = vec![0.0; self.shape.length * channels];
        for (frame, values) in window.present.clone().zip(input.chunks_exact_mut(channels)) {
            write_feature_row(self.rows[frame - oldest].as_deref(), values);
        }
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let mut logits = network.forward(&input, 1)?;
        drop(network);
        if let Some(head) = &self.head {
            logits
                .iter_mut()
                .zip(head.residual_logits(&input))
                .for_each(|(logit, residual_logits)| *logit += residual_logits);
        }
        let mut out = vec![];
        self.mean.add(window, &logits, |_, logits| out.push(logits.to_vec()));
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
    use crate::signal::FeatureRing;

    const FRAMES: usize = 8;
    const FEATURES: usize = 3;

    fn encoder(causal: bool) -> Box<dyn Inference> {
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

    /// One window by itself.
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
        let mut network = encoder(false);
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
            for stride in [3, 4, 8] {
                let rows = video(length);
                let mut stage = TemporalStage::new(encoder(false), stride).expect("a stride");
                // Twice, because a finished video must leave nothing behind.
                for _ in 0..2 {
                    let mut out = vec![];
                    for row in &rows {
                        out.extend(stage.push(row.as_deref()).expect("logits"));
                        assert!(stage.rows.len() <= FRAMES);
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
    fn a_causal_window_answers_its_last_frame_as_the_live_ring_does() {
        let rows = video(20);
        let mut network = encoder(true);
        let mut ring = FeatureRing::new(FRAMES, FEATURES);
        let mut live = vec![0.0; ring.window_len()];
        for (frame, row) in rows.iter().enumerate() {
            ring.push(row.as_deref());
            if frame + 1 < FRAMES {
                continue;
            }
            ring.window(&mut live);
            let streamed = network.forward(&live, 1).expect("logits");
            let whole = alone(&mut *network, &rows[frame + 1 - FRAMES..=frame]);
            assert_eq!(streamed[2 * FRAMES - 2..], whole[FRAMES - 1][..], "frame {frame}");
        }
    }

    #[test]
    fn features_of_another_length_are_refused() {
        let mut stage = TemporalStage::new(encoder(false), 4).expect("a stride");
        let error = stage.push(Some(&[0.0; 5])).expect_err("5 features").to_string();
        assert!(error.contains("5 features") && error.contains("reads 3"), "{error}");
    }
}
