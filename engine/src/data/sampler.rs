//! Which samples a training step takes. A draw is a pure function of the seed and the step, so a sampler has no place
//! to save: a resumed run asks for its next step.

use std::sync::{Arc, Mutex, PoisonError};

use super::DataError;
use crate::random::{Address, Purpose};

/// Draws batches with the same number of samples of every class.
///
/// Each step takes `batch / classes` samples of each class; the remainder goes to classes in rotation. Within a class
/// samples come without replacement until all were drawn, then in a fresh order.
#[derive(Debug)]
pub struct BalancedSampler {
    classes: Vec<Walk>,
    batch: u64,
}

impl BalancedSampler {
    /// A sampler over the labelled samples of a pool; unlabelled ones are never drawn.
    ///
    /// # Errors
    /// A class without a sample, a label outside the classes, or an empty batch.
    pub fn new(
        labels: &[Option<usize>],
        classes: &[String],
        batch: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        check_batch(batch)?;
        let mut members = vec![Vec::new(); classes.len()];
        for (index, label) in labels.iter().enumerate() {
            if let Some(label) = label {
                let class = members.get_mut(*label).ok_or_else(|| {
                    DataError::TooFew(format!(
                        "sample {index} has label {label}, but there are {} classes",
                        classes.len()
                    ))
                })?;
                class.push(index as u32);
            }
        }
        let empty: Vec<&str> = (members.iter().zip(classes))
            .filter(|(members, _)| members.is_empty())
            .map(|(_, class)| class.as_str())
            .collect();
        if !empty.is_empty() {
            let reason =
                "no labelled sample, so no balanced batch can be drawn; add data or leave the class out";
            return Err(DataError::TooFew(format!("class {}: {reason}", empty.join(", "))));
        }
        let walk = |(class, members)| {
            let address = Address { seed, purpose: Purpose::SampleLabelled, step: 0, item: class as u64 };
            Walk::over(Members::These(members), address)
        };
        Ok(Self { classes: members.into_iter().enumerate().map(walk).collect(), batch: batch as u64 })
    }

    /// The samples of a step, class after class.
    pub fn draw(&self, step: u64) -> Vec<usize> {
        let classes = self.classes.len() as u64;
        let (each, rest) = (self.batch / classes, self.batch % classes);
        // The extra draws of all steps count on through the classes: draw number e goes to class e mod classes.
        let extras = |before_step: u64, class: u64| (before_step * rest + classes - 1 - class) / classes;
        let mut drawn = Vec::with_capacity(self.batch as usize);
        for (class, walk) in (0..classes).zip(&self.classes) {
            let first = step * each + extras(step, class);
            let end = (step + 1) * each + extras(step + 1, class);
            drawn.extend((first..end).map(|place| walk.at(place)));
        }
        drawn
    }
}

/// Draws batches uniformly: every sample once per pass, each pass in a fresh order.
#[derive(Debug)]
pub struct UniformSampler {
    walk: Walk,
    batch: u64,
}

impl UniformSampler {
    /// A sampler over `count` samples. `purpose` is [`Purpose::SampleUnlabelled`] for the unlabelled pool and
    /// [`Purpose::SampleLabelled`] for supervised training on all labels.
    ///
    /// # Errors
    /// No sample, or an empty batch.
    pub fn new(count: usize, batch: usize, seed: u64, purpose: Purpose) -> Result<Self, DataError> {
        check_batch(batch)?;
        if count == 0 {
            return Err(DataError::TooFew("no sample to draw from".to_owned()));
        }
        let address = Address { seed, purpose, step: 0, item: 0 };
        Ok(Self { walk: Walk::over(Members::First(count as u32), address), batch: batch as u64 })
    }

    /// The samples of a step.
    pub fn draw(&self, step: u64) -> Vec<usize> {
        (step * self.batch..(step + 1) * self.batch).map(|place| self.walk.at(place)).collect()
    }
}

fn check_batch(batch: usize) -> Result<(), DataError> {
    if batch == 0 { Err(DataError::TooFew("a batch needs at least one sample".to_owned())) } else { Ok(()) }
}

/// An endless walk over members, pass after pass, whose every place can be asked for directly.
#[derive(Debug)]
struct Walk {
    members: Members,
    /// `step` becomes the pass.
    address: Address,
    /// Orders of the passes asked for last. Two, because workers ahead and behind straddle the end of a pass.
    recent: Mutex<Recent>,
}

type Recent = [Option<(u64, Arc<[u32]>)>; 2];

/// Who is walked over.
#[derive(Debug)]
enum Members {
    /// The numbers from 0 to below this one, which need no list: a pass over millions takes four bytes each.
    First(u32),
    These(Vec<u32>),
}

impl Members {
    fn len(&self) -> usize {
        match self {
            Self::First(count) => *count as usize,
            Self::These(members) => members.len(),
        }
    }

    fn listed(&self) -> Arc<[u32]> {
        match self {
            Self::First(count) => (0..*count).collect(),
            Self::These(members) => members.as_slice().into(),
        }
    }
}

impl Walk {
    fn over(members: Members, address: Address) -> Self {
        Self { members, address, recent: Mutex::default() }
    }

