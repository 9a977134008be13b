//! From open datasets to what a run trains on: labelled and unlabelled pools without leaks, with as many labels as
//! asked for.

use super::looks::remove_near_copies;
use super::{DataError, DedupReport, LabelsPerClass, Pool, Recipe, Removal, Sample, SkipLog, Source};
use super::{Target, Vocabulary, Why};
use crate::random::{Address, Purpose};

/// What a run trains on.
#[derive(Clone)]
pub struct TrainingPools {
    /// Every sample has a label.
    pub labelled: Pool,
    /// No sample has a label.
    pub unlabelled: Pool,
    /// What de-duplication removed.
    pub report: DedupReport,
    /// The same, item by item.
    pub removed: Vec<Removal>,
}

/// Builds the training pools: de-duplicates, removes whatever an evaluation pool holds, keeps the asked number of
/// labels a class, and turns the other items of the labelled sources into unlabelled ones.
///
/// A source's own `labels_per_class` holds for that source; the recipe's holds for all others taken together, and of each class
/// that one of them has. The choice depends on the seed and the data alone.
///
/// # Errors
/// As [`Pool::build`]; a class that is empty or has fewer labels than asked for (names every such class with its
/// count).
pub fn training_pools(
    vocabulary: &Vocabulary,
    labelled: &[Source],
    unlabelled: &[Source],
    evaluation: &[&Pool],
    recipe: &Recipe,
    skips: &SkipLog,
) -> Result<TrainingPools, DataError> {
    let seed = recipe.seed;
    let (mut report, mut removed) = (DedupReport::default(), Vec::new());
    let mut kept = Pool::build_with(vocabulary, labelled, recipe, skips)?;
    let copies = kept.remove_duplicates()?;
    report.labelled_duplicates = copies.len();
    report.conflicting_labels =
        copies.iter().filter(|removal| removal.why() == Why::CopyWithOtherLabel).count();
    removed.extend(copies);
    let evaluated = kept.remove_content_of(evaluation)?;
    report.labelled_in_evaluation = evaluated.len();
    removed.extend(evaluated);

    let sources: Vec<Source> =
        unlabelled.iter().map(|source| Source { unlabelled: true, ..source.clone() }).collect();
    let mut rest = kept.split_off(|sample| sample.label().is_some());
    for (index, source) in labelled.iter().enumerate() {
        if let Some(count) = source.labels_per_class {
            let own = |dataset: usize| dataset == index;
            let address = Address { seed, purpose: Purpose::LabelledSubset, step: index as u64 + 1, item: 0 };
            rest.append(keep_labels(&mut kept, vocabulary, count, address, own)?);
        }
    }
    if let Some(count) = recipe.labels_per_class {
        let shared = |dataset: usize| labelled[dataset].labels_per_class.is_none();
        if labelled.iter().any(|source| source.labels_per_class.is_none()) {
            let address = Address { seed, purpose: Purpose::LabelledSubset, step: 0, item: 0 };
            rest.append(keep_labels(&mut kept, vocabulary, count, address, shared)?);
        }
    }
    let mut unlabelled = Pool::build_with(vocabulary, &sources, recipe, skips)?;
    unlabelled.append(rest);
    for sample in &mut unlabelled.samples {
        *sample = sample.unlabelled();
    }
    let copies = unlabelled.remove_duplicates()?;
    report.unlabelled_duplicates = copies.len();
    removed.extend(copies);
    let evaluated = unlabelled.remove_content_of(evaluation)?;
    report.unlabelled_in_evaluation = evaluated.len();
    removed.extend(evaluated);
    let near = remove_near_copies([&mut kept, &mut unlabelled], evaluation, recipe, skips)?;
    report.near_evaluation = near.iter().filter(|removal| removal.why() == Why::NearEvaluation).count();
    report.near_duplicates = near.len() - report.near_evaluation;
    removed.extend(near);
    Ok(TrainingPools { labelled: kept, unlabelled, report, removed })
}

