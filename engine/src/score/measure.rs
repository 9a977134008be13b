//! The figures that are taken from counts.

use serde::Serialize;

use crate::learn::Confusion;

/// A figure of a set of answers, in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Mean F1 over all classes; one that neither occurs nor is answered counts as 0.
    MacroF1,
    /// Share of items answered right: weighted average recall (WAR).
    Accuracy,
    /// Mean recall over the classes that occur: unweighted average recall (UAR).
    BalancedAccuracy,
}

impl Measure {
    /// All of them, in the order of [`Figures`].
    pub const ALL: [Self; 3] = [Self::MacroF1, Self::Accuracy, Self::BalancedAccuracy];
}

/// One value a measure.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Figures<T = f64> {
    /// Mean F1 over all classes.
    pub macro_f1: T,
    /// Share answered right (WAR).
    pub accuracy: T,
    /// Mean recall over the classes that occur (UAR).
    pub balanced_accuracy: T,
}

impl<T> Figures<T> {
    /// One of each measure.
    pub fn each(mut make: impl FnMut(Measure) -> T) -> Self {
        let [macro_f1, accuracy, balanced_accuracy] = Measure::ALL.map(&mut make);
        Self { macro_f1, accuracy, balanced_accuracy }
    }

    /// The value of a measure.
    pub fn of(&self, measure: Measure) -> &T {
        match measure {
            Measure::MacroF1 => &self.macro_f1,
            Measure::Accuracy => &self.accuracy,
            Measure::BalancedAccuracy => &self.balanced_accuracy,
        }
    }
}

impl Figures {
    /// The figures of counts. With `present` macro F1 is the mean over the classes that occur or are answered, as part of a set
    /// need not hold all of them.
    pub fn of_counts(counts: &Confusion, present: bool) -> Self {
        let classes = counts.classes() as f64;
        let macro_f1 = counts.macro_f1();
        let there = classes - counts.absent().len() as f64;
        Self {
            macro_f1: if present && there > 0.0 { macro_f1 * classes / there } else { macro_f1 },
            accuracy: counts.accuracy(),
            balanced_accuracy: counts.balanced_accuracy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_set_is_measured_on_the_classes_that_it_holds() {
        let mut counts = Confusion::new(4);
        counts.extend(&[0, 0, 1, 1], &[0, 1, 1, 1]).expect("four classes");
        let (whole, part) = (Figures::of_counts(&counts, false), Figures::of_counts(&counts, true));
        assert!((part.macro_f1 - f64::midpoint(2.0 / 3.0, 0.8)).abs() < 1e-12, "{part:?}");
        assert!((whole.macro_f1 - part.macro_f1 / 2.0).abs() < 1e-12, "{whole:?}");
        assert_eq!(*part.of(Measure::Accuracy), 0.75);
        assert_eq!(Figures::of_counts(&Confusion::new(2), true).macro_f1, 0.0);
    }
}
