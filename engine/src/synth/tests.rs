#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::data::{Annotation, Dataset};
use crate::random::Purpose;

fn address(item: u64) -> Address {
    Address { seed: 11, purpose: Purpose::Synthesis, step: 0, item }
}

#[test]
fn a_face_belongs_to_its_address() {
    let style = Style { channels: 3, ..Style::default() };
    let first = sample(address(3), Class::Fear, &style);
    assert_eq!((first.width, first.height, first.channels), (48, 48, 3));
    assert_eq!(first, sample(address(3), Class::Fear, &style));
    assert_ne!(first, sample(address(4), Class::Fear, &style));
    assert_ne!(first, sample(address(3), Class::Anger, &style));
}

#[test]
fn a_face_can_be_drawn_at_any_size_in_grey_and_colour() {
    for size in [32, 47, 112, 256] {
        for channels in [1, 3] {
            let style = Style { size, channels, ..Style::default() };
            let picture = sample(address(1), Class::Surprise, &style);
            assert_eq!(picture.pixels.len(), size * size * channels);
            let (least, greatest) = (picture.pixels.iter().min(), picture.pixels.iter().max());
            assert!(least < Some(&90) && greatest > Some(&120), "{least:?} {greatest:?}");
        }
    }
    // Sizes show the same face: shrinking a large one gives about the small one.
    let quiet = Style { variation: 0.0, camera: 0.0, ..Style::default() };
    let small = sample(address(1), Class::Happiness, &quiet);
    let large = sample(address(1), Class::Happiness, &Style { size: 192, ..quiet }).resized(48, 48).unwrap();
    let off: u32 = small.pixels.iter().zip(&large.pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(off < 6 * 48 * 48, "{} a pixel", off / (48 * 48));
}

#[test]
fn people_keep_their_looks_and_the_range_of_people_is_kept_to() {
    assert_eq!(Identity::of(5, 2), Identity::of(5, 2));
    assert_ne!(Identity::of(5, 2), Identity::of(5, 3));
    let style = Style { identities: 7..9, ..Style::default() };
    let people = [Identity::of(11, 7), Identity::of(11, 8)];
    let mut seen = [0; 2];
    for item in 0..40 {
        let who = face(address(item), Class::Neutral, &style).identity;
        seen[people.iter().position(|p| *p == who).unwrap()] += 1;
    }
    assert!(seen.iter().all(|&n| n > 5), "{seen:?}");
}

/// Mean of each class over many samples: identity and pose average out, the expression stays.
fn class_means(items: u64) -> Vec<Vec<f32>> {
    let style = Style { variation: 0.3, ..Style::default() };
    Class::ALL
        .iter()
        .map(|&class| {
            let mut mean = vec![0.0f32; 48 * 48];
            for item in 0..items {
                let picture = sample(address(1_000 * class as u64 + item), class, &style);
                mean.iter_mut().zip(&picture.pixels).for_each(|(m, &v)| *m += f32::from(v) / items as f32);
            }
            mean
        })
        .collect()
}

#[test]
fn the_mean_faces_of_any_two_classes_differ_where_expressions_act() {
    let means = class_means(150);
    for a in 0..8 {
        for b in 0..a {
            // Rows of brows, eyes and mouth; the outer columns hold hair and background.
            let strongest = (12..40)
                .flat_map(|y| (10..38).map(move |x| y * 48 + x))
                .map(|i| (means[a][i] - means[b][i]).abs())
                .fold(0.0, f32::max);
            assert!(strongest > 8.0, "{:?} and {:?}: {strongest}", Class::ALL[a], Class::ALL[b]);
        }
    }
}

#[test]
fn one_sided_expressions_take_either_side_and_belong_to_other() {
    let skew = |class, item| face(address(item), class, &Style::default()).actions.skew;
    let one_sided = |class| (0..200).filter(|&item| skew(class, item).abs() > 0.3).count();
    assert!(one_sided(Class::Other) > 60);
    assert!(one_sided(Class::Neutral) < 10);
    let right = (0..200).filter(|&item| skew(Class::Other, item) > 0.0).count();
    assert!((70..130).contains(&right), "{right} of 200");
}

#[test]
fn the_classes_are_aff_wild2s_in_its_order() {
    let vocabulary = crate::data::Vocabulary::open("affwild2-8").unwrap();
    assert_eq!(Class::names(), vocabulary.classes());
}

#[test]
fn a_knob_at_zero_takes_its_difficulty_away() {
    let quiet = Style { variation: 0.0, camera: 0.0, occlusion: 0.0, ..Style::default() };
    let hidden = Style { occlusion: 1.0, ..quiet.clone() };
    for item in 0..50 {
        let plain = face(address(item), Class::Fear, &quiet);
        assert_eq!(
            (plain.pose.yaw, plain.scene.noise, plain.scene.blur, plain.scene.compression),
            (0.0, 0.0, 0.0, 0.0)
        );
        assert!(plain.occlusion.is_none());
        let covered = face(address(item), Class::Fear, &hidden);
        assert!(covered.occlusion.is_some());
        assert_ne!(covered.draw(48, 1), plain.draw(48, 1));
    }
}

#[test]
fn people_of_one_population_look_the_same_in_sets_of_other_seeds() {
    let style = Style { identities: 3..4, people: Some(7), ..Style::default() };
    let looks = |seed| face(Address { seed, ..address(0) }, Class::Neutral, &style).identity;
    assert_eq!(looks(1), looks(2));
    assert_eq!(looks(1), Identity::of(7, 3));
    let own = Style { people: None, ..style.clone() };
    assert_ne!(face(Address { seed: 1, ..address(0) }, Class::Neutral, &own).identity, looks(1));
}

#[test]
fn a_dataset_of_faces_is_balanced_unless_told_otherwise_and_can_hide_its_labels() {
    let even = SynthFaces::new(SynthSettings { count: 80, ..SynthSettings::default() }).unwrap();
    let mut counts = [0; 8];
    for index in 0..even.len() {
        let Annotation::Class(class) = even.annotation(index) else { panic!("no class") };
        counts[class] += 1;
    }
    assert_eq!(counts, [10; 8]);
    let balance = [6.0, 3.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    let uneven =
        SynthFaces::new(SynthSettings { count: 2_000, balance, ..SynthSettings::default() }).unwrap();
    let mut counts = [0; 8];
    (0..uneven.len()).for_each(|i| counts[uneven.class(i) as usize] += 1);
    assert!((1_100..1_300).contains(&counts[0]) && (500..700).contains(&counts[1]), "{counts:?}");
    assert_eq!(counts[2] + counts[3] + counts[5] + counts[6] + counts[7], 0);
    let hidden = SynthFaces::new(SynthSettings { labelled: false, ..SynthSettings::default() }).unwrap();
    assert!(hidden.classes().is_empty());
    assert_eq!(hidden.annotation(0), Annotation::None);
}

#[test]
fn equal_hashes_mean_equal_faces() {
    let set =
        |seed, count| SynthFaces::new(SynthSettings { seed, count, ..SynthSettings::default() }).unwrap();
    let (short, long, other) = (set(1, 10), set(1, 20), set(2, 10));
    assert_eq!(short.content_hash(4).unwrap(), long.content_hash(4).unwrap());
    assert_eq!(short.picture(4).unwrap(), long.picture(4).unwrap());
    assert_ne!(short.content_hash(4).unwrap(), short.content_hash(5).unwrap());
    assert_ne!(short.content_hash(4).unwrap(), other.content_hash(4).unwrap());
    assert_ne!(short.picture(4).unwrap(), other.picture(4).unwrap());
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |change: fn(&mut SynthSettings), word: &str| {
        let mut settings = SynthSettings::default();
        change(&mut settings);
        let message = SynthFaces::new(settings).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    };
    refused(|s| s.style.size = 16, "size = 16");
    refused(|s| s.style.channels = 2, "channels = 2");
    refused(|s| s.style.identities = 3..3, "identities");
    refused(|s| s.style.intensity = (0.9, 0.1), "intensity");
    refused(|s| s.style.blend = 0.5, "blend");
    refused(|s| s.style.occlusion = 1.5, "occlusion");
    refused(|s| s.style.camera = f32::NAN, "camera");
    refused(|s| s.balance = [0.0; 8], "balance");
    refused(|s| s.balance[1] = f32::NAN, "balance");
}