    fn at(&self, place: u64) -> usize {
        let count = self.members.len() as u64;
        self.order(place / count)[(place % count) as usize] as usize
    }

    fn order(&self, pass: u64) -> Arc<[u32]> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, order)) = recent.iter().flatten().find(|(known, _)| *known == pass) {
            return Arc::clone(order);
        }
        // The older of the two goes before the new one comes.
        recent.swap(0, 1);
        recent[0] = None;
        let mut order = self.members.listed();
        if let Some(order) = Arc::get_mut(&mut order) {
            Address { step: pass, ..self.address }.rng().shuffle(order);
        }
        recent[0] = Some((pass, Arc::clone(&order)));
        order
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class {class}")).collect()
    }

    /// Labels in which class c has `sizes[c]` samples, in mixed order, with unlabelled ones between.
    fn labels(sizes: &[usize]) -> Vec<Option<usize>> {
        let mut labels: Vec<Option<usize>> =
            sizes.iter().enumerate().flat_map(|(class, &size)| vec![Some(class); size]).collect();
        labels.extend([None; 7]);
        Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item: 0 }.rng().shuffle(&mut labels);
        labels
    }

    const CASES: [(&[usize], usize); 5] =
        [(&[5, 1, 30, 7, 2, 2, 9, 4], 32), (&[3, 8, 5], 32), (&[3, 8, 5, 6], 3), (&[1, 1], 1), (&[4], 6)];

    #[test]
    fn every_step_is_balanced_to_one_sample_and_the_remainder_rotates() {
        for (sizes, batch) in CASES {
            let labels = labels(sizes);
            let sampler = BalancedSampler::new(&labels, &names(sizes.len()), batch, 9).unwrap();
            let mut totals = vec![0; sizes.len()];
            for step in 0..200u64 {
                let drawn = sampler.draw(step);
                assert_eq!(drawn.len(), batch);
                let mut counts = vec![0; sizes.len()];
                for &index in &drawn {
                    counts[labels[index].unwrap()] += 1;
                }
                let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
                assert!(spread <= 1, "step {step}: {counts:?}");
                totals.iter_mut().zip(&counts).for_each(|(total, count)| *total += count);
                let spread = totals.iter().max().unwrap() - totals.iter().min().unwrap();
                assert!(spread <= 1, "after step {step}: {totals:?}");
            }
        }
    }

    #[test]
    fn within_a_class_no_sample_repeats_before_all_were_drawn() {
        for (sizes, batch) in CASES {
            let labels = labels(sizes);
            let sampler = BalancedSampler::new(&labels, &names(sizes.len()), batch, 4).unwrap();
            let mut drawn: Vec<Vec<usize>> = vec![Vec::new(); sizes.len()];
            for index in (0..100).flat_map(|step| sampler.draw(step)) {
                drawn[labels[index].unwrap()].push(index);
            }
            for (order, &size) in drawn.iter().zip(sizes) {
                for pass in order.chunks(size) {
                    let mut unique = pass.to_vec();
                    unique.sort_unstable();
                    unique.dedup();
                    assert_eq!(unique.len(), pass.len());
                }
            }
        }
    }

    #[test]
    fn passes_differ_in_order() {
        let sampler = UniformSampler::new(50, 50, 4, Purpose::SampleUnlabelled).unwrap();
        let (mut first, mut second) = (sampler.draw(0), sampler.draw(1));
        assert_ne!(first, second);
        first.sort_unstable();
        second.sort_unstable();
        assert_eq!(first, (0..50).collect::<Vec<_>>());
        assert_eq!(first, second);
    }

    #[test]
    fn a_step_draws_the_same_whenever_and_in_whatever_order_it_is_asked_for() {
        let labels = labels(&[5, 1, 30]);
        let sampler = BalancedSampler::new(&labels, &names(3), 8, 9).unwrap();
        let uniform = UniformSampler::new(13, 8, 9, Purpose::SampleUnlabelled).unwrap();
        let forward: Vec<_> = (0..60).map(|step| (sampler.draw(step), uniform.draw(step))).collect();
        for step in (0..60).rev().chain([3, 59, 0, 17]) {
            assert_eq!(forward[step as usize], (sampler.draw(step), uniform.draw(step)), "step {step}");
        }
        let fresh = BalancedSampler::new(&labels, &names(3), 8, 9).unwrap();
        assert_eq!(fresh.draw(41), forward[41].0, "as a resumed run does");
        let other = BalancedSampler::new(&labels, &names(3), 8, 10).unwrap();
        assert_ne!(
            (0..9).map(|s| other.draw(s)).collect::<Vec<_>>(),
            (0..9).map(|s| sampler.draw(s)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_empty_class_or_batch_is_an_error_that_names_it() {
        let message = BalancedSampler::new(&labels(&[2, 0]), &names(2), 4, 0).unwrap_err().to_string();
        assert!(message.contains("class 1"), "{message}");
        assert!(BalancedSampler::new(&labels(&[2]), &names(1), 0, 0).is_err());
        let message = BalancedSampler::new(&labels(&[2, 2]), &names(1), 4, 0).unwrap_err().to_string();
        assert!(message.contains("label 1, but there are 1 classes"), "{message}");
        assert!(UniformSampler::new(0, 4, 0, Purpose::SampleUnlabelled).is_err());
    }
}
