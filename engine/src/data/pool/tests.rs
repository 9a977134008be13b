#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::data::formats::ferplus::tests::write_split;
use crate::data::{Ambiguous, Annotation, ClipFrames, Formats, Spec};
use crate::data::{MemoryClip, MemoryClips, MemoryFaces, MemoryFrame};

/// A pool of a FER+ split written for the test.
pub(in crate::data) fn ferplus_pool(
    lines: &[(u8, [u8; 10])],
    ambiguous: Ambiguous,
    vocabulary: &str,
    map: &str,
) -> (tempfile::TempDir, Pool) {
    let dir = tempfile::tempdir().unwrap();
    write_split(dir.path(), "Train", lines);
    let query = if map.is_empty() { String::new() } else { format!("?map={map}") };
    let mut spec: Spec = format!("ferplus:{}{query}", dir.path().display()).parse().unwrap();
    spec.ambiguous = ambiguous;
    let skips = SkipLog::new(true);
    let source = Source::open(&spec, &Formats::files(), &skips).unwrap();
    let pool = Pool::build(&Vocabulary::open(vocabulary).unwrap(), &[source], &skips).unwrap();
    (dir, pool)
}

/// Votes that all go to one column.
pub(in crate::data) fn all_for(column: usize) -> [u8; 10] {
    let mut votes = [0; 10];
    votes[column] = 10;
    votes
}

const CLEAR: [u8; 10] = [4, 0, 0, 1, 3, 0, 0, 0, 2, 0];
const TIE: [u8; 10] = [4, 0, 4, 0, 0, 0, 0, 0, 2, 0];

#[test]
fn ferplus_labels_are_majorities_and_ties_unknown_and_no_face_are_dropped() {
    let lines = [(1, CLEAR), (2, TIE), (3, all_for(8)), (4, all_for(9)), (5, [0; 10]), (6, all_for(7))];
    let (_dir, pool) = ferplus_pool(&lines, Ambiguous::Drop, "ferplus8", "");
    assert_eq!(pool.labels(), [Some(0), Some(7)]);
    let votes = pool.votes(0).unwrap();
    assert_eq!(*votes, [0.5, 0.0, 0.0, 0.125, 0.375, 0.0, 0.0, 0.0], "eight classes, without unknown");
    let (_dir, pool) = ferplus_pool(&lines, Ambiguous::Unlabelled, "ferplus8", "");
    assert_eq!(pool.labels(), [Some(0), None, None, None, Some(7)], "all but the one without a face");
}

#[test]
fn merged_classes_add_their_votes_before_the_majority() {
    // 4 neutral, 3 anger, 2 contempt: with contempt as anger, anger wins.
    let votes = [4, 0, 0, 0, 3, 0, 0, 2, 0, 0];
    let (_dir, pool) = ferplus_pool(&[(1, votes)], Ambiguous::Drop, "basic7", "contempt:anger");
    assert_eq!(pool.labels(), [Some(0)], "anger comes first in basic7");
}

#[test]
fn votes_follow_the_names_into_another_order() {
    let (_dir, pool) = ferplus_pool(&[(1, CLEAR)], Ambiguous::Drop, "affwild2-8", "contempt:unlabelled");
    assert_eq!(*pool.votes(0).unwrap(), [0.5, 0.375, 0.0, 0.0, 0.0, 0.125, 0.0, 0.0]);
}

#[test]
fn unreadable_items_are_skipped_and_named_and_fatal_when_strict() {
    let dir = tempfile::tempdir().unwrap();
    write_split(dir.path(), "Train", &[(1, CLEAR), (2, CLEAR), (3, CLEAR)]);
    let folder = dir.path().join("data/FER2013Train");
    std::fs::write(folder.join("fer0000000.png"), b"").unwrap();
    std::fs::write(folder.join("fer0000002.png"), b"text").unwrap();
    let spec = Spec::new("ferplus", dir.path());
    let build = |strict| {
        let skips = SkipLog::new(strict);
        let source = Source::open(&spec, &Formats::files(), &skips).unwrap();
        let pool = Pool::build(&Vocabulary::open("ferplus8").unwrap(), &[source], &skips);
        pool.map(|pool| (pool.len(), skips.count(), skips.first()))
    };
    let (len, skipped, names) = build(false).unwrap();
    assert_eq!((len, skipped), (1, 2));
    assert!(names.iter().any(|name| name.contains("fer0000002.png")), "{names:?}");
    assert!(build(true).is_err());
}

#[test]
fn a_pool_without_a_usable_item_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.png"), b"").unwrap();
    let skips = SkipLog::new(false);
    let source = Source::open(&Spec::new("folder", dir.path()), &Formats::files(), &skips).unwrap();
    let message =
        Pool::build(&Vocabulary::open("basic7").unwrap(), &[source], &skips).err().unwrap().to_string();
    assert!(message.contains("no usable item") && message.contains("a.png"), "{message}");
}

