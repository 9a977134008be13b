//! How much there is to do in a step, so that the time of a few steps tells that of all.

use super::settings::{Feedback, Method, Settings, StudentPhase};

/// A pass backward takes about as long as two forward.
const BOTH_WAYS: u64 = 3;
/// A pass that is cut into slices goes forward twice.
const CUT: u64 = 1;

impl Settings {
    /// Work of step `step` (from 0), in pictures through a network: 1 forward, 2 backward. The optimiser is not counted; it costs
    /// little beside them.
    pub fn work(&self, step: u64) -> u64 {
        let phase = self.phase(step);
        let (labelled, unlabelled) = (self.batch as u64, self.unlabelled_batch as u64);
        if self.method == Method::Supervised {
            return self.both_ways(labelled);
        }
        let views = u64::from(phase.needs_weak) + u64::from(phase.needs_strong);
        let teacher = if phase.teacher { self.both_ways(labelled + views * unlabelled) } else { 0 };
        let feedback = match self.losses.feedback {
            _ if !phase.feedback => 0,
            Feedback::Off => 0,
            Feedback::Exact => self.both_ways(labelled),
            // A pass forward before the student's step and one after it.
            Feedback::LossDifference => 2 * labelled,
        };
        let student = match phase.student {
            StudentPhase::Waits => 0,
            StudentPhase::Learns => self.both_ways(unlabelled),
            StudentPhase::FineTunes => self.both_ways(labelled),
        };
        teacher + student + feedback
    }

    /// Of a pass over so many pictures, forward and backward.
    fn both_ways(&self, pictures: u64) -> u64 {
        let is_cut = self.micro_batch.is_some_and(|most| pictures > most as u64);
        pictures * (BOTH_WAYS + if is_cut { CUT } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_that_of_the_passes_a_step_makes() {
        let mut s = Settings {
            steps: 100,
            batch: 32,
            unlabelled_batch: 32,
            teacher_warm_up_steps: 10,
            student_wait_steps: 20,
            ..Settings::default()
        };
        s.fine_tune.steps = 5;
        let work = |s: &Settings| [0, 10, 20, 95].map(|step| s.work(step) / 32);
        // Three views both ways, the student both ways on pseudo-labels and on labels: 15 batches, as `bench --mode step` counts.
        assert_eq!(work(&s), [3, 9, 15, 3]);
        s.micro_batch = Some(32);
        assert_eq!(work(&s), [3, 12, 18, 3]);
        s.micro_batch = Some(16);
        assert_eq!(work(&s), [4, 12, 20, 4]);
        s.micro_batch = None;
        s.losses.feedback = Feedback::LossDifference;
        assert_eq!(work(&s), [3, 9, 14, 3]);
        s.losses.feedback = Feedback::Off;
        assert_eq!(work(&s), [3, 9, 12, 3]);
        s.method = Method::Supervised;
        assert_eq!(work(&s), [3; 4]);
    }
}
