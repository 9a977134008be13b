//! How large the passes of a run are, known from its settings, and networks made ready for them.

use super::error::LearnError;
use super::settings::{Method, Settings, StudentPhase};
use crate::backend::{Training, sliced};

/// Items of the passes that a run's networks make in any of its steps, each number once, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passes {
    /// Of the teacher, or of the supervised method's only network.
    pub teacher: Vec<usize>,
    /// Of the student, where there is one.
    pub student: Vec<usize>,
}

impl Settings {
    /// The passes of all steps: those of a teacher's warm-up and those of the steps in which everybody learns.
    pub fn passes(&self) -> Passes {
        let (labelled, unlabelled) = (self.batch, self.unlabelled_batch);
        if self.method == Method::Supervised {
            return Passes { teacher: vec![labelled], student: vec![] };
        }
        let mut passes = Passes::default();
        // What a step does changes at these.
        let begins = [0, self.teacher_warm_up_steps, self.student_wait_steps, self.learning_steps()];
        for phase in begins.into_iter().filter(|step| *step < self.steps).map(|step| self.phase(step)) {
            if phase.teacher {
                let views = usize::from(phase.needs_weak) + usize::from(phase.consistency);
                passes.teacher.push(labelled.saturating_add(unlabelled.saturating_mul(views)));
            }
            match phase.student {
                StudentPhase::Waits => {}
                StudentPhase::Learns => passes.student.push(unlabelled),
                StudentPhase::FineTunes => passes.student.push(labelled),
            }
            if phase.feedback {
                passes.student.push(labelled);
            }
        }
        for items in [&mut passes.teacher, &mut passes.student] {
            items.sort_unstable_by_key(|items| std::cmp::Reverse(*items));
            items.dedup();
        }
        passes
    }
}

/// A network that makes such passes, in slices of `most` items where that is given, with their memory taken: what does not fit is
/// refused here and not at the step in which it is needed.
pub(super) fn ready(
    network: Box<dyn Training>,
    passes: &[usize],
    most: Option<usize>,
) -> Result<Box<dyn Training>, LearnError> {
    let mut network = match most {
        Some(most) => sliced(network, most)?,
        None => network,
    };
    for items in passes {
        network.reserve(*items)?;
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_those_of_every_phase() {
        let mut s = Settings {
            steps: 100,
            batch: 32,
            unlabelled_batch: 48,
            teacher_warm_up_steps: 10,
            student_wait_steps: 20,
            ..Settings::default()
        };
        let passes = |s: &Settings| (s.passes().teacher, s.passes().student);
        assert_eq!(passes(&s), (vec![128, 32], vec![48, 32]));
        s.losses.consistency = 0.0;
        // Steps 11 to 20 have neither consistency nor a student, so the teacher sees labels alone.
        assert_eq!(passes(&s), (vec![80, 32], vec![48, 32]));
        s.losses.feedback = super::super::settings::Feedback::Off;
        assert_eq!(passes(&s), (vec![80, 32], vec![48]));
        s.fine_tune.steps = 5;
        assert_eq!(passes(&s), (vec![80, 32], vec![48, 32]));
        s.method = Method::Supervised;
        assert_eq!(passes(&s), (vec![32], vec![]));
    }
}