/// A training pool of grey pictures with these tones.
fn training(tones: &[u8]) -> Pool {
    let items = tones.iter().map(|&tone| (Picture::filled(4, 4, 1, tone), Annotation::Class(0)));
    let faces = MemoryFaces::new("train", ["happy", "sad"], items).unwrap();
    Pool::build(&happy_or_sad(), &[Source::new(Arc::new(faces))], &SkipLog::new(true)).unwrap()
}

fn happy_or_sad() -> Vocabulary {
    Vocabulary::open("happiness,sadness").unwrap()
}

#[test]
fn validation_items_that_a_map_sends_to_unlabelled_are_kept_out_of_training() {
    let items = [(1, 0), (2, 1), (3, 2)]
        .map(|(tone, class)| (Picture::filled(4, 4, 1, tone), Annotation::Class(class)));
    let faces = MemoryFaces::new("valid", ["happy", "sad", "smirk"], items).unwrap();
    let mut source = Source::new(Arc::new(faces));
    for (target, left) in [("unlabelled", 1), ("drop", 0)] {
        source.map.insert("smirk".to_owned(), target.to_owned());
        let sources = std::slice::from_ref(&source);
        let mut valid = Pool::build(&happy_or_sad(), sources, &SkipLog::new(true)).unwrap();
        assert_eq!(valid.retain_labelled(), left);
        assert_eq!(valid.labels(), [Some(0), Some(1)]);
        let mut train = training(&[2, 3, 4]);
        assert_eq!((train.remove_content_of(&[&valid]).unwrap().len(), train.len()), (2, 1), "{target}");
    }
}

#[test]
fn validation_frames_labelled_minus_one_are_kept_out_of_training() {
    let frame = |tone, label| MemoryFrame { face: Some(Picture::filled(4, 4, 1, tone)), label };
    let frames = vec![frame(1, Some(0)), frame(2, None), frame(3, Some(1))];
    let clips = MemoryClips::new("valid", ["happy", "sad"], vec![MemoryClip { name: "a".into(), frames }]);
    let frames = ClipFrames::new(Arc::new(clips.unwrap()), 1).unwrap();
    let skips = SkipLog::new(true);
    let mut valid = Pool::build(&happy_or_sad(), &[Source::new(Arc::new(frames))], &skips).unwrap();
    assert_eq!((valid.retain_labelled(), valid.len()), (1, 2));
    let mut train = training(&[2, 5]);
    assert_eq!((train.remove_content_of(&[&valid]).unwrap().len(), train.len()), (1, 1));
}

#[test]
fn whatever_takes_samples_away_leaves_their_content_known() {
    let mut valid = training(&[1, 2, 3]);
    let rest = valid.split_off(|sample| sample.item() == 0);
    assert_eq!((valid.len(), rest.len()), (1, 2));
    assert_eq!(training(&[1, 2, 3]).remove_content_of(&[&valid]).unwrap().len(), 3);
    let mut valid = training(&[1, 2, 3]);
    assert_eq!(valid.remove_content_of(&[&training(&[2])]).unwrap().len(), 1);
    assert_eq!(training(&[1, 2, 3]).remove_content_of(&[&valid]).unwrap().len(), 3);
}

#[test]
fn appended_pools_keep_their_own_datasets() {
    let (_a, mut first) = ferplus_pool(&[(1, CLEAR)], Ambiguous::Drop, "ferplus8", "");
    let (_b, second) = ferplus_pool(&[(2, CLEAR)], Ambiguous::Drop, "ferplus8", "");
    let (key, hash) = (second.key(0), second.hashes().unwrap()[0]);
    first.append(second);
    assert_eq!((first.key(1), first.hashes().unwrap()[1]), (key, hash));
    assert_ne!(first.key(0), first.key(1));
    assert_ne!(first.picture(0).unwrap(), first.picture(1).unwrap());
}

#[test]
fn a_fraction_is_drawn_by_the_seed_and_what_is_not_drawn_is_in_nobodys_way() {
    let tones: Vec<u8> = (0..30).collect();
    let items = tones.iter().map(|&tone| (Picture::filled(4, 4, 1, tone), Annotation::Class(0)));
    let faces = MemoryFaces::new("train", ["happy", "sad"], items).unwrap();
    let source = Source { fraction: "1/3".parse().ok(), ..Source::new(Arc::new(faces)) };
    let drawn = |seed| {
        let recipe = Recipe { seed, ..Recipe::default() };
        Pool::build_with(&happy_or_sad(), std::slice::from_ref(&source), &recipe, &SkipLog::new(true))
            .unwrap()
    };
    let (first, again, other) = (drawn(1), drawn(1), drawn(2));
    assert_eq!((first.len(), first.samples()), (10, again.samples()));
    assert_ne!(first.samples(), other.samples());
    assert_eq!(training(&tones).remove_content_of(&[&first]).unwrap().len(), 10);
}
