//! A person's resting face in a recording that is there as a whole: from a stretch that somebody names, or from the calmest seconds.

use super::neutral::{FEWEST_FRAMES, LEAST, NeutralOffset};

/// Length of the calmest stretch, in seconds.
pub const CALM: f64 = 3.0;
/// Longest time between two frames of a calm stretch, in seconds.
const GAP: f64 = 0.5;

/// A frame of a face.
#[derive(Debug, Clone)]
struct Moment {
    seconds: f64,
    /// Sum of the changes of all probabilities since the frame before; the first of a stretch has none.
    change: f64,
    /// Logarithms of the probabilities.
    logs: Vec<f32>,
}

/// Looks for one face at rest. Memory is 16 bytes and four a class for each frame.
#[derive(Debug, Clone, Default)]
pub struct RestFinder {
    /// Only frames from the first to before the second.
    within: Option<(f64, f64)>,
    moments: Vec<Moment>,
    last: Vec<f32>,
}

impl RestFinder {
    /// Looks at a stretch alone, from the first to before the second, or for the calmest [`CALM`] seconds of all.
    pub fn new(within: Option<(f64, f64)>) -> Self {
        Self { within, ..Self::default() }
    }

    /// Takes the next frame of the face.
    pub fn push(&mut self, seconds: f64, probabilities: &[f32]) {
        if self.within.is_some_and(|(from, to)| seconds + 1e-6 < from || seconds + 1e-6 >= to) {
            return;
        }
        let goes_on = self.moments.last().is_some_and(|last| seconds - last.seconds <= GAP);
        let change = if goes_on {
            self.last.iter().zip(probabilities).map(|(a, b)| f64::from((a - b).abs())).sum()
        } else {
            f64::INFINITY
        };
        self.last = probabilities.to_vec();
        let logs = probabilities.iter().map(|p| p.max(LEAST).ln()).collect();
        self.moments.push(Moment { seconds, change, logs });
    }

    /// The offset that makes neutral lead in those frames, with the seconds at which they begin and end; `None` where the face was seen
    /// for too short a time. `neutral` is the class of that name.
    pub fn finish(self, neutral: usize) -> Option<(NeutralOffset, (f64, f64))> {
        let stretch = if self.within.is_some() { self.moments.as_slice() } else { calmest(&self.moments)? };
        if stretch.len() < FEWEST_FRAMES {
            return None;
        }
        let classes = stretch[0].logs.len();
        let mean = |class: usize| {
            let sum: f64 = stretch.iter().map(|moment| f64::from(moment.logs[class])).sum();
            (sum / stretch.len() as f64) as f32
        };
        let means: Vec<f32> = (0..classes).map(mean).collect();
        let ends = (stretch[0].seconds, stretch[stretch.len() - 1].seconds);
        Some((NeutralOffset::of(&means, neutral), ends))
    }
}

/// The stretch of [`CALM`] seconds without a gap in which probabilities change least a frame.
fn calmest(moments: &[Moment]) -> Option<&[Moment]> {
    let mut best: Option<(f64, (usize, usize))> = None;
    let (mut begin, mut sum) = (0, 0.0);
    for (end, moment) in moments.iter().enumerate() {
        if moment.change.is_finite() {
            sum += moment.change;
        } else {
            (begin, sum) = (end, 0.0);
        }
        // As short as it can be and still long enough.
        while begin < end && moment.seconds - moments[begin + 1].seconds >= CALM - 1e-6 {
            begin += 1;
            sum -= moments[begin].change;
        }
        if moment.seconds - moments[begin].seconds >= CALM - 1e-6 {
            let mean = sum / (end - begin).max(1) as f64;
            if best.is_none_or(|(least, _)| mean < least) {
                best = Some((mean, (begin, end)));
            }
        }
    }
    best.map(|(_, (begin, end))| &moments[begin..=end])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Restless but between 5 and 9 seconds, where the face rests and looks half sad.
    fn finder(within: Option<(f64, f64)>, gap: bool) -> RestFinder {
        let mut finder = RestFinder::new(within);
        for frame in 0..150u32 {
            let seconds = f64::from(frame) / 10.0;
            let p = match frame {
                50..90 => [0.4, 0.5, 0.1],
                _ if frame % 2 == 0 => [0.8, 0.1, 0.1],
                _ => [0.1, 0.1, 0.8],
            };
            if !(gap && (60..70).contains(&frame)) {
                finder.push(seconds, &p);
            }
        }
        finder
    }

    #[test]
    fn the_calmest_seconds_are_found_and_taken_off() {
        let (offset, (from, to)) = finder(None, false).finish(0).unwrap();
        assert!(from >= 5.0 && to < 9.0 && to - from >= 2.9, "{from} {to}");
        let rest = offset.apply(&[0.4, 0.5, 0.1]);
        assert!(rest[0] > 1.9 * rest[1], "neutral leads: {rest:?}");
        let named = finder(Some((5.0, 9.0)), false).finish(0).unwrap().0;
        let near = named.offsets().iter().zip(offset.offsets()).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near, "{named:?} {offset:?}");
    }

    #[test]
    fn a_stretch_with_a_gap_is_no_calm_one_and_too_few_frames_are_none() {
        let (_, (from, to)) = finder(None, true).finish(0).unwrap();
        assert!(!(from < 6.0 && to >= 7.0), "{from} {to}");
        assert!(finder(Some((5.0, 5.3)), false).finish(0).is_none(), "three frames");
        assert!(RestFinder::new(None).finish(0).is_none());
        let mut short = RestFinder::new(None);
        (0..20).for_each(|frame| short.push(f64::from(frame) / 10.0, &[0.5, 0.5]));
        assert!(short.finish(0).is_none(), "two seconds");
    }
}
