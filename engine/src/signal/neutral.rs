//! One person's face at rest, taken off their readings.
//!
//! Some faces look sad, angry or amused to a network when they show nothing. While such a person looks neutral, the logarithms
//! of the calibrated probabilities are averaged, `m_c = mean log p_c`. Each other class that comes nearer to neutral than a
//! margin `g` is lowered by just what is missing,
//!
//! ```text
//! b_c = -clamp(m_c - m_neutral + g, 0, B)        b_neutral = 0
//! p'_c = p_c exp(b_c) / sum_k p_k exp(b_k)
//! ```
//!
//! so that on average neutral leads by `g` at rest. Classes that keep their distance are not touched, a face that the network
//! reads as neutral anyway is not changed at all, and because of the bound `B` a class that is sure enough still wins.

use super::SignalError;

/// By how much neutral leads at rest, in nats: twice as probable as any other class.
pub const MARGIN: f32 = std::f32::consts::LN_2;
/// The most that a class is lowered, in nats: to a twentieth of its odds.
pub const BOUND: f32 = 3.0;
/// Fewest frames that a calibration is made of.
pub const FEWEST_FRAMES: usize = 5;
/// Longest that a face is looked at, in seconds.
pub const LONGEST: f64 = 60.0;
/// What probabilities are raised to before their logarithm is taken.
pub(super) const LEAST: f32 = 1e-6;

/// What is added to the logarithm of each probability of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct NeutralOffset {
    /// One a class, from `-BOUND` to 0.
    offsets: Vec<f32>,
    /// Whether neutral leads at rest by the margin; else some class would have to be lowered by more than [`BOUND`], and the
    /// face was probably not at rest.
    pub complete: bool,
}

impl NeutralOffset {
    /// From the means of the logarithms of a resting face's probabilities, one a class; `neutral` is the class they should show.
    ///
    /// # Panics
    /// There is no class of that number.
    pub fn of(means: &[f32], neutral: usize) -> Self {
        let gap = |mean: f32| (mean - means[neutral] + MARGIN).max(0.0);
        let lowered = |(class, &mean): (usize, &f32)| {
            if class == neutral { 0.0 } else { -gap(mean).min(BOUND) }
        };
        let offsets = means.iter().enumerate().map(lowered).collect();
        let complete = means.iter().enumerate().all(|(class, &mean)| class == neutral || gap(mean) <= BOUND);
        Self { offsets, complete }
    }

    /// What is added to each class's logarithm.
    pub fn offsets(&self) -> &[f32] {
        &self.offsets
    }

    /// The probabilities as they are with the offset: they sum to 1 again.
    pub fn apply(&self, probabilities: &[f32]) -> Vec<f32> {
        let raised =
            probabilities.iter().zip(&self.offsets).map(|(&p, &b)| f64::from(p) * f64::from(b).exp());
        let raised: Vec<f64> = raised.collect();
        let sum: f64 = raised.iter().sum();
        if sum > 0.0 {
            raised.iter().map(|p| (p / sum) as f32).collect()
        } else {
            // All that is left lies in classes too improbable to be told apart.
            probabilities.to_vec()
        }
    }
}

/// Looks at a resting face for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct NeutralCalibration {
    seconds: f64,
    began: Option<f64>,
    now: f64,
    sums: Vec<f64>,
    frames: usize,
}

impl NeutralCalibration {
    /// One that looks for so many seconds of the video's time, above 0 and at most [`LONGEST`].
    ///
    /// # Errors
    /// The time is out of range.
    pub fn new(seconds: f64) -> Result<Self, SignalError> {
        if !(seconds > 0.0 && seconds <= LONGEST) {
            return Err(SignalError::Rest(seconds.to_string()));
        }
        Ok(Self { seconds, began: None, now: 0.0, sums: vec![], frames: 0 })
    }

    /// Takes the probabilities of a frame at `seconds`; gives the offset once it has seen enough.
    pub fn push(&mut self, seconds: f64, probabilities: &[f32], neutral: usize) -> Option<NeutralOffset> {
        let began = *self.began.get_or_insert(seconds);
        self.now = seconds;
        self.sums.resize(probabilities.len(), 0.0);
        for (sum, &p) in self.sums.iter_mut().zip(probabilities) {
            *sum += f64::from(p.max(LEAST).ln());
        }
        self.frames += 1;
        // The clock of a camera is not exact, so a hair less than asked is enough.
        if seconds - began < self.seconds - 1e-6 || self.frames < FEWEST_FRAMES {
            return None;
        }
        let means: Vec<f32> = self.sums.iter().map(|sum| (sum / self.frames as f64) as f32).collect();
        Some(NeutralOffset::of(&means, neutral))
    }

