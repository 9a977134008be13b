//! Counts of true against predicted classes and the figures taken from them.

use serde::{Deserialize, Serialize};

use super::error::LearnError;

/// True against predicted classes; rows are the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
    /// Items of each true class that have no answer.
    unanswered: Vec<u64>,
    ignored: u64,
}

/// Figures of one class, each in `[0, 1]` and 0 where its denominator is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClassScore {
    /// True positives over predicted.
    pub precision: f64,
    /// True positives over true.
    pub recall: f64,
    /// `2PR / (P + R)`.
    pub f1: f64,
    /// True items.
    pub support: u64,
    /// Predicted items.
    pub predicted: u64,
}

impl Confusion {
    /// No item yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes], unanswered: vec![0; classes], ignored: 0 }
    }

    /// Of counts, `classes x classes` with a row a true class.
    ///
    /// # Panics
    /// There are not so many.
    pub fn of_counts(classes: usize, counts: &[u64]) -> Self {
        assert_eq!(counts.len(), classes * classes, "a count for every pair of classes");
        Self { counts: counts.to_vec(), ..Self::new(classes) }
    }

    /// Adds all that another one of as many classes has counted.
    pub fn merge(&mut self, other: &Self) {
        let of = |own: &mut Vec<u64>, other: &[u64]| own.iter_mut().zip(other).for_each(|(own, n)| *own += n);
        of(&mut self.counts, &other.counts);
        of(&mut self.unanswered, &other.unanswered);
        self.ignored += other.ignored;
    }

    /// Adds one item; a label below 0 is ignored and counted as such.
    ///
    /// # Errors
    /// Label or prediction is not below the number of classes.
    pub fn add(&mut self, label: i64, predicted: usize) -> Result<(), LearnError> {
        if label < 0 {
            self.ignored += 1;
            return Ok(());
        }
        let label = label as usize;
        for (what, class) in [("label", label), ("prediction", predicted)] {
            if class >= self.classes {
                return Err(LearnError::Evaluation(format!(
                    "{what} {class} does not exist: there are {} classes",
                    self.classes
                )));
            }
        }
        self.counts[label * self.classes + predicted] += 1;
        Ok(())
    }

    /// Adds an item without an answer: it counts as wrong, and stands in no column.
    ///
    /// # Errors
    /// The label is not below the number of classes.
    pub fn add_unanswered(&mut self, label: i64) -> Result<(), LearnError> {
        let Ok(label) = usize::try_from(label) else {
            self.ignored += 1;
            return Ok(());
        };
        let classes = self.classes;
        let missing =
            || LearnError::Evaluation(format!("label {label} does not exist: there are {classes} classes"));
        *self.unanswered.get_mut(label).ok_or_else(missing)? += 1;
        Ok(())
    }

    /// Adds items one by one.
    ///
    /// # Errors
    /// The lengths differ, or as [`Confusion::add`].
    pub fn extend(&mut self, labels: &[i64], predicted: &[usize]) -> Result<(), LearnError> {
        if labels.len() != predicted.len() {
            return Err(LearnError::Evaluation(format!(
                "{} labels for {} predictions",
                labels.len(),
                predicted.len()
            )));
        }
        labels.iter().zip(predicted).try_for_each(|(&label, &class)| self.add(label, class))
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Items counted, ignored ones left out.
    pub fn items(&self) -> u64 {
        self.counts.iter().chain(&self.unanswered).sum()
    }

    /// Items ignored.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Rows of counts, one a true class.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        self.counts.chunks_exact(self.classes.max(1)).map(<[u64]>::to_vec).collect()
    }

    /// Figures of each class.
    pub fn scores(&self) -> Vec<ClassScore> {
        let k = self.classes;
        let score = |class: usize| {
            let hits = self.counts[class * k + class];
            let answered: u64 = self.counts[class * k..(class + 1) * k].iter().sum();
            let support = answered + self.unanswered[class];
            let predicted: u64 = (0..k).map(|row| self.counts[row * k + class]).sum();
            ClassScore {
                precision: ratio(hits, predicted),
                recall: ratio(hits, support),
                f1: ratio(2 * hits, support + predicted),
                support,
                predicted,
            }
        };
        (0..k).map(score).collect()
    }

    /// Mean F1 over all classes; a class that neither occurs nor is predicted counts as 0.
    pub fn macro_f1(&self) -> f64 {
        self.scores().iter().map(|s| s.f1).sum::<f64>() / self.classes.max(1) as f64
    }

    /// Share of items predicted right.
    pub fn accuracy(&self) -> f64 {
        ratio((0..self.classes).map(|c| self.counts[c * self.classes + c]).sum(), self.items())
    }

    /// Mean recall over the classes that occur (UAR).
    pub fn balanced_accuracy(&self) -> f64 {
        let present: Vec<f64> = self.scores().iter().filter(|s| s.support > 0).map(|s| s.recall).collect();
        present.iter().sum::<f64>() / present.len().max(1) as f64
    }

    /// Classes that neither occur nor are predicted.
    pub fn absent(&self) -> Vec<usize> {
        let empty = |(class, s): (usize, &ClassScore)| (s.support + s.predicted == 0).then_some(class);
        self.scores().iter().enumerate().filter_map(empty).collect()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand: class 0 has P 2/3 and R 2/2, class 1 P 1/1 and R 1/2, class 2 neither.
    fn example() -> Confusion {
        let mut confusion = Confusion::new(3);
        confusion.extend(&[0, 0, 1, 1, -1], &[0, 0, 0, 1, 2]).expect("within three classes");
        confusion
    }

    #[test]
    fn figures_are_those_worked_by_hand() {
        let confusion = example();
        let f1 = [0.8, 2.0 / 3.0, 0.0];
        for (score, f1) in confusion.scores().iter().zip(f1) {
            assert!((score.f1 - f1).abs() < 1e-12, "{score:?}");
        }
        assert!((confusion.macro_f1() - f1.iter().sum::<f64>() / 3.0).abs() < 1e-12);
        assert_eq!(confusion.accuracy(), 0.75);
        assert_eq!(confusion.balanced_accuracy(), 0.75);
        assert_eq!(confusion.rows(), [[2, 0, 0], [1, 1, 0], [0, 0, 0]]);
    }

    #[test]
    fn ignored_frames_count_nowhere_and_absent_classes_are_known() {
        let confusion = example();
        assert_eq!((confusion.items(), confusion.ignored()), (4, 1));
        assert_eq!(confusion.absent(), [2]);
    }

    #[test]
    fn an_item_without_an_answer_counts_as_wrong() {
        let mut confusion = example();
        confusion.add_unanswered(1).expect("a class");
        confusion.add_unanswered(-1).expect("ignored");
        assert!(confusion.add_unanswered(3).is_err());
        assert_eq!((confusion.items(), confusion.ignored(), confusion.accuracy()), (5, 2, 0.6));
        assert_eq!((confusion.scores()[1].support, confusion.scores()[1].f1), (3, 0.5));
        assert_eq!(confusion.rows(), example().rows());
    }

    #[test]
    fn nothing_at_all_is_zero_and_not_a_panic() {
        let nothing = Confusion::new(2);
        assert_eq!((nothing.macro_f1(), nothing.accuracy(), nothing.balanced_accuracy()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn classes_that_do_not_exist_are_refused() {
        assert!(Confusion::new(2).add(2, 0).is_err());
        assert!(Confusion::new(2).add(0, 2).is_err());
        assert!(Confusion::new(2).extend(&[0], &[]).is_err());
    }
}