/// Keeps the wanted number of labelled samples of each class among the datasets `concerns` names, and moves their others out.
fn keep_labels(
    pool: &mut Pool,
    vocabulary: &Vocabulary,
    wanted: LabelsPerClass,
    address: Address,
    concerns: impl Fn(usize) -> bool,
) -> Result<Pool, DataError> {
    if wanted == LabelsPerClass::ALL {
        return Ok(Pool::default());
    }
    let mut members = vec![Vec::new(); vocabulary.len()];
    for (index, sample) in pool.samples.iter().enumerate() {
        if let Some(label) = sample.label().filter(|_| concerns(sample.dataset())) {
            members[label].push(index as u32);
        }
    }
    // Of a class that none of these datasets knows, other ones have the labels.
    let known = |class: usize| {
        let concerned = pool.members.iter().enumerate().filter(|(dataset, _)| concerns(*dataset));
        concerned.into_iter().any(|(_, member)| member.mapping.contains(&Target::Class(class)))
    };
    let elsewhere = |class: usize| pool.samples.iter().any(|sample: &Sample| sample.label() == Some(class));
    let least = if wanted.at_most { 1 } else { wanted.count };
    let short: Vec<String> = members
        .iter()
        .zip(vocabulary.classes())
        .enumerate()
        .filter(|(class, (members, _))| members.len() < least && (known(*class) || !elsewhere(*class)))
        .map(|(_, (members, class))| match members.len() {
            0 => format!("`{class}` has none"),
            number => format!("`{class}` has {number}"),
        })
        .collect();
    if !short.is_empty() {
        // What was asked for already is `max`, or it might be.
        let fewer = format!("ask for fewer, for max{} (all where a class has fewer), ", wanted.count);
        let advice = if wanted.at_most { "" } else { fewer.as_str() };
        let advice = format!("{advice}add data, or choose a vocabulary without the class");
        return Err(DataError::TooFew(format!(
            "{wanted} labels a class were asked for, but {}; {advice}",
            short.join(", ")
        )));
    }
    let mut keep = vec![true; pool.len()];
    for (class, members) in members.iter_mut().enumerate() {
        Address { item: class as u64, ..address }.rng().shuffle(members);
        for &index in members.iter().skip(wanted.count) {
            keep[index as usize] = false;
        }
    }
    let mut keep = keep.into_iter();
    Ok(pool.split_off(|_| keep.next().unwrap_or(true)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;
    use std::path::Path;

    use super::super::formats::ferplus::tests::write_split;
    use super::super::pool::tests::all_for;
    use super::super::{Formats, Spec};
    use super::*;

    /// `counts[c]` different pictures of FER+ class c.
    fn write_classes(root: &Path, split: &str, counts: &[usize], first_tone: u8) {
        let columns = counts.iter().enumerate().flat_map(|(column, &count)| vec![column; count]);
        let lines: Vec<_> =
            columns.enumerate().map(|(index, column)| (first_tone + index as u8, all_for(column))).collect();
        write_split(root, split, &lines);
    }

    fn source(root: &Path, query: &str) -> Source {
        let spec: Spec = format!("ferplus:{}{query}", root.display()).parse().unwrap();
        Source::open(&spec, &Formats::files(), &SkipLog::new(true)).unwrap()
    }

    fn pools(labelled: &[Source], count: Option<&str>, seed: u64) -> Result<TrainingPools, DataError> {
        let vocabulary = Vocabulary::open("neutral,happy,surprise").unwrap();
        let labels_per_class = count.map(|text| text.parse().unwrap());
        let recipe = Recipe { seed, labels_per_class, ..Recipe::default() };
        training_pools(&vocabulary, labelled, &[], &[], &recipe, &SkipLog::new(true))
    }

    const OTHERS: &str = "map=sadness:drop,anger:drop,disgust:drop,fear:drop,contempt:drop";

    #[test]
    fn each_class_keeps_the_asked_labels_and_the_rest_becomes_unlabelled() {
        let dir = tempfile::tempdir().unwrap();
        write_classes(dir.path(), "Train", &[9, 5, 4], 0);
        let source = source(dir.path(), &format!("?{OTHERS}"));
        let hashes = |pool: &Pool| pool.hashes().unwrap().into_iter().collect::<HashSet<_>>();
        let chosen = pools(std::slice::from_ref(&source), Some("4"), 1).unwrap();
        assert_eq!(chosen.labelled.class_counts(3), [4, 4, 4]);
        assert_eq!(chosen.unlabelled.len(), 6);
        assert!(chosen.unlabelled.samples().iter().all(|s| s.label().is_none()));
        assert!(hashes(&chosen.labelled).is_disjoint(&hashes(&chosen.unlabelled)));
        let again = pools(std::slice::from_ref(&source), Some("4"), 1).unwrap();
        assert_eq!(hashes(&chosen.labelled), hashes(&again.labelled), "the seed decides");
        let other = pools(&[source], Some("4"), 2).unwrap();
        assert_ne!(hashes(&chosen.labelled), hashes(&other.labelled));
    }

    #[test]
    fn a_class_with_too_few_labels_or_none_is_named_with_its_count() {
        let dir = tempfile::tempdir().unwrap();
        write_classes(dir.path(), "Train", &[9, 3], 0);
        let message =
            pools(&[source(dir.path(), &format!("?{OTHERS}"))], Some("4"), 1).err().unwrap().to_string();
        assert!(message.contains("`happy` has 3") && message.contains("`surprise` has none"), "{message}");
        assert!(!message.contains("`neutral`"), "{message}");
    }

    #[test]
    fn at_most_takes_all_of_a_scarce_class_but_not_none() {
        let dir = tempfile::tempdir().unwrap();
        write_classes(dir.path(), "Train", &[9, 3, 5], 0);
        let chosen = pools(&[source(dir.path(), &format!("?{OTHERS}"))], Some("max4"), 1).unwrap();
        assert_eq!(chosen.labelled.class_counts(3), [4, 3, 4]);
        assert_eq!(chosen.unlabelled.len(), 6);
        write_classes(dir.path(), "Train", &[9, 3], 0);
        let message =
            pools(&[source(dir.path(), &format!("?{OTHERS}"))], Some("max4"), 1).err().unwrap().to_string();
        assert!(message.contains("`surprise` has none") && !message.contains("`happy`"), "{message}");
        assert!(!message.contains("for max4"), "that was asked for: {message}");
    }

    #[test]
    fn a_source_can_limit_its_own_labels() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_classes(a.path(), "Train", &[5, 5, 5], 0);
        write_classes(b.path(), "Train", &[4, 4, 4], 100);
        let limited = source(a.path(), &format!("?labels_per_class=2&{OTHERS}"));
        let whole = source(b.path(), &format!("?{OTHERS}"));
        let chosen = pools(&[limited.clone(), whole.clone()], None, 1).unwrap();
        assert_eq!(chosen.labelled.class_counts(3), [6, 6, 6]);
        let chosen = pools(&[limited, whole], Some("3"), 1).unwrap();
        assert_eq!(chosen.labelled.class_counts(3), [5, 5, 5]);
    }

    #[test]
    fn evaluation_content_leaves_both_pools_and_every_removal_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        // Train tones 0..=5; tone 0 again in Valid.
        write_classes(dir.path(), "Train", &[2, 2, 2], 0);
        write_classes(dir.path(), "Valid", &[1], 0);
        let vocabulary = Vocabulary::open("neutral,happy,surprise").unwrap();
        let skips = SkipLog::new(true);
        let valid =
            Pool::build(&vocabulary, &[source(dir.path(), &format!("#Valid?{OTHERS}"))], &skips).unwrap();
        let train = source(dir.path(), &format!("#Train?{OTHERS}"));
        let all = source(dir.path(), "");
        let recipe = Recipe { seed: 3, labels_per_class: Some(1.into()), ..Recipe::default() };
        let chosen = training_pools(&vocabulary, &[train], &[all], &[&valid], &recipe, &skips).unwrap();
        assert_eq!(chosen.removed.len(), 5, "every removal is there by itself too");
        let expected = DedupReport {
            labelled_in_evaluation: 1,
            // Train and Valid together hold tone 0 twice; the labelled rest comes as a second copy of 2 items.
            unlabelled_duplicates: 3,
            unlabelled_in_evaluation: 1,
            ..DedupReport::default()
        };
        assert_eq!(chosen.report, expected);
        assert_eq!((chosen.labelled.len(), chosen.unlabelled.len()), (3, 5));
    }

    /// Two sets that share a limit, one with a class of its own that is exempt from it.
    #[test]
    fn a_shared_limit_leaves_classes_alone_that_only_an_exempt_set_has() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_classes(a.path(), "Train", &[5, 5], 0);
        write_classes(b.path(), "Train", &[4, 4, 6], 100);
        let shared = source(
            a.path(),
            "?map=surprise:drop,sadness:drop,anger:drop,disgust:drop,fear:drop,contempt:unlabelled",
        );
        let exempt = source(b.path(), &format!("?labels_per_class=all&{OTHERS}"));
        for count in ["3", "max3"] {
            let chosen = pools(&[exempt.clone(), shared.clone()], Some(count), 1).unwrap();
            assert_eq!(chosen.labelled.class_counts(3), [7, 7, 6], "{count}");
            assert_eq!(chosen.unlabelled.len(), 4);
        }
        let message = pools(&[shared], Some("max3"), 1).err().unwrap().to_string();
        assert!(message.contains("`surprise` has none"), "nobody has it: {message}");
    }

    #[test]
    fn without_hashing_nothing_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        write_classes(dir.path(), "Train", &[2, 2, 2], 0);
        let (vocabulary, skips) = (Vocabulary::open("neutral,happy,surprise").unwrap(), SkipLog::new(true));
        let train = source(dir.path(), &format!("?{OTHERS}"));
        let recipe = Recipe { hashing: crate::data::Hashing::off(), ..Recipe::default() };
        let twice = [train.clone(), train];
        let valid = Pool::build_with(&vocabulary, &twice[..1], &recipe, &skips).unwrap();
        let chosen = training_pools(&vocabulary, &twice, &[], &[&valid], &recipe, &skips).unwrap();
        assert_eq!((chosen.labelled.len(), chosen.removed.len()), (12, 0));
    }
}