    /// How much of the time is over, 0 to 1.
    pub fn part(&self) -> f64 {
        self.began.map_or(0.0, |began| ((self.now - began) / self.seconds).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Address, Purpose};

    const CLASSES: usize = 7;

    /// Probabilities of a face that leans to some class, at random.
    fn face(item: u64, lean: f32) -> Vec<f32> {
        let mut rng = Address { seed: 3, purpose: Purpose::Synthesis, step: 0, item }.rng();
        let raised: Vec<f32> = (0..CLASSES).map(|_| (rng.normal() * lean).exp()).collect();
        let sum: f32 = raised.iter().sum();
        raised.iter().map(|r| r / sum).collect()
    }

    fn log(p: &[f32]) -> Vec<f32> {
        p.iter().map(|p| p.max(LEAST).ln()).collect()
    }

    fn top(p: &[f32]) -> usize {
        (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).expect("a class")
    }

    #[test]
    fn at_rest_neutral_leads_every_other_class_by_the_margin() {
        let mut complete = 0;
        for item in 0..2000 {
            let rest = face(item, 1.5);
            let neutral = item as usize % CLASSES;
            let offset = NeutralOffset::of(&log(&rest), neutral);
            assert!(offset.offsets().iter().all(|b| (-BOUND..=0.0).contains(b)), "{offset:?}");
            assert_eq!(offset.offsets()[neutral], 0.0);
            let after = offset.apply(&rest);
            let sum: f32 = after.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{after:?}");
            for class in (0..CLASSES).filter(|&c| c != neutral) {
                let lead = (after[neutral] / after[class]).ln();
                assert!(!offset.complete || lead > MARGIN - 1e-3, "{lead} {rest:?}");
                assert!(lead >= (rest[neutral] / rest[class]).ln() - 1e-4, "nothing comes nearer to neutral");
            }
            complete += usize::from(offset.complete);
        }
        assert!((1000..2000).contains(&complete), "both kinds occur: {complete}");
    }

    #[test]
    fn a_face_that_is_read_as_neutral_is_left_alone() {
        let mut rest = vec![0.1; CLASSES];
        rest[2] = 0.4;
        let offset = NeutralOffset::of(&log(&rest), 2);
        assert!(offset.complete && offset.offsets().iter().all(|&b| b == 0.0), "{offset:?}");
        assert_eq!(offset.apply(&face(1, 2.0)), face(1, 2.0));
    }

    #[test]
    fn an_expression_that_is_sure_enough_still_wins() {
        // A resting face that looks half sad.
        let offset = NeutralOffset::of(&log(&[0.4, 0.5, 0.1]), 0);
        assert_eq!(top(&offset.apply(&[0.4, 0.5, 0.1])), 0);
        assert_eq!(top(&offset.apply(&[0.08, 0.9, 0.02])), 1);
        assert_eq!(top(&offset.apply(&[0.2, 0.1, 0.7])), 2, "other classes are as before");
        // Even where all of the bound is used: twenty times the odds win.
        let offset = NeutralOffset::of(&log(&[0.001, 0.998, 0.001]), 0);
        assert!(!offset.complete);
        assert_eq!(top(&offset.apply(&[0.02, 0.96, 0.02])), 1);
    }

    #[test]
    fn a_calibration_ends_with_its_time_and_is_the_mean_over_it() {
        let mut calibration = NeutralCalibration::new(1.0).expect("a time");
        let (mut sums, mut found) = (vec![0.0f32; CLASSES], None);
        for frame in 0..=10 {
            assert!(found.is_none(), "it ends with the first frame at a second");
            let p = face(frame, 1.0);
            sums.iter_mut().zip(log(&p)).for_each(|(sum, log)| *sum += log / 11.0);
            found = calibration.push(20.0 + frame as f64 / 10.0, &p, 4);
        }
        assert_eq!(calibration.part(), 1.0);
        let (found, wanted) = (found.expect("it has ended"), NeutralOffset::of(&sums, 4));
        let near = found.offsets().iter().zip(wanted.offsets()).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near, "{found:?} {wanted:?}");
        // A face that is hardly seen is looked at for longer.
        let mut rare = NeutralCalibration::new(1.0).expect("a time");
        let ends: Vec<bool> =
            (0..5).map(|k| rare.push(f64::from(k) * 2.0, &face(1, 1.0), 0).is_some()).collect();
        assert_eq!(ends, [false, false, false, false, true]);
    }

    #[test]
    fn no_time_and_too_long_a_time_are_refused() {
        for seconds in [0.0, -1.0, f64::NAN, 61.0, f64::INFINITY] {
            assert!(NeutralCalibration::new(seconds).is_err(), "{seconds}");
        }
    }
}
