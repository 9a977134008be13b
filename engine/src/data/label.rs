//! From a dataset's annotation to the run's label.

use super::{Ambiguous, Annotation, Mapping, Source, Target};

pub(super) type Label = (Option<usize>, Option<Box<[f32]>>);

/// Label and votes of an item under a mapping; nothing where the item is not to be used.
pub(super) fn label(source: &Source, mapping: &Mapping, classes: usize, item: usize) -> Option<Label> {
    if source.unlabelled {
        return Some((None, None));
    }
    let target = match source.dataset.annotation(item) {
        Annotation::None => Target::Unlabelled,
        Annotation::Class(class) => mapping[class],
        Annotation::Votes(votes) => {
            let distribution = distribution(mapping, classes, &votes);
            return match majority(mapping, classes, &votes) {
                Some(Target::Class(class)) => Some((Some(class), distribution)),
                Some(Target::Unlabelled) => Some((None, distribution)),
                Some(Target::Drop) => None,
                None => (source.ambiguous == Ambiguous::Unlabelled).then_some((None, distribution)),
            };
        }
    };
    match target {
        Target::Class(class) => Some((Some(class), None)),
        Target::Unlabelled => Some((None, None)),
        Target::Drop => None,
    }
}

/// Votes over the run's classes, summing to 1; nothing where no class of the run has a vote.
fn distribution(mapping: &Mapping, classes: usize, votes: &[f32]) -> Option<Box<[f32]>> {
    let mut sums = vec![0.0; classes];
    for (target, vote) in mapping.iter().zip(votes) {
        if let Target::Class(class) = target {
            sums[*class] += vote;
        }
    }
    let total: f32 = sums.iter().sum();
    (total > 0.0).then(|| sums.iter().map(|sum| sum / total).collect())
}

/// The column or class with the most votes; nothing on a tie or without any vote.
fn majority(mapping: &Mapping, classes: usize, votes: &[f32]) -> Option<Target> {
    let mut sums = vec![(0.0f32, Target::Drop); classes];
    for (target, &vote) in mapping.iter().zip(votes) {
        match target {
            Target::Class(class) => sums[*class] = (sums[*class].0 + vote, *target),
            other => sums.push((vote, *other)),
        }
    }
    let most = sums.iter().map(|(sum, _)| *sum).fold(0.0, f32::max);
    let mut first = sums.iter().filter(|(sum, _)| *sum == most);
    let (_, target) = first.next()?;
    (most > 0.0 && first.next().is_none()).then_some(*target)
}
