//! Which clips a step of phase 2 takes: stretches of equal length, anywhere in the videos.

use super::{ClipSet, DataError};
use crate::random::{Address, Purpose};

/// Draws of one place before a stretch without a labelled face is accepted.
const TRIES: usize = 32;

/// A stretch of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Number in the [`ClipSet`].
    pub clip: usize,
    /// First frame; the stretch may end behind the clip's last frame where the clip is shorter.
    pub first: usize,
}

/// Draws stretches uniformly over all places where one fits. A draw is a pure function of the seed and the step.
#[derive(Debug)]
pub struct ClipSampler {
    /// Number of places in all clips up to and including each.
    ends: Vec<u64>,
    /// For each clip, labelled faces before each frame.
    labelled: Vec<Vec<u32>>,
    frames: usize,
    batch: usize,
    seed: u64,
}

impl ClipSampler {
    /// A sampler of `batch` stretches of `frames` frames.
    ///
    /// # Errors
    /// No frame has both a face and a label.
    pub fn new(set: &ClipSet, frames: usize, batch: usize, seed: u64) -> Result<Self, DataError> {
        let mut total = 0;
        let mut ends = Vec::with_capacity(set.len());
        let mut labelled = Vec::with_capacity(set.len());
        for clip in 0..set.len() {
            let length = set.frames(clip);
            total += places(length, frames) as u64;
            ends.push(total);
            let mut count = 0;
            let mut before = Vec::with_capacity(length + 1);
            before.push(0);
            for frame in 0..length {
                count += u32::from(set.label(clip, frame) >= 0 && set.has_face(clip, frame));
                before.push(count);
            }
            labelled.push(before);
        }
        if labelled.iter().all(|before| before.last() == Some(&0)) {
            let reason = "no frame of the training clips has both a face and a label of the run's classes";
            return Err(DataError::TooFew(reason.to_owned()));
        }
        Ok(Self { ends, labelled, frames, batch, seed })
    }

    /// The stretches of a step, each with a labelled face in it (unless 32 draws find none).
    pub fn draw(&self, step: u64) -> Vec<Stretch> {
        (0..self.batch as u64).map(|item| self.stretch(step, item)).collect()
    }

    fn stretch(&self, step: u64, item: u64) -> Stretch {
        let mut rng = Address { seed: self.seed, purpose: Purpose::SampleClips, step, item }.rng();
        let total = self.ends.last().copied().unwrap_or(1);
        let mut draw = || {
            let place = rng.below(usize::try_from(total).unwrap_or(usize::MAX)) as u64;
            let clip = self.ends.partition_point(|&end| end <= place);
            let before = if clip == 0 { 0 } else { self.ends[clip - 1] };
            Stretch { clip, first: (place - before) as usize }
        };
        let mut drawn = draw();
        for _ in 1..TRIES {
            let before = &self.labelled[drawn.clip];
            let end = (drawn.first + self.frames).min(before.len() - 1);
            if before[end] > before[drawn.first] {
                break;
            }
            drawn = draw();
        }
        drawn
    }
}

/// How many first frames a stretch can have: at least 1.
fn places(length: usize, frames: usize) -> usize {
    length.saturating_sub(frames) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::clip_set::tests::few;

    #[test]
    fn stretches_fit_hold_a_label_and_repeat() {
        let set = few();
        let sampler = ClipSampler::new(&set, 4, 50, 3).expect("labels");
        let drawn = sampler.draw(7);
        assert_eq!(drawn, sampler.draw(7));
        assert_ne!(drawn, sampler.draw(8));
        let long: Vec<usize> = drawn.iter().filter(|s| s.clip == 0).map(|s| s.first).collect();
        assert!(long.iter().all(|&first| first <= 6) && long.contains(&0) && long.contains(&6), "{long:?}");
        assert!(drawn.iter().any(|s| s.clip == 1 && s.first == 0));
        // Frame 2 alone is not labelled, so a stretch of one frame never begins there.
        let single = ClipSampler::new(&set, 1, 200, 3).expect("labels");
        assert!(single.draw(0).iter().all(|s| s.first % 3 != 2));
    }
}
